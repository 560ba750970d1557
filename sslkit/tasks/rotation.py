"""Rotation prediction (Gidaris, Singh & Komodakis 2018): to tell which way up a picture is, one must know what is in it."""

import torch
from torch import nn

from ..task import Task
from .common import classification


class Rotation(Task):
    """Every image is shown four times, rotated by 0, 90, 180 and 270 degrees; the question is by how much.

    augment: of the images, before they are rotated (crops and flips, as the paper's code has them); None: none.
    """

    def __init__(self, encoder, augment=None):
        super().__init__(encoder)
        self.prepare = augment or (lambda images: images)          # not `augment`: its views are no two views of one image
        self.head = nn.Linear(encoder.dim, 4)                      # thrown away after training

    def make_problem(self, images):
        """(B, 3, H, H) → the four turns of every image (4B, 3, H, H), quarter turns 0–3 counter-clockwise (4B,).

        Raises ValueError for pictures that are not square: a quarter turn would change their shape, and give it away.
        """
        images = self.prepare(images)
        height, width = images.shape[-2:]
        if height != width:
            raise ValueError(f"pictures of {height} × {width} pixels: rotation needs square ones, crop or resize them")
        turned = torch.cat([torch.rot90(images, turns, (-2, -1)) for turns in range(4)])          # (4B, 3, H, H)
        return turned, torch.arange(4, device=images.device).repeat_interleave(len(images))       # (4B,)

    def forward(self, turned):
        return self.head(self.encoder(turned))                     # (4B, 4)

    def loss(self, logits, turns):
        return classification(logits, turns)
