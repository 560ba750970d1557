"""What several tasks share: classification as a loss, the solver of puzzles made of tiles, maps and bins of colour, teachers."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from .. import color


def classification(logits, targets):
    """Logits (B, classes, …), targets (B, …) int64 → cross-entropy, {"accuracy"}."""
    accuracy = (logits.detach().argmax(1) == targets).float().mean()
    return F.cross_entropy(logits, targets), {"accuracy": accuracy}


def siamese(encoder, head, tiles):
    """Tiles (B, n, 3, h, w) → head's answer (B, …): one encoder looks at each tile alone, the head at all n features."""
    features = encoder(tiles.flatten(0, 1))                        # (B·n, dim): the same weights for every tile
    return head(features.unflatten(0, tiles.shape[:2]).flatten(1))


def cut(images, top, left, side):
    """One square of each image: (B, 3, H, W), top and left (B,) or (B, n) → (B, 3, side, side) or (B, n, 3, side, side)."""
    within = torch.arange(side, device=images.device)
    rows = (top[..., None] + within)[..., :, None]                 # (B, …, side, 1)
    columns = (left[..., None] + within)[..., None, :]             # (B, …, 1, side)
    image = torch.arange(len(images), device=images.device).view(-1, *[1] * (rows.ndim - 1))
    return images.movedim(1, -1)[image, rows, columns].movedim(-1, -3)


def normalized(tiles):
    """Tiles (B, n, 3, h, w) → the same, each with mean 0.5 and deviation 0.25, so that light does not run on from one to the next."""
    mean, deviation = tiles.mean((-3, -2, -1), keepdim=True), tiles.std((-3, -2, -1), keepdim=True)
    return 0.5 + 0.25 * (tiles - mean) / deviation.clamp_min(1e-3)


def hypercolumns(encoder, images, stride):
    """Images (B, C, H, W) → what every block of the encoder says of each place, (B, all channels, H / stride, W / stride).

    Hariharan et al. 2015. Deep maps know what a thing is, shallow ones where exactly it ends.
    """
    size = [side // stride for side in images.shape[-2:]]
    return torch.cat([F.interpolate(maps, size, mode="bilinear", align_corners=False) for maps in encoder.stages(images)], 1)


def coarse(lab, stride):
    """Lab (B, 3, H, W) → the mean of every stride × stride pixels, (B, 3, H / stride, W / stride).

    Raises ValueError for sides that stride does not divide.
    """
    height, width = lab.shape[-2:]
    if height % stride or width % stride:
        raise ValueError(f"pictures of {height} × {width} pixels: want sides that {stride} divides; crop or resize them")
    return F.avg_pool2d(lab, stride)


def check_colour_once(task, lab):
    """Raises ValueError for grey images, Lab (B, 3, H, W), from which no colour can be learnt.

    A GPU would have to wait for the answer in every step, so there only a task's first batch is
    looked at.
    """
    if lab.device.type == "cpu" or not task.colour_checked:
        color.check_colour(lab[:, 1:])
        task.colour_checked = True


def bin_weights(weights):
    """How much each bin of the ab plane counts (Q,), or None → the same, or all alike. Raises ValueError for another shape."""
    bins = len(color.ab_bins())
    if weights is not None and tuple(weights.shape) != (bins,):
        raise ValueError(f"weights {tuple(weights.shape)}: want ({bins},), one a bin, as color.rebalancing(pictures) gives")
    return torch.ones(bins) if weights is None else weights


def follower(*parts):
    """A teacher: a copy of the modules, one after another, that gradients never reach."""
    return copy.deepcopy(nn.Sequential(*parts)).requires_grad_(False)


def follow(teacher, parts, momentum):
    """teacher ← momentum · teacher + (1 − momentum) · student (He et al. 2020, eq. 2); batch norm's statistics are copied,
    since they are moving averages already."""
    student = nn.Sequential(*parts)
    for mine, other in zip(teacher.parameters(), student.parameters()):
        mine.lerp_(other, 1 - momentum)
    for mine, other in zip(teacher.buffers(), student.buffers()):
        mine.copy_(other)
