"""A folder of images with damaged, huge, disguised or unusual files in it

What the user sees: the usable images, and a warning that lists the others by name; an error above 1
% damaged ones, and where a whole class is lost. A huge image is refused by its header, before it
takes memory; no other program is started.
"""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image

from small import cut, fill, photo
from sslkit.data import folder
from sslkit.data.images import NotAnImage, open_square, square


def encoded(image, kind, **settings):
    image.save(content := io.BytesIO(), kind, **settings)
    return content.getvalue()


def png_header(width, height):
    """A PNG of that size of which there is nothing but a few bytes."""
    chunk = lambda name, data: (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["jpg", "png", "bmp", "webp", "tiff"])
@pytest.mark.parametrize("keep", [0.6, 0])
def test_damaged_pictures_are_left_out_and_listed(tmp_path, kind, keep):
    fill(tmp_path, [f"{'ab'[number % 2]}/{number:03d}.{kind}" for number in range(100)])
    cut(tmp_path / "b" / f"051.{kind}", keep)
    with pytest.warns(UserWarning, match=rf"left out 1 damaged of 100 images in .*: b.051\.{kind}"):
        ours = folder(tmp_path, size=8)
    assert len(ours) == 99 and ours.labels.tolist() == [0] * 50 + [1] * 49
    cut(tmp_path / "a" / f"002.{kind}", keep)
    with pytest.raises(ValueError, match=r"2 of 100 images .* more than 1 %: a.002.*b.051"):
        folder(tmp_path, size=8)


def test_what_is_no_folder_of_pictures_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not there"):
        folder(tmp_path / "nowhere")
    (tmp_path / "file.txt").write_text("text")
    with pytest.raises(FileNotFoundError, match="is a file"):
        folder(tmp_path / "file.txt")
    with pytest.raises(ValueError, match="has no images, want"):
        folder(tmp_path)
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match=r"page\.jpg is no image"):
        folder(tmp_path)
    (tmp_path / "page.jpg").unlink()
    fill(tmp_path, ["a.png", "cat/b.png"])
    with pytest.raises(ValueError, match="1 images beside folders of images"):
        folder(tmp_path)


@pytest.mark.parametrize("size", [(50_000, 50_000), (13_300, 13_300), (2**31 - 1, 1), (8001, 8001)])
def test_a_huge_image_is_refused_by_its_header(size, tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match="bomb.png has too many pixels"):
        open_square(png_header(*size), 8, name="bomb.png")


def test_hostile_files_are_listed_and_the_rest_is_read(tmp_path):
    """One of each among hundreds of sound images, so that fewer than 1 % are damaged."""
    fill(tmp_path, [f"{'ab'[number % 2]}/{number:03d}.bmp" for number in range(400)])
    (tmp_path / "a" / "bomb.png").write_bytes(png_header(50_000, 50_000))
    (tmp_path / "a" / "head.ppm").write_bytes(b"P6\n9999999999999999999 -1\n255\n" + bytes(100))
    (tmp_path / "a" / "torn.png").write_bytes(encoded(photo(), "PNG")[:70])
    with pytest.warns(
        UserWarning,
        match=r"left out 3 damaged of 403 images in .*a.bomb.png \(has too many pixels\).*"
        r"a.head.ppm \(damaged\).*a.torn.png \(damaged\)",
    ):
        ours = folder(tmp_path, size=8)
    assert len(ours) == 400 and ours.classes == ("a", "b")


@pytest.mark.parametrize(
    "content, name",
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", "eps"),
        (encoded(photo(), "GIF"), "gif"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "heic"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"", "empty"),
        (b"\0" * 99, "zeros"),
    ],
)
def test_other_formats_are_refused_whatever_their_name_and_start_no_program(
    content, name, monkeypatch
):
    monkeypatch.setattr(
        EpsImagePlugin, "Ghostscript", lambda *a, **k: pytest.fail("Ghostscript was started")
    )
    with pytest.raises(
        NotAnImage, match="cat.png is no image in a format that is read here: want PNG, JPEG"
    ):
        open_square(content, 8, name="cat.png")


def test_other_formats_in_a_folder_are_listed_and_a_class_of_nothing_else_is_an_error(tmp_path):
    fill(tmp_path, ["cat/a.png", "dog/b.png"])
    (tmp_path / "cat" / "c.gif").write_bytes(encoded(photo(), "GIF"))
    (tmp_path / "dog" / "d.HEIC").write_bytes(b"whatever")
    (tmp_path / "dog" / "notes.txt").write_text("not called an image")
    with pytest.warns(
        UserWarning,
        match="left out 2 of other formats in .*: cat.c.gif, dog.d.HEIC; convert them to PNG or JPEG",
    ):
        assert len(folder(tmp_path, size=8)) == 2
    (tmp_path / "bird").mkdir()
    (tmp_path / "bird" / "e.gif").write_bytes(encoded(photo(), "GIF"))
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match="of class bird all images are in other formats"),
    ):
        folder(tmp_path)
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="no images in a format that is read here .*e.gif"):
        folder(tmp_path)


def test_linked_class_folders_count_and_circles_end(tmp_path):
    fill(tmp_path / "elsewhere", ["a.png", "b.png"])
    fill(tmp_path / "set", ["cat/c.png"])
    (tmp_path / "set" / "dog").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "set" / "cat" / "circle").symlink_to(
        tmp_path / "set" / "cat", target_is_directory=True
    )
    ours = folder(tmp_path / "set", size=8)
    assert ours.classes == ("cat", "dog") and ours.labels.tolist() == [0, 1, 1]


GREY = np.asarray(photo().convert("L"))
PLAIN = square(photo().convert("L"), 30).float()


@pytest.mark.parametrize(
    "name, content",
    [
        ("16-bit PNG", encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "PNG")),
        ("16-bit TIFF", encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF")),
        ("32-bit TIFF of 8 bits", encoded(Image.fromarray(GREY.astype(np.int32)), "TIFF")),
        ("32-bit TIFF of 16 bits", encoded(Image.fromarray(GREY.astype(np.int32) * 257), "TIFF")),
        ("float TIFF to 1", encoded(Image.fromarray((GREY / 255).astype(np.float32)), "TIFF")),
        ("float TIFF to 255", encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF")),
        ("float TIFF to 65535", encoded(Image.fromarray(GREY.astype(np.float32) * 257), "TIFF")),
        ("grey with alpha", encoded(photo().convert("LA"), "PNG")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_grey_of_more_bits_is_neither_white_nor_black(name, content):
    assert (open_square(content, 30).float() - PLAIN).abs().mean() < 2


@pytest.mark.parametrize(
    "values",
    [
        np.float32([[0, np.nan], [1, 1]]),
        np.float32([[0, -5], [1, 1]]),
        np.int32([[0, 10**6], [1, 1]]),
    ],
)
def test_numbers_that_no_image_has_are_named(values):
    with pytest.raises(
        ValueError, match="x.tif is damaged, or holds numbers that no image has .*(NaN|values from)"
    ):
        open_square(encoded(Image.fromarray(values), "TIFF"), 8, name="x.tif")


def test_upright_on_white_and_of_its_own_side():
    exif, picture = Image.Exif(), photo()
    exif[0x0112] = 6  # "turn me by 90° clockwise"
    assert torch.equal(
        open_square(encoded(picture.rotate(90, expand=True), "PNG", exif=exif)), square(picture, 30)
    )
    see_through = picture.convert("RGBA")
    see_through.putalpha(0)
    assert open_square(encoded(see_through, "PNG")).min() == 255 and open_square(
        encoded(picture, "JPEG")
    ).shape == (3, 30, 30)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM"])
def test_no_cut_and_no_flipped_byte_raises_anything_but_a_sentence(kind):
    sound, random = encoded(photo(), kind), np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(
            sound[: random.integers(1, len(sound))] if random.random() < 0.5 else sound
        )
        for place in random.integers(0, min(len(content), 200), 3):
            content[place] = random.integers(256)
        try:
            assert open_square(bytes(content), 8, name="x").shape == (3, 8, 8)
        except ValueError as error:
            assert str(error).startswith("x "), error
