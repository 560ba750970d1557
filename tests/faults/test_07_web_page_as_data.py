"""A web page, or another file, under the name of a data set, a checkpoint or an image

What the user sees: what the file is, and what was wanted; nothing tries to make sense of it.
"""

import pytest

from sslkit import checkpoint
from sslkit.data import cifar10, folder, imagenette, stl10
from sslkit.data import folders
from sslkit.data.images import open_square

PAGE = b"<!DOCTYPE html><html><body>quota exceeded</body></html>" * 20


def test_a_page_is_no_checkpoint(tmp_path):
    (tmp_path / "run.safetensors").write_bytes(PAGE)
    with pytest.raises(ValueError, match="run.safetensors is not a checkpoint of sslkit.*web page"):
        checkpoint.load(tmp_path / "run.safetensors")


def test_a_page_is_no_image(tmp_path):
    with pytest.raises(
        ValueError, match="cat.png is no image in a format that is read here: want PNG, JPEG"
    ):
        open_square(PAGE, 8, name="cat.png")
    (tmp_path / "cat.png").write_bytes(PAGE)
    with pytest.raises(ValueError, match="cat.png is no image, in spite of its name"):
        folder(tmp_path)


@pytest.mark.parametrize("load, kind", [(stl10, "stl10"), (imagenette, "160px")])
def test_a_page_under_an_archives_name_is_not_unpacked(load, kind, tmp_path, monkeypatch):
    archive = folders.ARCHIVES[kind]
    monkeypatch.setattr(
        folders,
        "ARCHIVES",
        {
            kind: archive._replace(
                address=f"http://127.0.0.1:9/{archive.name}", size=len(PAGE), unpacked=1e6
            )
        },
    )
    (tmp_path / archive.name).write_bytes(
        PAGE
    )  # as large as the real one, which is what is looked at first
    monkeypatch.setattr(folders, "_unpack", lambda *arguments: pytest.fail("it was opened"))
    with pytest.raises(OSError, match="could not be downloaded.*Use `scenes`"):
        load(folder=tmp_path)


def test_a_page_under_cifars_name_is_set_aside(tmp_path, monkeypatch):
    module = __import__("sys").modules["sslkit.data.cifar10"]
    for name in ("_from_npm", "_from_official"):
        monkeypatch.setattr(
            module, name, lambda folder: (_ for _ in ()).throw(OSError("no network"))
        )
    (tmp_path / "cifar10.safetensors").write_bytes(PAGE)
    with (
        pytest.warns(UserWarning, match="cifar10.safetensors is damaged and not used"),
        pytest.raises(OSError, match="no network"),
    ):
        cifar10(folder=tmp_path)
