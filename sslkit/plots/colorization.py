"""Colours as figures: the ab plane with what a network believes of a pixel, and pictures that it has coloured."""

import numpy as np
import torch

from ..color import ab_bins, lab_to_rgb
from .look import GREY, INK, bare, new, pixels


def ab_plane(probabilities=None, *, truth=None, mean=None, lightness=65.0, title="", figure=None):
    """Figure: the bins of the ab plane, each in its colour; with probabilities (Q,), the likelier the larger.

    truth, mean: (a, b) of the right colour (a ring) and of the answer (a cross). lightness: at which the bins are shown.
    """
    bins = ab_bins()                                               # (Q, 2)
    figure = new(figure, (3.6, 3.3))
    axes = figure.subplots()
    lab = torch.cat([torch.full((len(bins), 1), float(lightness)), bins], 1)
    colours = lab_to_rgb(lab[:, :, None, None])[:, :, 0, 0].numpy()                                # (Q, 3)
    share = np.ones(len(bins)) if probabilities is None else np.asarray(torch.as_tensor(probabilities).cpu(), dtype=float)
    share = share / max(share.max(), 1e-12)
    axes.scatter(bins[:, 1], bins[:, 0], s=3, color=colours, marker="s", alpha=0.5, linewidth=0)
    axes.scatter(bins[:, 1], bins[:, 0], s=58 * share, color=colours, marker="s", linewidth=0)
    if truth is not None:
        axes.plot(truth[1], truth[0], "o", markersize=13, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6, label="truth")
    if mean is not None:
        axes.plot(mean[1], mean[0], "x", markersize=9, color=INK, markeredgewidth=2.2, label="answer")
    if truth is not None or mean is not None:
        axes.legend(frameon=False, fontsize=8, loc="upper left", handletextpad=0.3, borderpad=0)
    axes.set(xlim=(-122, 108), ylim=(118, -105), aspect="equal", xlabel="b: blue left, yellow right", ylabel="a: red below, green above")
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    axes.tick_params(labelsize=7, color=GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=10)
    return figure


def colorized(panels, *, place=None, figure=None):
    """{title: picture (3, H, W)} → Figure: the pictures side by side. place: (row, column, side) of a square marked in each, in pixels."""
    figure = new(figure, (2.4 * len(panels), 2.6))
    for axes, (title, picture) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels.items()):
        bare(axes).imshow(pixels(picture[None])[0], interpolation="nearest")
        axes.set_title(title, fontsize=10)
        if place is not None:
            row, column, side = place
            square = np.array([(0, 0), (side, 0), (side, side), (0, side), (0, 0)]) - 0.5
            axes.plot(column + square[:, 0], row + square[:, 1], color="white", linewidth=2.4)
            axes.plot(column + square[:, 0], row + square[:, 1], color=INK, linewidth=1.0)
    return figure
