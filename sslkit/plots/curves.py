"""Numbers as figures: curves of training, accuracy by labels and by layer, bars."""

import math

import numpy as np

from ..evaluate import summarise
from .look import BRANCHES, GREY, INK, PALE, RIGHT, WRONG, new, quiet, style


def training(history, *, chance=None, title="", figure=None):
    """The history of `train` → Figure: one panel for the loss, one for accuracies in per cent, one for each other log.

    chance: accuracy of blind guessing in [0, 1], drawn as a line. Records need not all hold the same logs.
    """
    if not history:
        raise ValueError("history is empty: there is nothing to draw before the first step")
    names = list(dict.fromkeys(name for record in history for name in record if name not in ("step", "lr", "seconds")
                               and isinstance(record[name], (int, float))))
    panels = {}
    for name in names:
        panels.setdefault("accuracy, %" if "accuracy" in name else name, []).append(name)
    across = min(len(panels), 4)
    down = -(-len(panels) // across)
    figure = new(figure, (min(10, 3.6 * across), 2.6 * down))
    every = figure.subplots(down, across, squeeze=False).flatten()
    for axes in every[len(panels):]:
        axes.set_visible(False)
    for axes, (panel, lines) in zip(every, panels.items()):
        scale = 100 if panel == "accuracy, %" else 1
        for line, colour in zip(lines, [RIGHT, *BRANCHES[1:], WRONG, GREY] * len(lines)):
            points = [(record["step"], scale * record[line]) for record in history if line in record]
            axes.plot(*zip(*points), "-" if len(points) > 1 else "o", color=colour, linewidth=1.6, label=line)
            axes.plot(*points[-1], "o", color=colour, markersize=4)
        if scale == 100 and chance is not None:
            axes.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1)
            axes.annotate("chance", (1, 100 * chance), xycoords=("axes fraction", "data"), xytext=(-2, 2),
                          textcoords="offset points", ha="right", fontsize=8, color=GREY)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=8)
        axes.set_title(f"{lines[0]}, %" if scale == 100 and len(lines) == 1 else panel, loc="left", fontsize=10)
        axes.set_xlabel("step")
        quiet(axes)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def label_curve(records, *, title="", budget=None, figsize=(6.4, 4.2), figure=None):
    """Records of `evaluate.label_curve` → Figure: accuracy against labels a class, a band of one standard deviation.

    budget: marked with a line, and the accuracy of each arm there.
    """
    if not records:
        raise ValueError("no records to draw: choose at least one arm")
    figure = new(figure, figsize)
    axes, all_budgets = figure.subplots(), sorted({record["budget"] for record in records})
    for arm, row in summarise(records).items():
        budgets, means = list(row), [100 * mean for mean, _ in row.values()]
        spread = [0 if deviation != deviation else 100 * deviation for _, deviation in row.values()]
        look = style(arm)
        axes.plot(budgets, means, label=arm, linewidth=1.8, markersize=5, **look)
        axes.fill_between(budgets, [m - s for m, s in zip(means, spread)], [m + s for m, s in zip(means, spread)],
                          color=look["color"], alpha=0.15, linewidth=0)
        if budget in row:
            axes.plot(budget, 100 * row[budget][0], look["marker"], color=look["color"], markersize=10,
                      markeredgecolor="white", markeredgewidth=1.5, zorder=5)
    if budget is not None:
        axes.axvline(budget, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    axes.set(xscale="log", xlabel="labels a class", ylabel="accuracy on the test split, %", title=title)
    axes.set_xticks(all_budgets, [str(value) for value in all_budgets])
    axes.minorticks_off()
    quiet(axes)
    axes.legend(frameon=False, fontsize=9)
    return figure


def choose(records, *, arms=None, probe="all", layer="all"):
    """Records → those that a reader asked for, as a list of records that `label_curve` can draw.

    arms: names, None for every one. probe, layer: one of those in the records; "all" makes an arm of each; "best" keeps, for
    each arm, budget, seed and pretraining, the one with the highest accuracy on the validation split. Records that name no
    probe or layer pass. Raises ValueError where "best" is asked of records without validation.
    """
    chosen = [dict(record) for record in records if arms is None or record["arm"] in arms]
    for field, wanted in (("probe", probe), ("layer", layer)):
        values = {record[field] for record in chosen if record.get(field) is not None}
        if wanted not in ("all", "best"):
            chosen = [record for record in chosen if record.get(field) in (None, wanted)]
        elif wanted == "all" and len(values) > 1:
            for record in chosen:
                if record.get(field) is not None:
                    record["arm"] += f", {'block ' if field == 'layer' else ''}{record[field]}"
    if "best" in (probe, layer):
        best = {}
        for record in chosen:
            if "validation" not in record:
                raise ValueError(f'{record["arm"]}: no accuracy on the validation split to choose the best by')
            key = (record["arm"], record["budget"], record["seed"], record.get("pretraining"))
            if key not in best or record["validation"] > best[key]["validation"]:
                best[key] = record
        chosen = list(best.values())
    return chosen


def labels_needed(curve, accuracy):
    """{labels a class: accuracy} → labels a class at which the curve first reaches `accuracy`.

    Between two budgets accuracy is taken to grow with the logarithm of the labels. math.inf where it is never reached, the
    smallest budget where that one is enough. Raises ValueError for an empty curve.
    """
    if not curve:
        raise ValueError("the curve has no points: want {labels a class: accuracy}")
    points = sorted(curve.items())
    if points[0][1] >= accuracy:
        return float(points[0][0])
    for (few, below), (many, above) in zip(points, points[1:]):
        if below < accuracy <= above:
            return few * (many / few) ** ((accuracy - below) / (above - below))
    return math.inf


def layers(accuracies, *, chance=None, title="", figure=None):
    """{encoder: accuracy of each layer, or a list over seeds for each} → Figure: accuracy by layer, one line an encoder."""
    figure = new(figure, (5.2, 3.4))
    axes, deepest = figure.subplots(), 0
    for arm, row in accuracies.items():
        seeds = [np.atleast_1d(np.asarray(values, dtype=float)) * 100 for values in row]
        means = np.array([values.mean() for values in seeds])
        spread = np.array([values.std(ddof=1) if len(values) > 1 else 0 for values in seeds])
        depth, look = np.arange(1, len(row) + 1), style(arm)
        deepest = max(deepest, len(row))
        if len(row) == 1:                                          # what has no layers is a level to compare with
            axes.axhline(means[0], linestyle=look["linestyle"], color=look["color"], linewidth=1.6, label=arm)
            continue
        axes.plot(depth, means, linewidth=1.8, markersize=6, label=arm, **look)
        axes.fill_between(depth, means - spread, means + spread, color=look["color"], alpha=0.15, linewidth=0)
        axes.plot(depth[means.argmax()], means.max(), look["marker"], color=look["color"], markersize=11,
                  markeredgecolor="white", markeredgewidth=1.5, zorder=5)
    if chance is not None:
        axes.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1, label="chance")
    axes.set_xticks(range(1, deepest + 1), [f"block {depth}" for depth in range(1, deepest + 1)])
    axes.set(ylabel="accuracy, %", title=title)
    quiet(axes)
    axes.legend(frameon=False, fontsize=9)
    return figure


def bars(values, *, chance=None, title="", figure=None):
    """{name: share in [0, 1]} → Figure: one bar each, the largest on top."""
    figure = new(figure, (5.2, 0.6 + 0.27 * len(values)))
    axes, ordered = figure.subplots(), sorted(values.items(), key=lambda item: item[1])
    for place, (name, value) in enumerate(ordered):
        axes.barh(place, 100 * value, 0.7, color=RIGHT)
        axes.text(100 * value + 1, place, f"{100 * value:.0f} %", va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered])
    if chance is not None:
        axes.axvline(100 * chance, color=INK, linestyle=":", linewidth=1)
        axes.annotate("chance", (100 * chance, 1), xycoords=("data", "axes fraction"), xytext=(3, 1), textcoords="offset points",
                      fontsize=8, color=INK)
    axes.set(xlim=(0, 112), xticks=[])
    axes.set_title(title, fontsize=10, loc="left", pad=14)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def grid(values, rows, columns, *, title="", unit="%", figure=None):
    """Numbers (rows, columns), NaN where there is none → Figure: each in its cell, the larger the darker."""
    values = np.asarray(values, dtype=float)
    figure = new(figure, (1.6 + 0.85 * len(columns), 0.9 + 0.5 * len(rows)))
    axes = figure.subplots()
    axes.imshow(np.ma.masked_invalid(values), cmap="Blues", aspect="auto", alpha=0.85)
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for row, column in np.argwhere(~np.isnan(values)):
        axes.text(column, row, f"{values[row, column]:.1f}", ha="center", va="center", fontsize=10,
                  color="white" if values[row, column] > middle else INK)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_title(title + f", {unit}" * bool(unit), loc="left", fontsize=10)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def factors(scores, *, title="", figure=None):
    """{encoder: {factor: score}} of `evaluate.factors` → Figure: one row a factor, one mark an encoder, 0 a guess, 1 all of it.

    Marks look as the arms do elsewhere (`style`); scores below 0 are drawn at 0.
    """
    if not scores:
        raise ValueError("no scores to draw: want {encoder: {factor: score}}")
    names = list(next(iter(scores.values())))
    figure = new(figure, (6.8, 0.9 + 0.36 * len(names)))
    axes, height = figure.subplots(), {name: len(names) - 1 - place for place, name in enumerate(names)}
    for name in names:
        values = [max(0, row[name]) for row in scores.values()]
        axes.plot([min(values), max(values)], [height[name]] * 2, color=PALE, linewidth=4, solid_capstyle="round", zorder=1)
    for arm, row in scores.items():
        look = style(arm)
        axes.plot([max(0, row[name]) for name in names], [height[name] for name in names], look["marker"], color=look["color"],
                  markersize=7, markeredgecolor="white", label=arm, linestyle="", zorder=2)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.6, len(names) - 0.4), xticks=[0, 0.25, 0.5, 0.75, 1])
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0: a guess", "0.25", "0.5", "0.75", "1: all of it"])
    axes.set_yticks(list(height.values()), names)
    axes.set_title(title or "how well each fact can be read off the features", loc="left", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="x", alpha=0.25)
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
