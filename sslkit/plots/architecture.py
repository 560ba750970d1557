"""One diagram a method: what goes in, what is trained, what is kept, what is thrown away.

A diagram is boxes on a grid and arrows between them, drawn as SVG: sharp at any size, small in a
stored notebook.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 140, 52, 206, 88, 14  # of a box, and from one to the next
FONT = "font-family='Helvetica, Arial, sans-serif'"
ROLES = {  # fill, outline, dashes, what the legend says
    "data": ("#F4F5F7", "#7A7A7A", "", "data"),
    "kept": ("#CFE3F2", "#0072B2", "", "encoder: trained, kept"),
    "head": ("#FBE3D2", "#D55E00", "6 3", "head: trained, thrown away"),
    "ema": ("#E8E2F1", "#7B5EA7", "2 3", "moving average (EMA), no gradient"),
    "loss": ("#FFFFFF", "#2B2B2B", "", "loss"),
    "aside": ("#FFFFFF", "#7A7A7A", "2 3", "not trained"),
}


class Box(NamedTuple):
    """One box: its text (lines parted by newlines), column and row on the grid, and role."""

    text: str
    column: float
    row: float
    role: str = "data"


class Arrow(NamedTuple):
    """From one box to another, by their names; `stopped` marks a stop-gradient."""

    start: str
    end: str
    label: str = ""
    stopped: bool = False
    dashed: bool = False


class Diagram(NamedTuple):
    """Boxes by name and arrows; shown as SVG in a notebook."""

    title: str
    boxes: dict[str, Box]
    arrows: Sequence[Arrow]

    def _repr_svg_(self) -> str:
        return svg(self)

    def __repr__(self) -> str:
        return f"{self.title}: " + "; ".join(
            f"{_line(self.boxes[arrow.start])} → {_line(self.boxes[arrow.end])}"
            for arrow in self.arrows
        )


def architecture(method: str) -> Diagram:
    """The diagram of a method by its name, as "simclr".

    Raises ValueError naming those there are.
    """
    if method not in DIAGRAMS:
        raise ValueError(f"no diagram of {method!r}; there are: {', '.join(DIAGRAMS)}")
    return DIAGRAMS[method]


def svg(diagram: Diagram) -> str:
    """A diagram → the text of an SVG image, on white, with a legend of the roles that occur."""
    boxes = diagram.boxes
    columns = max(box.column for box in boxes.values())
    rows = max(box.row for box in boxes.values())
    width = 2 * MARGIN + columns * ACROSS + WIDTH
    roles = [role for role in ROLES if role in {box.role for box in boxes.values()}]
    roles = [role for role in roles if role not in ("data", "loss")]
    legend = [f"{ROLES[role][3]}" for role in roles]
    width = max(width, 2 * MARGIN + sum(30 + 6.6 * len(words) for words in legend))
    height = 2 * MARGIN + rows * DOWN + HEIGHT + 30
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' "
        f"width='{width:.0f}' role='img' style='max-width:100%; height:auto'>",
        f"<title>{escape(diagram.title)}</title>",
        "<defs><marker id='tip' viewBox='0 0 8 8' refX='7.5' refY='4' markerWidth='7' "
        "markerHeight='7' orient='auto'><path d='M0 0.6 8 4 0 7.4z' fill='#2B2B2B'/></marker>"
        "</defs>",
        f"<rect width='{width:.0f}' height='{height:.0f}' fill='#FFFFFF'/>",
    ]
    parts += [_arrow(arrow, boxes) for arrow in diagram.arrows]
    parts += [_box(box) for box in boxes.values()]
    x, y = MARGIN, height - 16
    for role, words in zip(roles, legend):
        fill, outline, dashes, _ = ROLES[role]
        parts.append(
            f"<rect x='{x:.0f}' y='{y - 9:.0f}' width='16' height='11' rx='3' fill='{fill}' "
            f"stroke='{outline}' stroke-dasharray='{dashes}'/>"
            f"<text x='{x + 21:.0f}' y='{y:.0f}' {FONT} font-size='11' fill='#555'>{words}</text>"
        )
        x += 30 + 6.6 * len(words)
    return "".join(parts) + "</svg>"


def _corner(box):
    return MARGIN + box.column * ACROSS, MARGIN + box.row * DOWN


def _box(box):
    x, y = _corner(box)
    fill, outline, dashes, _ = ROLES[box.role]
    lines = box.text.split("\n")
    radius = 26 if box.role == "loss" else 6
    text = "".join(
        f"<text x='{x + WIDTH / 2:.0f}' "
        f"y='{y + HEIGHT / 2 + 4.5 + 15 * (n - (len(lines) - 1) / 2):.1f}' "
        f"text-anchor='middle' {FONT} font-size='{13 if n == 0 else 11.5}' "
        f"fill='{'#2B2B2B' if n == 0 else '#555555'}'>{escape(line)}</text>"
        for n, line in enumerate(lines)
    )
    return (
        f"<rect x='{x:.0f}' y='{y:.0f}' width='{WIDTH}' height='{HEIGHT}' rx='{radius}' "
        f"fill='{fill}' stroke='{outline}' stroke-width='1.4' stroke-dasharray='{dashes}'/>{text}"
    )


def _arrow(arrow, boxes):
    start, end = boxes[arrow.start], boxes[arrow.end]
    (x0, y0), (x1, y1) = _corner(start), _corner(end)
    if abs(start.column - end.column) < 0.3:  # one above the other
        down = end.row > start.row
        a = (x0 + WIDTH / 2, y0 + (HEIGHT if down else 0))
        b = (x1 + WIDTH / 2, y1 + (0 if down else HEIGHT))
        path = f"M{a[0]:.0f} {a[1]:.0f} L{b[0]:.0f} {b[1]:.0f}"
        middle, anchor = ((a[0] + b[0]) / 2 + 7, (a[1] + b[1]) / 2 + 4), "start"
    else:
        a, b = (x0 + WIDTH, y0 + HEIGHT / 2), (x1, y1 + HEIGHT / 2)
        bend = (b[0] - a[0]) / 2
        path = (
            f"M{a[0]:.0f} {a[1]:.0f} C{a[0] + bend:.0f} {a[1]:.0f} {b[0] - bend:.0f} {b[1]:.0f} "
            f"{b[0]:.0f} {b[1]:.0f}"
        )
        middle, anchor = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 - 6), "middle"
    dashes = " stroke-dasharray='5 4'" if arrow.dashed else ""
    parts = [
        f"<path d='{path}' fill='none' stroke='#2B2B2B' stroke-width='1.4'{dashes} "
        "marker-end='url(#tip)'/>"
    ]
    if arrow.stopped:
        x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        parts.append(
            f"<path d='M{x - 5:.0f} {y + 7:.0f} l4 -14 M{x + 1:.0f} {y + 7:.0f} l4 -14' "
            "stroke='#7B5EA7' stroke-width='2' fill='none'/>"
        )
        middle = (middle[0], middle[1] - 6)
    if arrow.label:
        parts.append(
            f"<text x='{middle[0]:.0f}' y='{middle[1]:.0f}' text-anchor='{anchor}' {FONT} "
            "font-size='11.5' fill='#2B2B2B' stroke='#FFFFFF' stroke-width='3.5' "
            f"paint-order='stroke'>{escape(arrow.label)}</text>"
        )
    return "".join(parts)


def _line(box):
    return box.text.replace("\n", " ")


def _chain(title: str, *boxes: Box, labels: Sequence[str] = ()) -> Diagram:
    """Boxes one after another, each with an arrow to the next."""
    names = [f"{number}" for number in range(len(boxes))]
    labels = [*labels, *[""] * len(boxes)]
    arrows = [
        Arrow(one, other, label)
        for one, other, label in zip(names, names[1:], labels, strict=False)
    ]
    return Diagram(title, dict(zip(names, boxes, strict=True)), arrows)


ENCODER = "encoder f"

DIAGRAMS = {
    "pretraining": Diagram(
        "The two stages",
        {
            "unlabelled": Box("images\nno labels", 0, 0),
            "first": Box(ENCODER, 1, 0, "kept"),
            "head": Box("pretext head", 2, 0, "head"),
            "pretext": Box("pretext loss\nlabels for free", 3, 0, "loss"),
            "labelled": Box("images\nfew labels", 0, 1),
            "second": Box(ENCODER, 1, 1, "kept"),
            "probe": Box("new head\nlinear, or fine-tuned", 2, 1, "head"),
            "downstream": Box("downstream loss", 3, 1, "loss"),
        },
        [
            Arrow("unlabelled", "first"),
            Arrow("first", "head"),
            Arrow("head", "pretext"),
            Arrow("first", "second", "copied"),
            Arrow("labelled", "second"),
            Arrow("second", "probe"),
            Arrow("probe", "downstream"),
        ],
    ),
    "rotation": _chain(
        "Rotation prediction",
        Box("image, rotated\nby k · 90°", 0, 0),
        Box(ENCODER, 1, 0, "kept"),
        Box("linear head\n4 classes", 2, 0, "head"),
        Box("cross-entropy\nwhich rotation?", 3, 0, "loss"),
        labels=("", "h"),
    ),
    "jigsaw": Diagram(
        "Jigsaw puzzle",
        {
            "tiles": Box("shuffled tiles\n1 … n", 0, 0.5),
            "first": Box(ENCODER, 1, 0, "kept"),
            "last": Box("encoder f\nsame weights", 1, 1, "kept"),
            "head": Box("head on all n\nconcatenated", 2, 0.5, "head"),
            "loss": Box("cross-entropy\nwhich permutation?", 3, 0.5, "loss"),
        },
        [
            Arrow("tiles", "first", "tile 1"),
            Arrow("tiles", "last", "tile n"),
            Arrow("first", "head"),
            Arrow("last", "head"),
            Arrow("head", "loss"),
        ],
    ),
    "relative_patch": Diagram(
        "Relative patch location",
        {
            "centre": Box("centre patch", 0, 0),
            "other": Box("one of its\n8 neighbours", 0, 1),
            "first": Box(ENCODER, 1, 0, "kept"),
            "second": Box("encoder f\nsame weights", 1, 1, "kept"),
            "head": Box("head on both\nconcatenated", 2, 0.5, "head"),
            "loss": Box("cross-entropy\nwhich direction?", 3, 0.5, "loss"),
        },
        [
            Arrow("centre", "first"),
            Arrow("other", "second"),
            Arrow("first", "head"),
            Arrow("second", "head"),
            Arrow("head", "loss"),
        ],
    ),
    "colorization": Diagram(
        "Colorization",
        {
            "image": Box("image in\nCIE Lab", 0, 0.5),
            "l": Box("lightness L", 1, 0),
            "ab": Box("ab, in Q bins\nsoft-encoded", 1, 1),
            "encoder": Box(ENCODER, 2, 0, "kept"),
            "head": Box("1 × 1 convolution\nQ classes a pixel", 3, 0, "head"),
            "loss": Box("cross-entropy\nrebalanced", 4, 0.5, "loss"),
        },
        [
            Arrow("image", "l"),
            Arrow("image", "ab"),
            Arrow("l", "encoder"),
            Arrow("encoder", "head", "all blocks"),
            Arrow("head", "loss"),
            Arrow("ab", "loss"),
        ],
    ),
    "split_brain": Diagram(
        "Split-brain autoencoder",
        {
            "l": Box("lightness L", 0, 0),
            "ab": Box("colour ab", 0, 1),
            "first": Box("half encoder f₁", 1, 0, "kept"),
            "second": Box("half encoder f₂", 1, 1, "kept"),
            "one": Box("head\npredicts ab", 2, 0, "head"),
            "two": Box("head\npredicts L", 2, 1, "head"),
            "loss": Box("sum of both\ncross-entropies", 3, 0.5, "loss"),
        },
        [
            Arrow("l", "first"),
            Arrow("ab", "second"),
            Arrow("first", "one"),
            Arrow("second", "two"),
            Arrow("one", "loss"),
            Arrow("two", "loss"),
        ],
    ),
    "inpainting": Diagram(
        "Inpainting (context encoder)",
        {
            "masked": Box("image\nwith a hole", 0, 0),
            "encoder": Box(ENCODER, 1, 0, "kept"),
            "decoder": Box("decoder", 2, 0, "head"),
            "image": Box("the image", 2, 1),
            "loss": Box("squared error\nin the hole only", 3, 0.5, "loss"),
        },
        [
            Arrow("masked", "encoder"),
            Arrow("encoder", "decoder", "h"),
            Arrow("decoder", "loss"),
            Arrow("image", "loss"),
        ],
    ),
    "masked_lm": Diagram(
        "Masked language model (BERT)",
        {
            "tokens": Box("tokens\n15 % corrupted", 0, 0),
            "encoder": Box("transformer\nsees both sides", 1, 0, "kept"),
            "head": Box("linear head\nvocabulary", 2, 0, "head"),
            "originals": Box("original tokens", 2, 1),
            "loss": Box("cross-entropy\nat those 15 %", 3, 0.5, "loss"),
        },
        [
            Arrow("tokens", "encoder"),
            Arrow("encoder", "head"),
            Arrow("head", "loss"),
            Arrow("originals", "loss"),
        ],
    ),
    "autoregressive": Diagram(
        "Autoregressive model",
        {
            "sequence": Box("x₁, x₂, …", 0, 0),
            "shift": Box("start, x₁, x₂, …\nshifted right", 1, 0),
            "encoder": Box("causal network\nsees the past", 2, 0, "kept"),
            "head": Box("linear head\nnext element", 3, 0, "head"),
            "loss": Box("cross-entropy\n−Σ log p(xₜ | past)", 4, 0, "loss"),
        },
        [
            Arrow("sequence", "shift"),
            Arrow("shift", "encoder"),
            Arrow("encoder", "head"),
            Arrow("head", "loss"),
        ],
    ),
    "vqvae": Diagram(
        "VQ-VAE",
        {
            "image": Box("image x", 0, 0),
            "encoder": Box("encoder f", 1, 0, "kept"),
            "book": Box("codebook\nnearest of K codes", 2, 0, "kept"),
            "decoder": Box("decoder", 3, 0, "head"),
            "loss": Box("reconstruction\n+ commitment", 4, 0, "loss"),
        },
        [
            Arrow("image", "encoder"),
            Arrow("encoder", "book", "z"),
            Arrow("book", "decoder", "code"),
            Arrow("decoder", "loss"),
        ],
    ),
    "simclr": Diagram(
        "SimCLR",
        {
            "image": Box("image x", 0, 0.5),
            "one": Box("view 1", 1, 0),
            "two": Box("view 2", 1, 1),
            "first": Box(ENCODER, 2, 0, "kept"),
            "second": Box("encoder f\nsame weights", 2, 1, "kept"),
            "left": Box("projector g", 3, 0, "head"),
            "right": Box("projector g\nsame weights", 3, 1, "head"),
            "loss": Box("NT-Xent\nover the 2N views", 4, 0.5, "loss"),
        },
        [
            Arrow("image", "one"),
            Arrow("image", "two"),
            Arrow("one", "first"),
            Arrow("two", "second"),
            Arrow("first", "left", "h"),
            Arrow("second", "right", "h"),
            Arrow("left", "loss", "z"),
            Arrow("right", "loss", "z"),
        ],
    ),
    "moco": Diagram(
        "MoCo",
        {
            "one": Box("view 1\nquery", 0, 0),
            "two": Box("view 2\nkey", 0, 1),
            "student": Box("encoder f\n+ projector", 1, 0, "kept"),
            "teacher": Box("momentum encoder\n+ projector", 1, 1, "ema"),
            "positive": Box("q · k₊", 2, 0, "aside"),
            "queue": Box("queue of\nearlier keys", 2, 2, "aside"),
            "negatives": Box("q · k₋\nfor every key", 2, 1, "aside"),
            "loss": Box("InfoNCE\nk₊ among k₋", 3, 0.5, "loss"),
        },
        [
            Arrow("one", "student"),
            Arrow("two", "teacher"),
            Arrow("student", "teacher", "EMA", dashed=True),
            Arrow("student", "positive", "q"),
            Arrow("student", "negatives"),
            Arrow("teacher", "positive", "k₊", stopped=True),
            Arrow("queue", "negatives"),
            Arrow("teacher", "queue", "enqueued afterwards", dashed=True),
            Arrow("positive", "loss"),
            Arrow("negatives", "loss"),
        ],
    ),
    "byol": Diagram(
        "BYOL",
        {
            "one": Box("view 1", 0, 0),
            "two": Box("view 2", 0, 1),
            "student": Box(ENCODER, 1, 0, "kept"),
            "teacher": Box("EMA encoder", 1, 1, "ema"),
            "projector": Box("projector", 2, 0, "head"),
            "follower": Box("EMA projector", 2, 1, "ema"),
            "predictor": Box("predictor q", 3, 0, "head"),
            "loss": Box("2 − 2 cos\nno negatives", 4, 0.5, "loss"),
        },
        [
            Arrow("one", "student"),
            Arrow("two", "teacher"),
            Arrow("student", "projector", "h"),
            Arrow("teacher", "follower"),
            Arrow("student", "teacher", "EMA", dashed=True),
            Arrow("projector", "follower", "EMA", dashed=True),
            Arrow("projector", "predictor"),
            Arrow("predictor", "loss"),
            Arrow("follower", "loss", "stop-gradient", stopped=True),
        ],
    ),
    "vicreg": Diagram(
        "VICReg",
        {
            "one": Box("view 1", 0, 0),
            "two": Box("view 2", 0, 1),
            "first": Box(ENCODER, 1, 0, "kept"),
            "second": Box("encoder f\nsame weights", 1, 1, "kept"),
            "left": Box("expander", 2, 0, "head"),
            "right": Box("expander\nsame weights", 2, 1, "head"),
            "apart": Box("variance ≥ 1\ncovariance → 0", 3, 0, "loss"),
            "together": Box("invariance\n‖z₁ − z₂‖²", 3, 1, "loss"),
        },
        [
            Arrow("one", "first"),
            Arrow("two", "second"),
            Arrow("first", "left", "h"),
            Arrow("second", "right", "h"),
            Arrow("left", "apart", "z₁"),
            Arrow("right", "apart"),
            Arrow("left", "together"),
            Arrow("right", "together", "z₂"),
        ],
    ),
    "mae": Diagram(
        "Masked autoencoder (MAE)",
        {
            "patches": Box("patches", 0, 0.5),
            "visible": Box("visible, 25 %", 1, 0),
            "hidden": Box("hidden, 75 %", 1, 1),
            "encoder": Box("ViT encoder\nvisible patches only", 2, 0, "kept"),
            "decoder": Box("small decoder\n+ mask tokens", 3, 0, "head"),
            "loss": Box("squared error\non hidden patches", 4, 0.5, "loss"),
        },
        [
            Arrow("patches", "visible"),
            Arrow("patches", "hidden"),
            Arrow("visible", "encoder"),
            Arrow("encoder", "decoder", "h"),
            Arrow("decoder", "loss"),
            Arrow("hidden", "loss"),
        ],
    ),
}
