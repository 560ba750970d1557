"""Larger pictures: STL-10 (Coates 2011), Imagenette (ten kinds out of ImageNet), and pictures of your own."""

import warnings
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from .dataset import Dataset
from .download import check_space, data_folder

# torchvision and PIL are imported inside the functions, so that `import sslkit` stays quick.

DISK_BYTES = {"stl10": 5.6e9, "160px": 0.22e9, "320px": 0.7e9, "full": 3.2e9}      # archive, and what it unpacks to


def stl10(split="unlabeled", *, folder=None, size=96):
    """Dataset of uint8 images (N, 3, size, size); 96 pixels is how they come.

    split: "unlabeled" (100,000, labels None), "train" (5,000) or "test" (8,000), ten kinds. The first call downloads
    2.6 GB into `folder` (default: `data_folder()`). Raises OSError when that fails or the disk is full.
    """
    from torchvision.datasets import STL10
    from torchvision.transforms.functional import resize
    if split not in ("unlabeled", "train", "test"):
        raise ValueError(f"split={split!r}, want 'unlabeled', 'train' or 'test'")
    source = _fetched(STL10, folder, "stl10", split=split)
    images = torch.from_numpy(np.ascontiguousarray(source.data))                            # (N, 3, 96, 96)
    if size != 96:
        images = torch.cat([resize(some, [size, size], antialias=True) for some in images.split(1000)])
    labels = None if split == "unlabeled" else torch.from_numpy(source.labels).long()
    return Dataset(images, labels, tuple(getattr(source, "classes", ())), name=f"STL-10 ({split})")


def imagenette(split="train", *, folder=None, size=96):
    """Dataset of uint8 images (N, 3, size, size), the middle square of photos of ten kinds of things.

    split: "train" (9,469) or "validation" (3,925). The first call downloads 0.1 GB (size up to 160), 0.3 GB (up to 320)
    or 1.6 GB into `folder` (default: `data_folder()`). Raises OSError when that fails or the disk is full.
    """
    from torchvision.datasets import Imagenette
    if split not in ("train", "validation"):
        raise ValueError(f"split={split!r}, want 'train' or 'validation'")
    stored = "160px" if size <= 160 else "320px" if size <= 320 else "full"
    source = _fetched(Imagenette, folder, stored, split=split.replace("validation", "val"), size=stored)
    source.transform = lambda image: square(image, size)
    numbers = tqdm(range(len(source)), desc=f"Imagenette ({split})", delay=2)
    images, labels = zip(*(source[number] for number in numbers))
    return Dataset(torch.stack(images), torch.tensor(labels), tuple(names[0] for names in source.classes),
                   name=f"Imagenette ({split})")


def folder(path, *, size=64):
    """Pictures of your own → Dataset of uint8 images (N, 3, size, size), each the middle square of a picture.

    path: a folder with one folder of pictures for every class, or with the pictures themselves (labels None). Grey,
    palette, CMYK, transparent (on white) and turned (EXIF) pictures are taken as a viewer shows them. Damaged pictures
    are left out and listed in a warning; more than 1 % of them, or a file that is no picture at all, raise ValueError.
    """
    from PIL import Image, UnidentifiedImageError
    from torchvision.datasets.folder import IMG_EXTENSIONS
    path = Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is {'a file' if path.exists() else 'not there'}, want a folder of pictures")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMG_EXTENSIONS and file.is_file()
                   and not any(part.startswith(".") for part in file.relative_to(path).parts))
    within = [file.relative_to(path).parts[0] for file in files if file.parent != path]
    if not files or 0 < len(within) < len(files):
        found = f"{len(files) - len(within)} pictures beside folders of pictures" if files else "no pictures"
        raise ValueError(f"{path} has {found}, want one folder of pictures for every class, or pictures only "
                         f"({', '.join(IMG_EXTENSIONS)})")
    classes, images, kept, damaged = sorted(set(within)), [], [], []
    for number, file in enumerate(tqdm(files, desc=path.name, delay=2)):
        try:
            with Image.open(file) as image:
                images.append(square(image, size))                                          # (3, size, size)
            kept.append(number)
        except UnidentifiedImageError as error:
            if file.stat().st_size:
                raise ValueError(f"{file} is no picture, in spite of its name: convert it or take it away") from error
            damaged.append(file)
        except (OSError, SyntaxError):                              # so PIL reports pictures that end too early
            damaged.append(file)
    listed = ", ".join(str(file.relative_to(path)) for file in damaged[:10]) + (" …" if len(damaged) > 10 else "")
    if len(damaged) > 0.01 * len(files):
        raise ValueError(f"{len(damaged)} of {len(files)} pictures in {path} are damaged, more than 1 %: {listed}")
    if damaged:
        warnings.warn(f"left out {len(damaged)} damaged of {len(files)} pictures in {path}: {listed}", stacklevel=2)
    labels = torch.tensor([classes.index(within[number]) for number in kept]) if classes else None
    return Dataset(torch.stack(images), labels, tuple(classes), name=path.name)


def square(image, size):
    """A PIL picture of any mode → its middle square, uint8 (3, size, size), upright and on white."""
    from PIL import Image, ImageOps
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):                                  # 16 bits of grey, which PIL would cut off at 255
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = ImageOps.fit(image.convert("RGB"), (size, size), method=Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def _fetched(dataset, folder, kind, **settings):
    """torchvision's dataset, downloaded if it is not there."""
    root = Path(folder).expanduser() if folder else data_folder()
    try:
        return dataset(root, **settings)
    except RuntimeError:                                            # torchvision's way to say "not there, or damaged"
        check_space(root, DISK_BYTES[kind])
    try:
        return dataset(root, download=True, **settings)
    except (OSError, RuntimeError) as error:
        raise OSError(f"{dataset.__name__} could not be downloaded into {root} ({error}). Use `scenes`, which needs no "
                      f"download, or fetch it by hand, as data/README.md says") from error
