"""Holes for inpainting: functions images (B, 3, H, W) → bool (B, 1, H, W), True where the pixels are taken away."""

from functools import partial

import torch


def box(images, top, left, height, width):
    """→ bool (B, 1, H, W): one box for each image, all four numbers (B,) in pixels. Raises ValueError for boxes larger than the image."""
    rows, columns = images.shape[-2:]
    if height.max() > rows or width.max() > columns:
        raise ValueError(f"a hole of {int(height.max())} × {int(width.max())} pixels in pictures of {rows} × {columns}: want it smaller")
    return _boxes(images, top, left, height, width)


def _boxes(images, top, left, height, width):
    """`box` for numbers known to fit: to look at them would make a GPU wait."""
    rows, columns = images.shape[-2:]
    down, across = torch.arange(rows, device=images.device), torch.arange(columns, device=images.device)
    within = lambda line, start, length: (line >= start[:, None]) & (line < (start + length)[:, None])
    return (within(down, top, height)[:, :, None] & within(across, left, width)[:, None])[:, None]


def centre(images, size=0.5):
    """The hole of the paper's first figure: the middle `size` of the picture's height and width."""
    rows, columns = images.shape[-2:]
    height, width = _share(size, "size") * rows, size * columns
    numbers = (int((rows - height) / 2), int((columns - width) / 2), int(height), int(width))
    return _boxes(images, *(_each(images, number) for number in numbers))


def block(images, low=0.3, high=0.6):
    """For each image a block anywhere, its height and width drawn evenly from [low, high] of the image's."""
    if not 0 < low <= high:
        raise ValueError(f"low={low}, high={high}: want 0 < low <= high, as shares of the picture's side")
    rows, columns = images.shape[-2:]
    share = low + (_share(high, "high") - low) * torch.rand(2, len(images), device=images.device)
    tall, wide = (rows * share[0]).long().clamp_min(1), (columns * share[1]).long().clamp_min(1)
    room = torch.stack([rows - tall + 1, columns - wide + 1])       # (2, B): places for the corner
    corner = (room * torch.rand(2, len(images), device=images.device)).long()
    return _boxes(images, *corner, tall, wide)


def strokes(images, number=4, width=0.12):
    """For each image `number` strokes of a brush: bent lines of three points, `width` of the picture's side thick."""
    _share(width, "width")
    rows, columns = images.shape[-2:]
    points = torch.rand(len(images), number, 3, 2, device=images.device)
    pixel = torch.stack(torch.meshgrid((torch.arange(rows, device=images.device) + 0.5) / rows,
                                       (torch.arange(columns, device=images.device) + 0.5) / columns, indexing="ij"), -1)
    hole = torch.zeros(len(images), 1, rows, columns, dtype=torch.bool, device=images.device)
    for stroke in range(number):
        for piece in range(2):
            start, stop = points[:, stroke, piece, None, None], points[:, stroke, piece + 1, None, None]           # (B, 1, 1, 2)
            along, away = stop - start, pixel - start              # (B, 1, 1, 2), (B, H, W, 2)
            share = ((away * along).sum(-1) / along.square().sum(-1).clamp_min(1e-6)).clamp(0, 1)
            near = (away - share[..., None] * along).square().sum(-1) < (width / 2) ** 2           # (B, H, W)
            hole |= near[:, None]
    return hole


def half(images, side):
    """Spatial prediction: the "top", "bottom", "left" or "right" half of the picture is to be told from the other one."""
    rows, columns = images.shape[-2:]
    boxes = {"top": (0, 0, rows // 2, columns), "bottom": (rows // 2, 0, rows - rows // 2, columns),
             "left": (0, 0, rows, columns // 2), "right": (0, columns // 2, rows, columns - columns // 2)}
    if side not in boxes:
        raise ValueError(f'side="{side}": want "top", "bottom", "left" or "right"')
    return _boxes(images, *(_each(images, number) for number in boxes[side]))


top_half, bottom_half = partial(half, side="top"), partial(half, side="bottom")


def _each(images, number):
    """The same number for each image, (B,)."""
    return torch.full((len(images),), number, device=images.device)


def _share(value, name):
    """Raises ValueError for a share of the picture that is not in (0, 1]."""
    if not 0 < value <= 1:
        raise ValueError(f"{name}={value}: a hole must not be larger than the picture; want a share of its side, above 0 and at most 1")
    return value
