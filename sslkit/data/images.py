"""Opening an image file of a stranger: own list of formats, own limit of size, one square.

Folders of images and uploads come through here alone, so that both take and refuse the same.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import torch

# torchvision and PIL are imported inside the functions, so that `import sslkit` stays quick.

# Formats whose readers are plain code inside Pillow. Not among them: EPS, which starts Ghostscript;
# GIF, which is mostly
# animation; HEIC and AVIF, which Pillow reads on some machines only, so that a folder would differ
# from one to the next.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
OTHER_ENDINGS = (
    ".gif",
    ".heic",
    ".heif",
    ".avif",
    ".eps",
    ".ps",
    ".svg",
    ".psd",
    ".ico",
    ".tga",
    ".jp2",
    ".jxl",
    ".dng",
    ".cr2",
    ".nef",
    ".arw",
    ".raw",
)  # images as well, which are not read but listed
LARGEST = 64_000_000  # pixels: 192 MB once decoded


class NotAnImage(ValueError):
    """The file is none of FORMATS, whatever its name says."""


def open_square(
    source: bytes | str | Path, size: int | None = None, *, name: str | None = None
) -> torch.Tensor:
    """An image file, or its bytes → its middle square, uint8 (3, size, size): upright, on white.

    size: None keeps the shorter side as it is. name: what errors call the image; default its path.
    Grey, palette, CMYK, 16-bit, float, transparent (on white) and rotated (EXIF) images are taken
    as a viewer shows them. Raises NotAnImage, a ValueError, for other formats, ValueError for a
    damaged image or one of more than LARGEST pixels (which the header says: it is not decoded),
    OSError where the file cannot be read.
    """
    name = name or (
        f"an image of {len(source)} bytes" if isinstance(source, bytes) else str(source)
    )
    # Pillow's own warning about large images comes at 89 million pixels, above the limit here.
    with (
        io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        with _opened(file, name) as image:
            return _decoded(image, size, name)


def square(image, size: int | None = None) -> torch.Tensor:
    """A PIL image of any mode → its middle square, uint8 (3, size, size), upright and on white.

    Raises ValueError for numbers that no image of 8 or 16 bits has.
    """
    from PIL import Image, ImageOps

    from_file = image.format
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # PIL's own conversion would cut off at 255
        image = Image.fromarray(_eight_bits(np.asarray(image), image.mode, from_file))
    if "A" in image.mode.upper().replace("LAB", "") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    side = min(image.size) if size is None else size
    image = ImageOps.fit(image.convert("RGB"), (side, side), method=Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def _opened(file, name):
    from PIL import Image, UnidentifiedImageError

    Image.init()  # a Pillow may have been built without some of them
    try:
        image = Image.open(
            file, formats=[known for known in FORMATS if known in Image.OPEN]
        )  # reads the header alone
    except UnidentifiedImageError as error:
        raise NotAnImage(
            f"{name} is no image in a format that is read here: want {', '.join(FORMATS)}; convert "
            f"it, or "
            f"take it away"
        ) from error
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"{name} has too many pixels, more than {LARGEST:,}: make it smaller"
        ) from error
    except Exception as error:  # strange bytes can make a parser raise anything
        raise ValueError(f"{name} is damaged ({type(error).__name__}: {error})") from error
    if image.width * image.height > LARGEST:
        image.close()
        raise ValueError(
            f"{name} has too many pixels, {image.width:,} × {image.height:,}, more than "
            f"{LARGEST:,}: "
            f"make it smaller"
        )
    return image


def _decoded(image, size, name):
    try:
        return square(image, size)
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(
            f"{name} is damaged, or holds numbers that no image has ({type(error).__name__}: "
            f"{error})"
        ) from error


def _eight_bits(values, mode, from_file):
    """Grey values (H, W) of 16 or 32 bits, or floats → uint8: by the format, else by their range."""
    if not np.isfinite(values).all():
        raise ValueError("NaN or infinity among its values")
    low, high = float(values.min()), float(values.max())
    if ";16" in mode or from_file == "PNG" or values.dtype == np.uint16:
        return (values >> 8).clip(0, 255).astype(np.uint8)
    if low >= 0 and high <= 1 and values.dtype.kind == "f":
        return (values * 255).round().astype(np.uint8)
    if low >= 0 and high <= 255:
        return values.round().astype(np.uint8)
    if low >= 0 and high <= 65_535:
        return (values / 257).round().astype(np.uint8)
    raise ValueError(
        f"values from {low:g} to {high:g}: want 0 to 1, to 255 or to 65,535; save it with 8 or 16 "
        f"bits"
    )
