"""Two patches of one picture: where they were cut, and where a network says that the second lies."""

import numpy as np
import torch
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from .look import GREY, INK, PALE, RIGHT, WRONG, bare, new, pixels

ARROWS = ("↖", "↑", "↗", "←", "→", "↙", "↓", "↘")                 # of directions 0–7: 0 1 2 / 3 · 4 / 5 6 7


def patch_pairs(images, centre, neighbour, pairs, titles=(), *, figure=None):
    """Where pairs were cut, and what a network gets of them → Figure: one column a pair, its picture above its two patches.

    images: (N, 3, H, W) and pairs (N, 2, 3, p, p), uint8 or in [0, 1]. centre, neighbour: top left corners (N, 2), row and
    column in pixels. The centre is framed in black, its neighbour in blue.
    """
    pictures = pixels(images)                                     # (N, H, W, 3)
    figure = new(figure, (1.5 * len(pictures), 2.5))
    above, below = figure.subplots(2, len(pictures), height_ratios=(1.9, 1), squeeze=False)
    for number, picture in enumerate(pictures):
        bare(above[number]).imshow(picture, interpolation="nearest")
        for corner, colour in ((centre[number], INK), (neighbour[number], RIGHT)):
            _frame(above[number], corner, pairs.shape[-1], colour)
        above[number].set_title(titles[number] if number < len(titles) else "", fontsize=10)
        _side_by_side(below[number], pairs[number])
    return figure


def patch_directions(image, pair, probabilities, centre, corners, *, truth=None, guess=None, shown=True, told=True, figure=None):
    """A pair of patches, and where a network says that the second lies → Figure: the pair, and beside it the picture.

    image: (3, H, W) and pair (2, 3, p, p), uint8 or in [0, 1]. probabilities: (8,), in the order of the directions; the higher, the
    darker its place. centre: top left corner (2,), row and column; corners: (8, 2), those of the eight places, which may lie
    outside the picture. truth, guess: directions 0–7; the true place is framed in blue, a wrong guess in vermilion.
    told=False keeps the eight places and the truth a secret, shown=False the picture. Raises ValueError for wrong shapes.
    """
    probabilities = np.asarray(torch.as_tensor(probabilities).detach().cpu(), dtype=float)        # (8,)
    corners, side = np.asarray(corners), pair.shape[-1]           # (8, 2)
    if probabilities.shape != (8,) or corners.shape != (8, 2):
        raise ValueError(f"probabilities {probabilities.shape} and corners {corners.shape}: want (8,) and (8, 2), one a direction")
    figure = new(figure, (7.4, 3.3))
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    _side_by_side(left, pair, "centre", "its neighbour lies …" if not told else "its neighbour")
    picture = pixels(image[None])[0]                              # (H, W, 3)
    height, width = picture.shape[:2]
    bare(right).imshow(picture if shown else np.ones_like(picture), interpolation="nearest")
    right.add_patch(Rectangle((-0.5, -0.5), width, height, fill=not shown, facecolor=PALE, edgecolor=GREY, linewidth=0.8))
    if shown:
        _frame(right, centre, side, INK)
    else:
        right.text(width / 2, height / 2, "?", fontsize=40, color=GREY, ha="center", va="center")
    if told:
        for corner, share in zip(corners, probabilities):
            right.add_patch(Rectangle(corner[::-1] - 0.5, side, side, facecolor=INK, alpha=0.1 + 0.7 * share, edgecolor="white"))
            weight = "bold" if share == probabilities.max() else "normal"
            text = right.text(*(corner[::-1] + side / 2 - 0.5), f"{100 * share:.0f} %", fontsize=9, color="white", ha="center",
                              va="center", fontweight=weight)
            text.set_path_effects([withStroke(linewidth=2, foreground=INK)])
        for place, colour in ((guess, WRONG), (truth, RIGHT)):    # the truth last: it lies above a guess that is right
            if place is not None:
                _frame(right, corners[place], side, colour)
    around = corners if told else np.zeros((1, 2))                # a secret: not even the rim may tell where the centre lies
    low, high = min(0, around.min()) - 1.5, max(height, width, around.max() + side) + 0.5
    right.set(xlim=(low, high), ylim=(high, low))
    return figure


def _frame(axes, corner, side, colour):
    """Around a patch, to the outer edge of its pixels; white beside the line, so that it is seen on dark pictures as well."""
    row, column = (float(value) - 0.5 for value in corner)
    frame = Rectangle((column, row), side, side, fill=False, edgecolor=colour, linewidth=2)
    frame.set_path_effects([withStroke(linewidth=4, foreground="white")])
    axes.add_patch(frame)


def _side_by_side(axes, pair, *names):
    """Two patches (2, 3, p, p), in the frames that they have in the picture."""
    side = pair.shape[-1]
    for number, (patch, colour) in enumerate(zip(pixels(pair), (INK, RIGHT))):
        left = 1.15 * side * number
        axes.imshow(patch, interpolation="nearest", extent=(left, left + side, side, 0))
        axes.add_patch(Rectangle((left, 0), side, side, fill=False, edgecolor=colour, linewidth=2.5))
        if names:
            axes.text(left + side / 2, -0.05 * side, names[number], ha="center", va="bottom", fontsize=10, color=colour)
    bare(axes).set(xlim=(-0.05 * side, 2.2 * side), ylim=(1.05 * side, -0.05 * side), aspect="equal")
