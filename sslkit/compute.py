"""What a training costs in numbers that no machine changes: views, optimizer updates, encoder
FLOPs.

Methods are compared at equal encoder FLOPs: equal numbers of images favour methods that show each
image more often.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from .data.dataset import as_float
from .networks.encoder import Encoder
from .task import Task


class Compute(NamedTuple):
    """What one optimizer update costs: images drawn, views through encoders (tiles, patches and a
    teacher's inputs are views too), and the FLOPs of those encoders, forward and backward."""

    images: int
    views: int
    flops: int

    def updates(self, flops: float) -> int:
        """How many optimizer updates a budget of encoder FLOPs pays for, at least one."""
        return max(1, round(flops / self.flops))

    def of(self, updates: int) -> dict[str, int]:
        """The cost of so many updates, as it is stored with a run."""
        return {
            "images": updates * self.images,
            "views": updates * self.views,
            "updates": updates,
            "encoder FLOPs": updates * self.flops,
        }


def encoder_compute(task: Task, images: Tensor) -> Compute:
    """The cost of one update of `task` on a batch of images, uint8 (B, 3, H, W).

    A multiply-add counts as two FLOPs, as torch's own counter has it. The backward pass of an
    encoder that learns counts twice its forward pass; a teacher has none (Kaplan et al. 2020,
    section 2.1). Convolutions, linear layers and attention count, elementwise operations do not;
    neither do heads and decoders, which are thrown away after training. The task itself is left as
    it is.
    """
    task = copy.deepcopy(task).train()
    views, flops, before = 0, 0, 0

    def count_views(block: nn.Module, inputs: tuple) -> None:
        nonlocal views
        views += len(inputs[0])

    def start(block: nn.Module, inputs: tuple) -> None:
        nonlocal before
        before = counter.get_total_flops()

    def stop(block: nn.Module, inputs: tuple, outputs: Tensor) -> None:
        nonlocal flops
        forward = counter.get_total_flops() - before
        learns = torch.is_grad_enabled() and next(block.parameters()).requires_grad
        flops += 3 * forward if learns else forward

    for encoder in (module for module in task.modules() if isinstance(module, Encoder)):
        encoder.blocks[0].register_forward_pre_hook(count_views)
        for block in encoder.blocks:
            block.register_forward_pre_hook(start)
            block.register_forward_hook(stop)
    with FlopCounterMode(display=False) as counter, torch.random.fork_rng():
        with torch.no_grad():
            inputs, _ = task.make_problem(as_float(images))
        task(inputs)
    return Compute(len(images), views, flops)
