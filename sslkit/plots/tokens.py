"""What a model says of the next element: a letter, a level, a colour; what is there so far; pictures in words of a code book."""

import colorsys

import numpy as np
import torch
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, ScaledTranslation

from ..data.dataset import as_float
from ..data.sound import mu_law
from .look import GREY, INK, PALE, RIGHT, WRONG, bare, measures, new, pale, pixels

COLUMNS, LETTER, LINE = 56, 10.87, 17                              # letters a line; points: so a letter is ten pixels wide
MONOSPACED = "DejaVu Sans Mono"                                    # it has ␣ and ↵


def next_token(probabilities, names=None, chosen=None, truth=None, top=12, *, colours=None, title="the next token", figure=None):
    """Probabilities (V,) → Figure: bars of the `top` likeliest; that which was drawn is blue, the true one has a ✓.

    names: of all tokens (V strings). colours: (V, 3) in [0, 1], where tokens are colours: then each bar has its own.
    What was drawn or is true stands below the others if it is not among the likeliest.
    """
    chances = _chances(probabilities)                              # (V,)
    best = chances.argsort()[::-1][:top].tolist()
    rest = [token for token in dict.fromkeys((chosen, truth)) if token is not None and token not in best]
    rows = [*enumerate(best), *((len(best) + 0.4 + number, token) for number, token in enumerate(rest))]
    last = rows[-1][0]
    figure = new(figure, (3.6, 0.6 + 0.23 * (last + 1)))
    axes = figure.subplots()
    widest = max(0.3, float(chances.max()))
    for place, token in rows:
        drawn = token == chosen
        if colours is None:
            axes.barh(place, chances[token], 0.72, color=RIGHT if drawn else PALE)
        else:
            colour = np.asarray(torch.as_tensor(colours)[token].cpu(), dtype=float).clip(0, 1)
            axes.barh(place, chances[token], 0.72, color=colour, edgecolor=INK if drawn else GREY, linewidth=2 if drawn else 0.5)
            swatch = (-0.09 * widest, place - 0.36), 0.07 * widest, 0.72             # however short the bar
            axes.add_patch(Rectangle(*swatch, facecolor=colour, edgecolor=GREY, linewidth=0.5))
        words = percent(chances[token]) + (" drawn" if drawn else "") + (" ✓" if token == truth else "")
        axes.text(chances[token] + 0.02 * widest, place, words, va="center", fontsize=8, fontweight="bold" if drawn else None, in_layout=False,
                  color=INK if drawn or token == truth else GREY)
    if rest:
        axes.axhline(len(best) - 0.3, color=GREY, linewidth=0.8, linestyle=":")
    labels = ["" if names is None and colours is not None else str(token) if names is None else names[token] for _, token in rows]
    axes.set_yticks([place for place, _ in rows], labels, family=MONOSPACED, fontsize=9)
    axes.set(xlim=(-0.11 * widest if colours is not None else 0, 1.5 * widest), ylim=(max(last, 5) + 0.6, -0.6), xticks=[])
    axes.set_title(title, fontsize=10)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set(color=GREY, visible=colours is None)
    return figure


def next_level(probabilities, chosen=None, truth=None, *, title="the next level", figure=None):
    """Probabilities (V,) of levels in order, such as mu-law's 256 → Figure: a line over them, and the level that was drawn.

    The axis is mu-law's own, on which levels stand evenly; amplitudes are written at it.
    """
    chances = _chances(probabilities)
    figure = new(figure, (3.8, 2.6))
    axes, levels = figure.subplots(), np.arange(len(chances))
    axes.fill_between(levels, chances, step="mid", color=pale(RIGHT, 0.75), linewidth=0)
    axes.step(levels, chances, where="mid", color=RIGHT, linewidth=1.2)
    high = max(0.05, 1.15 * float(chances.max()))
    for level, colour, word in ((truth, INK, "true"), (chosen, WRONG, "drawn")):
        if level is not None:
            axes.axvline(level, color=colour, linewidth=1.2, linestyle="--" if word == "true" else "-")
            left, top = level > len(chances) / 2, high * (0.96 if word == "drawn" else 0.86)
            axes.annotate(f"{word}, {percent(chances[level])}", (level, top), xytext=(-4 if left else 4, 0),
                          textcoords="offset points", ha="right" if left else "left", va="top", fontsize=8, color=colour)
    marks = (-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0)
    axes.set_xticks(mu_law(torch.tensor(marks), len(chances)).tolist(), [f"{mark:g}".replace("-", "−") for mark in marks])
    axes.set(xlim=(-1, len(chances)), ylim=(0, high))
    axes.set_title(title, fontsize=10)
    measures(axes, "amplitude", "probability")
    return figure


def written(pieces, given, drawn, *, title="so far", figure=None):
    """Pieces of a text (T strings), of which the first were given and then some drawn → Figure: what there is so far.

    What was given is grey, the latest piece drawn is marked. Spaces and ends of lines are those of `Tokenizer.pieces`.
    """
    figure = new(figure, (5.4, 2.6))
    axes = bare(figure.subplots())
    axes.set_title(title, fontsize=10)
    runs, column, line, last = {}, 0, 0, given + drawn - 1         # (line, colour): letters at their columns
    for place, piece in enumerate(pieces[:given + drawn]):
        for letter in piece:
            if column == COLUMNS:
                column, line = 0, line + 1
            if place == last and drawn:
                axes.add_patch(Rectangle(*_cell(column, line), facecolor=pale(RIGHT, 0.7), transform=_points(axes)))
            colour = pale(GREY, 0.4) if letter in "␣⇥↵" else GREY if place < given else INK
            if letter != "␣" or place == last:
                runs.setdefault((line, colour), {})[column] = letter
            column += 1
            if letter == "↵":
                column, line = 0, line + 1
    for (line_of_run, colour), letters in runs.items():            # a text for each run: one for each letter would take long
        text = "".join(letters.get(place, " ") for place in range(max(letters) + 1))
        axes.text(0, -LINE * (line_of_run + 0.75), text, fontsize=LETTER, color=colour, family=MONOSPACED, transform=_points(axes),
                  ha="left", va="baseline", in_layout=False)
    if last + 1 < len(pieces):
        (left, low), _, height = _cell(column, line)
        axes.plot([left + 1] * 2, [low, low + height], color=WRONG, linewidth=2, transform=_points(axes))
    return figure


def _points(axes):
    """From points, right and up from the upper left corner of the axes."""
    return Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans + ScaledTranslation(0, 1, axes.transAxes)


def _cell(column, line):
    """Corner, width and height of a letter's place, in points."""
    return (0.602 * LETTER * column, -LINE * (line + 1)), 0.602 * LETTER, LINE                   # 0.602: this font's width


def so_far(picture, given, drawn, *, truth=None, title="so far", figure=None):
    """A picture (3, H, W) told pixel by pixel, of which `given` were given and then `drawn` drawn → Figure; the rest is pale.

    truth: the picture (3, H, W) that the given pixels are from, to stand beside it. A line parts given from drawn, the next
    pixel is framed.
    """
    picture = as_float(torch.as_tensor(picture)).detach().cpu()
    height, width = picture.shape[-2:]
    shown = np.array(pixels(picture[None])[0])                     # (H, W, 3)
    told = np.arange(height * width).reshape(height, width) < given + drawn
    shown[~told] = np.array([0.925, 0.933, 0.945])
    figure = new(figure, (2.8 if truth is None else 5.4, 2.8))
    panels = figure.subplots(1, 1 if truth is None else 2, squeeze=False)[0]
    bare(panels[-1]).imshow(shown, interpolation="nearest")
    if truth is not None:
        bare(panels[0]).imshow(pixels(torch.as_tensor(truth)[None])[0], interpolation="nearest")
        panels[0].set_title("the truth", fontsize=10)
    if 0 < given < height * width:
        row, column = divmod(given, width)
        for axes in panels:
            axes.plot([-0.5, column - 0.5, column - 0.5, width - 0.5], [row + 0.5 if column else row - 0.5] * 2 + [row - 0.5] * 2,
                      color="white", linewidth=1.2)
    if given + drawn < height * width:
        row, column = divmod(given + drawn, width)
        panels[-1].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=WRONG, linewidth=2, zorder=5))
    for axes in panels:
        axes.set(xlim=(-0.7, width - 0.3), ylim=(height - 0.3, -0.7))
    panels[-1].set_title(title, fontsize=10)
    return figure


def tokens_map(tokens, pictures, painted=None, *, titles=("pictures", "their words", "painted from them"), figure=None):
    """Maps of words (B, h, w), the pictures (B, 3, H, W) that they tell, and pictures painted from them → Figure, a column each.

    A word has one colour throughout, which says nothing but which word it is. pictures: None where there are none.
    """
    tokens = torch.as_tensor(tokens).cpu()
    if tokens.ndim != 3:
        raise ValueError(f"tokens of shape {tuple(tokens.shape)}: want maps of words (B, h, w)")
    # Hues a golden section apart: neighbours in the book, and any few words, look different.
    colours = np.array([colorsys.hsv_to_rgb(0.618034 * word % 1, (0.45, 0.75, 0.6)[word % 3], (0.95, 0.85, 0.65)[word // 3 % 3])
                        for word in range(int(tokens.max()) + 1)])
    rows = [(titles[1], colours[tokens.numpy()])]
    if pictures is not None:
        rows.insert(0, (titles[0], pixels(pictures)))
    if painted is not None:
        rows.append((titles[2], pixels(painted)))
    side = min(1.3, 9 / len(tokens))
    figure = new(figure, (side * len(tokens) + 0.5, 1.03 * side * len(rows)))
    for axes, (title, images) in zip(figure.subplots(len(rows), len(tokens), squeeze=False), rows):
        for one, image in zip(axes, images):
            bare(one).imshow(image, interpolation="nearest")
        axes[0].set_ylabel(title, fontsize=9, color=INK)
    return figure


def _chances(probabilities):
    chances = np.asarray(torch.as_tensor(probabilities).detach().cpu(), dtype=float)
    if chances.ndim != 1 or not np.isfinite(chances).all() or abs(chances.sum() - 1) > 1e-3:
        raise ValueError(f"probabilities {chances.shape} with sum {chances.sum():.4g}: want (V,), finite, with sum 1")
    return chances


def percent(chance):
    """A probability in words."""
    if chance >= 0.0995:
        return f"{100 * chance:.0f} %"
    return f"{100 * chance:.1f} %" if chance >= 0.0005 else "< 0.1 %" if chance > 0 else "0"
