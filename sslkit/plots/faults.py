"""Forecasts judged: error by how far ahead, and what alarms find at each threshold."""

import numpy as np
import torch

from .look import GREY, INK, PALE, RIGHT, WRONG, measures, new, pale, quiet

LOOKS = ({"color": RIGHT, "linestyle": "-"}, {"color": GREY, "linestyle": "--"}, {"color": WRONG, "linestyle": ":"},
         {"color": INK, "linestyle": "-."})


def horizons(panels, *, unit="minutes ahead", figure=None):
    """{title: {name: errors (horizon,)}} → Figure: a panel a title, a line a name, the error of each moment that was told."""
    if not panels:
        raise ValueError("panels is empty: want at least one, {title: {name: errors (horizon,)}}")
    figure = new(figure, (min(0.6 + 2.6 * len(panels), 10.2), 2.8))
    rows = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, lines) in zip(rows, panels.items()):
        for (name, errors), look in zip(lines.items(), LOOKS):
            errors = np.asarray(torch.as_tensor(errors).detach().cpu(), dtype=float)
            axes.plot(1 + np.arange(len(errors)), errors, label=name, linewidth=1.8, **look)
        axes.set_ylim(bottom=0)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel(unit, fontsize=9, color=INK)
        axes.tick_params(labelsize=8)
        quiet(axes)
    rows[0].set_ylabel("squared error", fontsize=9, color=INK)
    figure.legend(*rows[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def thresholds(curves, *, chosen=None, figure=None):
    """{arm: [(share, precision, recall), …]} → Figure: precision against recall, a dot a threshold.

    chosen: {arm: (precision, recall)}, ringed: where a threshold that someone chose has put each of them.
    """
    figure = new(figure, (4.4, 3.6))
    axes = figure.subplots()
    for (arm, points), look in zip(curves.items(), LOOKS):
        _, precision, recall = zip(*points)
        axes.plot(recall, precision, ".", markersize=6, linewidth=1.5, label=arm, **look)
        if chosen and arm in chosen:
            axes.plot(chosen[arm][1], chosen[arm][0], "o", markersize=11, fillstyle="none", markeredgewidth=2, color=look["color"])
    axes.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.05))
    measures(axes, "recall: faults that were found", "precision: alarms that were right")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    axes.grid(axis="x", alpha=0.25)
    return figure


def found_by_kind(counts, *, figure=None):
    """{arm: {kind: (found, of)}} → Figure: a row a kind, a column an arm, the darker the more were found."""
    arms, kinds = list(counts), list(next(iter(counts.values())))
    figure = new(figure, (1.6 + 1.5 * len(arms), 0.7 + 0.34 * len(kinds)))
    axes = figure.subplots()
    for column, arm in enumerate(arms):
        for row, kind in enumerate(kinds):
            found, of = counts[arm][kind]
            share = found / of
            axes.add_patch(_cell(column, row, pale(RIGHT, 1 - share) if share else PALE))
            axes.text(column, row, f"{found} of {of}", ha="center", va="center", fontsize=9, color="white" if share > 0.55 else INK)
    axes.set(xlim=(-0.5, len(arms) - 0.5), ylim=(len(kinds) - 0.5, -0.5))
    axes.set_xticks(range(len(arms)), [arm.replace(" from ", "\nfrom ").replace(" change ", " change\n") for arm in arms], fontsize=8)
    axes.set_yticks(range(len(kinds)), kinds, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def timeline(levels, faults, alarms, *, figure=None):
    """Levels (T,), each moment's error as a multiple of its limit; faults [(kind, start, stop), …]; alarms bool (T,) → Figure."""
    levels = np.asarray(torch.as_tensor(levels).detach().cpu(), dtype=float)
    rung = np.asarray(torch.as_tensor(alarms).cpu(), dtype=bool)
    figure = new(figure, (9.2, 1.7))
    axes, times = figure.subplots(), np.arange(len(levels))
    shown = np.clip(levels, 1e-2, 1e2)
    axes.plot(times, shown, color=GREY, linewidth=0.5)
    axes.plot(times, np.where(shown > 1, shown, np.nan), color=INK, linewidth=0.8)
    axes.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    for _, start, stop in faults:
        axes.axvspan(start, stop, facecolor=pale(WRONG, 0.65), edgecolor="none", zorder=0)
    axes.fill_between(times, 1.3e2, 2.6e2, where=rung, color=RIGHT, linewidth=0.5)
    axes.set(yscale="log", ylim=(2e-2, 2.9e2), xlim=(0, len(levels)), yticks=[0.1, 1, 10, 100])
    axes.set_yticklabels(["0.1", "limit", "× 10", "× 100"], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel("minute", fontsize=9, color=INK)
    axes.set_title("shaded: faults; blue, above: alarms", loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    quiet(axes)
    return figure


def _cell(column, row, colour):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, facecolor=colour, edgecolor="none")
