"""Colorization (Zhang, Isola & Efros 2016): to know that the boat is red and the sea is blue, one must see what is a boat."""

import torch
from torch import nn

from .. import color
from ..task import Task
from .common import bin_weights, check_colour_once, coarse, hypercolumns


class Colorization(Task):
    """The network is shown lightness alone; the question is which bin of CIE Lab's ab plane each pixel's colour lies in.

    weights: how much each bin counts (Q,), from `color.rebalancing(pictures)`; None: all alike, and then greys, which most
    pixels are, drown the rest. soft: the bins around the right one share the answer, since red is no worse for orange
    than blue is. stride: one question for every stride × stride pixels; 4 in the paper.
    """

    def __init__(self, encoder, weights=None, soft=True, stride=4):
        super().__init__(encoder)
        bins = color.ab_bins()                                     # (Q, 2)
        self.stride, self.colour_checked = stride, False
        self.register_buffer("weights", bin_weights(weights))
        self.register_buffer("share", color.soft_encode(bins.T[None, :, :, None])[0, :, :, 0].T if soft else torch.eye(len(bins)))
        self.head = nn.Conv2d(sum(encoder.channels), len(bins), 1)

    def make_problem(self, images):
        """(B, 3, H, W) → L / 100 (B, 1, H, W), the bin of each pixel's ab (B, H / stride, W / stride) int64.

        Raises ValueError for grey pictures, and for sides that stride does not divide.
        """
        lab = color.rgb_to_lab(images)
        check_colour_once(self, lab)
        return lab[:, :1] / 100, color.encode(coarse(lab, self.stride)[:, 1:])

    def forward(self, lightness):
        return self.head(hypercolumns(self.encoder, lightness, self.stride))                       # (B, Q, H / stride, W / stride)

    def loss(self, logits, bins):
        entropy = -(self.share[bins] * logits.log_softmax(1).movedim(1, -1)).sum(-1)               # (B, h, w)
        weight = self.weights[bins]
        return (weight * entropy).sum() / weight.sum(), {"accuracy": (logits.detach().argmax(1) == bins).float().mean()}

    def represent(self, images):
        """Pictures (B, 3, H, W) in [0, 1] → features (B, dim) of their lightness, the only thing the encoder has ever seen."""
        return self.encoder(color.lightness(images))

    def colorize(self, images, temperature=0.38):
        """Pictures (B, 3, H, W), or lightness (B, 1, H, W), in [0, 1] → pictures in colour (B, 3, H, W), as light as before."""
        light = color.lightness(images)
        return color.paint(light, self(light), temperature)
