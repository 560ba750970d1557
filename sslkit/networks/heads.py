"""What is put on an encoder to answer a question, and thrown away after training."""

from torch import nn
from torch.nn import functional as F


def mlp(*sizes):
    """sizes in → hidden … → out: linear layers, with batch norm and ReLU between them. (B, sizes[0]) → (B, sizes[-1])."""
    layers = []
    for number, (before, after) in enumerate(zip(sizes, sizes[1:])):
        last = number == len(sizes) - 2
        layers += [nn.Linear(before, after)] if last else [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers)


class Upsampler(nn.Module):
    """Feature maps back to pixels: nearest-neighbour doubling and a 3×3 convolution, until the picture's size is reached.

    Not transposed convolutions, whose uneven overlap leaves checkerboards (Odena, Dumoulin & Olah 2016). (B, dim, h, w),
    size → (B, channels, size). The first doublings halve the channels, down to `narrowest`.
    """

    def __init__(self, dim, channels=3, doublings=3, narrowest=16):
        super().__init__()
        steps = []
        for _ in range(doublings):
            narrower = max(narrowest, dim // 2)
            steps.append(nn.Sequential(nn.Conv2d(dim, narrower, 3, padding=1, bias=False), nn.BatchNorm2d(narrower), nn.ReLU()))
            dim = narrower
        self.steps, self.last = nn.ModuleList(steps), nn.Conv2d(dim, channels, 3, padding=1)

    def forward(self, x, size):
        for step in self.steps:
            x = F.interpolate(step(x), scale_factor=2)               # (B, channels / 2, 2h, 2w)
        return self.last(F.interpolate(x, size))                     # (B, channels, *size)
