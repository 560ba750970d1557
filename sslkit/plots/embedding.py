"""Features as maps, coloured by what the pictures are; each picture beside its neighbours; one map beside another."""

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from .look import GREY, INK, RIGHT, WRONG, bare, new, pixels, style

# Paul Tol's "muted", which colour-blind readers can tell apart, and two greys. From the twelfth class on the markers change.
CLASSES = ("#332288", "#CC6677", "#117733", "#DDAA33", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499", "#666666", "#C4C4C4")
MARKERS = ("o", "s", "^", "D")


def embedding(points, colour, *, names=None, title="", legend="", cyclic=False, highlight=None, neighbours=(), thumbnails=None,
              figure=None):
    """Points (N, 2) → Figure: a map, coloured by class or by number.

    colour: whole numbers (N,), which are classes with these names; or floats (N,), with a colour bar (cyclic: 0 is 1, as of hue);
    None: all grey. legend: what the colours mean. highlight: a point to mark, with lines to those numbered `neighbours`. thumbnails:
    the pictures (N, 3, H, W), of which a few are put on the map, spread over it. A class that keeps together has its name above it.
    """
    points = plane(points)
    palette, which, entries, ends = colouring(colour, names, cyclic, len(points))
    figure = new(figure, (6.4, 5.2))
    axes = bare(figure.subplots())
    axes.set_aspect("equal", adjustable="datalim")
    size = float(np.clip(6000 / len(points), 8, 36))
    _dots(axes, points, palette, which, entries, size, edgecolors="white", linewidths=0.3)
    if ends:
        _scale(figure, axes, ends, cyclic, legend, shrink=0.75, aspect=28)
    elif entries:
        _legend(figure, palette, entries, legend, 6)
        for name, place, index in _labels(points, which, entries):
            text = axes.annotate(name, place, (0, 3), textcoords="offset points", ha="center", fontsize=9, fontweight="bold",
                                 color=[0.75 * channel for channel in to_rgb(palette[index])], zorder=10)
            text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    if thumbnails is not None:
        _strew(axes, points, pixels(thumbnails), [palette[index] for index in which])
    if highlight is not None:
        for other in neighbours:
            axes.plot(*points[[highlight, int(other)]].T, color=INK, linewidth=0.9, alpha=0.7, zorder=7)
        axes.scatter(*points[list(map(int, neighbours))].T, s=2.6 * size, facecolors="none", edgecolors=INK, linewidths=1, zorder=8)
        axes.scatter(*points[[highlight]].T, s=5 * size, c=[palette[which[highlight]]], edgecolors=INK, linewidths=2, zorder=9)
    axes.set_title(title, fontsize=10)
    return figure


def side_by_side(maps, colour, *, names=None, legend="", cyclic=False, highlight=None, neighbours=None, title="", figure=None):
    """{method: points (N, 2)} of the same pictures → Figure: a map each, all coloured alike.

    colour, names, legend, cyclic: as of `embedding`. highlight: the picture to mark on every map. neighbours: {method: indices
    (k,)}, those nearest to it in that method's feature space, joined to it by lines.
    """
    if not maps:
        raise ValueError("no maps to draw: want {method: points (N, 2)}, at least one")
    maps = {method: plane(points) for method, points in maps.items()}
    number = len(next(iter(maps.values())))
    for method, points in maps.items():
        if len(points) != number:
            raise ValueError(f"{method}: {len(points)} points, the first map has {number}: want the same pictures on every map")
    palette, which, entries, ends = colouring(colour, names, cyclic, number)
    down = 1 if len(maps) <= 4 else max(2, -(-len(maps) // 5))
    across = -(-len(maps) // down)
    figure = new(figure, (9, 0.7 + down * min(4, 9 / across)))
    panels = figure.subplots(down, across, squeeze=False).flatten()
    for axes in panels[len(maps):]:
        axes.set_visible(False)
    size = float(np.clip(2500 / number, 4, 24))
    for axes, (method, points) in zip(panels, maps.items()):
        bare(axes).set_aspect("equal", adjustable="datalim")
        axes.set_title(method, fontsize=10, color=INK)
        _dots(axes, points, palette, which, entries, size, linewidths=0)
        if highlight is not None:
            for other in (neighbours or {}).get(method, ()):
                axes.plot(*points[[highlight, int(other)]].T, color=INK, linewidth=0.8, alpha=0.7, zorder=7)
            axes.scatter(*points[[highlight]].T, s=50, c=[palette[which[highlight]]], edgecolors=INK, linewidths=1.6, zorder=9)
    if ends:
        _scale(figure, list(panels), ends, cyclic, legend, location="bottom", shrink=0.4, aspect=40)
    elif entries:
        _legend(figure, palette, entries, legend, 10)
    if title:
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def neighbourhood(image, others, *, same=None, title="", names=(), figure=None):
    """A picture (3, H, W) and those nearest to it (k, 3, H, W) → Figure: it above, they below, in rows of three, nearest first.

    same: bool (k,), whether each has the picture's label: framed in blue with ✓, or in vermilion with ✗. names: what to write
    below each.
    """
    figure = new(figure, (2.9, 4.4))
    axes = bare(figure.subplots())
    framed(axes, image, 0.6, -0.25, 1.8, INK)
    axes.text(1.5, -0.4, title, ha="center", va="bottom", fontsize=10, color=INK)
    axes.text(1.5, 1.92, "nearest in feature space", ha="center", va="bottom", fontsize=9, color=GREY)
    for place, other in enumerate(others):
        left, top = place % 3 * 1.03, 2.0 + place // 3 * 1.3
        right = None if same is None else bool(same[place])
        colour = GREY if right is None else RIGHT if right else WRONG
        framed(axes, other, left, top, 0.94, colour)
        words = ("" if right is None else "✓ " if right else "✗ ") + (names[place] if place < len(names) else "")
        axes.text(left + 0.47, top + 1.0, words, ha="center", va="top", fontsize=8, color=colour)
    axes.set(xlim=(-0.05, 3.05), ylim=(2.0 + 1.3 * max(1, -(-len(others) // 3)), -0.7), aspect="equal")
    return figure


def neighbours(query, found, *, same=None, names=None, title="", figure=None):
    """A picture (3, H, W) and {method: those nearest to it (k, 3, H, W)} → Figure: a row a method, nearest first.

    same: {method: bool (k,)}, whether each has the picture's label: framed in blue with ✓, or in vermilion with ✗, and
    counted at the end of the row. names: {method: k words}, what each picture shows, below it.
    """
    if not found or not all(len(others) for others in found.values()):
        raise ValueError("no neighbours to draw: want {method: pictures (k, 3, H, W)}, at least one a method")
    for method, others in found.items():
        if same is not None and len(same.get(method, ())) != len(others):
            raise ValueError(f"{method}: {len(others)} pictures, {len(same.get(method, ()))} values in same: want as many")
    most, tall = max(len(others) for others in found.values()), 1.12 if same is None and names is None else 1.42
    figure = new(figure, (9, 9 / (most + 4.6) * (tall * len(found) + 1.9)))
    axes = bare(figure.subplots())
    framed(axes, query, 0, -1.85, 1.6, INK)
    axes.text(1.8, -1.05, title or "its nearest neighbours under each method", ha="left", va="center", fontsize=10, color=INK)
    for row, (method, others) in enumerate(found.items()):
        top, right = tall * row, None if same is None else [bool(value) for value in same[method]]
        axes.text(2.6, top + 0.5, method, ha="right", va="center", fontsize=10, color=style(method)["color"])
        for place, other in enumerate(others):
            colour = GREY if right is None else RIGHT if right[place] else WRONG
            framed(axes, other, 2.8 + 1.08 * place, top, 1, colour)
            words = ("" if right is None else "✓ " if right[place] else "✗ ") + (names[method][place] if names else "")
            axes.text(3.3 + 1.08 * place, top + 1.04, words, ha="center", va="top", fontsize=7 if most > 8 else 8, color=colour)
        if right is not None:
            axes.text(2.9 + 1.08 * len(others), top + 0.5, f"{sum(right)} of {len(right)}", va="center", fontsize=10, color=INK)
    axes.set(xlim=(0, 4.2 + 1.08 * most), ylim=(tall * len(found), -1.95), aspect="equal")
    return figure


def framed(axes, image, left, top, side, colour):
    """A picture (3, H, W) with its upper left corner at (left, top), in a frame."""
    axes.imshow(pixels(image[None])[0], extent=(left, left + side, top + side, top), interpolation="nearest")
    axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=colour, linewidth=2.2))


def plane(points):
    """Points → floats (N, 2). Raises ValueError for other shapes, NaN and infinity."""
    points = np.asarray(torch.as_tensor(points).detach().cpu(), dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"points {points.shape}: want (N, 2) finite numbers, as `project` returns")
    return points


def continuous(cyclic):
    """The colours of a scale: hue is shown as itself."""
    return colormaps["hsv" if cyclic else "viridis"]


def colouring(colour, names, cyclic, number):
    """→ palette (hex colours), which of them each point has (N,), entries (index, name, marker) of the classes there are, and of a
    scale its ends (low, high), else None."""
    if colour is None:
        return [GREY], np.zeros(number, dtype=int), [], None
    colour = torch.as_tensor(colour).detach().cpu()
    if colour.shape != (number,):
        raise ValueError(f"colour {tuple(colour.shape)} for {number} points: want ({number},), one number a point")
    if colour.is_floating_point():
        if not torch.isfinite(colour).all():
            raise ValueError("colour holds NaN or infinity: want finite numbers")
        low, high = (0.0, 1.0) if cyclic else (float(colour.min()), float(colour.max()))
        if high == low:
            high = low + 1
        palette = [to_hex(continuous(cyclic)(step / 63)) for step in range(64)]
        return palette, ((colour.double() - low) / (high - low) * 63).round().long().clamp(0, 63).numpy(), [], (low, high)
    which = colour.long().numpy()
    if which.min() < 0 or (names and which.max() >= len(names)):
        below = f", below {len(names)}, the number of names" if names else ""
        raise ValueError(f"colour from {which.min()} to {which.max()}: want classes from 0 on{below}")
    palette = [CLASSES[index % len(CLASSES)] for index in range(which.max() + 1)]
    entries = [(int(index), str(names[index]) if names else str(index), MARKERS[index // len(CLASSES) % len(MARKERS)])
               for index in np.unique(which)]
    return palette, which, entries, None


def _dots(axes, points, palette, which, entries, size, **edges):
    """All points, each in its colour; what has a marker of its own is drawn in one piece, as `scatter` wants it."""
    for marker in sorted({marker for _, _, marker in entries}) or ("o",):
        mine = np.isin(which, [index for index, _, other in entries if other == marker]) if entries else slice(None)
        axes.scatter(*points[mine].T, s=size, marker=marker, c=[palette[index] for index in which[mine]], alpha=0.85, **edges)


def _scale(figure, axes, ends, cyclic, legend, **shape):
    bar = figure.colorbar(ScalarMappable(Normalize(*ends), continuous(cyclic)), ax=axes, pad=0.02, **shape)
    bar.set_label(legend, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, color=GREY)
    bar.outline.set_visible(False)


def _legend(figure, palette, entries, legend, columns):
    handles = [Line2D([], [], linestyle="", marker=marker, markersize=5.5, color=palette[index]) for index, _, marker in entries]
    figure.legend(handles, [name for _, name, _ in entries], title=legend or None, loc="outside lower center",
                  ncols=min(columns, len(entries)), frameon=False, fontsize=8, title_fontsize=8, handletextpad=0.2, columnspacing=1.1)


def _labels(points, which, entries):
    """Names for classes that keep together, none over another: (name, place above it, index). One among others has no place of its own."""
    if not 1 < len(entries) <= 12:
        return []
    found, span = [], np.ptp(points, 0).max()
    for index, name, _ in entries:
        mine = points[which == index]
        far = np.linalg.norm(points - np.median(mine, 0), axis=1)  # (N,)
        around = far <= np.sqrt((far[which == index] ** 2).mean())
        alone = (which[around] == index).mean() > 0.6
        place = np.array([np.median(mine[:, 0]), np.quantile(mine[:, 1], 0.97)])
        clear = all(abs(place[0] - x) > 0.13 * span or abs(place[1] - y) > 0.045 * span for _, (x, y), _ in found)
        if len(mine) > 2 and alone and clear:
            found.append((name, place, index))
    return found


def _strew(axes, points, pictures, colours, most=24):
    """A few pictures at their points: each time the one that is farthest from all before, while there is room."""
    span, side = np.ptp(points, 0).max(), pictures.shape[2]
    place = int(np.linalg.norm(points - np.median(points, 0), axis=1).argmin())
    free = np.full(len(points), np.inf)
    for _ in range(most):
        box = AnnotationBbox(OffsetImage(pictures[place], zoom=22 / side, interpolation="nearest"), points[place], pad=0.12,
                             bboxprops={"edgecolor": colours[place], "linewidth": 1.5}, zorder=5)
        axes.add_artist(box)
        free = np.minimum(free, np.linalg.norm(points - points[place], axis=1))
        place = int(free.argmax())
        if free[place] < 0.1 * span:
            break
