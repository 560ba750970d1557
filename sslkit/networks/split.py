"""Encoders that are shown a part of a picture's colours, and otherwise behave as any other encoder."""

import torch
from torch import nn

from ..color import ab_picture, lightness


class PartEncoder(nn.Module):
    """An encoder that is shown `part(pictures)` in place of red, green and blue, in training and ever after.

    part: a function sRGB (B, 3, H, W) in [0, 1] → (B, 1 or 3, H, W).
    """

    takes = "images"

    def __init__(self, encoder, part):
        super().__init__()
        self.encoder, self.part, self.channels, self.dim = encoder, part, encoder.channels, encoder.dim

    @property
    def blocks(self):
        return self.encoder.blocks

    def stages(self, images):
        return self.encoder.stages(self.part(images))

    def features(self, images, depth=None):
        """Images (B, 3, H, W) in [0, 1] → feature maps (B, dim, h, w)."""
        return self.encoder.features(self.part(images), depth)

    def forward(self, images):
        return self.encoder(self.part(images))                       # (B, dim)


def LightnessEncoder(encoder):
    """An encoder that is blind to colour: it is shown L / 100 of CIE Lab. What has one channel already is taken for that.

    What colorization trains has seen nothing else, and should be probed with nothing else.
    """
    return PartEncoder(encoder, lightness)


def ColorEncoder(encoder):
    """An encoder that is blind to light: it is shown a and b of CIE Lab, as a picture whose third channel says nothing."""
    return PartEncoder(encoder, ab_picture)


class SplitEncoder(nn.Module):
    """Two encoders side by side: one is shown lightness, the other colour; their features are concatenated.

    Zhang, Isola & Efros 2017, *Split-Brain Autoencoders*. dim: the sum of theirs.
    """

    takes = "images"

    def __init__(self, lightness_encoder, color_encoder):
        super().__init__()
        self.lightness, self.color = lightness_encoder, color_encoder
        self.dim = lightness_encoder.dim + color_encoder.dim

    @property
    def blocks(self):
        return self.lightness.blocks

    def stages(self, images):
        halves = zip(self.lightness.stages(lightness(images)), self.color.stages(ab_picture(images)))
        return (torch.cat(half, 1) for half in halves)

    def features(self, images, depth=None):
        """Images (B, 3, H, W) in [0, 1] → feature maps (B, dim, h, w), the lightness half first."""
        return torch.cat([self.lightness.features(lightness(images), depth), self.color.features(ab_picture(images), depth)], 1)

    def forward(self, images):
        return self.features(images).mean((2, 3))                    # (B, dim)
