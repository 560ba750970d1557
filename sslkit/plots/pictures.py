"""Pictures: grids of them, and where in them a network looks."""

import numpy as np
import torch
from matplotlib import colormaps
from torch.nn import functional as F

from ..data.dataset import as_float
from .look import GREY, INK, PALE, RIGHT, WRONG, bare, new, pixels


def image_grid(images, titles=(), *, columns=8, figure=None):
    """Pictures (N, 3, H, W), uint8 or in [0, 1] → Figure: rows of `columns`, each with its title where there is one."""
    pictures = pixels(images)                                     # (N, H, W, 3)
    number, height, width, _ = pictures.shape
    columns = min(columns, number)
    rows = -(-number // columns)
    gap, head = max(1, round(0.06 * width)), round(0.2 * width) if len(titles) else 0
    sheet = np.ones((rows * (height + gap + head) - gap, columns * (width + gap) - gap, 3))
    side = min(1.25, 9 / columns)                                  # inches a picture
    figure = new(figure, (columns * side, rows * side * (height + gap + head) / (width + gap)))
    axes = bare(figure.subplots())
    # One image for all: an axes for each picture takes ten times as long to draw.
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + gap + head) + head, index % columns * (width + gap)
        sheet[top:top + height, left:left + width] = picture
        if index < len(titles):
            axes.text(left + width / 2 - 0.5, top - 0.04 * width - 0.5, titles[index], ha="center", va="bottom",
                      fontsize=9, color=INK)
    axes.imshow(sheet, interpolation="nearest")
    return figure


def contact_sheet(dataset, *, columns=12, figsize=(8, 6.6), figure=None):
    """Dataset → Figure: one row a class, `columns` pictures of each."""
    figure = new(figure, figsize)
    axes = figure.subplots()
    size = dataset.images.shape[-1]
    rows = []
    for label in range(len(dataset.classes)):
        mine = pixels(dataset.images[dataset.labels == label][:columns])                         # (n, H, W, 3)
        row = np.ones((size, columns * size, 3))
        row[:, :len(mine) * size] = mine.transpose(1, 0, 2, 3).reshape(size, -1, 3)
        rows.append(row)
    axes.imshow(np.concatenate(rows), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([size * (row + 0.5) for row in range(len(rows))], dataset.classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def rotations(image, probabilities, turn=None, *, figure=None):
    """A picture (3, H, W) and the probabilities (4,) of its quarter turns → Figure: the picture beside a bar for each.

    turn: the right answer, 0 to 3, which is marked; a wrong guess is drawn in vermilion.
    """
    probabilities = np.asarray(torch.as_tensor(probabilities).cpu(), dtype=float)                 # (4,)
    figure = new(figure, (5.4, 2.4))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    bare(left).imshow(pixels(image[None])[0], interpolation="nearest")
    guess = int(probabilities.argmax())
    for index, value in enumerate(probabilities):
        colour = RIGHT if index == turn or (turn is None and index == guess) else WRONG if index == guess else PALE
        right.barh(index, value, 0.66, color=colour)
        right.text(value + 0.03, index, f"{100 * value:.0f} %", va="center", fontsize=9, color=INK)
    names = [f"{90 * index}°" + (" ✓" if index == turn else "") for index in range(4)]
    right.set_yticks(range(4), names)
    if turn is not None:
        right.get_yticklabels()[turn].set_fontweight("bold")
    right.set(xlim=(0, 1.22), ylim=(3.5, -0.5), xticks=[], title="turned by")
    right.title.set_fontsize(10)
    right.tick_params(length=0)
    right.spines[["top", "right", "bottom"]].set_visible(False)
    right.spines["left"].set_color(GREY)
    return figure


def energy(features, power=2):
    """Feature maps (B, C, h, w) → attention (B, h, w) in [0, 1]: mean over channels of |features|^power.

    Gidaris et al. 2018 take powers 1, 2 and 4 for the first, second and third block. A map without any contrast is 0.
    """
    maps = features.detach().float().abs().pow(power).mean(1)                                     # (B, h, w)
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(1e-12)


def heat(images, maps):
    """Pictures (N, 3, H, W) and maps (N, h, w) in [0, 1] → pictures (N, 3, H, W) in [0, 1], greyed under the colours."""
    images, maps = as_float(torch.as_tensor(images)).cpu(), torch.as_tensor(maps).float().cpu()
    maps = F.interpolate(maps[:, None], images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]      # (N, H, W)
    colours = torch.from_numpy(colormaps["inferno"](maps.numpy())[..., :3]).permute(0, 3, 1, 2)             # (N, 3, H, W)
    return (0.4 * images.mean(1, keepdim=True) + 0.6 * colours).float()


def attention(images, maps, titles=(), *, columns=8, figure=None):
    """Pictures (N, 3, H, W) and maps (N, h, w) in [0, 1] (`energy`) → Figure: pictures above, where features are strong below."""
    images, columns = torch.as_tensor(images), min(columns, len(images))
    below, pairs, names = heat(images, maps), [], []
    for first in range(0, len(images), columns):
        few = as_float(images[first:first + columns]).cpu()
        filler = torch.ones(columns - len(few), *few.shape[1:])
        pairs += [few, filler, below[first:first + columns], filler]
        names += [*titles[first:first + columns], *[""] * (2 * columns - len(titles[first:first + columns]))]
    return image_grid(torch.cat(pairs), names if len(titles) else (), columns=columns, figure=figure)
