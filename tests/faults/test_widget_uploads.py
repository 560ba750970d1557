"""An upload that is no ordinary image: 22 KB for 13,300² pixels, 16 bits, EPS, half a file.

The widget shows one sentence with the name of the file, within a second and without decoding what
is too large; 16-bit and float images look as a viewer shows them; no other program is ever started.
"""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from explorers import arguments
from PIL import Image

from sslkit.widgets import read_picture


def png(width, height, rows=b""):
    """A PNG that says it is so large, whatever it holds."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def saved(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n0 0 10 10 rectfill\n%%EOF\n"
)
WHOLE = saved(Image.effect_noise((64, 64), 90).convert("RGB"), "JPEG")
WRONG = {
    "huge.png": png(13_300, 13_300),
    "endless.png": png(2**31 - 1, 2**31 - 1),
    "ghost.eps": EPS,
    "ghost.png": EPS,
    "half.jpg": WHOLE[:700],
    "cut.png": png(64, 64, bytes(100)),
    "header.ppm": b"P6\n-1 x\n255\n",
    "empty.png": b"",
    "page.png": b"<!doctype html><html>",
    "nought.png": png(0, 5),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_told_with_its_name(name, monkeypatch):
    import subprocess

    monkeypatch.setattr(
        subprocess, "Popen", lambda *arguments, **_: pytest.fail(f"{arguments} was started")
    )
    tracemalloc.start()
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as caught:
        read_picture(name, WRONG[name], 32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6 and "\n" not in str(caught.value), peak


def test_the_widget_shows_it():
    make, given = arguments()["rotation"]
    explorer = make(**given)
    before = explorer.still()
    for name, content in WRONG.items():
        explorer.guard(explorer._take)({"new": ({"name": name, "content": content},)})
        assert "sslkit-error" in explorer.message.value and name in explorer.message.value
        assert explorer.own is None and explorer.still() == before
    explorer.controls["turn"].value = 1
    assert "sslkit-error" not in explorer.message.value


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_do_not_turn_white(kind):
    ramp = np.linspace(0, 65_535, 64).astype(np.uint16)[None].repeat(64, 0)
    pixels = read_picture("ramp", saved(Image.fromarray(ramp), kind), 64).float()
    wanted = torch.from_numpy(ramp.astype(np.float32) / 257).expand(3, -1, -1)
    assert (pixels - wanted).abs().max() < 6


def test_a_float_image_is_not_black():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(64, 0)
    pixels = read_picture("ramp.tif", saved(Image.fromarray(ramp), "TIFF"), 64).float()
    assert pixels.max() > 240 and pixels.min() < 15


def test_uploads_are_upright_square_and_on_white():
    image = Image.new("RGB", (60, 30), "red")
    image.paste("blue", (0, 0, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    turned = read_picture("turned.jpg", saved(image, "JPEG", exif=exif, quality=95), 30)
    assert turned.shape == (3, 30, 30) and turned[2, 3, 15] > 200 and turned[0, 26, 15] > 200
    clear = read_picture("clear.png", saved(Image.new("RGBA", (9, 9), (255, 0, 0, 0))), 9)
    assert clear.min() == 255
