"""Answers carried between processes without pickle: to read one runs no code of its writer."""

import hashlib
import json

import numpy as np
import torch

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.complex128,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.bool,
    )
}
DEEPEST, MOST, LONGEST = 20, 10_000, 10_000  # of nesting, of parts in all, of a word


class Stranger:
    """Stands for an object that is not carried over: only the name of its type is known."""


def pack(value) -> bytes:
    """Value → bytes: tensors, numbers, words, None, and lists, tuples and dicts of them.

    A network is carried as its state dict. Of anything else only the name of its type is.
    """
    blobs: list[bytes] = []
    words = json.dumps(_described(value, blobs, [0], 0)).encode()
    return b"".join([len(words).to_bytes(8, "little"), words, *blobs])


def unpack(data: bytes) -> object:
    """Bytes of `pack` → the value. Raises ValueError for bytes damaged or not of `pack`."""
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        place = [end]
        value = _made(json.loads(data[8:end]), data, place)
    except (KeyError, IndexError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise ValueError(f"the bytes of an answer cannot be read ({error})") from error
    if place[0] != len(data):
        raise ValueError(f"an answer of {place[0]} bytes came as {len(data)} bytes")
    return value


def digest(value) -> str:
    """SHA-256 of a value as it would be carried: the same for the same contents, in any process."""
    return hashlib.sha256(pack(value)).hexdigest()


def size(value) -> int:
    """Bytes of the tensors in a value, each as large as it looks, also after `expand`."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, (list, tuple)):
        return sum(size(part) for part in value)
    if isinstance(value, dict):
        return sum(size(part) for part in value.values())
    return 0


def _described(value, blobs, count, depth):
    """What JSON can hold of a value; the bytes of its tensors are added to `blobs`, in order."""
    count[0] += 1
    stranger = ["stranger", type(value).__name__[:100]]
    if count[0] > MOST or depth > DEEPEST:
        return stranger
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, float)):
        return ["plain", value if value is None or isinstance(value, bool) else float(value)]
    if isinstance(value, int):
        return ["plain", int(value)] if abs(value) < 2**1000 else stranger
    if isinstance(value, str):
        return ["plain", str(value[:LONGEST])]
    if isinstance(value, torch.Tensor):
        name = str(value.dtype).removeprefix("torch.")
        if name not in DTYPES or value.is_meta or value.layout == torch.jagged:
            return ["stranger", f"{type(value).__name__} of {value.dtype}"]
        whole = value.detach().resolve_conj().resolve_neg().to_dense().cpu().contiguous()
        blobs.append(whole.reshape(-1).view(torch.uint8).numpy().tobytes())
        return ["tensor", name, list(whole.shape), bool(value.requires_grad)]
    if isinstance(value, torch.nn.Module):
        value = dict(value.state_dict())
    if isinstance(value, (list, tuple)):
        name = "list" if isinstance(value, list) else "tuple"
        return [name, [_described(part, blobs, count, depth + 1) for part in value]]
    if isinstance(value, dict):
        pairs = [(key, part) for key, part in value.items() if isinstance(key, (str, int))]
        return ["dict", [[key, _described(part, blobs, count, depth + 1)] for key, part in pairs]]
    return stranger


def _made(described, data, place):
    name, content, *more = described
    if name == "plain":
        return content
    if name == "stranger":
        return type(str(content), (Stranger,), {})()
    if name == "tensor":
        shape, requires_grad = more
        dtype = DTYPES[content]
        shape = [int(length) for length in shape]
        number = int(np.prod(shape, dtype=object)) * dtype.itemsize
        part = data[place[0] : place[0] + number]
        if min(shape, default=0) < 0 or len(part) != number:
            raise ValueError(f"a tensor {tuple(shape)} came as {len(part)} bytes, want {number}")
        place[0] += number
        # A copy of its own: memory that was read is aligned for no dtype, and may not be written.
        flat = (
            torch.frombuffer(bytearray(part), dtype=torch.uint8)
            if number
            else torch.empty(0, dtype=torch.uint8)
        )
        return flat.view(dtype).view(shape).requires_grad_(bool(requires_grad))
    if name == "dict":
        return {key: _made(part, data, place) for key, part in content}
    parts = [_made(part, data, place) for part in content]
    return parts if name == "list" else tuple(parts)
