"""A map to move the mouse over: one page of HTML that needs no kernel and no network."""

import base64
import html
import io
import json

import numpy as np
import torch
from torch.nn import functional as F

from ..data.dataset import as_float
from .embedding import MARKERS, colouring, plane
from .look import pixels


def embedding_html(points, images, colour, *, names=None, neighbours=None, labels=None, classes=None, legend="", cyclic=False,
                   highlight=None, size=(640, 480)):
    """Points (N, 2) and their pictures (N, 3, H, W) → HTML: a map that shows the picture under the mouse or finger, and its neighbours.

    All is in it, pictures too, in a frame of its own: it needs no kernel and no network, in JupyterLab, Colab and exported pages.
    colour, names, legend, cyclic: as of `embedding`. neighbours: indices (N, k), as `nearest` returns. labels: whole numbers (N,)
    and the names of the classes, by which neighbours are right or wrong; default: the colour, where it is one of classes.
    highlight: the point to begin with. size: of the map, in pixels.
    """
    points = plane(points)
    if len(images) != len(points):
        raise ValueError(f"{len(images)} pictures for {len(points)} points: want as many")
    palette, which, entries, ends = colouring(colour, names, cyclic, len(points))
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
