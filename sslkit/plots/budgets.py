"""Accuracy against compute: what a method reaches for how many encoder FLOPs, beside what needs none."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..evaluate import levels_by_compute
from .comparison import _look, _name_ends
from .look import new, quiet

BASELINES = ("random encoder", "raw pixels", "from scratch")


def against_compute(
    runs: Sequence[dict],
    *,
    budgets: Sequence[int] | None = None,
    rule: str = "chosen",
    probe: str = "linear",
    methods: Sequence[str] | None = None,
    title: str = "",
    figure: Figure | None = None,
) -> Figure:
    """Runs of a study → Figure: a panel for each label budget; accuracy on the test split, %,
    against encoder FLOPs of pretraining.

    A point is the mean over pretrainings (each the mean over its label subsets), its bar their
    standard deviation. Baselines, which need no pretraining, are lines; training from scratch,
    where it was measured, is that to convergence. budgets: labels per class, None: the two largest
    that every method has. rule: block, "chosen" or "last". methods: their names, None for all.
    Raises ValueError where no run has such records.
    """
    levels = levels_by_compute(runs, rule=rule, probe=probe)
    shown = [
        name
        for name in levels
        if name not in BASELINES and (methods is None or name in methods) and max(levels[name]) > 0
    ]
    if not shown:
        raise ValueError(
            f"no method has records of the {probe} probe, rule {rule!r}: run `python -m sslkit compare`"
        )
    there = set.intersection(
        *({budget for row in levels[name].values() for budget in row} for name in shown)
    )
    budgets = sorted(there)[-2:] if budgets is None else list(budgets)
    if not budgets or not set(budgets) <= there:
        raise ValueError(
            f"labels per class {budgets}: every method has {sorted(there)}; choose among these"
        )
    figure = new(figure, (5.4 * len(budgets), 4.6))
    panels = figure.subplots(1, len(budgets), squeeze=False)[0]
    for axes, budget in zip(panels, budgets):
        ends = []
        for name in shown:
            flops = [compute for compute in sorted(levels[name]) if budget in levels[name][compute]]
            mean, deviation = 100 * np.array([levels[name][compute][budget] for compute in flops]).T
            look = _look(name)
            axes.errorbar(
                flops,
                mean,
                np.nan_to_num(deviation),
                linewidth=1.6,
                markersize=4.5,
                elinewidth=1,
                **look,
            )
            ends.append((mean[-1], name, look["color"]))
        for name in BASELINES:
            if budget in levels.get(name, {}).get(0, {}):
                look, level = _look(name), 100 * levels[name][0][budget][0]
                axes.axhline(
                    level, color=look["color"], linestyle=look["linestyle"], linewidth=1.2, zorder=1
                )
                ends.append((level, name, look["color"]))
        axes.set(
            xscale="log",
            xlabel="encoder FLOPs of pretraining",
            ylabel="accuracy on the test split, %",
        )
        axes.set_title(f"{budget} label{'s' * (budget != 1)} per class", loc="left", fontsize=10)
        axes.margins(x=0.06, y=0.08)
        quiet(axes)
        _name_ends(axes, ends)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure
