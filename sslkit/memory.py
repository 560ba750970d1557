"""How much memory tensors take at the most, on a CPU as on a GPU."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_memory(function):
    """Calls function() → bytes of all tensors that were made meanwhile and alive at the same time, at the most.

    Where there is a GPU that the function does not use, it is called a second time, to count what it takes on the CPU.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        torch.cuda.synchronize()
        if torch.cuda.max_memory_allocated() > before:              # else it ran on the CPU, to be counted below
            return torch.cuda.max_memory_allocated() - before
    with _Watching() as watching:
        function()
    return watching.peak


class _Watching(TorchDispatchMode):
    """Sees every operation, notes each new storage, and is told when it goes."""

    def __init__(self):
        super().__init__()
        self.alive, self.now, self.peak = {}, 0, 0

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((arguments, keywords)) if isinstance(leaf, torch.Tensor)}
        results = operation(*arguments, **(keywords or {}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in given and storage._cdata not in self.alive:
                    self.alive[storage._cdata] = storage.nbytes()
                    self.now += storage.nbytes()
                    self.peak = max(self.peak, self.now)
                    weakref.finalize(storage, self._gone, storage._cdata)
        return results

    def _gone(self, key):
        self.now -= self.alive.pop(key)
