"""sRGB ↔ CIE Lab on the device, and the ab plane in bins: what colorization predicts (Zhang, Isola & Efros 2016).

Lab (CIE 1976, white point D65, two-degree observer) separates lightness L in [0, 100] from colour: a runs from green to
red, b from blue to yellow, both roughly in [-110, 110] for what a screen can show. Everything here is differentiable
where it can be and works on (…, 3, H, W), or any shape whose third axis from the end holds the three channels.
"""

from functools import lru_cache

import torch
from torch.nn import functional as F

# IEC 61966-2-1 (sRGB): linear red, green and blue → CIE XYZ; then XYZ of white (D65).
TO_XYZ = torch.tensor([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = torch.tensor([0.95047, 1.0, 1.08883])
BREAK = 6 / 29                                                     # below its cube, Lab's cube root becomes a straight line
SIDE = 10                                                          # of a bin of the ab plane
LIGHTNESSES = 50                                                   # bins of L, two units each


def rgb_to_lab(images):
    """sRGB (…, 3, H, W) in [0, 1] → CIE Lab (…, 3, H, W): L in [0, 100], a and b around 0. ValueError for other channels."""
    _three(images, "sRGB pictures")
    low = images <= 0.04045
    linear = torch.where(low, images / 12.92, ((images.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    xyz = _mix(TO_XYZ / WHITE[:, None], linear)                    # (…, 3, H, W), 1 for white
    low = xyz <= BREAK ** 3
    # Both branches are evaluated: clamping keeps the gradient of the one not taken finite.
    x, y, z = torch.where(low, xyz / (3 * BREAK ** 2) + 4 / 29, xyz.clamp_min(BREAK ** 3) ** (1 / 3)).unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -3)


def lab_to_rgb(lab):
    """CIE Lab (…, 3, H, W) → sRGB in [0, 1]; colours that no screen shows are clipped. ValueError for other channels."""
    _three(lab, "Lab pictures")
    lightness, a, b = lab.unbind(-3)
    y = (lightness + 16) / 116
    roots = torch.stack([y + a / 500, y, (y - b / 200).clamp_min(0)], -3)      # a negative Z is no light, as in scikit-image
    xyz = torch.where(roots <= BREAK, 3 * BREAK ** 2 * (roots - 4 / 29), roots.clamp_min(BREAK) ** 3)
    linear = _mix(torch.linalg.inv(TO_XYZ / WHITE[:, None]), xyz)
    low = linear <= 0.0031308
    return torch.where(low, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055).clamp(0, 1)


def lightness(images):
    """sRGB (B, 3, H, W) in [0, 1] → L / 100, (B, 1, H, W) in [0, 1]. One channel is taken for lightness, and passes."""
    return images if images.shape[-3] == 1 else rgb_to_lab(images)[..., :1, :, :] / 100


def ab_picture(images):
    """sRGB (B, 3, H, W) in [0, 1] → a and b as such a picture, 0.5 for grey; its third channel, 0.5 everywhere, says nothing."""
    return halves(rgb_to_lab(images))[1]


def halves(lab):
    """Lab (B, 3, H, W) → `lightness` (B, 1, H, W) and `ab_picture` (B, 3, H, W) of the same pictures."""
    light, ab = lab.split([1, 2], 1)
    return light / 100, torch.cat([ab / 220 + 0.5, torch.full_like(light, 0.5)], 1)


def colorfulness(ab):
    """ab (…, 2, H, W) → how far each pixel is from grey, (…, H, W), in Lab units (the chroma of CIE Lab)."""
    return ab.square().sum(-3).add(1e-12).sqrt()


@lru_cache(maxsize=None)
def ab_bins():
    """→ centres (Q, 2) of the squares of the ab plane, 10 units a side, that hold a colour which sRGB can show.

    Found by walking over the six faces of the sRGB cube in steps of 1/256, no table to copy: a colour of the inside has the
    same ab as some darker or lighter one on a face.
    """
    steps = torch.linspace(0, 1, 257)
    first, second = torch.meshgrid(steps, steps, indexing="ij")                                 # (257, 257)
    faces = [torch.stack([first, second, torch.full_like(first, end)]).roll(turn, 0) for end in (0, 1) for turn in range(3)]
    ab = rgb_to_lab(torch.cat(faces, -1))[1:].flatten(1).T         # (6 · 257², 2)
    return ((ab / SIDE).round() * SIDE + 0.0).unique(dim=0)        # (Q, 2)


def encode(ab):
    """ab (B, 2, H, W) → the bin that each pixel falls into, (B, H, W) int64; beyond the gamut, the nearest bin."""
    table, low = _table()
    table = table.to(ab.device, non_blocking=True)
    square = ((ab / SIDE).round().long() - low).clamp(0, len(table) - 1)                         # (B, 2, H, W)
    return table[square[:, 0], square[:, 1]]


@lru_cache(maxsize=None)
def _table():
    """The nearest bin of every square of the plane: a look-up (n, n), and the number of its first square."""
    bins, low, high = ab_bins(), -14, 14
    squares = torch.cartesian_prod(torch.arange(low, high + 1), torch.arange(low, high + 1)) * SIDE
    return torch.cdist(squares.float(), bins).argmin(1).view(high - low + 1, -1), low


def soft_encode(ab, neighbours=5, sigma=5.0):
    """ab (B, 2, H, W) → a distribution over bins, (B, Q, H, W): the nearest bins share each pixel (Zhang et al. 2016, 2.2).

    Weights exp(-d² / 2 sigma²) over the `neighbours` nearest bins, divided by their sum.
    """
    bins = ab_bins().to(ab, non_blocking=True)
    points = ab.permute(0, 2, 3, 1).flatten(0, 2)                  # (B·H·W, 2)
    distance, nearest = torch.cdist(points, bins).topk(neighbours, largest=False)                # (B·H·W, neighbours)
    weights = (-distance ** 2 / (2 * sigma ** 2)).softmax(1)       # the sum divides out; softmax never divides 0 by 0
    soft = torch.zeros(len(points), len(bins), device=ab.device, dtype=ab.dtype).scatter_(1, nearest, weights)
    return soft.view(ab.shape[0], *ab.shape[2:], len(bins)).permute(0, 3, 1, 2)


def rebalancing(images, *, mix=0.5, sigma=5.0, size=32):
    """Pictures uint8 or float (N, 3, H, W) → weights of the bins (Q,): rare colours count more (Zhang et al. 2016, eq. 4).

    w ∝ 1 / ((1 − mix) · p + mix / Q), p the colour statistics of these pictures (seen at `size` pixels), smoothed by a
    Gaussian of `sigma` Lab units; scaled so that the mean weight of a pixel is 1. Raises ValueError for grey pictures.
    """
    counts = torch.zeros(len(ab_bins()))
    for few in images.split(500):
        few = few.float() / 255 if few.dtype == torch.uint8 else few
        small = F.adaptive_avg_pool2d(few, (min(size, few.shape[-2]), min(size, few.shape[-1])))
        ab = rgb_to_lab(small)[:, 1:]
        check_colour(ab)
        counts += encode(ab).flatten().bincount(minlength=len(counts)).cpu()
    nearness = torch.exp(-torch.cdist(ab_bins(), ab_bins()) ** 2 / (2 * sigma ** 2))
    share = nearness / nearness.sum(0) @ (counts / counts.sum())   # (Q,), still sums to 1
    weights = 1 / ((1 - mix) * share + mix / len(share))
    return weights / (weights * share).sum()


def annealed_mean(logits, temperature=0.38):
    """Logits over bins (B, Q, H, W) → ab (B, 2, H, W): mean of the sharpened distribution (Zhang et al. 2016, eq. 5).

    temperature 1: the mean, which is greyish; towards 0: the mode, which is vivid but patchy. Raises ValueError for 0 and below.
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature}: want more than 0; 0.38 is the paper's, 1 the mean, near 0 the mode")
    bins = ab_bins().to(logits.device, non_blocking=True)          # (Q, 2)
    return torch.einsum("bqhw,qc->bchw", (logits.float() / temperature).softmax(1), bins)


def paint(light, logits, temperature=0.38):
    """Lightness (B, 1, H, W), L / 100, and logits over bins (B, Q, h, w) → sRGB (B, 3, H, W).

    Lightness is kept pixel by pixel; ab is the annealed mean, stretched to the size of the picture.
    """
    ab = F.interpolate(annealed_mean(logits, temperature), light.shape[-2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([100 * light, ab], 1))


def check_colour(ab):
    """Raises ValueError where ab (B, 2, H, W) holds no colour at all: from grey pictures nothing can be learnt about colour."""
    if colorfulness(ab).max() < 1:
        raise ValueError("these pictures are grey, there is no colour to learn from: give pictures in colour, or colorize "
                         "grey ones with a network that has been trained on pictures in colour")


def _mix(matrix, channels):
    """matrix (3, 3) · channels (…, 3, H, W), in the channels' own precision."""
    with torch.autocast(channels.device.type, enabled=False):      # half precision would be off by several units of Lab
        return torch.einsum("ij,...jhw->...ihw", matrix.to(channels, non_blocking=True), channels)


def _three(images, name):
    if images.ndim < 3 or images.shape[-3] != 3:
        raise ValueError(f"{name} of shape {tuple(images.shape)}: want (…, 3, H, W)")
    if not images.is_floating_point():
        raise TypeError(f"{name} of {images.dtype}: want floats, sslkit.data.as_float(images)")
