"""Many methods beside one another: by labels, above training from scratch, by what they cost, by what they keep.

Runs are a list of dicts, one for each pretraining or floor: `arm`, `about`, `seconds`, `records`, of the drawn world `factors`.
"""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from ..evaluate import summarise
from .curves import choose
from .look import GREY, INK, RIGHT, WRONG, new, pale, quiet, style

TUNED = ", fine-tuned"
VIT = {"from scratch": "ViT from scratch", "random encoder": "random ViT"}         # floors of an encoder that is a ViT, as MAE's is


def floor_of(arm, floor, there):
    """The name of the floor that an arm is compared with: `floor`, or for MAE's arms that of a ViT where it is among `there`."""
    return VIT[floor] if VIT.get(floor) in there and (arm.startswith("mae") or "ViT" in arm) else floor


def compared(runs, *, methods=None, probe="linear", layer="best", floors=None):
    """Runs → the records to compare, as `choose` returns them: methods judged in one way, and every floor.

    methods: their arms; None for every one. probe: "linear" or "kNN" of the frozen features, or "fine-tuned", where arms have
    their method's plain name and floors that cannot be fine-tuned are probed linearly at their best block. The floors of a ViT
    come along with MAE only. layer: "best" on the validation split, or the number of a block. floors: those wanted, such as
    ("from scratch",), each with the ViT's own; None for every one.
    """
    there = {run["arm"] for run in runs if run["about"]["method"] is None}
    chosen = {run["arm"] for run in runs} - there
    chosen = chosen if methods is None else chosen & set(methods)
    if not any(arm.startswith("mae") for arm in chosen):
        there = there - set(VIT.values())
    floors = there if floors is None else there & {*floors, *(VIT.get(floor) for floor in floors)}
    found = []
    for record in (record for run in runs for record in run["records"]):
        method, tuned, _ = record["arm"].partition(TUNED)
        if record["arm"] in floors or method in chosen and bool(tuned) == (probe == "fine-tuned"):
            found.append({**record, "arm": method})
    return choose(found, probe="linear", layer="best") if probe == "fine-tuned" else choose(found, probe=probe, layer=layer)


def by_labels(records, *, budget=None, title="", figure=None):
    """Records of many arms → Figure: accuracy against labels a class, a band of one deviation, each name at the end of its line.

    budget: marked with a line. For a few arms, `label_curve` has a legend.
    """
    if not records:
        raise ValueError("no records to draw: choose at least one method")
    figure = new(figure, (9, 5))
    axes = figure.subplots()
    _lines(axes, summarise(records), budget)
    axes.set_ylabel("accuracy on the test split, %")
    axes.set_title(title, loc="left", fontsize=10)
    return figure


def advantage(records, reference="from scratch", *, budget=None, title="", figure=None):
    """Records → Figure: accuracy above that of the arm `reference` with the same labels, in points, against labels a class.

    Differences are taken for each draw of labels (`seed`) and then averaged; the band is their standard deviation. MAE's
    arms are compared with the ViT's own reference where there is one (`floor_of`). budget: marked with a line.
    Raises ValueError where the reference, or every draw that an arm shares with it, is missing.
    """
    above = _above(records, reference)
    figure = new(figure, (9, 5))
    axes, there = figure.subplots(), {record["arm"] for record in records}
    own = VIT.get(reference) in there
    axes.axhline(0, color=style(reference)["color"], linewidth=1.4)
    _lines(axes, summarise(above), budget, ends=[(0, reference + " (ViT: its own)" * own, style(reference)["color"])])
    axes.set_ylabel(f"accuracy above {reference}, points")
    axes.set_title(title, loc="left", fontsize=10)
    return figure


def _above(records, reference):
    """Records, each with accuracy − the reference's (mean) at the same budget and seed; those of the references are left out."""
    there = {record["arm"] for record in records}
    if reference not in there:
        raise ValueError(f"no records of {reference!r} to compare with: there are {', '.join(sorted(there)) or 'none'}")
    references, level = {floor_of(arm, reference, there) for arm in there}, {}
    for record in records:
        if record["arm"] in references:
            level.setdefault((record["arm"], record["budget"], record["seed"]), []).append(record["accuracy"])
    found = []
    for record in records:
        key = (floor_of(record["arm"], reference, there), record["budget"], record["seed"])
        if record["arm"] not in references and key in level:
            found.append({**record, "accuracy": record["accuracy"] - sum(level[key]) / len(level[key])})
    lost = there - references - {record["arm"] for record in found}
    if lost or not found:
        raise ValueError(f"{', '.join(sorted(lost)) or 'no other arm'}: no draw of labels shared with {reference!r}; "
                         f"want records with its budgets and seeds")
    return found


def _lines(axes, summary, budget, ends=()):
    """{arm: {budget: (mean, deviation)}} as lines with bands, in per cent, and the names at their right ends."""
    ends, budgets = list(ends), sorted({budget for row in summary.values() for budget in row})
    for arm, row in summary.items():
        look, (means, spread) = _look(arm), 100 * np.nan_to_num(np.array(list(row.values()))).T
        axes.plot(list(row), means, linewidth=1.7, markersize=4.5, label=arm, **look)
        axes.fill_between(list(row), means - spread, means + spread, color=look["color"], alpha=0.1, linewidth=0)
        ends.append((means[-1], arm, look["color"]))
    if budget is not None:
        axes.axvline(budget, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    axes.set(xscale="log", xlabel="labels a class")
    axes.set_xticks(budgets, [str(value) for value in budgets])
    axes.minorticks_off()
    axes.margins(x=0.03)
    limits = axes.get_xlim()
    short = [(100 * row[last][0], last, _look(arm)["color"]) for arm, row in summary.items() if (last := max(row)) < budgets[-1]]
    for mean, last, colour in short:                               # where a line ends early, thin dots lead to its name
        axes.hlines(mean, last, limits[1], color=colour, linewidth=0.8, linestyle=":")
    axes.set_xlim(limits)
    quiet(axes)
    _name_ends(axes, ends)


def _look(arm):
    """`style`, and the floors of a ViT beside those of the other encoder: paler and dashed with dots."""
    look = style(arm)
    return {**look, "color": pale(look["color"], 0.35), "linestyle": "-."} if "ViT" in arm else look


def _name_ends(axes, ends, size=9):
    """Names [(y, name, colour), …] to the right of the axes, each at its y or as near as the others let it."""
    low, high = axes.get_ylim()
    points = axes.bbox.height * 72 / axes.figure.dpi
    places = apart([y for y, _, _ in ends], 1.25 * size / points * (high - low))
    line, edge = {"arrowstyle": "-", "linewidth": 0.7, "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5)}, axes.get_yaxis_transform()
    for (y, name, colour), place in zip(ends, places):
        axes.annotate(name, (1, y), (1.03, place), xycoords=edge, textcoords=edge, va="center", fontsize=size, color=colour,
                      annotation_clip=False, arrowprops={**line, "color": colour})
    axes.set_ylim(low, high)


def apart(places, gap):
    """Numbers (n,) → those nearest to them (least squares), in the same order, of which no two are closer than `gap`.

    This is isotonic regression of what is left when the least distances are taken off: neighbours that would cross are pooled.
    """
    order, pools = np.argsort(places, kind="stable"), []           # a pool: the sum of its numbers, and how many
    for rank, index in enumerate(order):
        pools.append((places[index] - rank * gap, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            (total, count), (more, many) = pools[-2:]
            pools[-2:] = [(total + more, count + many)]
    moved = np.empty(len(places))
    moved[order] = [total / count for total, count in pools for _ in range(count)] + gap * np.arange(len(places))
    return moved


def cost(runs, *, budget, probe="linear", layer="best", title="", figure=None):
    """Runs → Figure: accuracy with `budget` labels a class against minutes of pretraining, one mark a method, floors as lines.

    probe, layer: as of `compared`. Bars are one standard deviation over draws of labels and pretrainings; minutes are the mean over
    pretrainings. What was fine-tuned with these labels is a second, paler mark above or below. Raises ValueError where no
    method has records at this budget, or one has no time.
    """
    minutes = _minutes(runs)
    level = {arm: row[budget] for arm, row in summarise(compared(runs, probe=probe, layer=layer)).items() if budget in row}
    tuned = {} if probe == "fine-tuned" else {
        arm: row[budget] for arm, row in summarise(compared(runs, probe="fine-tuned")).items() if budget in row and arm in minutes}
    methods = [arm for arm in level if arm in minutes]
    if not methods:
        raise ValueError(f"no method has records with {budget} labels a class judged so: choose another budget, probe or block")
    figure = new(figure, (9, 5))
    axes, heights, ends = figure.subplots(), {}, []
    for arm in methods:
        colour = style(arm)["color"]
        heights[arm] = _mark(axes, minutes[arm], level[arm], "o", colour, 8)
        if arm in tuned:
            axes.plot([minutes[arm]] * 2, [100 * level[arm][0], 100 * tuned[arm][0]], color=colour, linewidth=0.8, alpha=0.6)
            heights[arm] += _mark(axes, minutes[arm], tuned[arm], "D", pale(colour, 0.5), 5.5)
    for arm in (arm for arm in level if arm not in minutes):
        look = _look(arm)
        axes.axhline(100 * level[arm][0], color=look["color"], linestyle=look["linestyle"], linewidth=1.3, zorder=1)
        ends.append((100 * level[arm][0], arm, look["color"]))
    few, many = min(minutes[arm] for arm in methods) / 1.35, max(minutes[arm] for arm in methods) * 1.35
    axes.set(xscale="log", xlim=(few, many), xlabel="minutes of pretraining", ylabel="accuracy on the test split, %")
    steps = (1, 2, 5) if many > 12 * few else (1, 1.5, 2, 3, 4, 5, 6, 8)
    ticks = [tick for power in range(-4, 6) for step in steps if few <= (tick := float(f"{step}e{power}")) <= many]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.margins(y=0.1)
    quiet(axes)
    axes.set_title(title or f"{budget} label{'s' * (budget != 1)} a class" + ": circles frozen, diamonds fine-tuned" * bool(tuned),
                   loc="left", fontsize=10)
    _name_ends(axes, ends)
    _name_marks(axes, [(minutes[arm], 100 * level[arm][0], arm, style(arm)["color"]) for arm in methods],
                [(minutes[arm], min(span), max(span)) for arm, span in heights.items()], [y for y, _, _ in ends])
    return figure


def _minutes(runs):
    """Runs → {method's arm: mean minutes of its pretrainings}. Floors have none."""
    seconds = {}
    for run in (run for run in runs if run["about"]["method"] is not None and run["records"]):
        if not run["seconds"].get("pretraining"):
            raise ValueError(f"{run['arm']}: no seconds of pretraining in its run, so what it cost cannot be drawn; leave it out")
        seconds.setdefault(run["arm"], []).append(run["seconds"]["pretraining"])
    return {arm: sum(values) / len(values) / 60 for arm, values in seconds.items()}


def _mark(axes, x, level, marker, colour, size):
    """A mark (mean, deviation) with its bar → where that begins and ends."""
    mean, deviation = 100 * np.nan_to_num(np.array(level))
    axes.errorbar(x, mean, deviation, fmt=marker, color=colour, markersize=size, elinewidth=1.4, markeredgecolor="white", zorder=3)
    return mean - deviation, mean + deviation


def _name_marks(axes, names, marks, levels, size=9):
    """Names [(x, y, name, colour), …] beside their marks [(x, low, high), …], where they hide no mark, no line and no other name.

    levels: heights of the lines across the axes. A name that must go farther off has a line to its mark.
    """
    axes.figure.canvas.figure.draw_without_rendering()             # only now is it known where in pixels the marks will be
    pixel, frame = axes.figure.dpi / 72, axes.bbox
    drawn = [Bbox(axes.transData.transform([(x, low), (x, high)])).padded(5 * pixel) for x, low, high in marks]
    heights = [axes.transData.transform((marks[0][0], level))[1] for level in levels]
    drawn += [Bbox([(frame.x0, height - pixel), (frame.x1, height + pixel)]) for height in heights]
    texts = [axes.annotate(name, (x, y), (0, 0), textcoords="offset points", fontsize=size, color=colour, va="center", zorder=4)
             for x, y, name, colour in names]
    at = [axes.transData.transform((x, y)) for x, y, _, _ in names]
    for text, mark, place in zip(texts, at, beside(at, [text.get_window_extent() for text in texts], drawn, frame, pixel)):
        text.set_position(((place.x0 - mark[0]) / pixel, ((place.y0 + place.y1) / 2 - mark[1]) / pixel))
        if leader := _leader(mark, place, pixel):
            axes.plot(*axes.transData.inverted().transform(leader.vertices).T, color=text.get_color(), linewidth=0.7, zorder=2)


def beside(marks, boxes, drawn, frame, pixel=1.0):
    """Where names may stand: marks, points (n, 2), the box of each name, what is drawn already and the frame (Bbox) → a Bbox each.

    All in pixels; pixel: how many a point has. Each name takes the nearest of a few places about its mark that hides least, given
    those of the others, three times over.
    """
    tries = [[box.translated(x + across * pixel - box.x0, y + up * pixel - (box.y0 + box.y1) / 2)
              for across, up in _around(box.width / pixel)] for (x, y), box in zip(marks, boxes)]
    places = [options[0] for options in tries]
    for name in list(range(len(tries))) * 3:
        others = [(place, _leader(mark, place, pixel)) for other, (mark, place) in enumerate(zip(marks, places)) if other != name]
        places[name] = min(tries[name], key=lambda place: _trouble(place, _leader(marks[name], place, pixel), others, drawn, frame))
    return places


def _trouble(place, leader, others, drawn, frame):
    """How much a name at this place hides; a line to its mark, and what that crosses, weigh less."""
    hidden = sum(place.overlaps(box) for box in drawn) + sum(place.overlaps(box) for box, _ in others)
    struck = sum(line is not None and line.intersects_bbox(place, filled=False) for _, line in others)
    outside = not (frame.x0 <= place.x0 and place.x1 <= frame.x1 and frame.y0 <= place.y0 and place.y1 <= frame.y1)
    if leader is not None:
        struck += 0.1 + sum(leader.intersects_bbox(box, filled=False) for box, _ in others)
        struck += 0.1 * sum(leader.intersects_bbox(box, filled=False) for box in drawn)
    return hidden + struck + 9 * outside


def _leader(mark, place, pixel):
    """The line from a mark to a name that is more than a line of text above or below it, else None."""
    up = (place.y0 + place.y1) / 2 - mark[1]
    return Path([mark, ((place.x0 + place.x1) / 2, place.y0 if up > 0 else place.y1)]) if abs(up) > 15 * pixel else None


def _around(width):
    """Where a name of this width may begin, from its mark, in points: beside it first, then above and below, then farther off."""
    sides = (8, -width - 8, -width / 2)
    return [(8, 0), (-width - 8, 0), *((side, up) for up in (12, -12, 24, -24, 36, -36, 50, -50, 64, -64) for side in sides)]


def kept(runs, *, margin=0.05, title="", figure=None):
    """Runs of the drawn world → Figure: what each method kept and what it erased, a row a method, a column a factor.

    The number is the score of `evaluate.factors`, mean over pretrainings: 0 a guess, 1 all of it. The colour is its distance
    from the score of the same encoder untrained (of the ViT, for MAE), marked from `margin` on: ▲ more can be read off, ▼ less.
    Raises ValueError where no run has factors, or none is of the random encoder.
    """
    scores = _factor_scores(runs)
    if "random encoder" not in scores:
        raise ValueError(f"no factors of the random encoder to compare with: runs with factors are {', '.join(scores) or 'none'}; "
                         f"only those on the drawn world have them")
    floors = {run["arm"] for run in runs if run["about"]["method"] is None}
    arms = sorted(scores, key=lambda arm: arm not in floors)       # the floors on top, all else as it came
    names = list(scores["random encoder"])
    values = np.array([[scores[arm].get(name, np.nan) for name in names] for arm in arms])                # (methods, factors)
    start = np.array([[scores[floor_of(arm, "random encoder", scores)][name] for name in names] for arm in arms])
    change = np.maximum(values, 0) - np.maximum(start, 0)          # below 0 is no better than a guess, however far
    figure = new(figure, (9, 1.5 + 0.33 * len(arms)))
    axes, most = figure.subplots(), max(0.2, np.nanmax(np.abs(change)))
    colours = LinearSegmentedColormap.from_list("kept", [pale(WRONG, 0.25), "white", pale(RIGHT, 0.35)])
    axes.imshow(np.ma.masked_invalid(change), cmap=colours, vmin=-most, vmax=most, aspect="auto")
    for row, column in np.argwhere(~np.isnan(values)):
        moved = change[row, column]
        mark = "▲" if moved >= margin else "▼" if moved <= -margin else ""
        axes.text(column, row, f"{values[row, column]:.2f}".replace("-", "−"), ha="center", va="center", fontsize=9.5, color=INK)
        axes.text(column + 0.24, row, mark, ha="left", va="center", fontsize=7.5, color=INK)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(arms)), arms)
    for label in axes.get_yticklabels():
        label.set_color(_look(label.get_text())["color"])
    axes.axhline(sum(arm in floors for arm in arms) - 0.5, color=GREY, linewidth=0.8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=10, pad=10)
    axes.set_xlabel("The number: what a linear map reads off the features, 0 a guess, 1 all of it.\n"
                    f"Against the same encoder untrained: blue ▲ kept and made plainer, vermilion ▼ erased "
                    f"(by {margin:g} or more).", fontsize=9, color=INK, labelpad=8)
    return figure


def _factor_scores(runs):
    """Runs → {arm: {factor: mean score over pretrainings}}, of those that have factors."""
    found = {}
    for run in runs:
        for name, score in (run.get("factors") or {}).items():
            found.setdefault(run["arm"], {}).setdefault(name, []).append(score)
    return {arm: {name: sum(values) / len(values) for name, values in row.items()} for arm, row in found.items()}
