"""Features as maps: projected to the plane, coloured by what the pictures are, each picture beside its neighbours."""

import base64
import html
import io
import json

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex, to_rgb
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from torch.nn import functional as F

from ..data.dataset import as_float
from .look import GREY, INK, RIGHT, WRONG, bare, new, pixels

METHODS = ("PCA", "t-SNE", "UMAP")
# Paul Tol's "muted", which colour-blind readers can tell apart, and two greys. From the twelfth class on the markers change.
CLASSES = ("#332288", "#CC6677", "#117733", "#DDAA33", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499", "#666666", "#C4C4C4")
MARKERS = ("o", "s", "^", "D")


def project(features, method="PCA", *, neighbours=15, seed=0):
    """Features (N, D) → points (N, 2), float32: "PCA", "t-SNE" or "UMAP". Same features and seed, same points.

    neighbours: how many each point should stay close to (t-SNE calls it perplexity); PCA has no use for it. Both of the others
    start from the PCA map. Raises ValueError for an unknown method, wrong shapes, fewer than 3 pictures, and NaN.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r}: want one of {', '.join(METHODS)}")
    features = checked(features)
    plane = _principal(features)                                   # (N, 2)
    spread = plane.std(0)[0]
    if method == "PCA" or spread == 0:                             # all features are the same: so are all points, on any map
        return plane.float()
    fit = {"t-SNE": _tsne, "UMAP": _umap}[method]
    return torch.from_numpy(fit(features.float().numpy(), (plane / spread).float().numpy(), neighbours, seed)).float()


def checked(features):
    """Features (N, D) → the same on the CPU in double precision. Raises ValueError for what cannot be drawn as a map."""
    features = torch.as_tensor(features).detach().cpu().double()
    if features.ndim != 2 or features.shape[1] == 0:
        raise ValueError(f"features have shape {tuple(features.shape)}: want (N, D), one row a picture; average or flatten the rest")
    if len(features) < 3:
        raise ValueError(f"features of {len(features)} pictures make no map: want at least 3; embed more pictures")
    if not torch.isfinite(features).all():
        row = int((~torch.isfinite(features)).any(1).nonzero()[0])
        raise ValueError(f"features hold NaN or infinity (first in row {row}): want finite numbers; did the training that made them "
                         f"go wrong?")
    return features


def _principal(features):
    """(N, D) → the first two principal components (N, 2), the largest entry of each positive: its sign means nothing."""
    centred = features - features.mean(0)
    if len(centred) <= centred.shape[1]:                           # the smaller of the two matrices gives the same points
        values, vectors = torch.linalg.eigh(centred @ centred.T)   # (N,), (N, N), ascending
        points = vectors[:, -2:].flip(1) * values[-2:].flip(0).clamp_min(0).sqrt()
    else:
        _, vectors = torch.linalg.eigh(centred.T @ centred)        # (D, D)
        points = centred @ vectors[:, -2:].flip(1)
    points = F.pad(points, (0, 2 - points.shape[1]))               # a single feature has one component
    return points * points.gather(0, points.abs().argmax(0, keepdim=True)).sign()


def _tsne(features, start, neighbours, seed):
    from sklearn.manifold import TSNE

    perplexity = max(1.0, min(float(neighbours), (len(features) - 1) / 3))
    return TSNE(perplexity=perplexity, init=1e-4 * start, random_state=seed).fit_transform(features)


def _umap(features, start, neighbours, seed):
    try:
        from umap import UMAP
    except ImportError as missing:
        raise ValueError("UMAP is not installed: run `pip install umap-learn` and restart the kernel, or choose t-SNE") from missing
    init = start if start[:, 1].any() else "random"                # a single feature: UMAP divides by the extent of either axis
    return UMAP(n_neighbors=max(2, min(neighbours, len(features) - 1)), init=init, random_state=seed, n_jobs=1).fit_transform(features)


def align(points, reference):
    """Points (N, 2), turned and mirrored as a whole so as to lie as near to `reference` (N, 2) as they can (Procrustes).

    Maps of one set of pictures at two times of training differ by a turn that means nothing; distances stay as they are.
    """
    points, reference = torch.as_tensor(points), torch.as_tensor(reference)
    if points.shape != reference.shape or points.ndim != 2:
        raise ValueError(f"points {tuple(points.shape)} and reference {tuple(reference.shape)}: want the same shape (N, 2)")
    middle, goal = points.double().mean(0), reference.double().mean(0)
    u, _, v = torch.linalg.svd((points - middle).T @ (reference - goal))
    return ((points - middle) @ (u @ v) + goal).to(points.dtype)


def nearest(features, number=10):
    """Features (N, D) → the `number` nearest others of each by cosine, nearest first: indices (N, number), fewer where N is small."""
    directions = F.normalize(checked(features).float(), dim=1)
    number, found = min(number, len(directions) - 1), []
    for rows in torch.arange(len(directions)).split(1000):
        cosine = directions[rows] @ directions.T                   # (n, N)
        cosine[torch.arange(len(rows)), rows] = -torch.inf         # nothing is its own neighbour
        found.append(cosine.topk(number, dim=1).indices)
    return torch.cat(found)


def embedding(points, colour, *, names=None, title="", legend="", cyclic=False, highlight=None, neighbours=(), thumbnails=None,
              figure=None):
    """Points (N, 2) → Figure: a map, coloured by class or by number.

    colour: whole numbers (N,), which are classes with these names; or floats (N,), with a colour bar (cyclic: 0 is 1, as of hue);
    None: all grey. legend: what the colours mean. highlight: a point to mark, with lines to those numbered `neighbours`. thumbnails:
    the pictures (N, 3, H, W), of which a few are put on the map, spread over it. A class that keeps together has its name above it.
    """
    points = _plane(points)
    palette, which, entries, ends = _colours(colour, names, cyclic, len(points))
    figure = new(figure, (6.4, 5.2))
    axes = bare(figure.subplots())
    axes.set_aspect("equal", adjustable="datalim")
    size = float(np.clip(6000 / len(points), 8, 36))
    for marker in sorted(set(entry[2] for entry in entries)) or ("o",):
        mine = np.isin(which, [entry[0] for entry in entries if entry[2] == marker]) if entries else slice(None)
        axes.scatter(*points[mine].T, s=size, marker=marker, c=[palette[index] for index in which[mine]], alpha=0.85,
                     edgecolors="white", linewidths=0.3)
    if ends:
        scale = ScalarMappable(Normalize(*ends), _continuous(cyclic))
        bar = figure.colorbar(scale, ax=axes, shrink=0.75, aspect=28, pad=0.02)
        bar.set_label(legend, fontsize=9, color=INK)
        bar.ax.tick_params(labelsize=8, color=GREY)
        bar.outline.set_visible(False)
    elif entries:
        handles = [axes.scatter([], [], s=30, marker=marker, color=palette[index]) for index, _, marker in entries]
        figure.legend(handles, [name for _, name, _ in entries], title=legend or None, loc="outside lower center",
                      ncols=min(6, len(entries)), frameon=False, fontsize=8, title_fontsize=8, handletextpad=0.2, columnspacing=1.1)
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


def neighbourhood(image, others, *, same=None, title="", names=(), figure=None):
    """A picture (3, H, W) and those nearest to it (k, 3, H, W) → Figure: it above, they below, in rows of three, nearest first.

    same: bool (k,), whether each has the picture's label: framed in blue with ✓, or in vermilion with ✗. names: what to write
    below each.
    """
    figure = new(figure, (2.9, 4.4))
    axes = bare(figure.subplots())
    _framed(axes, image, 0.6, -0.25, 1.8, INK)
    axes.text(1.5, -0.4, title, ha="center", va="bottom", fontsize=10, color=INK)
    axes.text(1.5, 1.92, "nearest in feature space", ha="center", va="bottom", fontsize=9, color=GREY)
    for place, other in enumerate(others):
        left, top = place % 3 * 1.03, 2.0 + place // 3 * 1.3
        right = None if same is None else bool(same[place])
        colour = GREY if right is None else RIGHT if right else WRONG
        _framed(axes, other, left, top, 0.94, colour)
        words = ("" if right is None else "✓ " if right else "✗ ") + (names[place] if place < len(names) else "")
        axes.text(left + 0.47, top + 1.0, words, ha="center", va="top", fontsize=8, color=colour)
    axes.set(xlim=(-0.05, 3.05), ylim=(2.0 + 1.3 * max(1, -(-len(others) // 3)), -0.7), aspect="equal")
    return figure


def _framed(axes, image, left, top, side, colour):
    axes.imshow(pixels(image[None])[0], extent=(left, left + side, top + side, top), interpolation="nearest")
    axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=colour, linewidth=2.2))


def _plane(points):
    points = np.asarray(torch.as_tensor(points).detach().cpu(), dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"points {points.shape}: want (N, 2) finite numbers, as `project` returns")
    return points


def _continuous(cyclic):
    return colormaps["hsv" if cyclic else "viridis"]               # hue is shown as itself


def _colours(colour, names, cyclic, number):
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
        palette = [to_hex(_continuous(cyclic)(step / 63)) for step in range(64)]
        return palette, ((colour.double() - low) / (high - low) * 63).round().long().clamp(0, 63).numpy(), [], (low, high)
    which = colour.long().numpy()
    if which.min() < 0 or (names and which.max() >= len(names)):
        below = f", below {len(names)}, the number of names" if names else ""
        raise ValueError(f"colour from {which.min()} to {which.max()}: want classes from 0 on{below}")
    palette = [CLASSES[index % len(CLASSES)] for index in range(which.max() + 1)]
    entries = [(int(index), str(names[index]) if names else str(index), MARKERS[index // len(CLASSES) % len(MARKERS)])
               for index in np.unique(which)]
    return palette, which, entries, None


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


def embedding_html(points, images, colour, *, names=None, neighbours=None, labels=None, classes=None, legend="", cyclic=False,
                   highlight=None, size=(640, 480)):
    """Points (N, 2) and their pictures (N, 3, H, W) → HTML: a map that shows the picture under the mouse or finger, and its neighbours.

    All is in it, pictures too, in a frame of its own: it needs no kernel and no network, in JupyterLab, Colab and exported pages.
    colour, names, legend, cyclic: as of `embedding`. neighbours: indices (N, k), as `nearest` returns. labels: whole numbers (N,)
    and the names of the classes, by which neighbours are right or wrong; default: the colour, where it is one of classes.
    highlight: the point to begin with. size: of the map, in pixels.
    """
    points = _plane(points)
    if len(images) != len(points):
        raise ValueError(f"{len(images)} pictures for {len(points)} points: want as many")
    palette, which, entries, ends = _colours(colour, names, cyclic, len(points))
    if labels is None and entries:
        labels, classes = colour, names
    told, markers = None, {index: MARKERS.index(marker) for index, _, marker in entries}
    if ends:
        told = [f"{legend} {float(value):.2f}".strip() for value in colour]
    elif entries and not _same(labels, colour):
        told = [f"{legend} {(names or range(len(palette)))[index]}".strip() for index in which]
    sprite, side, columns = _sprite(images)
    numbers = lambda values: None if values is None else torch.as_tensor(values).tolist()
    labels = numbers(labels)
    kinds = labels and [str(classes[label]) if classes else str(label) for label in range(max(labels) + 1)]
    data = {"points": _placed(points, size), "size": list(size), "palette": palette, "which": which.tolist(), "legend": legend,
            "entries": [[index, name, markers[index]] for index, name, _ in entries],
            "markers": [markers.get(index, 0) for index in range(len(palette))], "ends": ends and [f"{end:.3g}" for end in ends],
            "labels": labels, "classes": kinds, "told": told, "neighbours": numbers(neighbours),
            "highlight": None if highlight is None else int(highlight), "sprite": sprite, "side": side, "columns": columns}
    page = PAGE.replace("NUMBER", str(len(points))).replace("DATA", _script_json(data))
    # Jupyter takes frames out of notebooks that are not trusted: then the sentence below it is seen.
    return (f'<div style="position:relative"><div style="color:#7A7A7A; height:24px; overflow:hidden">'
            f'Run this cell, or trust the notebook, to see the map.</div>'
            f'<iframe title="Map of {len(points)} pictures" srcdoc="{html.escape(page)}" sandbox="allow-scripts" '
            f'style="position:relative; display:block; margin-top:-24px; width:100%; max-width:{size[0] + 290}px; '
            f'height:{max(size[1] + 80, 560)}px; border:0; background:white"></iframe></div>')


def _same(one, other):
    return torch.equal(torch.as_tensor(one).cpu().long(), torch.as_tensor(other).cpu().long())


def _placed(points, size, edge=14):
    """→ points in pixels of a canvas, from its top left, the same scale both ways."""
    low, high = points.min(0), points.max(0)
    scale = min((length - 2 * edge) / span for length, span in zip(size, np.maximum(high - low, 1e-12)))
    middle = (points - (low + high) / 2) * scale
    return np.stack([size[0] / 2 + middle[:, 0], size[1] / 2 - middle[:, 1]], 1).round(1).tolist()


def _sprite(images, most=48):
    """Pictures (N, 3, H, W) → one sheet of them as a data URL, the side of each in pixels (at most `most`), pictures a row."""
    from PIL import Image

    images = as_float(torch.as_tensor(images)).detach().cpu()
    side = min(max(images.shape[-2:]), most)
    if images.shape[-2:] != (side, side):
        images = F.interpolate(images, (side, side), mode="area")
    columns = int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    sheet = np.zeros((rows * columns, side, side, 3), dtype=np.uint8)
    sheet[:len(images)] = (255 * pixels(images)).round()
    sheet = sheet.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG", optimize=True)
    kind = "png"
    for quality in (85, 70, 50, 30):                               # PNG for flat drawings, else the best JPEG that keeps a notebook small
        if stream.tell() <= 750 * len(images):
            break
        stream, kind = io.BytesIO(), "jpeg"
        Image.fromarray(sheet).save(stream, "JPEG", quality=quality, subsampling=0)
    return f"data:image/{kind};base64," + base64.b64encode(stream.getvalue()).decode(), side, columns


def _script_json(data):
    """JSON that may stand in a script: nothing in it can end the script, or begin a comment or an entity."""
    text = json.dumps(data, separators=(",", ":"))                 # ASCII: line separators are escaped, too
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


PAGE = r"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Map of NUMBER pictures</title><style>
body { margin: 0; font: 14px/1.35 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #2B2B2B; background: white }
main { display: flex; gap: 16px; align-items: flex-start }
#left { flex: 1 1 auto; min-width: 0 }
#map { display: block; width: 100%; box-sizing: border-box; border: 1px solid #D9DDE3; cursor: crosshair; touch-action: pan-y }
#legend { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; padding: 6px 0 }
#legend .sign { width: 12px; height: 12px; vertical-align: -1px; margin-right: 4px }
#legend .scale { width: 160px; height: 12px }
#side { flex: 0 0 250px; min-height: 420px }
#picture { display: block; border: 2px solid #2B2B2B; image-rendering: pixelated; background: #eee }
#name { font-size: 16px; font-weight: 600; margin: 6px 0 2px }
#told, .grey { color: #5A5A5A }
#others { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 6px }
#others figure { margin: 0; width: 74px }
#others canvas { display: block; box-sizing: border-box; border: 3px solid #7A7A7A; image-rendering: pixelated }
#others .head { width: 100% }
#others figcaption { font-size: 12px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
@media (max-width: 560px) { main { flex-direction: column } #left { width: 100% } 
  #side { flex: none; display: grid; grid-template-columns: 112px 1fr; grid-template-rows: auto 1fr; column-gap: 12px; min-height: 0 }
  #picture { width: 104px; height: 104px; grid-row: 1 / 3 } #others { grid-column: 1 / 3; gap: 4px }
  #others figure { width: 56px } #others canvas { width: 56px; height: 56px } }
</style></head><body><main>
<div id="left"><canvas id="map" role="img" aria-label="Map of NUMBER pictures by their features. Move over a point, or tap it, to see its picture."></canvas>
<div id="legend"></div></div>
<div id="side" aria-live="polite"><canvas id="picture" role="img" aria-label="no picture yet" width="160" height="160"></canvas>
<div id="name">Move over a point, or tap it.</div><div id="told"></div><div id="others"></div></div>
</main><script>
(() => {
const data = DATA;
const right = "#0072B2", wrong = "#D55E00", ink = "#2B2B2B";
const [map, legend, panel, picture, title, told, others] = ["map", "legend", "side", "picture", "name", "told", "others"].map(id => document.getElementById(id));
const [width, height] = data.size, sharp = Math.max(1, window.devicePixelRatio || 1), sheet = new Image();
const radius = Math.min(5, Math.max(2.5, 90 / Math.sqrt(data.points.length)));
let chosen = null;

function brush(canvas, wide, high) {
  canvas.width = wide * sharp; canvas.height = high * sharp;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  return pen;
}

function mark(pen, marker, x, y, r, colour, edge, line) {
  const corners = [null, [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]], [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]]][marker];
  pen.beginPath();
  if (corners) corners.forEach(([across, down]) => pen.lineTo(x + r * across, y + r * down));
  else pen.arc(x, y, r, 0, 7);
  pen.closePath();
  pen.fillStyle = colour; pen.fill();
  pen.strokeStyle = edge; pen.lineWidth = line; pen.stroke();
}

const pen = brush(map, width, height);
map.style.maxWidth = width + "px";
const near = index => data.neighbours ? data.neighbours[index] : [];
const same = (one, other) => data.labels[one] === data.labels[other];
const name = index => data.labels ? data.classes[data.labels[index]] : "picture " + index;
const dot = (index, r, edge, line) => mark(pen, data.markers[data.which[index]], ...data.points[index], r, data.palette[data.which[index]], edge, line);

function paint() {
  pen.fillStyle = "white"; pen.fillRect(0, 0, width, height);
  pen.globalAlpha = 0.85;
  data.points.forEach((_, index) => dot(index, radius, "white", 0.5));
  pen.globalAlpha = 1;
  if (chosen === null) return;
  pen.strokeStyle = ink; pen.lineWidth = 1;
  near(chosen).forEach(other => { pen.beginPath(); pen.moveTo(...data.points[chosen]); pen.lineTo(...data.points[other]); pen.stroke(); });
  near(chosen).forEach(other => dot(other, radius + 1.5, ink, 1.2));
  dot(chosen, radius + 4, ink, 2.5);
}

function show(canvas, index, words) {
  const to = canvas.getContext("2d"), cut = data.side;
  to.imageSmoothingEnabled = false;
  to.drawImage(sheet, index % data.columns * cut, Math.floor(index / data.columns) * cut, cut, cut, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute("aria-label", words);
}

function add(parent, tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className || "";
  parent.append(made);
  return made;
}

function choose(index) {
  if (index === null || index === chosen) return;
  chosen = index;
  paint();
  show(picture, index, "picture " + index + ": " + name(index));
  title.textContent = name(index);
  told.textContent = [data.labels ? "picture " + index : "", data.told ? data.told[index] : ""].filter(Boolean).join(", ");
  others.replaceChildren();
  if (near(index).length) add(others, "div", "nearest in feature space" + (data.labels ? ": " + near(index).filter(other => same(index, other)).length +
    " of " + near(index).length + " share its label" : ""), "head");
  near(index).forEach(other => {
    const box = add(others, "figure", ""), small = add(box, "canvas", "");
    const words = (data.labels ? same(index, other) ? "✓ " : "✗ " : "") + name(other);
    small.width = small.height = 72;
    small.setAttribute("role", "img");
    show(small, other, words);
    const caption = add(box, "figcaption", words);
    caption.title = words;
    if (data.labels) small.style.borderColor = caption.style.color = same(index, other) ? right : wrong;
  });
  panel.dataset.point = index;
}

function under(event) {
  const box = map.getBoundingClientRect(), scale = width / box.width, reach = (event.pointerType === "touch" ? 30 : 14) * scale;
  const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
  let best = null, least = reach * reach;
  data.points.forEach(([across, down], index) => {
    const far = (across - x) ** 2 + (down - y) ** 2;
    if (far < least) { least = far; best = index; }
  });
  return best;
}

if (data.legend) add(legend, "span", data.legend, "grey");
if (data.ends) {
  add(legend, "span", data.ends[0]);
  add(legend, "span", "", "scale").style.background = "linear-gradient(to right," + data.palette.join(",") + ")";
  add(legend, "span", data.ends[1]);
}
data.entries.forEach(([index, text, marker]) => {
  const item = add(legend, "span", ""), sign = add(item, "canvas", "", "sign");
  mark(brush(sign, 12, 12), marker, 6, 6, 4.5, data.palette[index], "white", 0.5);
  add(item, "span", text);
});
paint();
sheet.onload = () => {
  ["pointermove", "pointerdown"].forEach(kind => map.addEventListener(kind, event => choose(under(event))));
  choose(data.highlight);
  document.body.dataset.ready = "yes";
};
sheet.src = data.sprite;
})();
</script></body></html>
"""
