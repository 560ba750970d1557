"""Diagrams: the two stages, and the map of the field."""

from pathlib import Path

from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .look import BRANCHES, GREY, INK, PALE, RIGHT, WRONG, bare, new, pale

# The map of the field: branch, what it asks, its topics and the notebook that tells of each.
FIELD = (
    ("Pretext tasks", "change a picture, ask what was changed", (
        ("rotation", "01_rotation"), ("jigsaw puzzle", "02_jigsaw"), ("relative patch", "03_relative_patch"),
        ("colorization", "04_colorization"), ("split-brain", "04_colorization"), ("inpainting", "05_inpainting"))),
    ("Self-prediction", "hide a part, predict it from the rest", (
        ("the family", "06_self_prediction"), ("masked text", "06a_masked_text"), ("autoregressive", "06b_autoregressive"),
        ("temporal", "06c_series_and_hybrid"), ("hybrid", "06c_series_and_hybrid"), ("masked pictures", "10_mae"))),
    ("Contrastive learning", "two views of one picture agree", (
        ("losses", "07_contrastive_losses"), ("SimCLR", "08_simclr"), ("MoCo", "09_moco_byol"),
        ("BYOL", "09_moco_byol"), ("VICReg", "09_moco_byol"))),
    ("Evaluation", "what was learnt, and what is it worth?", (
        ("linear probe", "01_rotation"), ("low-label curve", "01_rotation"), ("comparison", "11_comparison"))))


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


def _canvas(figure, width, height):
    axes = bare(figure.subplots())
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
