"""A batch in parts, over time or over processes, and yet one loss: large batches on small memory, and on many GPUs.

A contrastive loss must see every embedding of the batch, but embeddings are small. What fills memory are activations, and
these are each sample's own. So a part's activations are forgotten once its outputs are known, and worked out again when the
loss has said how the outputs should change (Chen et al. 2016; for contrastive losses Gao et al. 2021). The gradient is that
of the whole batch, exactly, wherever `forward` treats each sample by itself. Batch norm does not: it normalises each part by
the part's own statistics. `networks.group_norm` replaces it.
"""

from contextlib import contextmanager, nullcontext

import torch
from torch import distributed
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def answer(task, network, inputs, micro_batch=None):
    """inputs (B, …), or a tuple of such → the task's outputs for all of them, (B, …), or a tuple.

    network: the task, or what torch.compile made of it. micro_batch: how many samples' activations are held at a time; None:
    all. In a group of processes each answers for its own share, and has gradients there alone: `add_up` them.
    """
    inputs = each(share, inputs)
    pieces = [inputs] if micro_batch is None else split(inputs, micro_batch)
    if len(pieces) == 1:
        return gathered(network(inputs))
    again = lambda: (nullcontext(), _statistics_at_rest(task))
    return gathered(joined([checkpoint(network, piece, use_reentrant=False, context_fn=again) for piece in pieces]))


def add_up(task):
    """Every process has the gradient through its own share of the batch: their sum is that of the whole."""
    if size() > 1:
        gradients = [parameter.grad for parameter in task.parameters() if parameter.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        for gradient, summed in zip(gradients, together.split([gradient.numel() for gradient in gradients])):
            gradient.copy_(summed.view_as(gradient))


def size():
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def first():
    """Whether this is the process that talks and writes."""
    return size() == 1 or distributed.get_rank() == 0


def agree(task):
    """All processes take the weights and buffers of the first."""
    if size() > 1:
        for value in task.state_dict().values():
            distributed.broadcast(value, 0)


def any_of(yes, device):
    """Whether any process says yes."""
    if size() == 1:
        return bool(yes)
    votes = torch.tensor(float(bool(yes)), device=device)
    distributed.all_reduce(votes)
    return votes.item() > 0


def share(batch):
    """(B, …) → the rows of this process, (B / processes, …). Raises ValueError where they cannot be dealt out evenly."""
    if len(batch) % size():
        raise ValueError(f"{len(batch)} samples a step for {size()} processes: want a batch_size that {size()} divides")
    return batch.chunk(size())[distributed.get_rank()] if size() > 1 else batch


def gathered(outputs):
    """Every process's outputs, one after another. Those of others are numbers; one's own keep their gradients."""
    def gather(own):
        pieces = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(size())]
        distributed.all_gather(pieces, own.detach().contiguous())
        pieces[distributed.get_rank()] = own
        return torch.cat(pieces)
    return outputs if size() == 1 else each(gather, outputs)


def split(inputs, number):
    """(B, …), or a tuple of such → a list of the same with at most `number` samples each."""
    if isinstance(inputs, tuple):
        return list(zip(*(split(part, number) for part in inputs)))
    return list(inputs.split(number))


def joined(pieces):
    """What `split` parted, in one again."""
    return tuple(map(joined, zip(*pieces))) if isinstance(pieces[0], tuple) else torch.cat(pieces)


def each(function, value):
    """A tensor, or a tuple of such → the same, after the function."""
    return tuple(each(function, part) for part in value) if isinstance(value, tuple) else function(value)


@contextmanager
def _statistics_at_rest(task):
    """Batch norm has moved its running statistics on the first pass: the second leaves them."""
    norms = [(module, module.momentum) for module in task.modules() if isinstance(module, _BatchNorm)]
    for module, _ in norms:
        module.momentum = 0.0
    try:
        yield
    finally:
        for module, momentum in norms:
            module.momentum = momentum
