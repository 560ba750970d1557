"""What a lens does to pictures, and what it gives away: where in the picture a patch was."""

import torch
from torch.nn import functional as F

from .dataset import as_float


def vignette(images, strength=0.5):
    """Pictures uint8 (N, 3, H, W) → the same, darker away from the middle: by `strength` in the corners.

    Light falls with the square of the distance. Raises ValueError for a strength outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength={strength}: want 0 (none) to 1 (black corners)")
    down, across = (torch.linspace(-1, 1, side, device=images.device) for side in images.shape[-2:])
    light = 1 - strength * (down[:, None] ** 2 + across ** 2) / 2                                 # (H, W)
    return _bytes(as_float(images) * light)


def chromatic_aberration(images, strength=0.04):
    """Pictures uint8 (N, 3, H, W) → the same, with red a little larger than green and blue a little smaller.

    A simple lens bends blue more than red, so that edges away from the middle have coloured fringes which point outwards:
    the shortcut that Doersch et al. 2015 found (section 4.2). strength: how much larger, as a share of the side. Raises
    ValueError for a strength outside [0, 0.5].
    """
    if not 0 <= strength <= 0.5:
        raise ValueError(f"strength={strength}: want 0 (none) to 0.5")
    pixels, channels = as_float(images), []
    for channel, zoom in zip(pixels.split(1, 1), (1 + strength, 1, 1 - strength)):
        matrix = torch.tensor([[1 / zoom, 0, 0], [0, 1 / zoom, 0]], device=images.device).expand(len(images), 2, 3)
        grid = F.affine_grid(matrix, channel.shape, align_corners=False)
        channels.append(F.grid_sample(channel, grid, padding_mode="reflection", align_corners=False))
    return _bytes(torch.cat(channels, 1))


def _bytes(pixels):
    return pixels.mul(255).round_().clamp_(0, 255).to(torch.uint8)
