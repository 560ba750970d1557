"""Masked language modelling as a figure: what became of each token of a text."""

import torch
from matplotlib.patches import FancyBboxPatch

from .look import GREY, INK, RIGHT, WRONG, bare, new, pale

COLUMNS = 88                                                       # letters a line
GREEN = "#009E73"
KINDS = {"hidden": WRONG, "another token": RIGHT, "left as it is": GREEN}


def corruption(pieces, corrupted, chosen, mask="[MASK]", *, figure=None):
    """Pieces of a text before and after (T strings each), which of them are to be told, bool (T,) → Figure: what became of each.

    What is to be told stands in a box, coloured by what became of it; what had stood there is written below. mask: the piece
    that hides.
    """
    chosen = torch.as_tensor(chosen).bool().tolist()
    if not len(pieces) == len(corrupted) == len(chosen):
        raise ValueError(f"{len(pieces)} pieces, {len(corrupted)} after, {len(chosen)} flags: want as many of each")
    spots, lines, counts = [], 1, dict.fromkeys(KINDS, 0)
    column = 0
    for before, after, told in zip(pieces, corrupted, chosen):
        shown, kind = after, None
        if told:
            kind = "hidden" if after == mask else "another token" if after != before else "left as it is"
            counts[kind] += 1
            shown = "?" if kind == "hidden" else after
        width = max(len(shown), len(before) if told else 0, 3 if told else 1) + (1 if told else 0)
        if column + width > COLUMNS:
            column, lines = 0, lines + 1
        spots.append((column, lines - 1, width, shown, before, kind))
        column += width
    figure = new(figure, (9.4, 0.55 * lines + 0.45))
    axes = bare(figure.subplots())
    axes.set(xlim=(-0.5, COLUMNS + 0.5), ylim=(2.2 * lines - 0.6, -1))
    for column, line, width, shown, before, kind in spots:
        level, middle = 2.2 * line, column + width / 2
        if kind is None:
            for place, letter in enumerate(shown):                 # one by one: then a letter is as wide as a column
                axes.text(column + place + 0.5, level, "" if letter == "␣" else letter, ha="center", va="center_baseline",
                          fontsize=9.5,
                          color=GREY if letter in "↵⇥" else INK, family="DejaVu Sans Mono")
            continue
        axes.add_patch(FancyBboxPatch((column + 0.35, level - 0.62), width - 0.7, 1.24, boxstyle="round,pad=0,rounding_size=0.3",
                                      facecolor=pale(KINDS[kind], 0.82), edgecolor=KINDS[kind], linewidth=1.1))
        axes.text(middle, level, shown.lstrip("␣") or shown, ha="center", va="center_baseline", fontsize=9.5, color=KINDS[kind],
                  fontweight="bold",
                  family="DejaVu Sans Mono")
        if kind != "left as it is":
            axes.text(middle, level + 1.05, before.lstrip("␣") or before, ha="center", va="center_baseline", fontsize=8,
                      color=GREY, family="DejaVu Sans Mono")
    keys = [FancyBboxPatch((0, 0), 1, 1, facecolor=pale(colour, 0.82), edgecolor=colour) for colour in KINDS.values()]
    figure.legend(keys, [f"{kind}: {number}" for kind, number in counts.items()], loc="outside lower left", ncols=3, frameon=False,
                  fontsize=9,
                  handlelength=1.4, handleheight=1)
    return figure
