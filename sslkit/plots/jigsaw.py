"""Puzzles as figures: the tiles as they lie, and how far apart the permutations are that shuffle them."""

import numpy as np
import torch
from matplotlib.patches import Rectangle

from .look import GREY, INK, RIGHT, WRONG, bare, new, pixels


def puzzle(tiles, *, numbers=None, in_place=None, marked=None, title="", figure=None):
    """Tiles (grid², 3, h, w), uint8 or in [0, 1], in the order in which they lie → Figure: the puzzle, its places numbered from 1.

    numbers: what to write on the tiles instead, (grid²,). in_place: bool (grid²,), framed in blue where True, in vermilion where False;
    None: no frames. marked: the place that was picked up. Raises ValueError for a number of tiles that is no square.
    """
    pictures = pixels(tiles)                                       # (grid², h, w, 3)
    grid = round(len(pictures) ** 0.5)
    if grid ** 2 != len(pictures):
        raise ValueError(f"{len(pictures)} tiles do not make a square: want 4, 9, …")
    side = pictures.shape[1]
    step = side + max(1, round(0.12 * side))
    figure = new(figure, (3.4, 3.5))
    axes = bare(figure.subplots())
    for place, picture in enumerate(pictures):
        top, left = place // grid * step, place % grid * step
        axes.imshow(picture, extent=(left, left + side, top + side, top), interpolation="nearest")
        if in_place is not None or place == marked:
            colour = INK if place == marked else RIGHT if in_place[place] else WRONG
            axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=colour, linewidth=4 if place == marked else 2))
        number = place + 1 if numbers is None else int(numbers[place])
        axes.text(left + 0.06 * side, top + 0.06 * side, str(number), ha="left", va="top", fontsize=9, color="white",
                  fontweight="bold", bbox={"boxstyle": "round,pad=0.2", "facecolor": INK, "edgecolor": "none", "alpha": 0.75})
    edge = 0.04 * side
    axes.set(xlim=(-edge, grid * step - step + side + edge), ylim=(grid * step - step + side + edge, -edge), aspect="equal")
    axes.set_title(title, fontsize=10)
    return figure


def permutation_distances(distances, *, one=None, other=None, title="", figure=None):
    """Hamming distances (K, K) of a permutation set → Figure: the matrix, and how often each distance occurs.

    one, other: two permutations whose row and column are marked, and where they meet: in blue if they are the same, in vermilion if
    not. One alone is dark.
    """
    distances = np.asarray(torch.as_tensor(distances))
    apart = distances[~np.eye(len(distances), dtype=bool)]
    colour = INK if one is None or other is None else RIGHT if one == other else WRONG
    figure = new(figure, (5.6, 2.9))
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    left.imshow(distances, cmap="Greys", vmin=0, vmax=max(1, distances.max()), interpolation="nearest")
    for number, line in ((one, left.axhline), (other, left.axvline)):
        if number is not None:
            line(number, color=colour, linewidth=1.2)
    if one is not None and other is not None:
        left.plot(other, one, "o", markersize=9, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=2)
    left.set_xlabel("permutation", fontsize=8)
    left.set_title(title or "how many places differ", fontsize=10)
    values = np.arange(0, distances.max() + 1)
    right.bar(values, [100 * (apart == value).mean() for value in values], color=GREY, width=0.75)
    right.set(xticks=values, xlabel="places that differ", ylabel="share of pairs, %")
    right.xaxis.label.set_fontsize(8)
    right.yaxis.label.set_fontsize(8)
    right.set_title(f"mean {apart.mean():.2f}, least {apart.min()}", fontsize=10)
    right.spines[["top", "right"]].set_visible(False)
    for axes in (left, right):
        axes.tick_params(labelsize=7, color=GREY)
    return figure
