"""Tensors that only say that they live on another device: mixed devices and waits, found on a CPU.

`Elsewhere` wraps a tensor of the CPU and reports the device "meta". A computation on such tensors
is done with the numbers inside, so results are right, and `Watch` sees each operation. It raises
`MixedDevices` where an operation is given tensors of both places, as a GPU would, and notes each
operation for which a program on a GPU has to wait: reading a number, a shape that depends on
values, copying from one place to the other.
"""

from contextlib import contextmanager, nullcontext

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

PLACE = torch.device("meta")
aten = torch.ops.aten
# Operations that tell the CPU a value, or whose result has a size that depends on values.
WAITS = {
    "_local_scalar_dense",
    "is_nonzero",
    "nonzero",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "_unique",
    "masked_select",
    "equal",
    "bincount",
    "linalg_eigvals",
    "histc",
}


class MixedDevices(RuntimeError):
    """Tensors of both places in one operation."""


class Elsewhere(torch.Tensor):
    """numbers: a tensor of the CPU. `elsewhere(tensor)` makes one."""

    @staticmethod
    def __new__(cls, numbers):
        self = torch.Tensor._make_wrapper_subclass(
            cls,
            numbers.shape,
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            layout=numbers.layout,
            device=PLACE,
        )
        self.numbers = numbers
        return self

    def __repr__(self):
        return f"Elsewhere({self.numbers!r})"

    def tolist(self):
        Watch.running.note("tolist")
        return self.numbers.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return perform(function, args, kwargs or {}, note=lambda name: None)


class Watch(TorchDispatchMode):
    """While it is entered, new tensors asked for on "meta" are made elsewhere, and waits are noted.

    waits: {name of the operation: how often}. running: the one that is entered.
    """

    running = None

    def __init__(self):
        super().__init__()
        self.waits = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return perform(function, args, kwargs or {}, self.note)

    def note(self, name):
        self.waits[name] = self.waits.get(name, 0) + 1


def elsewhere(value):
    """A tensor, or a tuple or list of such → the same, elsewhere."""
    wrap = lambda x: (
        Elsewhere(x) if isinstance(x, torch.Tensor) and not isinstance(x, Elsewhere) else x
    )
    return tree_map(wrap, value)


def numbers_of(value):
    """The reverse of `elsewhere`: what is inside, on the CPU."""
    return tree_map(lambda x: x.numbers if isinstance(x, Elsewhere) else x, value)


def move(module):
    """All parameters and buffers of a module go elsewhere, in place, like `module.to(device)`."""
    moved = {}
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                if id(value) not in moved:
                    moved[id(value)] = nn.Parameter(Elsewhere(value.detach()), value.requires_grad)
                part._parameters[name] = moved[id(value)]
        for name, value in part._buffers.items():
            if value is not None:
                part._buffers[name] = moved.setdefault(id(value), Elsewhere(value))
    return module


@contextmanager
def watched():
    """The block runs under a `Watch`, in place of what torch does itself for the device "meta".

    autocast, which does not know that device, does nothing there; torch.tensor puts numbers there,
    and a program on a GPU would wait for them to arrive.
    """
    autocast, tensor, watch = torch.autocast, torch.tensor, Watch()
    there = lambda device: device is not None and torch.device(device).type == PLACE.type

    def put(data, *, device=None, **settings):
        if not there(device):
            return tensor(data, device=device, **settings)
        watch.note("torch.tensor")
        return Elsewhere(tensor(data, **settings))

    torch.autocast = lambda place, *args, **settings: (
        nullcontext() if there(place) else autocast(place, *args, **settings)
    )
    torch.tensor, Watch.running = put, watch
    try:
        with watch:
            yield watch
    finally:
        torch.autocast, torch.tensor, Watch.running = autocast, tensor, None


def perform(function, args, kwargs, note):
    """One operation: checked, noted, done with the numbers inside, its results wrapped again."""
    name = function._schema.name.split("::")[1]
    given = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
    there = [x for x in given if isinstance(x, Elsewhere)]
    here = [x for x in given if not isinstance(x, Elsewhere) and x.ndim > 0]
    asked = kwargs.get("device")
    wanted = torch.device(asked) if asked is not None else None
    if name in ("_to_copy", "copy_"):
        return copied(function, name, args, kwargs, wanted, note)
    if there and here:
        shapes = ", ".join(f"{tuple(x.shape)} on {x.device}" for x in given)
        raise MixedDevices(f"{name} was given tensors of two devices: {shapes}")
    if there:
        masks = function is aten.index.Tensor or name in (
            "index_put",
            "index_put_",
            "_index_put_impl_",
        )
        by_mask = masks and any(
            x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1]
        )
        if name in WAITS or by_mask:
            note(f"{name} by a mask" if by_mask else name)
    new = wanted is not None and wanted.type == PLACE.type
    inside = {
        key: torch.device("cpu") if key == "device" and new else value
        for key, value in kwargs.items()
    }
    result = function(*numbers_of(args), **numbers_of(inside))
    if not (there or new):
        return result
    if function._schema.is_mutable and not name.endswith("_backward"):
        kept = written(function, args, kwargs)
        if kept is not None:
            return kept
    return elsewhere(result)


def written(function, args, kwargs):
    """What an operation in place gives back: the very tensor that it was given."""
    first = function._schema.arguments[0] if function._schema.arguments else None
    if (
        first is not None
        and first.alias_info is not None
        and first.alias_info.is_write
        and len(function._schema.returns) == 1
    ):
        return args[0]
    return kwargs.get("out")


def copied(function, name, args, kwargs, wanted, note):
    """Copies; from one place to the other they make the program wait, unless non_blocking."""
    if name == "copy_":
        target, source = args[0], args[1]
        if (
            isinstance(target, Elsewhere) != isinstance(source, Elsewhere)
            and source.ndim + target.ndim > 0
        ):
            if not (len(args) > 2 and args[2]) and not kwargs.get("non_blocking"):
                note("copy_ between devices")
        function(*numbers_of(args), **kwargs)
        return target
    source = args[0]
    was_there = isinstance(source, Elsewhere)
    goes_there = was_there if wanted is None else wanted.type == PLACE.type
    if was_there and not goes_there:
        note("copy to the CPU")
    if goes_there and not was_there and not kwargs.get("non_blocking"):
        note("copy from the CPU")
    inside = {key: value for key, value in kwargs.items() if key not in ("device", "non_blocking")}
    result = function(numbers_of(source), **inside)
    return Elsewhere(result) if goes_there else result
