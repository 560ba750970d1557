"""Larger pictures: STL-10 (Coates 2011), Imagenette (ten kinds out of ImageNet), and pictures of your own."""

import os
import shutil
import tarfile
import tempfile
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from .dataset import Dataset
from .download import check_space, data_folder, download, locked
from .images import ENDINGS, OTHER_ENDINGS, NotAnImage, open_square, square

# torchvision and PIL are imported inside the functions, so that `import sslkit` stays quick.


class Archive(NamedTuple):
    """What is to be downloaded, and how many bytes it unpacks to at the most, into which folder."""

    address: str
    sha256: str
    size: int
    unpacked: float
    folder: str

    @property
    def name(self):
        return self.address.rpartition("/")[2]


IMAGENETTE = "https://s3.amazonaws.com/fast-ai-imageclas/"
ARCHIVES = {
    "stl10": Archive(
        "https://cs.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
        2_640_397_119,
        3.2e9,
        "stl10_binary",
    ),
    "160px": Archive(
        IMAGENETTE + "imagenette2-160.tgz",
        "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
        99_003_388,
        0.3e9,
        "imagenette2-160",
    ),
    "320px": Archive(
        IMAGENETTE + "imagenette2-320.tgz",
        "569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
        341_663_724,
        0.6e9,
        "imagenette2-320",
    ),
    "full": Archive(
        IMAGENETTE + "imagenette2.tgz",
        "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
        1_557_161_267,
        2e9,
        "imagenette2",
    ),
}


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

    path: a folder with one folder of images for every class, or with the images themselves (labels
    None). Formats and modes: see `sslkit.data.images`. Damaged images are left out and listed in a
    warning, as are those in other formats; more than 1 % damaged, a file that is no image at all,
    or a class of which nothing is left raise ValueError.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(
            f"{path} is {'a file' if path.exists() else 'not there'}, want a folder of images"
        )
    found = _files(path)
    files = [file for file in found if file.suffix.lower() in ENDINGS]
    others = [file for file in found if file.suffix.lower() in OTHER_ENDINGS]
    listed = lambda some: (
        ", ".join(str(file.relative_to(path)) for file in some[:10])
        + (" …" if len(some) > 10 else "")
    )
    within = [file.relative_to(path).parts[0] for file in files if file.parent != path]
    if not files or 0 < len(within) < len(files):
        there = (
            f"{len(files) - len(within)} images beside folders of images" if files else "no images"
        )
        if others and not files:
            there += f" in a format that is read here ({listed(others)})"
        raise ValueError(
            f"{path} has {there}, want one folder of images for every class, or images only "
            f"({', '.join(ENDINGS)})"
        )
    if others:
        warnings.warn(
            f"left out {len(others)} of other formats in {path}: {listed(others)}; convert them to "
            f"PNG or JPEG",
            stacklevel=2,
        )
        lost = sorted(
            {file.relative_to(path).parts[0] for file in others if file.parent != path}
            - set(within)
        )
        if within and lost:
            raise ValueError(
                f"{path}: of class {', '.join(lost)} all images are in other formats: convert them "
                f"to PNG or "
                f"JPEG, or take the folder away"
            )
    classes, images, kept, damaged = sorted(set(within)), [], [], {}
    for number, file in enumerate(tqdm(files, desc=path.name, delay=2)):
        try:
            images.append(open_square(file, size))  # (3, size, size)
            kept.append(number)
        except NotAnImage as error:
            if file.stat().st_size:
                raise ValueError(
                    f"{file} is no image, in spite of its name: convert it or take it away"
                ) from error
            damaged[file] = "empty"
        except ValueError as error:
            damaged[file] = (
                str(error)
                .removeprefix(f"{file} ")
                .removeprefix("is ")
                .partition(",")[0]
                .partition(" (")[0]
            )
    listed = ", ".join(
        f"{file.relative_to(path)} ({why})" for file, why in list(damaged.items())[:10]
    )
    listed += " …" if len(damaged) > 10 else ""
    if len(damaged) > 0.01 * len(files):
        raise ValueError(
            f"{len(damaged)} of {len(files)} images in {path} cannot be used, more than 1 %: "
            f"{listed}"
        )
    if damaged:
        warnings.warn(
            f"left out {len(damaged)} damaged of {len(files)} images in {path}: {listed}",
            stacklevel=2,
        )
    labels = torch.tensor([classes.index(within[number]) for number in kept]) if classes else None
    return Dataset(torch.stack(images), labels, tuple(classes), name=path.name)


def _files(path):
    """All files below, sorted, without hidden ones. Linked folders count, unless they lead back."""
    found, above = [], {path: {os.path.realpath(path)}}
    for here, folders, names in os.walk(path, followlinks=True):
        here = Path(here)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(here / name) not in above[here]
        ]
        for name in folders:
            above[here / name] = above[here] | {os.path.realpath(here / name)}
        found += [
            here / name for name in names if not name.startswith(".") and (here / name).is_file()
        ]
    return sorted(found)


def _fetched(dataset, folder, archive, **settings):
    """torchvision's dataset, downloaded if it is not there."""
    root = Path(folder).expanduser() if folder else data_folder()
    try:
        return dataset(root, **settings)
    except RuntimeError:  # torchvision's way to say "not there, or damaged"
        pass
    archive = ARCHIVES[archive]
    check_space(root, archive.unpacked + (0 if (root / archive.name).exists() else archive.size))
    try:
        file = download(
            archive.address, root / archive.name, sha256=archive.sha256, size=archive.size
        )
        with locked(root / f"{archive.folder}.lock", f"unpacking {archive.name} in {root}"):
            try:
                return dataset(root, **settings)  # another process was faster
            except RuntimeError:
                _unpack(file, root / archive.folder, archive.unpacked)
        return dataset(root, **settings)
    except (OSError, RuntimeError, ValueError) as error:
        raise OSError(
            f"{dataset.__name__} could not be downloaded into {root} ({error}). Use `scenes`, "
            f"which needs no "
            f"download, or fetch it by hand, as data/README.md says"
        ) from error


def _unpack(archive, target, most):
    """A .tar.gz whose files all lie in one folder → that folder, there as a whole or not at all.

    What stood under its name is called ….damaged; what the archive holds beside the folder is left
    out. Raises ValueError for members that are no plain files, for those that lead outside, and for
    more than `most` bytes.
    """
    with (
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpacking-") as work,
        tarfile.open(archive, "r:gz") as tar,
    ):
        total = 0
        for member in tar:
            place = PurePosixPath(member.name)
            if member.isdir():
                continue
            if (
                place.is_absolute()
                or ".." in place.parts
                or PureWindowsPath(member.name).drive
                or not member.isfile()
            ):
                raise ValueError(
                    f"{archive.name} holds {member.name!r}, which is no plain file in {target.name}"
                )
            if place.parts[0] != target.name:
                continue  # such as what some systems put beside it
            total += member.size
            if total > most:
                raise ValueError(f"{archive.name} unpacks to more than {most:,.0f} bytes")
            (Path(work) / place).parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, open(Path(work) / place, "xb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        if target.exists():
            aside = next(
                name
                for number in range(10_000)
                if not (name := target.with_name(f"{target.name}.damaged{number or ''}")).exists()
            )
            warnings.warn(f"{target} is damaged; it is left as {aside}", stacklevel=5)
            os.replace(target, aside)
        os.replace(Path(work) / target.name, target)
