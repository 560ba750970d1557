"""Relative patch (Doersch, Gupta & Efros 2015): where does this patch lie, seen from that one? Parts tell, if one knows the whole."""

import torch

from ..augment import grayscale
from ..networks import mlp
from ..task import Task
from .common import classification, cut, normalized, siamese

# Row and column of each direction, as steps from the centre: 0 1 2 / 3 · 4 / 5 6 7.
DIRECTIONS = torch.tensor([(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)])


class RelativePatch(Task):
    """Two patches of one picture; the question is in which of eight directions the second lies from the first.

    patch: its side in pixels (None: three tenths of the picture's). gap: pixels between the two (None: half a patch, as in
    the paper, or what room there is). jitter: the second is off by up to as many pixels either way (None: the paper's 7 of 96). normalize,
    drop_color: as for Jigsaw. one_channel: each image is shown by one of its three channels alone, thrice, so that a lens's
    coloured fringes say nothing of the place (the paper, section 3.1, fills the other two with noise).
    """

    def __init__(self, encoder, patch=None, gap=None, jitter=None, normalize=True, drop_color=0.3, one_channel=False):
        super().__init__(encoder)
        self.one_channel = one_channel
        self.patch, self.gap, self.jitter = patch, gap, jitter
        self.normalize, self.drop_color = normalize, drop_color
        self.head = mlp(2 * encoder.dim, 2 * encoder.dim, len(DIRECTIONS))

    def make_problem(self, images):
        """(B, 3, H, W) → centre and neighbour (B, 2, 3, p, p), direction 0–7 (B,). Raises as `sizes`."""
        direction = torch.randint(len(DIRECTIONS), (len(images),), device=images.device)
        centre, neighbour = self.places(direction, images.shape[-2:])
        images = any_channel(images) if self.one_channel else grayscale(images, self.drop_color)
        return self.patches(images, centre, neighbour), direction

    def forward(self, pairs):
        return siamese(self.encoder, self.head, pairs)             # (B, 8)

    def loss(self, logits, direction):
        return classification(logits, direction)

    def patches(self, images, centre, neighbour):
        """Images (B, 3, H, W), corners (B, 2) as row and column → patches (B, 2, 3, p, p)."""
        patch, _, _ = self.sizes(images.shape[-2:])
        corners = torch.stack([centre, neighbour], -1)             # (B, 2, 2): row and column, of each patch
        pairs = cut(images, corners[:, 0], corners[:, 1], patch)
        return normalized(pairs) if self.normalize else pairs

    def places(self, direction, shape):
        """direction (B,), (H, W) → top left corners of centre and neighbour, (B, 2) each: anywhere that both lie inside."""
        patch, gap, jitter = self.sizes(shape)
        steps = DIRECTIONS.to(direction.device, non_blocking=True)  # (8, 2)
        step = steps[direction] * (patch + gap)                    # (B, 2)
        step = step + torch.randint(-jitter, jitter + 1, step.shape, device=step.device)
        away = step.abs().unbind(1)                                # rows and columns, (B,) each
        room = torch.stack([side - patch - far for side, far in zip(shape, away)], 1)   # (B, 2)
        corner = (torch.rand(step.shape, device=step.device) * (room + 1)).long() - step.clamp(max=0)
        return corner, corner + step

    def sizes(self, shape):
        """(H, W) → patch, gap and jitter in pixels. Raises ValueError where two patches do not fit into the picture."""
        side = min(shape)
        patch = round(0.3 * side) if self.patch is None else self.patch
        jitter = max(1, round(patch * 7 / 96)) if self.jitter is None else self.jitter
        room = side - 2 * patch - jitter                           # what is left for the gap
        gap = min(patch // 2, room) if self.gap is None else self.gap
        if patch < 4 or jitter < 0 or gap < 0 or gap > room:
            raise ValueError(f"two patches of {patch} pixels, {gap} apart, with a jitter of {jitter}: want patches of at least 4, nothing "
                             f"negative, and 2 · patch + gap + jitter within the {side} pixels of these pictures")
        return patch, gap, jitter


def any_channel(images):
    """(B, 3, H, W) → the same shape: one channel of each image, drawn for each, three times."""
    channel = torch.randint(3, (len(images), 1, 1, 1), device=images.device)
    return images.gather(1, channel.expand(-1, 1, *images.shape[-2:])).expand_as(images)
