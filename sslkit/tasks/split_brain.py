"""Split-brain autoencoder (Zhang, Isola & Efros 2017): half of the network predicts colour from light, half light from colour."""

from torch import nn
from torch.nn import functional as F

from .. import color
from ..networks import SplitEncoder
from ..task import Task
from .common import bin_weights, check_colour_once, coarse, hypercolumns


class SplitBrain(Task):
    """Two encoders, each shown what the other must predict; together they see the whole picture, and are kept side by side.

    lightness_encoder is shown L and answers with bins of ab, color_encoder is shown ab and answers with bins of L. weights:
    how much each ab bin counts, as for Colorization. stride: one question for every stride × stride pixels.
    """

    def __init__(self, lightness_encoder, color_encoder, weights=None, stride=4):
        super().__init__(SplitEncoder(lightness_encoder, color_encoder))
        self.stride, self.colour_checked = stride, False
        self.register_buffer("weights", bin_weights(weights))
        self.color_head = nn.Conv2d(sum(lightness_encoder.channels), len(self.weights), 1)
        self.lightness_head = nn.Conv2d(sum(color_encoder.channels), color.LIGHTNESSES, 1)

    def make_problem(self, images):
        """(B, 3, H, W) → (L / 100 (B, 1, H, W), ab as a picture (B, 3, H, W)), (ab bins, L bins), each (B, H / stride, W / stride).

        Raises ValueError for grey pictures, and for sides that stride does not divide.
        """
        lab = color.rgb_to_lab(images)                             # (B, 3, H, W)
        check_colour_once(self, lab)
        mean = coarse(lab, self.stride)                            # (B, 3, H / stride, W / stride)
        lightness_bins = (mean[:, 0] * color.LIGHTNESSES / 100).long().clamp(0, color.LIGHTNESSES - 1)
        return color.halves(lab), (color.encode(mean[:, 1:]), lightness_bins)

    def forward(self, halves):
        """→ logits over ab bins (B, Q, h, w), logits over L bins (B, 50, h, w)."""
        light, plane = halves
        return (self.color_head(hypercolumns(self.encoder.lightness, light, self.stride)),
                self.lightness_head(hypercolumns(self.encoder.color, plane, self.stride)))

    def loss(self, logits, bins):
        of_color = F.cross_entropy(logits[0], bins[0], self.weights)
        of_light = F.cross_entropy(logits[1], bins[1])
        return of_color + of_light, {"color loss": of_color, "lightness loss": of_light}
