"""A pickle that would run code, or lead NumPy to memory that is not its own

What the user sees: the file is refused by name. Checkpoints are never pickles; of CIFAR-10's, only
the published files are opened, and of these only arrays of bytes, without NumPy's help.
"""

import hashlib
import importlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from sslkit import checkpoint

cifar10 = importlib.import_module("sslkit.data.cifar10")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_pickles_and_web_pages_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.safetensors"
    torch.save({"weight": torch.ones(2), "evil": Evil()}, path)
    with pytest.raises(ValueError, match="looks like a pickle") as caught:
        checkpoint.load(path)
    assert "weights_only" not in str(caught.value)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a checkpoint of sslkit"):
        checkpoint.load(path)
    path.write_text("<!DOCTYPE html><html>quota exceeded</html>")
    with pytest.raises(ValueError, match="web page"):
        checkpoint.load(path)
    assert not (tmp_path / "evil").exists()
    with pytest.raises(TypeError, match="tensors and plain values, not Evil"):
        checkpoint.save(path, {"evil": Evil()})


def read(batch):
    return cifar10._BytesOnly(io.BytesIO(pickle.dumps(batch, 3)), encoding="bytes").load()


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_bytes_are_read_as_numpy_reads_them(order):
    images = np.asarray(
        np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8), order=order
    )
    assert np.array_equal(read({"data": images})["data"].pixels, images)


class Lie:
    """Pickles as an array of eight bytes that says its bytes are `name`: of objects, they would be a pointer."""

    def __init__(self, name, shape=(1,), content=b"\x41" * 8):
        self.name, self.shape, self.content = name, shape, content

    def __reduce__(self):
        reconstruct = np.empty(0).__reduce__()[0]
        return (
            reconstruct,
            (np.ndarray, (0,), b"b"),
            (1, self.shape, np.dtype(self.name), False, self.content),
        )


@pytest.mark.parametrize(
    "lie",
    [
        Lie("O"),
        Lie("f8"),
        Lie("i8"),
        Lie("u1", (10**9,)),
        Lie("u1", (-1, 3)),
        Lie("u1", (9,)),
        Lie("u1", (8,), [1] * 8),
    ],
    ids=lambda lie: f"{lie.name} {lie.shape} {type(lie.content).__name__}",
)
def test_an_array_that_lies_about_its_type_or_size_is_refused(lie):
    with pytest.raises((pickle.UnpicklingError, ValueError, TypeError)):
        read({"data": lie})


def test_the_digests_are_those_that_torchvision_publishes():
    assert {
        name: digest for name, digest in CIFAR10.train_list + CIFAR10.test_list
    } == cifar10.BATCHES_MD5


def test_a_file_under_a_published_name_is_never_unpickled_unless_it_is_that_file(
    tmp_path, monkeypatch
):
    for name in ("_from_npm", "_from_official"):
        monkeypatch.setattr(
            cifar10, name, lambda folder: (_ for _ in ()).throw(OSError("no network"))
        )
    opened = []
    monkeypatch.setattr(cifar10._BytesOnly, "load", lambda self: opened.append(self))
    evil = pickle.dumps(Evil())
    (tmp_path / "cifar-10-batches-py").mkdir()
    for name in cifar10.BATCHES:
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(evil)
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
        for name in cifar10.BATCHES:
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(evil)
            tar.addfile(member, io.BytesIO(evil))
    with pytest.warns(UserWarning) as warned, pytest.raises(OSError, match="could not be had"):
        cifar10.cifar10(folder=tmp_path)
    said = " ".join(str(warning.message) for warning in warned)
    assert (
        "its SHA-256 is not that of the published file" in said
        and "the MD5 of data_batch_1 is not that" in said
    )
    assert not opened and hashlib.sha256(evil).hexdigest() not in cifar10.ARCHIVES.values()
