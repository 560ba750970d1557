"""Inpainting (context encoder, Pathak et al. 2016): to fill a hole, one must see what the rest is the rest of."""

import torch

from ..networks import Upsampler
from ..task import Task
from .holes import block


class Inpainting(Task):
    """A picture with a hole; the question is what was there, pixel by pixel.

    hole: one of `sslkit.tasks.holes`, or any function images (B, 3, H, W) → bool (B, 1, H, W), True where pixels are taken
    away; a half of the picture makes it spatial prediction. doublings: how often the encoder halves the picture.
    """

    def __init__(self, encoder, hole=None, doublings=3):
        super().__init__(encoder)
        self.hole = hole or block
        self.decoder = Upsampler(encoder.dim, 3, doublings)

    def make_problem(self, images):
        """(B, 3, H, W) → pictures whose holes are grey (B, 3, H, W); the pictures and the holes (B, 1, H, W)."""
        hole = self.hole(images)                                   # (B, 1, H, W)
        return images.masked_fill(hole, 0.5), (images, hole)

    def forward(self, images):
        return self.decoder(self.encoder.features(images), images.shape[-2:])                      # (B, 3, H, W)

    def loss(self, painted, targets):
        """Mean squared error over the pixels of the holes; what lies outside counts nothing."""
        images, hole = targets
        error = (painted - images).square().mean(1, keepdim=True)  # (B, 1, H, W)
        return (error * hole).sum() / hole.sum().clamp_min(1), {}

    def fill(self, images, hole):
        """Pictures (B, 3, H, W), holes bool (B, 1, H, W) → the same pictures, filled where the holes are."""
        return torch.where(hole, self(images.masked_fill(hole, 0.5)).float().clamp(0, 1), images)
