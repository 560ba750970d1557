"""Images of the reader's own."""

import torch

from ..data.images import open_square


def uploaded(value):
    """The value of a FileUpload, of ipywidgets 7 or 8, → (name, bytes) of its last file."""
    if not value:
        return None
    if isinstance(value, dict):
        name, file = list(value.items())[-1]
    else:
        file = value[-1]
        name = file["name"]
    return name, bytes(file["content"])


def read_picture(name: str, data: bytes, size: int) -> torch.Tensor:
    """The bytes of an image file → its middle square, uint8 (3, size, size): upright, on white.

    Raises ValueError with one sentence for what is no image of a format that `open_square` reads,
    is damaged, or has too many pixels, which the header says before anything is decoded.
    """
    try:
        return open_square(data, size, name="it")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name} ({len(data)} bytes) cannot be read as a picture: {error}."
        ) from error
