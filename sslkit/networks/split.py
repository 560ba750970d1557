"""Encoders that are shown a part of a picture's colours, and otherwise behave as any other encoder."""

import torch
from torch import nn

from ..color import lightness, rgb_to_lab


class LightnessEncoder(nn.Module):
    """An encoder that is blind to colour: it is shown L / 100 of CIE Lab in place of red, green and blue.

    What colorization trains has seen nothing else, and should be probed with nothing else.
    """

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.channels, self.dim = encoder, encoder.channels, encoder.dim

    @property
    def blocks(self):
        return self.encoder.blocks

    def stages(self, images):
        return self.encoder.stages(lightness(images))

    def features(self, images, depth=None):
        """Images (B, 3, H, W) in [0, 1], or lightness (B, 1, H, W) → feature maps (B, dim, h, w)."""
        return self.encoder.features(lightness(images), depth)

    def forward(self, images):
        return self.encoder(lightness(images))                       # (B, dim)


class SplitEncoder(nn.Module):
    """Two encoders side by side: one is shown lightness, the other colour; their features are concatenated.

    Zhang, Isola & Efros 2017, *Split-Brain Autoencoders*. dim: the sum of theirs.
    """

    def __init__(self, lightness_encoder, color_encoder):
        super().__init__()
        self.lightness, self.color = lightness_encoder, color_encoder
        self.dim = lightness_encoder.dim + color_encoder.dim

    @property
    def blocks(self):
        return self.lightness.blocks

    def features(self, images, depth=None):
        """Images (B, 3, H, W) in [0, 1] → feature maps (B, dim, h, w), the lightness half first."""
        light, plane = split(images)
        return torch.cat([self.lightness.features(light, depth), self.color.features(plane, depth)], 1)

    def forward(self, images):
        return self.features(images).mean((2, 3))                    # (B, dim)


def split(images):
    """sRGB (B, 3, H, W) → L / 100 (B, 1, H, W), and ab as a picture in [0, 1] (B, 3, H, W) whose third channel says nothing."""
    light, ab = rgb_to_lab(images).split([1, 2], 1)
    return light / 100, torch.cat([ab / 220 + 0.5, torch.full_like(light, 0.5)], 1)
