"""A few real photographs that come inside scikit-learn and, where it is installed, scikit-image: no download."""

from importlib.util import find_spec
from pathlib import Path

import torch

from .dataset import Dataset

# Names as scikit-image has them; who took them, and their licences: data/README.md.
COLOUR = ("astronaut", "coffee", "chelsea", "rocket")
GREY = ("camera", "coins", "moon")


def photographs(size=96, *, grey=False):
    """→ Dataset of real photographs, uint8 (N, 3, size, size), cut square about their middle, named in `classes`.

    In colour: scikit-learn's china and flower, and scikit-image's astronaut, coffee, chelsea (a cat) and rocket. grey: its
    camera, coins and moon, which have never been anything else; that needs scikit-image. Raises ImportError without it,
    ValueError for a size below 8.
    """
    from PIL import Image, ImageOps

    if size < 8:
        raise ValueError(f"photographs(size={size}): want at least 8 pixels")
    paths = [path for path in _paths(grey) if path.exists()]
    if not paths:
        raise ImportError("grey photographs come with scikit-image: pip install scikit-image")
    pictures = []
    for path in paths:
        picture = ImageOps.fit(Image.open(path).convert("RGB"), (size, size), Image.Resampling.LANCZOS)
        pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(size, size, 3)
        pictures.append(pixels.permute(2, 0, 1))                   # (3, size, size)
    return Dataset(torch.stack(pictures), torch.arange(len(paths)), tuple(path.stem for path in paths), name="photographs")


def _paths(grey):
    """Where the files lie: find_spec does not import, which would cost a second."""
    folder = lambda package: Path(find_spec(package).origin).parent
    paths = [] if grey else [folder("sklearn") / "datasets" / "images" / f"{name}.jpg" for name in ("china", "flower")]
    if find_spec("skimage"):
        names = GREY if grey else COLOUR
        paths += [folder("skimage") / "data" / f"{name}.{'jpg' if name == 'rocket' else 'png'}" for name in names]
    return paths
