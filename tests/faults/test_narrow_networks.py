"""A narrow network on a CPU: a 1×1 convolution of stride 2 with few channels, backwards

What the user sees: nothing. oneDNN's own way to do it killed the process; the kit computes the same
numbers another way.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sslkit.networks import ConvNet
from sslkit.networks.conv import Residual


@pytest.mark.parametrize("stride, channels", [(1, 3), (1, 5), (2, 5), (2, 3), (3, 4)])
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_the_shortcut_is_the_convolution_of_that_stride(stride, channels, size):
    torch.manual_seed(0)
    block = Residual(3, channels, stride).double().eval()
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    y = block.norm2(block.conv2(F.relu(block.norm1(block.conv1(x)))))
    shortcut = (
        x
        if isinstance(block.shortcut, nn.Identity)
        else F.conv2d(x, block.shortcut.weight, stride=stride)
    )
    expected = F.relu(y + shortcut)
    torch.testing.assert_close(block(x), expected)
    by_block, by_hand = (
        torch.autograd.grad(out.square().sum(), [x, *block.parameters()])
        for out in (block(x), expected)
    )
    for first, second in zip(by_block, by_hand):
        torch.testing.assert_close(first, second)


def test_weights_keep_their_names_and_shapes():
    shapes = {name: tuple(value.shape) for name, value in Residual(4, 8, 2).state_dict().items()}
    assert (
        shapes["shortcut.weight"] == (8, 4, 1, 1)
        and "shortcut.bias" not in shapes
        and "conv1.weight" in shapes
    )


@pytest.mark.parametrize("width", range(1, 8))
def test_no_network_asks_for_what_kills(width):
    """In this process: one such call may end it, so none is made, only looked for."""
    convolutions = [module for module in ConvNet(width).modules() if isinstance(module, nn.Conv2d)]
    assert (
        not any(conv.kernel_size == (1, 1) and conv.stride != (1, 1) for conv in convolutions)
        and len(convolutions) > 8
    )
