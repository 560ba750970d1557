"""Random views of a picture as figures: the picture beside its views, and each operation by itself."""

import numpy as np
import torch
from matplotlib.patches import Rectangle

from .look import GREY, INK, RIGHT, WRONG, bare, new, pixels

GAP, LINE = 0.1, 0.155                                             # between views, and for a line under them: sides of a view


def views(picture, views, *, similarity=None, matches=None, titles=None, figure=None):
    """A picture (3, H, W) and views of it (n, 3, h, w), uint8 or in [0, 1] → Figure: the picture, large, then its views.

    similarity: cosine (n,) of an encoder's embeddings of each view and of the picture, written under the view. matches: bool
    (n,), framed in blue where the picture is what the view is nearest to, in vermilion where something else is. titles: words
    for each view, under it. Raises ValueError where one of these has another length than the views.
    """
    original, pictures = pixels(torch.as_tensor(picture)[None])[0], pixels(views)                 # (H, W, 3), (n, h, w, 3)
    number = len(pictures)
    for name, given in (("similarity", similarity), ("matches", matches), ("titles", titles)):
        if given is not None and len(given) != number:
            raise ValueError(f"{name} for {len(given)} views, but there are {number}: want one a view")
    rows = max(1, round((number / 2) ** 0.5))
    columns = -(-number // rows)
    below = LINE * ((similarity is not None) + (titles is not None))
    size = 9 if columns <= 5 else 7                                # of the letters under views that are smaller
    step = 1 + below + GAP
    tall = rows * step - GAP - below                               # from the first row's top to the last one's bottom
    side = max(tall, 1.8)
    beside, above = side + 0.3, (side - tall) / 2                  # where the views begin
    wide = max(6.5, beside + columns * (1 + GAP) - GAP)
    figure = new(figure, (9.2, 9.2 / wide * (side + below + 0.3)))
    axes = bare(figure.subplots())
    axes.imshow(original, extent=(0, side, side, 0), interpolation="nearest")
    axes.text(0, -0.06, "the picture", ha="left", va="bottom", fontsize=10, color=INK)
    cosine = "" if similarity is None else "; below, the cosine with the picture"
    axes.text(beside, above - 0.06, f"random views of it{cosine}", ha="left", va="bottom", fontsize=10, color=INK)
    for index, view in enumerate(pictures):
        top, left = above + index // columns * step, beside + index % columns * (1 + GAP)
        axes.imshow(view, extent=(left, left + 1, top + 1, top), interpolation="nearest")
        colour, mark = INK, ""
        if matches is not None:
            colour, mark = (RIGHT, " ✓") if matches[index] else (WRONG, " ✗")
            axes.add_patch(Rectangle((left, top), 1, 1, fill=False, edgecolor=colour, linewidth=2.5))
        if similarity is not None:
            axes.text(left + 0.5, top + 1.03, f"{float(similarity[index]):.3f}{mark}", ha="center", va="top",
                      fontsize=size, color=colour)
        if titles is not None:
            axes.text(left + 0.5, top + 1.03 + LINE * (similarity is not None), titles[index], ha="center", va="top",
                      fontsize=size - 1, color=GREY)
    axes.set(xlim=(-0.03, wide + 0.03), ylim=(side + below + 0.03, -0.25), aspect="equal")
    return figure


def operations(rows, *, figure=None):
    """{name of an operation: pictures (k, 3, H, W)} → Figure: one row an operation, k draws of each: which does what."""
    if not rows:
        raise ValueError("no operations to show: want {name: pictures (k, 3, H, W)}")
    drawn = {name: pixels(pictures) for name, pictures in rows.items()}                           # each (k, H, W, 3)
    most = max(len(pictures) for pictures in drawn.values())
    wide = max(6, most)                                            # few draws need not be larger than others
    inches = 9.2 if figure is None else figure.bbox.width / figure.dpi
    letters = 0.075 * max(map(len, drawn)) + 0.2                   # inches
    label = wide * letters / max(1, inches - letters)
    figure = new(figure, (9.2, 9.2 / (wide + label) * len(drawn)))
    axes = bare(figure.subplots())
    for row, (name, pictures) in enumerate(drawn.items()):
        draws, height, width, _ = pictures.shape
        edge = max(1, round(0.05 * width))
        # One image a row: an image for each picture takes far longer to draw.
        sheet = np.ones((height + edge, draws * (width + edge), 3))
        for column, picture in enumerate(pictures):
            sheet[:height, column * (width + edge):(column + 1) * (width + edge) - edge] = picture
        axes.imshow(sheet, extent=(0, draws, row + 1, row), interpolation="nearest")
        axes.text(-0.12, row + 0.48, name, ha="right", va="center", fontsize=9, color=INK)
    axes.set(xlim=(-label, wide), ylim=(len(drawn), 0), aspect="equal")
    return figure
