"""Pictures of one's own in every mode that PIL knows, and torchvision's larger datasets in miniature."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import STL10, ImageFolder, Imagenette
from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

from small import fill, photo
from sslkit.data import folders
from sslkit.data.folders import folder, imagenette, square, stl10


def test_one_folder_a_class_is_what_torchvision_reads(tmp_path):
    fill(tmp_path, ["dog/b.png", "cat/a.png", "cat/deep/c.jpg", "dog/d.webp", "ant/e.bmp"])
    (tmp_path / "cat" / "notes.txt").write_text("not a picture, and not called one")
    ours, theirs = folder(tmp_path, size=30), ImageFolder(tmp_path)
    assert list(ours.classes) == theirs.classes and ours.labels.tolist() == theirs.targets
    for image, (picture, _) in zip(ours.images, theirs, strict=True):
        assert torch.equal(image, center_crop(pil_to_tensor(picture), 30))
    assert ours.images.dtype == torch.uint8 and ours.name == tmp_path.name


def test_a_flat_folder_has_no_labels_and_hidden_folders_do_not_count(tmp_path):
    fill(tmp_path, ["a.png", "b.JPG", ".ipynb_checkpoints/a.png"])
    ours = folder(tmp_path, size=16)
    assert ours.images.shape == (2, 3, 16, 16) and ours.labels is None and ours.classes == ()


@pytest.mark.parametrize("width, height", [(40, 30), (30, 41), (32, 32), (8, 9)])
def test_square_is_the_middle_of_the_resized_picture(width, height):
    picture = photo(width, height)
    expected = center_crop(pil_to_tensor(resize(picture, 16)), 16).float()
    assert (square(picture, 16).float() - expected).abs().mean() < 3   # bilinear there, whole pixels cropped


def test_every_mode_looks_as_in_a_viewer():
    picture, grey = photo(), photo().convert("L")
    plain, flat = square(picture, 30).float(), square(grey, 30)
    near = lambda image, expected, within: (square(image, 30).float() - expected).abs().mean() < within
    assert torch.equal(flat, square(grey, 30)[:1].expand(3, -1, -1))
    assert near(picture.convert("CMYK"), plain, 2) and near(picture.quantize(256), plain, 8)
    assert near(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), flat, 1)                    # 16 bits of grey
    assert near(grey.convert("1"), flat, 128) and near(grey.convert("LA"), flat, 1)
    see_through = picture.convert("RGBA")
    see_through.putalpha(0)
    assert square(see_through, 30).min() == 255                         # on white
    palette = Image.new("P", (30, 30), 0)
    palette.info["transparency"] = 0
    assert square(palette, 30).min() == 255


def test_turned_pictures_stand_upright(tmp_path):
    picture, exif = photo(), Image.Exif()
    exif[0x0112] = 6                                                    # "turn me by 90° clockwise"
    picture.rotate(90, expand=True).save(tmp_path / "a.png", exif=exif)
    assert torch.equal(folder(tmp_path, size=30).images[0], square(picture, 30))


@pytest.fixture
def stl10_files(tmp_path, monkeypatch):
    """STL-10's binary files: uint8, channels first, columns before rows; labels from 1."""
    files, pictures = tmp_path / "stl10_binary", {}
    files.mkdir()
    random = np.random.default_rng(0)
    for name, number in (("train", 6), ("test", 4), ("unlabeled", 8)):
        pictures[name] = random.integers(0, 256, (number, 3, 96, 96), dtype=np.uint8)
        (files / f"{name}_X.bin").write_bytes(pictures[name].transpose(0, 1, 3, 2).tobytes())
        (files / f"{name}_y.bin").write_bytes(bytes(range(1, number + 1)))
    (files / "unlabeled_y.bin").unlink()
    (files / "class_names.txt").write_text("\n".join(["airplane", "bird", "car"]))
    md5 = lambda name: [name, hashlib.md5((files / name).read_bytes()).hexdigest()]
    monkeypatch.setattr(STL10, "train_list", [md5("train_X.bin"), md5("train_y.bin"), md5("unlabeled_X.bin")])
    monkeypatch.setattr(STL10, "test_list", [md5("test_X.bin"), md5("test_y.bin")])
    return tmp_path, pictures


@pytest.mark.parametrize("split", ["train", "test", "unlabeled"])
def test_stl10(stl10_files, split):
    path, pictures = stl10_files
    ours = stl10(split, folder=path)
    assert np.array_equal(ours.images, pictures[split]) and ours.classes == ("airplane", "bird", "car")
    assert ours.labels is None if split == "unlabeled" else ours.labels.tolist() == list(range(len(pictures[split])))
    small = stl10(split, folder=path, size=48).images                   # (N, 3, 48, 48)
    means = pictures[split].reshape(-1, 3, 48, 2, 48, 2).mean((3, 5))
    assert small.dtype == torch.uint8 and np.corrcoef(small.flatten(), means.flatten())[0, 1] > 0.9


def test_imagenette(tmp_path):
    for split in ("train", "val"):
        fill(tmp_path / "imagenette2-160" / split, ["n02102040/x.JPEG", "n01440764/y.JPEG"])
    for split in ("train", "validation"):
        ours = imagenette(split, folder=tmp_path, size=24)
        assert ours.images.shape == (2, 3, 24, 24) and ours.images.dtype == torch.uint8
        assert ours.classes == ("tench", "English springer") and ours.labels.tolist() == [0, 1]
    where = tmp_path / "imagenette2-160" / "val" / "n01440764" / "y.JPEG"
    assert torch.equal(ours.images[0], square(Image.open(where), 24))


@pytest.mark.parametrize("load, dataset", [(stl10, STL10), (imagenette, Imagenette)])
def test_what_is_not_there_is_downloaded_or_the_error_says_what_to_do(tmp_path, monkeypatch, load, dataset):
    def refuse(address, *arguments, **settings):
        raise OSError("no network")
    monkeypatch.setattr(folders, "download", refuse)
    with pytest.raises(OSError, match=rf"{dataset.__name__} could not .* {tmp_path} \(no network\). Use `scenes`"):
        load(folder=tmp_path)
    monkeypatch.setattr(folders, "ARCHIVES", {key: archive._replace(size=1e18) for key, archive in folders.ARCHIVES.items()})
    with pytest.raises(OSError, match="disk full: needs"):
        load(folder=tmp_path)
    with pytest.raises(ValueError, match="split='val'"):
        load("val", folder=tmp_path)
