"""Pictures of the reader's own."""

import io

import torch

from ..data.dataset import check_images


def uploaded(value):
    """The value of a FileUpload → (name, bytes) of its last file, or None. A dict in ipywidgets 7, a tuple in 8."""
    if not value:
        return None
    if isinstance(value, dict):
        name, file = list(value.items())[-1]
    else:
        file = value[-1]
        name = file["name"]
    return name, bytes(file["content"])


def read_picture(name, data, size):
    """The bytes of any picture that Pillow reads → uint8 (3, size, size): upright, on white, cut square about its centre.

    Raises ValueError for what is no picture, or one of more pixels than Pillow takes for safe.
    """
    from PIL import Image, ImageOps

    try:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} ({len(data)} bytes) cannot be read as a picture: want a PNG, JPEG, GIF, WebP or BMP file "
                         f"that is whole. ({error})") from error
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(size, size, 3)
    return check_images(pixels.permute(2, 0, 1)[None].contiguous(), name)[0]                     # (3, size, size)
