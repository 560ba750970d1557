"""How every figure of the kit looks: colours, a Figure that notebooks show, bare and quiet axes."""

import io
import re

import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ..data.dataset import as_float

# Okabe & Ito's colours, which colour-blind readers can tell apart. Floors are grey, labels alone are vermilion, what was
# learnt without labels has its method's colour in every figure.
INK, GREY, PALE, RIGHT, WRONG = "#2B2B2B", "#7A7A7A", "#D9DDE3", "#0072B2", "#D55E00"
METHODS = {"rotation": "#0072B2", "jigsaw": "#009E73", "relative patch": "#CC79A7", "colorization": "#B58900",
           "split brain": "#8C6BB1", "inpainting": "#56B4E9", "simclr": "#0F5257", "moco": "#7B3F98", "byol": "#4C9F38", "vicreg": "#C2185B",
           "mae": "#8B5E3C"}
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
    of its method: "rotation, linear probe". What is fine-tuned, or learnt from "real views", is a paler, broken line in the
    method's colour, a single "block 2" a shade of it.
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
    if "real views" in words:
        return {"color": pale(colour, 0.35), "linestyle": (0, (6, 1)), "marker": "P"}
    if "block" in words:                                           # one layer of the encoder: the deeper, the darker
        depth = int((re.search(r"block (\d+)", words) or [0, 0])[1])
        return {"color": pale(colour, max(0.0, 0.7 - 0.15 * depth)), "linestyle": ":" if "knn" in words else "-", "marker": "."}
    return {"color": colour, "linestyle": "-", "marker": "o"}


def pale(colour, share):
    """A colour mixed with `share` of white."""
    return tuple((1 - share) * channel + share for channel in to_rgb(colour))


def pixels(images):
    """(N, 3, H, W), uint8 or in [0, 1], tensor or array → (N, H, W, 3) floats, as matplotlib wants them."""
    images = as_float(torch.as_tensor(images)).detach().float().cpu().clamp(0, 1)
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"pictures of shape {tuple(images.shape)}: want (N, 3, H, W)")
    return images.permute(0, 2, 3, 1).numpy()


def bare(axes):
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


def quiet(axes):
    """Only what helps to read the numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(color=GREY)
    axes.grid(axis="y", alpha=0.25)


def measures(axes, across, up):
    """Quiet axes of a small figure, with words for what runs across and up."""
    axes.set_xlabel(across, fontsize=9, color=INK)
    axes.set_ylabel(up, fontsize=9, color=INK)
    axes.tick_params(labelsize=8)
    quiet(axes)
