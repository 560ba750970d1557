"""Arrays → matplotlib Figures. Pictures know tasks; tasks know no pictures. No widgets here, and no pyplot.

Every function draws into a new Figure, or into the `figure` (or subfigure) it is given, and returns it.
"""

import io
import math
import re
from pathlib import Path

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch.nn import functional as F

from .data.dataset import as_float
from .evaluate import summarise

# Okabe & Ito's colours, which colour-blind readers can tell apart. Floors are grey, labels alone are vermilion, what was
# learnt without labels has its method's colour in every figure.
INK, GREY, PALE, RIGHT, WRONG = "#2B2B2B", "#7A7A7A", "#D9DDE3", "#0072B2", "#D55E00"
METHODS = {"rotation": "#0072B2", "jigsaw": "#009E73", "relative patch": "#CC79A7", "colorization": "#B58900",
           "inpainting": "#56B4E9", "simclr": "#0F5257", "moco": "#7B3F98", "byol": "#4C9F38", "mae": "#8B5E3C"}

# The map of the field: branch, what it asks, its topics and the notebook that tells of each.
FIELD = (
    ("Pretext tasks", "change a picture, ask what was changed", (
        ("rotation", "01_rotation"), ("jigsaw puzzle", "02_jigsaw"), ("relative patch", "03_relative_patch"),
        ("colorization", "04_colorization"), ("split-brain", "04_colorization"), ("inpainting", "05_inpainting"))),
    ("Self-prediction", "hide a part, predict it from the rest", (
        ("masked", "10_mae"), ("autoregressive", "06_self_prediction"), ("temporal", "06_self_prediction"),
        ("spatial", "06_self_prediction"), ("hybrid", "06_self_prediction"))),
    ("Contrastive learning", "two views of one picture agree", (
        ("losses", "07_contrastive_losses"), ("SimCLR", "08_simclr"), ("MoCo", "09_moco_byol"), ("BYOL", "09_moco_byol"))),
    ("Evaluation", "what was learnt, and what is it worth?", (
        ("linear probe", "01_rotation"), ("low-label curve", "01_rotation"), ("comparison", "11_comparison"))))
BRANCHES = ("#0072B2", "#009E73", "#CC79A7", "#B58900")


class Picture(Figure):
    """A Figure that a notebook shows as the last line of a cell, as it does pyplot's, though pyplot never saw it."""

    def _repr_png_(self):
        return png(self)


def png(figure, dpi=None):
    """Figure → the bytes of a PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi or figure.dpi)
    return stream.getvalue()


def new(figure, figsize):
    """The figure given, or a new one of `figsize` inches."""
    return Picture(figsize=figsize, dpi=110, layout="constrained", facecolor="white") if figure is None else figure


def style(arm):
    """How the line of an arm looks, the same in every figure: a dict for `axes.plot`.

    "raw pixels …", "random encoder …" and "from scratch" are known by these words; any other arm begins with the name
    of its method: "rotation, linear probe". What is fine-tuned is a paler, broken line in the method's colour, a single
    "block 2" a shade of it.
    """
    words = arm.lower()
    if "raw pixels" in words:
        return {"color": "#A5A5A5", "linestyle": ":", "marker": "^"}
    if "random" in words:
        return {"color": "#666666", "linestyle": "--", "marker": "s"}
    if "scratch" in words:
        return {"color": WRONG, "linestyle": "-", "marker": "v"}
    method = words.split(",")[0].strip()
    colours = list(METHODS.values())
    colour = METHODS.get(method) or colours[sum(map(ord, method)) % len(colours)]
    if "fine-tuned" in words:
        return {"color": pale(colour, 0.3), "linestyle": (0, (4, 1.5)), "marker": "D"}
    if "block" in words:                                           # one layer of the encoder: the deeper, the darker
        depth = int((re.search(r"block (\d+)", words) or [0, 0])[1])
        return {"color": pale(colour, max(0.0, 0.7 - 0.15 * depth)), "linestyle": ":" if "knn" in words else "-", "marker": "."}
    return {"color": colour, "linestyle": "-", "marker": "o"}


def pale(colour, share):
    """A colour mixed with `share` of white."""
    return tuple((1 - share) * channel + share for channel in to_rgb(colour))


# Pictures ------------------------------------------------------------------------------------------------------------

def image_grid(images, titles=(), *, columns=8, figure=None):
    """Pictures (N, 3, H, W), uint8 or in [0, 1] → Figure: rows of `columns`, each with its title where there is one."""
    pictures = _pixels(images)                                     # (N, H, W, 3)
    number, height, width, _ = pictures.shape
    columns = min(columns, number)
    rows = -(-number // columns)
    gap, head = max(1, round(0.06 * width)), round(0.2 * width) if len(titles) else 0
    sheet = np.ones((rows * (height + gap + head) - gap, columns * (width + gap) - gap, 3))
    side = min(1.25, 9 / columns)                                  # inches a picture
    figure = new(figure, (columns * side, rows * side * (height + gap + head) / (width + gap)))
    axes = _bare(figure.subplots())
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
        mine = _pixels(dataset.images[dataset.labels == label][:columns])                         # (n, H, W, 3)
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
    _bare(left).imshow(_pixels(image[None])[0], interpolation="nearest")
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


# Curves --------------------------------------------------------------------------------------------------------------

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
    figure = new(figure, (min(10, 3.6 * len(panels)), 2.6))
    for axes, (panel, lines) in zip(np.atleast_1d(figure.subplots(1, len(panels), squeeze=False)[0]), panels.items()):
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
        axes.set_title(panel, loc="left", fontsize=10)
        axes.set_xlabel("step")
        _quiet(axes)
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
    _quiet(axes)
    axes.legend(frameon=False, fontsize=9)
    return figure


def choose(records, *, arms=None, probe="all", layer="all"):
    """Records → those that a reader asked for, as a list of records that `label_curve` can draw.

    arms: names, None for every one. probe, layer: one of those in the records; "all" makes an arm of each; "best" keeps, for
    each arm, budget and seed, the one with the highest accuracy on the validation split. Records that name no
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
            key = (record["arm"], record["budget"], record["seed"])
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
    _quiet(axes)
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


# Diagrams ------------------------------------------------------------------------------------------------------------

def pipeline(*, figure=None):
    """Figure: the two stages. Pretrain on many pictures without labels, then adapt with few labels."""
    figure = new(figure, (9.2, 3.5))
    axes = _canvas(figure, 100, 38)
    for top, colour, heading in ((38, RIGHT, "1   Pretrain: many pictures, no labels"),
                                 (17, WRONG, "2   Adapt: few labels")):
        axes.add_patch(FancyBboxPatch((1, top - 17.5), 98, 16.5, boxstyle="round,pad=0,rounding_size=1.2",
                                      facecolor=pale(colour, 0.93), edgecolor="none"))
        axes.text(2.5, top - 2.2, heading, fontsize=11, fontweight="bold", color=colour, va="top")
    upper, lower = 25.5, 4.5
    _box(axes, 3, upper, 15, 7, "pictures", "100,000s of them", RIGHT)
    _box(axes, 24, upper, 19, 7, "make a problem", "turn each, keep the turn", RIGHT)
    _box(axes, 49, upper, 17, 7, "encoder", "kept", RIGHT, full=True)
    _box(axes, 72, upper, 10.5, 7, "head", "thrown away", GREY)
    _box(axes, 87, upper, 10.5, 7, "answer", "“90°”", RIGHT)
    _box(axes, 24, lower, 19, 7, "pictures + labels", "5 a class", WRONG)
    _box(axes, 49, lower, 17, 7, "encoder", "frozen or fine-tuned", RIGHT, full=True)
    _box(axes, 72, lower, 10.5, 7, "new head", "linear", WRONG)
    _box(axes, 87, lower, 10.5, 7, "answer", "“a boat”", WRONG)
    for level, stops in ((upper, (18, 24, 43, 49, 66, 72, 82.5, 87)), (lower, (43, 49, 66, 72, 82.5, 87))):
        for start, stop in zip(stops[::2], stops[1::2]):
            _arrow(axes, (start + 0.4, level + 3.5), (stop - 0.4, level + 3.5), GREY)
    _arrow(axes, (57.5, upper - 0.5), (57.5, lower + 7.5), RIGHT, 2.2)
    axes.text(59, 18.3, "what it learnt", fontsize=9, color=RIGHT, va="center")
    return figure


def field_map(folder=None, *, figure=None):
    """Figure: the map of the field, for readers without HTML. Topics whose notebook is in `folder` stand out (None: all)."""
    figure = new(figure, (9.6, 4.3))
    axes = _canvas(figure, 104, 47)
    _box(axes, 32, 39.5, 40, 6.5, "Self-supervised learning", "00_start_here", INK, full=True, size=11)
    for column, ((branch, asks, topics), colour) in enumerate(zip(FIELD, BRANCHES)):
        left = 1 + 26 * column
        axes.plot([52, 52, left + 12, left + 12], [39.5, 37.6, 37.6, 36], color=PALE, linewidth=1.6, zorder=0)
        _box(axes, left, 29.5, 24, 6.5, branch, asks, colour, full=True, size=10.5, small=7.2)
        for row, (topic, notebook) in enumerate(topics):
            top = 25.9 - 4.7 * row
            there = folder is None or _notebook(folder, notebook).exists()
            shade = colour if there else GREY
            axes.add_patch(FancyBboxPatch((left, top - 1.6), 24, 3.7, boxstyle="round,pad=0,rounding_size=0.7",
                                          facecolor=pale(shade, 0.88 if there else 0.95), edgecolor="none"))
            axes.text(left + 1.2, top + 0.2, topic, fontsize=9, va="center", color=INK if there else GREY)
            axes.text(left + 23, top + 0.2, notebook if there else "coming", fontsize=6.8, va="center", ha="right",
                      color=shade, family="monospace" if there else None, style="normal" if there else "italic")
    return figure


def field_map_html(folder="."):
    """The map of the field to click → IPython HTML. Notebooks that are in `folder` are links, the others coming topics.

    Boxes and inline styles only: Jupyter takes scripts, style sheets and SVG out of notebooks that are not trusted.
    """
    from IPython.display import HTML

    box = "display:inline-block; box-sizing:border-box; border-radius:6px; padding:5px 10px; line-height:1.35; "

    def topic(name, notebook, colour):
        if _notebook(folder, notebook).exists():
            return (f'<a href="{notebook}.ipynb" style="{box}width:100%; margin:3px 0; background:{_css(pale(colour, 0.86))}; '
                    f'border-left:4px solid {colour}; color:#1a1a1a; text-decoration:none"><b>{name}</b> '
                    f'<span style="color:{colour}; font-size:85%">→ {notebook}</span></a>')
        return (f'<div style="{box}width:100%; margin:3px 0; background:#f3f4f6; border-left:4px solid #d5d8dd; color:#6b6f76">'
                f'{name} <span style="font-size:85%"><i>coming</i></span></div>')

    columns = "".join(
        f'<div style="display:inline-block; box-sizing:border-box; vertical-align:top; width:24%; min-width:190px; '
        f'padding:6px"><div style="{box}width:100%; background:{colour}; color:white; margin-bottom:4px"><b>{branch}</b><br>'
        f'<span style="font-size:85%">{asks}</span></div>{"".join(topic(*entry, colour) for entry in topics)}</div>'
        for (branch, asks, topics), colour in zip(FIELD, BRANCHES))
    start, title = "00_start_here", "Self-supervised learning"
    root = f'<a href="{start}.ipynb" style="color:white; text-decoration:none">{title}</a>' \
        if _notebook(folder, start).exists() else title
    return HTML(f'<div style="max-width:1000px; text-align:left"><div style="text-align:center"><div style="{box}background:{INK}; '
                f'color:white; font-size:110%; padding:7px 22px"><b>{root}</b></div></div>{columns}</div>')


def _notebook(folder, name):
    return Path(folder) / f"{name}.ipynb"


def _css(colour):
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in to_rgb(colour))


def _pixels(images):
    """(N, 3, H, W), uint8 or in [0, 1], tensor or array → (N, H, W, 3) floats, as matplotlib wants them."""
    images = as_float(torch.as_tensor(images)).detach().float().cpu().clamp(0, 1)
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"pictures of shape {tuple(images.shape)}: want (N, 3, H, W)")
    return images.permute(0, 2, 3, 1).numpy()


def _bare(axes):
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


def _quiet(axes):
    """Only what helps to read the numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(color=GREY)
    axes.grid(axis="y", alpha=0.25)


def _canvas(figure, width, height):
    axes = _bare(figure.subplots())
    axes.set(xlim=(0, width), ylim=(0, height))
    return axes


def _box(axes, left, bottom, width, height, text, below, colour, *, full=False, size=9.5, small=8):
    axes.add_patch(FancyBboxPatch((left, bottom), width, height, boxstyle="round,pad=0,rounding_size=1",
                                  facecolor=colour if full else "white", edgecolor=colour, linewidth=1.3))
    middle, ink = left + width / 2, "white" if full else INK
    axes.text(middle, bottom + 0.64 * height, text, ha="center", va="center", fontsize=size, fontweight="bold", color=ink)
    axes.text(middle, bottom + 0.27 * height, below, ha="center", va="center", fontsize=small, color=ink if full else GREY)


def _arrow(axes, start, stop, colour, width=1.3):
    axes.add_patch(FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=width,
                                   shrinkA=0, shrinkB=0))
