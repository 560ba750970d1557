"""The family of self-prediction as a diagram: what is shown, what is hidden, and where what is told comes from."""

import math

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from ..data.scenes import scenes
from .look import GREY, INK, PALE, RIGHT, WRONG, bare, new, pale, pixels

# Kind, what is hidden, what it is told from, methods.
FAMILY = {
    "masked": ("a few parts, anywhere", "all that is left, on both sides", "BERT, MAE"),
    "autoregressive": ("the next element, and all after it", "all before it", "GPT, WaveNet, PixelCNN, iGPT"),
    "temporal": ("the future (or the past)", "the past (or what came after)", "forecasts"),
    "spatial": ("a region of a picture", "the rest of the picture", "inpainting"),
    "hybrid": ("the next word of a code book", "the words before it", "VQ-VAE, then a GPT")}
WIDE, HIGH, LEFT = 92, 15.5, 31                                    # of one row, in tenths of an inch; where its diagram begins


def family(*kinds, figure=None):
    """Kinds of self-prediction, by name (none: all five) → Figure, a row each: pale is shown, vermilion hidden and asked for.

    Blue arrows are where the answer comes from. Raises ValueError for a kind that is not in `FAMILY`.
    """
    strange = [kind for kind in kinds if kind not in FAMILY]
    if strange:
        raise ValueError(f"{', '.join(map(repr, strange))}: want some of {', '.join(FAMILY)}")
    kinds = kinds or tuple(FAMILY)
    figure = new(figure, (WIDE / 10, HIGH / 10 * len(kinds) + 0.3))
    for axes, kind in zip(figure.subplots(len(kinds), 1, squeeze=False)[:, 0], kinds):
        bare(axes)
        DRAWN[kind](axes)
        hidden, told_from, methods = FAMILY[kind]
        axes.add_patch(Rectangle((0, 0.8), 0.7, HIGH - 1.6, facecolor=RIGHT, linewidth=0))
        axes.text(2, HIGH - 2.2, kind, fontsize=13, fontweight="bold", color=INK, va="center")
        for line, (word, text, colour) in enumerate((("hidden:", hidden, WRONG), ("told from:", told_from, RIGHT),
                                                     ("as in:", methods, GREY))):
            axes.text(2, HIGH - 5.4 - 2.9 * line, word, fontsize=8.5, color=GREY, va="center")
            axes.text(9, HIGH - 5.4 - 2.9 * line, text, fontsize=8.5, color=colour, va="center")
        axes.set(xlim=(0, WIDE), ylim=(0, HIGH), aspect="equal")
    keys = [Rectangle((0, 0), 1, 1, facecolor=pale(PALE, 0.3), edgecolor=GREY),
            Rectangle((0, 0), 1, 1, facecolor=pale(WRONG, 0.8), edgecolor=WRONG, linestyle="--"),
            Rectangle((0, 0), 1, 1, **AHEAD)]
    figure.legend(keys, ["shown", "hidden, and asked for", "not seen, not asked for yet"], loc="outside lower right", ncols=3,
                  frameon=False,
                  fontsize=8, handlelength=1.4, handleheight=1)
    return figure


AHEAD = {"facecolor": "none", "edgecolor": "#C4C9D0", "hatch": "////", "linewidth": 0.6}


def _masked(axes):
    words, gone = ("if", "the", "list", "is", "empty"), {2}
    spots = _tokens(axes, words, LEFT + 3, 4, gone, tops=("is", "empty"))
    for place, spot in enumerate(spots):
        if place not in gone:
            _arc(axes, spot, spots[2], 8.2, abs(place - 2))
    image, side, grid = _picture(), 11, 8
    left, bottom = WIDE - side - 3, 2.2
    _image(axes, image, left, bottom, side)
    seen = {(0, 1), (1, 6), (2, 3), (3, 4), (4, 1), (5, 5), (6, 2), (7, 7), (3, 6), (1, 2), (5, 3), (6, 6), (2, 0), (4, 7), (0, 5),
            (7, 4)}
    size = side / grid
    for row in range(grid):
        for column in range(grid):
            if (row, column) not in seen:
                axes.add_patch(Rectangle((left + column * size, bottom + (grid - 1 - row) * size), size, size,
                                         facecolor=pale(WRONG, 0.8),
                                         edgecolor="white", linewidth=0.5, zorder=3))
    axes.add_patch(Rectangle((left, bottom), side, side, fill=False, edgecolor=WRONG, linestyle="--", linewidth=1.1, zorder=4))


def _autoregressive(axes):
    words = ("if", "the", "list", "is", "empty", ",", "it")
    spots = _tokens(axes, words, LEFT + 3, 4, {4}, ahead={5, 6})
    for place in range(4):
        _arc(axes, spots[place], spots[4], 8.2, 4 - place)


def _temporal(axes):
    left, right, cut = LEFT + 3, WIDE - 12, 64
    times = np.linspace(left, right, 240)
    wave = 7.8 + 2.1 * np.sin(times / 3.1) + 1.2 * np.sin(times / 1.3 + 1) + 0.05 * (times - left)
    axes.add_patch(Rectangle((cut, 2), right - cut, 11.4, facecolor=pale(WRONG, 0.88), linewidth=0))
    axes.plot(times[times <= cut], wave[times <= cut], color=INK, linewidth=1.6)
    axes.plot(times[times >= cut], wave[times >= cut], color=WRONG, linewidth=1.4, linestyle=(0, (3, 2)))
    axes.axvline(cut, 2 / HIGH, 13.4 / HIGH, color=GREY, linewidth=0.9)
    axes.text(cut - 1, 1, "now", ha="right", va="center", fontsize=8, color=GREY)
    axes.text(left, 1, "past", va="center", fontsize=8, color=GREY)
    axes.text(right, 1, "future", ha="right", va="center", fontsize=8, color=WRONG)
    _arrow(axes, (cut - 9, 14.2), (cut + 7, 14.2))


def _spatial(axes):
    image, side = _picture(), 11
    for number, (words, rows) in enumerate((("a hole", (0.28, 0.72, 0.28, 0.72)), ("the lower half", (0, 1, 0, 0.5)),
                                            ("the upper half", (0, 1, 0.5, 1)))):
        left, bottom = LEFT + 3 + number * 17, 3.2
        _image(axes, image, left, bottom, side)
        x, right, y, top = (left + rows[0] * side, left + rows[1] * side, bottom + rows[2] * side, bottom + rows[3] * side)
        axes.add_patch(Rectangle((x, y), right - x, top - y, facecolor=pale(WRONG, 0.85), edgecolor=WRONG, linestyle="--",
                                 linewidth=1.1, zorder=3))
        axes.text(left + side / 2, 1.5, words, ha="center", va="center", fontsize=8, color=GREY)
        middle, away = (x + right) / 2, 2.4
        if number:
            beyond = top if number == 1 else y
            sign = 1 if number == 1 else -1
            for step in (-3.4, 0, 3.4):
                _arrow(axes, (middle + step, beyond + sign * away), (middle + step, beyond - sign * 1.6))
        else:
            for angle in range(0, 360, 45):
                way = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
                centre = np.array([middle, (y + top) / 2])
                _arrow(axes, centre + 5 * way, centre + 2 * way)


def _hybrid(axes):
    image, side, grid = _picture(), 10, 5
    left, bottom = LEFT + 3, 3.4
    _image(axes, image, left, bottom, side)
    axes.text(left + side / 2, 1.7, "a picture", ha="center", va="center", fontsize=8, color=GREY)
    _arrow(axes, (left + side + 0.8, 8.4), (left + side + 5, 8.4), RIGHT)
    light = np.array([part.mean() for row in np.array_split(image, grid) for part in np.array_split(row, grid,
                                                                                                    axis=1)])      # of each cell
    codes = (light.argsort().argsort() * 6 // grid ** 2).reshape(grid, grid)                      # like cells get like words
    colours = ("#56B4E9", "#009E73", "#E8C547", "#CC79A7", "#8C6BB1", "#A5A5A5")
    first, size = left + side + 6, side / grid
    for row in range(grid):
        for column in range(grid):
            axes.add_patch(Rectangle((first + column * size, bottom + (grid - 1 - row) * size), size, size,
                                     facecolor=pale(colours[codes[row, column]], 0.25),
                                     edgecolor="white", linewidth=0.8))
    axes.text(first + side / 2, 1.7, "its words (VQ-VAE)", ha="center", va="center", fontsize=8, color=GREY)
    _arrow(axes, (first + side + 0.8, 8.4), (first + side + 5, 8.4), RIGHT)
    line, gone, size = first + side + 6, 6, 2.3
    for place in range(9):
        box = (line + place * (size + 0.25), 6.2)
        if place < gone:
            axes.add_patch(Rectangle(box, size, size, facecolor=pale(colours[codes.flat[place]], 0.25), edgecolor="white"))
            _arc(axes, (box[0], size, 6.2, size), (line + gone * (size + 0.25), size, 6.2, size), 6.2 + size, gone - place)
        elif place == gone:
            axes.add_patch(Rectangle(box, size, size, facecolor=pale(WRONG, 0.8), edgecolor=WRONG, linestyle="--", linewidth=1.1))
            axes.text(box[0] + size / 2, box[1] + size / 2, "?", ha="center", va="center", fontsize=9, color=WRONG,
                      fontweight="bold")
        else:
            axes.add_patch(Rectangle(box, size, size, **AHEAD))
    axes.text(line + 4.5 * (size + 0.25), 1.7, "the next word (GPT)", ha="center", va="center", fontsize=8, color=GREY)


DRAWN = {"masked": _masked, "autoregressive": _autoregressive, "temporal": _temporal, "spatial": _spatial, "hybrid": _hybrid}


def _tokens(axes, words, left, bottom, gone, *, ahead=(), tops=()):
    """Boxes for words, one after another → (left, width, bottom, height) of each."""
    spots = []
    for place, word in enumerate(words):
        width = 2.4 + 1.05 * len(word)
        look = ({"facecolor": pale(WRONG, 0.8), "edgecolor": WRONG, "linestyle": "--"} if place in gone else
                AHEAD if place in ahead else {"facecolor": pale(PALE, 0.3), "edgecolor": GREY})
        axes.add_patch(FancyBboxPatch((left, bottom), width, 4, boxstyle="round,pad=0,rounding_size=0.6",
                                      **{"linewidth": 1.1, **look}))
        axes.text(left + width / 2, bottom + 2, "?" if place in gone else "" if place in ahead else word, ha="center",
                  va="center_baseline",
                  fontsize=10.5, color=WRONG if place in gone else INK, fontweight="bold" if place in gone else None)
        spots.append((left, width, bottom, 4))
        left += width + 1.1
    return spots


def _arc(axes, start, stop, top, steps):
    """An arrow over the boxes between two boxes, the higher the farther they are apart."""
    from_x, to_x = start[0] + start[1] / 2, stop[0] + stop[1] / 2
    curve = -0.42 if from_x < to_x else 0.42
    axes.add_patch(FancyArrowPatch((from_x, top + 0.2), (to_x, top + 0.2), connectionstyle=f"arc3,rad={curve}", arrowstyle="-|>",
                                   mutation_scale=8,
                                   color=RIGHT, linewidth=1, shrinkA=0, shrinkB=1))


def _arrow(axes, start, stop, colour=RIGHT):
    axes.add_patch(FancyArrowPatch(tuple(start), tuple(stop), arrowstyle="-|>", mutation_scale=9, color=colour, linewidth=1.5,
                                   shrinkA=0, shrinkB=0,
                                   zorder=5))


def _image(axes, image, left, bottom, side):
    axes.imshow(image, extent=(left, left + side, bottom, bottom + side), interpolation="nearest", zorder=2)


def _picture():
    """One picture of the drawn world, (H, W, 3)."""
    return pixels(scenes(6, 48, split="validation").images[2:3])[0]
