"""What a contrastive loss does to points of the plane: pulls and pushes, the loss as a landscape, and the temperature."""

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch.nn import functional as F

from ..data.dataset import as_float
from .embedding import CLASSES
from .look import GREY, INK, PALE, RIGHT, WRONG, bare, measures, new, pixels, quiet

PULL, PUSH = RIGHT, "#E69F00"
FAINT = 0.05                                                       # forces and gradients below it are drawn short, not stretched to be seen


def pair_forces(embeddings, labels, loss):
    """Points (N, D) → what the loss makes each pair do along the line between the two: (N, N), positive attracts, negative repels.

    The points are rebuilt as rows of the Cholesky root of their inner products plus a trace of the identity: N dimensions, in
    which every inner product can change by itself, so that −∂loss / ∂(inner product of i and j) is the pair's own pull. It is
    multiplied by the distance; then the negative gradient of point i is the sum of its forces and of something along i itself,
    which is 0 if the loss knows points by their distances alone. For losses that a turn of all points does not change.
    """
    embeddings = embeddings.detach().double()
    trace = 1e-9 * embeddings.square().sum(1).mean().clamp_min(1e-6)
    inner = (embeddings @ embeddings.T + trace * torch.eye(len(embeddings), dtype=torch.float64)).requires_grad_()     # (N, N)
    slope, = torch.autograd.grad(loss(torch.linalg.cholesky(inner), labels), inner)                                    # (N, N)
    apart = (embeddings[:, None] - embeddings).norm(dim=2)                                                             # (N, N)
    return -(slope + slope.T) * apart                              # a pair's inner product stands in the matrix twice


def descent(embeddings, labels, loss):
    """Points (N, D) → minus the gradient of the loss at each: (N, D), where gradient descent moves it."""
    embeddings = embeddings.detach().double().requires_grad_()
    slope, = torch.autograd.grad(loss(embeddings, labels), embeddings)
    return -slope


def names(labels):
    """Labels (N,) → what to call the points: A1, A2, B1 …, a letter for each label."""
    order, seen, found = sorted(set(labels.tolist())), {}, []
    for label in labels.tolist():
        seen[label] = seen.get(label, 0) + 1
        place = order.index(label)
        found.append(f"{chr(65 + place % 26)}{seen[label]}" if len(order) <= 26 else f"{place}.{seen[label]}")
    return found


def points(embeddings, labels, loss, *, circle=True, legend=True, title="", figure=None):
    """Points (N, 2) and labels (N,) → Figure: every pair's pull or push under `loss(embeddings, labels)`, and where each point goes.

    An arrow is minus the gradient at a point; arrows keep their proportions, the longest has always the same length, unless
    hardly anything moves. A line between two points is blue where the pair attracts and orange where it repels, the stronger
    the wider (`pair_forces`), dotted where it does nothing. circle: draw the unit circle; the loss is taken as it is given.
    """
    embeddings, colours = _plane(embeddings, labels), _colours(labels)
    forces, arrows = pair_forces(embeddings, labels, loss), descent(embeddings, labels, loss)
    figure = new(figure, (4.8, 5.0))
    axes = bare(figure.subplots())
    places, strongest = embeddings.numpy(), max(float(forces.abs().max()), FAINT)
    extent = _extent(places)
    for i in range(len(places)):
        for j in range(i):
            force = float(forces[i, j])
            idle = abs(force) < 1e-3 * strongest
            look = {"color": PALE, "linewidth": 1, "linestyle": ":"} if idle else {
                "color": PULL if force > 0 else PUSH, "linewidth": 0.6 + 6 * abs(force) / strongest, "alpha": 0.75}
            axes.plot(*places[[j, i]].T, zorder=1 if idle else 2, solid_capstyle="round", gid=f"pair {j} {i}", **look)
    if circle:
        axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=GREY, linewidth=0.8))
    longest = max(float(arrows.norm(dim=1).max()), FAINT)
    for place, arrow in zip(places, arrows.numpy()):
        size = np.hypot(*arrow)
        if size > 0.06 * longest:
            start = place + arrow * (0.07 * extent / size)         # the rim of the dot
            style = {"arrowstyle": "-|>,head_width=0.3,head_length=0.5", "color": INK, "linewidth": 2, "shrinkA": 0, "shrinkB": 0,
                     "path_effects": [withStroke(linewidth=4, foreground="white")]}
            axes.annotate("", start + arrow * (0.3 * extent / longest), start, arrowprops=style, zorder=4)
    _dots(axes, places, labels, colours)
    axes.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    axes.set_title(title, fontsize=10)
    lines = [Line2D([], [], color=PULL, linewidth=4), Line2D([], [], color=PUSH, linewidth=4), Line2D([], [], color=GREY, linestyle=":"),
             Line2D([], [], color=INK, linewidth=2, marker=">", markersize=6)]
    if legend:
        figure.legend(lines, ["attracts", "repels", "does nothing", "descent moves it"], loc="outside lower center", ncols=4,
                      frameon=False, fontsize=8, handlelength=1.6, columnspacing=1.2)
    return figure


def landscape(embeddings, labels, loss, which, *, circle=True, figure=None):
    """Points (N, 2) and labels (N,) → Figure: the loss wherever point number `which` might be, all others staying.

    circle: a curve over its angle on the unit circle, with the angles of the others; else a heat map of the plane.
    """
    embeddings, colours, called = _plane(embeddings, labels), _colours(labels), names(labels)
    figure = new(figure, (4.8, 5.0))
    axes = figure.subplots()
    axes.set_title(f"the loss, if {called[which]} alone is moved", fontsize=10)
    (_along_the_circle if circle else _over_the_plane)(figure, axes, embeddings, labels, loss, which, colours)
    return figure


def _along_the_circle(figure, axes, embeddings, labels, loss, which, colours):
    angles = np.linspace(-180, 180, 181)
    radians = torch.from_numpy(np.radians(angles))
    values = _values(embeddings, labels, loss, which, torch.stack([radians.cos(), radians.sin()], 1))                  # (181,)
    standing = np.degrees(np.arctan2(*embeddings.numpy().T[::-1]))                                                     # (N,)
    span = max(np.ptp(values), 1e-3)
    for index, (angle, colour, name) in enumerate(zip(standing, colours, names(labels))):
        if index != which:
            own = labels[index] == labels[which]
            axes.axvline(angle, color=colour, linewidth=2 if own else 1, linestyle="-" if own else "--", zorder=1)
            text = axes.text(angle, values.min() - 0.13 * span, name, ha="center", va="center", fontsize=8, color=colour, fontweight="bold")
            text.set_path_effects([withStroke(linewidth=4, foreground="white")])
    axes.plot(angles, values, color=INK, linewidth=2)
    now = float(_values(embeddings, labels, loss, which, F.normalize(embeddings[which], dim=0)[None])[0])
    axes.plot(standing[which], now, "o", markersize=14, color=colours[which], markeredgecolor="white", zorder=5)
    axes.text(standing[which], now, names(labels)[which], ha="center", va="center", fontsize=6.5, color="white", fontweight="bold", zorder=6)
    axes.set(xlim=(-180, 180), ylim=(values.min() - 0.2 * span, values.min() + 1.1 * span), xticks=range(-180, 181, 90))
    measures(axes, "its angle in degrees; upright lines: the others", "loss")


def _over_the_plane(figure, axes, embeddings, labels, loss, which, colours):
    places = embeddings.numpy()
    extent = _extent(places)
    grid = torch.linspace(-extent, extent, 37, dtype=torch.float64)
    values = _values(embeddings, labels, loss, which, torch.cartesian_prod(grid, grid)).reshape(37, 37).T             # (y, x)
    filled = axes.contourf(grid, grid, values, levels=24, cmap="cividis")
    axes.contour(grid, grid, values, levels=filled.levels[::3], colors="white", linewidths=0.5, alpha=0.5)
    _dots(axes, places, labels, colours, widths=[2.8 if index == which else 1 for index in range(len(places))])
    axes.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    bare(axes)
    bar = figure.colorbar(filled, ax=axes, orientation="horizontal", shrink=0.8, aspect=30, pad=0.02)
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    bar.set_label("loss", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, color=GREY)
    bar.outline.set_visible(False)


def _values(embeddings, labels, loss, which, places):
    """The loss with point `which` at each of the places (n, 2) → (n,)."""
    moved, values = embeddings.clone(), []
    with torch.no_grad():
        for place in places:
            moved[which] = place
            values.append(float(loss(moved, labels)))
    return np.array(values)


def weights(similarities, temperature):
    """Softmax over an anchor's cosines (N,) at this temperature → (N,), float64, sum 1."""
    similarities = torch.as_tensor(similarities).detach().cpu().double()
    return (similarities / temperature).softmax(0)


def shares(negatives, temperature):
    """Cosines of an anchor with its negatives (N,) → which part of all the push each of them gets: (N,), sum 1.

    InfoNCE's gradient on a negative's cosine is its softmax weight / temperature; among negatives the positive cancels out.
    """
    return weights(negatives, temperature)


def sharing(share, part=0.9):
    """Shares (N,) → how many of the largest make up this part of the whole."""
    return int((share.sort(descending=True).values.cumsum(0) < part - 1e-12).sum()) + 1


def temperature(similarities, temperatures, *, positive=0, chosen=None, figure=None):
    """Cosines of one anchor (N,), number `positive` its positive → Figure: who counts in InfoNCE at each of the temperatures.

    Left: the softmax weight of the positive and of the negatives, nearest first; divided by the temperature it is how hard a
    negative is pushed, and the legend has the sum, which is also how hard the positive is pulled. Right: how much of the push
    the nearest negatives share, with a dot where it is 90 %. chosen: the temperature to stand out.
    """
    similarities = torch.as_tensor(similarities).detach().cpu().double()
    if similarities.ndim != 1 or len(similarities) < 2 or not 0 <= positive < len(similarities):
        raise ValueError(f"similarities {tuple(similarities.shape)}, positive={positive}: want the cosines of one anchor (N,), "
                         f"its positive and at least one negative among them")
    if not len(temperatures) or min(temperatures) <= 0:
        raise ValueError(f"temperatures={temperatures}: want one or more, each above 0")
    others = torch.arange(len(similarities)) != positive
    negatives, number = similarities[others].sort(descending=True).values, len(similarities) - 1                       # (N − 1,)
    ordered = torch.cat([similarities[positive][None], negatives])                                                     # (N,)
    figure = new(figure, (9.2, 3.2))
    left, right = figure.subplots(1, 2)
    ranks, few = np.arange(1, number + 1), number <= 30
    shade = np.log(np.array(temperatures, dtype=float) / 0.02) / np.log(100)         # a temperature has its colour in every figure
    colours = colormaps["plasma"](0.85 * shade.clip(0, 1))
    for value, colour in zip(temperatures, colours):
        weight, share = weights(ordered, value), shares(negatives, value)
        look = {"color": colour, "linewidth": 3 if value == chosen else 1.4, "alpha": 1 if chosen in (None, value) else 0.75}
        told = f"T = {value:g}: push {float(weight[1:].sum()) / value:.2g} in all"
        left.plot(ranks, weight[1:], marker="o" if few else "", markersize=4, label=told, **look)
        left.plot(0.6, weight[0], "*", color=colour, markersize=13 if value == chosen else 9, clip_on=False)
        right.plot(ranks, share.cumsum(0), marker="o" if few else "", markersize=4, **look)
        most = sharing(share)
        right.plot(most, share[:most].sum(), "o", color=colour, markersize=9 if value == chosen else 6, markeredgecolor="white", zorder=5)
    left.set(yscale="log", ylim=(1e-5, 1.5), title="softmax weight (★ the positive)")
    right.set(ylim=(0, 1.03), title="share of the push that the nearest get together")
    right.axhline(0.9, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    right.text(0.58, 0.91, "90 %", ha="left", va="bottom", fontsize=8, color=GREY)
    for axes in (left, right):
        axes.set(xscale="log", xlim=(0.55, number * 1.1))
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick <= number]
        axes.set_xticks(ticks, list(map(str, ticks)))
        axes.minorticks_off()
        axes.set_xlabel("negatives, the nearest first" if axes is left else "so many of the nearest negatives", fontsize=9, color=INK)
        axes.title.set_fontsize(10)
        axes.tick_params(labelsize=8)
        quiet(axes)
    left.legend(fontsize=7.5, frameon=False, loc="lower left")
    return figure


def hardest(picture, view, others, share, *, same=None, figure=None):
    """A picture and its other view (3, H, W), and negatives (n, 3, H, W) → Figure: one row, under each negative its share of the push.

    share: (n,). same: bool (n,), whether a negative is of the picture's own kind: a false negative, framed in vermilion.
    """
    figure = new(figure, (9.2, 1.3))
    axes = bare(figure.subplots())
    told = ["the picture", "its positive", *(f"{100 * float(part):.1f} %" for part in share)]
    for place, image in enumerate(pixels(torch.stack([as_float(picture).cpu(), as_float(view).cpu(), *as_float(others).cpu()]))):
        wrong = place > 1 and same is not None and bool(same[place - 2])
        left = 1.12 * place + (0.35 if place > 1 else 0)
        colour = (INK, PULL)[place] if place < 2 else WRONG if wrong else GREY
        axes.imshow(image, extent=(left, left + 1, 1, 0), interpolation="nearest")
        axes.add_patch(Rectangle((left, 0), 1, 1, fill=False, edgecolor=colour, linewidth=2.5))
        axes.text(left + 0.5, 1.07, told[place], ha="center", va="top", fontsize=8, color=colour if place < 2 or wrong else INK)
        right = left + 1
    axes.text(2.59, -0.09, "its hardest negatives, with their share of the push" + ("" if same is None else "; framed in vermilion: of its own kind"),
              ha="left", va="bottom", fontsize=9, color=INK)
    axes.set(xlim=(-0.04, right + 0.04), ylim=(1.3, -0.32), aspect="equal")
    return figure


def _plane(embeddings, labels):
    """On the CPU, in double precision."""
    embeddings = torch.as_tensor(embeddings).detach().cpu().double()
    if embeddings.ndim != 2 or embeddings.shape[1] != 2 or labels.shape != (len(embeddings),):
        raise ValueError(f"embeddings {tuple(embeddings.shape)} and labels {tuple(labels.shape)}: want points of the plane (N, 2) and (N,)")
    if not torch.isfinite(embeddings).all():
        raise ValueError("embeddings hold NaN or infinity: want finite points")
    return embeddings


def _colours(labels):
    order = sorted(set(labels.tolist()))
    return [CLASSES[order.index(label) % len(CLASSES)] for label in labels.tolist()]


def _extent(places):
    """Half the side of the square to be shown."""
    return max(1.35, 1.15 * float(np.abs(places).max()))


def _dots(axes, places, labels, colours, widths=1.5):
    axes.scatter(*places.T, s=230, c=colours, edgecolors="white", linewidths=widths, zorder=5)
    for place, name in zip(places, names(labels)):
        axes.text(*place, name, ha="center", va="center_baseline", fontsize=8, color="white", fontweight="bold", zorder=6)
