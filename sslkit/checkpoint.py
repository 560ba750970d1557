"""Checkpoints that survive crashes: tensors and plain values in one safetensors file, written whole or not at all.

Nothing is ever unpickled. The file carries the SHA-256 of its own content, so that a flipped byte is noticed on load.
"""

import hashlib
import json
import os
import platform
import secrets
import shutil
import time
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes


def save(path, state):
    """Nested dicts and lists of tensors and plain values → one file, by way of a temporary name, fsync and rename.

    The file that was there before is kept as `previous(path)`, unless it is damaged: then the one
    before that is worth more. What was written is read back and verified. Raises OSError where the
    disk cannot hold it, before anything is touched, or does not give back what was written;
    TypeError for values that are neither tensors nor plain.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {}
    values = json.dumps(_encode(state, tensors))
    content = to_bytes(tensors, metadata={"values": values, "sha256": _digest(values, tensors)})
    free = shutil.disk_usage(path.parent).free
    if free < len(content):
        raise OSError(f"disk full: {path.name} needs {len(content) / 1e6:.1f} MB, {path.parent} has {free / 1e6:.1f} MB "
                      f"free. Nothing was written; make room or choose another folder")
    for attempt in range(2):
        write_whole(path, content, keep=previous(path) if _is_sound(path) else None)
        if verified(path, hashlib.sha256(content).hexdigest()) is not None:
            return
    kept = (
        f"The one before it is {previous(path)}"
        if _is_sound(previous(path))
        else "Nothing older is left"
    )
    raise OSError(
        f"{path} does not hold what was written to it, twice: the disk is failing, or another "
        f"program writes there. {kept}; choose another folder"
    )


def verified(path, sha256: str) -> bytes | None:
    """The bytes of a file whose SHA-256 (hex) is known; None where it differs, or there is no file."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _is_sound(path):
    try:
        load(path)
    except (FileNotFoundError, ValueError):
        return False
    return True


def load(path):
    """File → the state that `save` was given, tensors on the CPU. Raises ValueError saying what is wrong with the file."""
    path = Path(path)
    size, expected = path.stat().st_size, _expected_size(path)
    if expected is None:
        raise ValueError(f"{path} is not a checkpoint of sslkit (safetensors): {_looks_like(path)}")
    if size != expected:
        raise ValueError(f"{path} is damaged: it has {size} bytes, its own header says {expected}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not {"values", "sha256"} <= metadata.keys():
        raise ValueError(f"{path} holds tensors, but was not written by sslkit: it has no SHA-256 of its own")
    if _digest(metadata["values"], tensors) != metadata["sha256"]:
        raise ValueError(f"{path} is damaged: its content does not match the SHA-256 stored with it")
    return _decode(json.loads(metadata["values"]), tensors)


def load_latest(path):
    """The state at `path`, or the one before where that is damaged (with a warning), or None where there is none yet."""
    problems = []
    for candidate in (Path(path), previous(path)):
        if candidate.exists():
            try:
                state = load(candidate)
            except ValueError as error:
                problems.append(str(error))
            else:
                if problems:
                    warnings.warn(f"{problems[0]}. Going on from the checkpoint before it, {candidate.name}", stacklevel=2)
                return state
    if problems:
        raise ValueError(". ".join(problems) + ". Delete the file to start afresh")
    return None


def previous(path):
    """runs/rotation.safetensors → runs/rotation.previous.safetensors."""
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def write_whole(path, content, keep=None):
    """Bytes → file, so that no reader ever sees half of it: unique temporary name, fsync, rename.

    keep: name for the old file. What a killed process left under a temporary name for the same file
    is removed. Raises OSError naming the file.
    """
    _remove_stale(path)
    temporary = path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno is None:
            raise
        raise OSError(
            error.errno,
            f"{error.strerror}; it was not written, and what was there is as it was",
            str(path),
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":                              # the rename itself must reach the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _host():
    return "".join(letter if letter.isalnum() else "_" for letter in platform.node()) or "host"


def _remove_stale(path):
    """Temporary files of this file: those of dead processes here, and those older than a day."""
    for file in path.parent.iterdir():
        if not (file.name.startswith(f".{path.name}.") and file.name.endswith(".tmp")):
            continue
        host, _, rest = file.name[len(path.name) + 2 : -4].partition("-")
        number = rest.partition("-")[0]
        try:
            if (
                host == _host()
                and number.isdigit()
                and not _alive(int(number))
                or time.time() - file.stat().st_mtime > 86_400
            ):
                file.unlink()
        except FileNotFoundError:  # another process was faster
            continue


def _alive(number):
    """Whether a process of this number runs. Outside POSIX, asking does harm: then yes."""
    if os.name != "posix":
        return True
    try:
        os.kill(number, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _encode(value, tensors):
    """Plain JSON for everything but tensors, which go into `tensors` under a running number."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):                         # as pairs: JSON would turn the optimizer's integer keys into text
        return {"dict": [[key, _encode(item, tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_encode(item, tensors) for item in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint holds tensors and plain values, not {type(value).__name__}: {value!r}")


def _decode(value, tensors):
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _decode(item, tensors) for key, item in content}
    return [_decode(item, tensors) for item in content]


def _digest(values, tensors):
    digest = hashlib.sha256(values.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _expected_size(path):
    """Bytes that a safetensors file should have by its own header, or None where it has no such header."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= 100_000_000:
            return None
        text = file.read(length)
    if text[:1] != b"{":
        return None
    if len(text) < length:
        return 8 + length
    try:
        ends = [entry["data_offsets"][1] for name, entry in json.loads(text).items() if name != "__metadata__"]
        return 8 + length + max(ends, default=0)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: its header cannot be read ({error!r})") from error


def _looks_like(path):
    with open(path, "rb") as file:
        start = file.read(64).lstrip()
    if not start:
        return "it is empty"
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):
        return "it looks like a pickle of torch.save, which could run code and is never opened here"
    if start[:1] == b"<":
        return "it looks like a web page, perhaps an error message saved by a download"
    return f"it starts with {start[:8]!r}"
