"""Holes as figures: what is left of a picture, what a network puts there, and how far off that is."""

import torch

from ..data.dataset import as_float
from .look import GREY, bare, new, pixels


def fillings(image, hole, filled, *, titles=("what the network sees", "its filling", "the truth", "squared error"), figure=None):
    """A picture (3, H, W), its hole bool (1, H, W), the picture filled (3, H, W) → Figure: holed, filled, true, and the error."""
    image, filled, hole = (torch.as_tensor(tensor).cpu() for tensor in (as_float(image), as_float(filled), hole))
    error = ((filled - image).square().mean(0) * hole[0]).numpy()  # (H, W)
    figure = new(figure, (9.6, 2.7))
    panels = figure.subplots(1, 4)
    for axes, picture, title in zip(panels, (image.masked_fill(hole, 0.5), filled, image), titles):
        bare(axes).imshow(pixels(picture[None])[0], interpolation="nearest")
        axes.set_title(title, fontsize=10)
    for axes in panels[1:3]:
        axes.contour(hole[0].float().numpy(), levels=[0.5], colors="white", linewidths=1)
    shown = bare(panels[3]).imshow(error, cmap="inferno", vmin=0, vmax=max(0.05, float(error.max())), interpolation="nearest")
    panels[3].set_title(titles[3], fontsize=10)
    bar = figure.colorbar(shown, ax=panels[3], fraction=0.046, pad=0.03)
    bar.ax.tick_params(labelsize=7, color=GREY)
    bar.outline.set_visible(False)
    return figure
