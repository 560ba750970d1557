"""Hiding as figures: what is left of a picture or a sentence, and what a network puts into its gaps."""

import torch
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from ..data.dataset import as_float
from .look import GREY, INK, PALE, RIGHT, WRONG, bare, new, pale, pixels, quiet
from .tokens import MONOSPACED, percent

FAINT = torch.tensor([0.851, 0.867, 0.890])[:, None, None]         # PALE, as pixels
COLUMNS, SHOWN = 84, 15                                            # letters a line, hidden tokens that are looked into
# Words that stand where they are told: the layout need not measure each of them, which takes long.
MIDDLE = {"ha": "center", "va": "center_baseline", "in_layout": False}
START = {**MIDDLE, "ha": "left"}


def masked(picture, hidden, painted, patch, *, titles=("what the encoder sees", "what the decoder paints", "the truth"),
           figure=None):
    """A picture (3, H, W), which of its patches are hidden, bool (N,), and the picture painted (3, H, W) → Figure, three panels.

    Patches are squares of `patch` pixels, row by row. Several pictures, (B, 3, H, W), stand one below the other; hidden may then be
    (B, N). Whatever was painted, what is visible is shown as it was.
    """
    pictures, painted = _several(picture), _several(painted)
    gone = spread(hidden, patch, pictures.shape)                   # (B, 1, H, W)
    seen = torch.where(gone, FAINT, pictures)
    painted = torch.where(gone, painted, pictures)
    figure = new(figure, (7.4, 2.75) if len(pictures) == 1 else (5.2, 0.4 + 1.7 * len(pictures)))
    panels = figure.subplots(len(pictures), 3, squeeze=False)
    for row, three in zip(panels, zip(pixels(seen), pixels(painted), pixels(pictures))):
        for axes, image in zip(row, three):
            bare(axes).imshow(image, interpolation="nearest")
    for row, hides in zip(panels, gone):
        _lines(row[0], hides, patch)
    for axes, title in zip(panels[0], titles):
        axes.set_title(title, fontsize=10)
    return figure


def mask_kinds(picture, masks, patch, *, figure=None):
    """A picture (3, H, W) and masks {name: bool (N,)} → Figure: one panel a kind, its name and its share above it."""
    if not masks:
        raise ValueError("masks is empty: want at least one, {name: bool (N,)}")
    picture = _several(picture)[:1]
    figure = new(figure, (min(2.4 * len(masks), 9.6), min(2.4, 9.6 / len(masks)) + 0.25))
    for axes, (name, hidden) in zip(figure.subplots(1, len(masks), squeeze=False)[0], masks.items()):
        gone = spread(hidden, patch, picture.shape)
        bare(axes).imshow(pixels(torch.where(gone, FAINT, picture))[0], interpolation="nearest")
        _lines(axes, gone[0], patch)
        axes.set_title(f"{name}, {float(torch.as_tensor(hidden).float().mean()):.0%} hidden", fontsize=10)
    return figure


def spread(hidden, patch, shape):
    """Which patches, bool (N,) or (B, N) → which pixels, bool (B, 1, H, W). shape: of the pictures, (B, 3, H, W)."""
    hidden = torch.as_tensor(hidden).bool().cpu()
    number, _, height, width = shape
    wanted = (height // patch) * (width // patch)
    if hidden.shape not in ((wanted,), (number, wanted)):
        raise ValueError(f"hidden {tuple(hidden.shape)}: pictures of {height} × {width} have ({wanted},) patches of {patch} "
                         f"pixels, want one bool for each")
    grid = hidden.expand(number, wanted).view(number, 1, height // patch, width // patch)
    return grid.repeat_interleave(patch, 2).repeat_interleave(patch, 3)


def _several(pictures):
    pictures = as_float(torch.as_tensor(pictures)).detach().float().cpu()
    return pictures[None] if pictures.ndim == 3 else pictures


def _lines(axes, gone, patch):
    """Thin lines between hidden patches, so that they can be counted."""
    height, width = gone.shape[-2:]
    corners = patch * gone[0, ::patch, ::patch].nonzero().flip(1) - 0.5                           # (hidden, 2)
    frames = [Rectangle(corner, patch, patch) for corner in corners.tolist()]
    axes.add_collection(PatchCollection(frames, facecolor="none", edgecolor="white", linewidth=0.8), autolim=False)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def masked_sentence(pieces, hidden, tops, *, figure=None):
    """Pieces of a sentence (T strings), which of them are hidden, bool (T,), and guesses → Figure: boxes, and what may stand there.

    tops: for each hidden place, in order, its likeliest pieces [(piece, probability), …]. Spaces within pieces may be written ␣.
    The right one, the piece that was hidden, is marked; an empty piece stands for what nobody knows. Of many hidden
    places the first 15 are shown.
    """
    hidden = torch.as_tensor(hidden).bool().tolist()
    if len(pieces) != len(hidden) or len(tops) != sum(hidden):
        raise ValueError(f"{len(pieces)} pieces, {len(hidden)} flags, guesses for {len(tops)} of {sum(hidden)} hidden places: "
                         f"want one flag a piece, and guesses for each hidden one")
    spots, lines = _flow(pieces, hidden)
    across = min(5, len(tops)) or 1                                 # panels beside one another
    rows = -(-min(len(tops), SHOWN) // across)
    deep = max((len(guesses) for guesses in tops[:SHOWN]), default=0)
    high = lines + (rows * (deep + 2.3) - 0.2 if tops else 0) + (len(tops) > SHOWN)
    figure = new(figure, (9.2, 0.24 * high + 0.1))
    axes = bare(figure.subplots())
    axes.set(xlim=(-0.5, COLUMNS + 0.5), ylim=(high - 0.3, -0.6))
    for number, (column, line, text, box) in enumerate(spots):
        if box:
            axes.add_patch(Rectangle((column + 0.12, line - 0.4), box - 0.24, 0.8, facecolor=pale(RIGHT, 0.85), edgecolor=RIGHT))
            axes.text(column + box / 2, line, text, fontsize=8.5, color=RIGHT, fontweight="bold", **MIDDLE)
        else:
            axes.text(column, line, text, fontsize=12.5, color=INK, family=MONOSPACED, **START)   # a letter fills a column
    truths = [piece for piece, gone in zip(pieces, hidden) if gone]
    wide = COLUMNS / max(across, 4)
    for number, (truth, guesses) in enumerate(zip(truths[:SHOWN], tops)):
        left, top = number % across * wide, lines + 0.6 + number // across * (deep + 2.3)
        axes.text(left, top, str(number + 1), fontsize=9, color=RIGHT, fontweight="bold", **START)
        axes.text(left + 2.2, top, _visible(truth) if truth else "nobody knows", fontsize=9, color=INK if truth else GREY,
                  family=MONOSPACED if truth else None, **START)
        axes.plot([left, left + wide - 1], [top + 0.6] * 2, color=PALE, linewidth=1)
        for place, (piece, chance) in enumerate(guesses):
            right, line = truth != "" and piece == truth, top + 1.15 + place
            room = wide - 1
            colour, long = pale(RIGHT, 0.55) if right else PALE, max(room * float(chance), 0.06)
            axes.add_patch(Rectangle((left, line - 0.42), long, 0.84, facecolor=colour))
            axes.text(left + 0.3, line, _visible(piece) + (" ✓" if right else ""), fontsize=8.5, color=INK, family=MONOSPACED,
                      fontweight="bold" if right else None, **START)
            axes.text(left + wide - 1, line, percent(chance), fontsize=8, color=INK if right else GREY, **{**START, "ha": "right"})
    if len(tops) > SHOWN:
        axes.text(0, high - 1, f"and {len(tops) - SHOWN} more hidden places", fontsize=8.5, color=GREY, **START)
    return figure


def _flow(pieces, hidden):
    """→ [(column, line, text, width of its box or 0), …], and the number of lines: words stay whole where they can."""
    words, box = [], 0                                             # words: parts that stay together, [(text, its box or 0), …]
    for piece, gone in zip(pieces, hidden):
        text = piece.replace("␣", " ").replace("↵", " ")
        box += gone
        if not words or text[:1] in (" ", ""):
            words.append([])
        parts, bare_text = words[-1], text.strip(" ")
        if parts and not gone and not parts[-1][1]:
            parts[-1] = parts[-1][0] + bare_text, 0
        else:
            parts.append((bare_text, box if gone else 0))
        if text[-1:] == " " and text.strip(" "):
            words.append([])
    spots, column, line = [], 0, 0
    for word in filter(None, words):
        sizes = [max(3, min(len(text), 8)) if number else len(text) for text, number in word]
        if column and column + sum(sizes) > COLUMNS:
            column, line = 0, line + 1
        for (text, number), size in zip(word, sizes):
            if column and column + min(size, COLUMNS) > COLUMNS:
                column, line = 0, line + 1
            spots.append((column, line, str(number) if number else text[:COLUMNS], size if number else 0))
            column += size
        column += 1
    return spots, line + 1


def _visible(piece):
    """A piece as a label; a space, which says that a word begins, can be seen."""
    text = piece.replace(" ", "␣")
    return text if len(text) <= 12 else text[:11] + "…"


def by_ratio(panels, *, floors=None, figure=None):
    """{title: {line: {share hidden: number, or a list over seeds}}} → Figure: one panel a title, numbers by what is hidden.

    floors: {title: {name: number}}, levels to compare with, dotted. Seeds are dots, their mean a line; every panel but those
    of accuracy begins at 0.
    """
    if not panels:
        raise ValueError("panels is empty: want at least one, {title: {line: {share hidden: number}}}")
    figure = new(figure, (min(3.3 * len(panels), 10.2), 2.9))
    for axes, (title, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        for (name, points), colour in zip(lines.items(), (RIGHT, WRONG, INK, GREY)):
            shares = sorted(points)
            seeds = [torch.as_tensor(points[share], dtype=torch.float64).flatten() for share in shares]
            means = [values.mean().item() for values in seeds]
            axes.plot([100 * share for share in shares], means, "o-", color=colour, label=name, linewidth=1.8, markersize=5)
            for share, values in zip(shares, seeds):
                if len(values) > 1:
                    axes.plot([100 * share] * len(values), values.tolist(), ".", color=colour, alpha=0.6, markersize=5)
        for name, level in (floors or {}).get(title, {}).items():
            axes.axhline(level, color=GREY, linestyle=":", linewidth=1.2)
            axes.annotate(name, (1, level), xycoords=("axes fraction", "data"), xytext=(-2, 2), textcoords="offset points",
                          ha="right", fontsize=8, color=GREY)
        if "%" not in title:
            axes.set_ylim(bottom=0)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=8)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("hidden, %")
        quiet(axes)
    return figure
