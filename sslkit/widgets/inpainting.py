"""Move the hole about, and see what comes into it."""

import torch
from ipywidgets import Dropdown, FloatSlider, HBox

from .. import plots
from ..data.dataset import as_float
from ..tasks import Inpainting, holes
from . import door
from .base import WIDE
from .pictures import PictureExplorer

KINDS = {"a block": None, "strokes of a brush": holes.strokes, "top half": holes.top_half, "bottom half": holes.bottom_half,
         "left half": lambda images: holes.half(images, "left"), "right half": lambda images: holes.half(images, "right")}


@door.wants(task=door.one_of(Inpainting), pictures=door.datasets, number=door.whole(1))
class InpaintingExplorer(PictureExplorer):
    """A picture with a hole that can be moved and resized, the network's filling, the truth, and the squared error.

    task: a trained `sslkit.tasks.Inpainting`. pictures: a Dataset, or {name: Dataset}, the size that it knows; of each the first
    `number` can be chosen. The sliders say where the block lies and how large it is, as shares of the picture; at the edges a
    large block stays whole and moves inwards.
    """

    def __init__(self, task, pictures, *, number=200):
        self.task, self.device = task, next(task.parameters()).device
        late = {"step": 0.05, "continuous_update": False, **WIDE}
        controls = {"kind": Dropdown(options=list(KINDS), description="hole", **WIDE),
                    "left": FloatSlider(0.3, min=0, max=0.9, description="left", **late),
                    "top": FloatSlider(0.3, min=0, max=0.9, description="top", **late),
                    "width": FloatSlider(0.4, min=0.1, max=1, description="width", **late),
                    "height": FloatSlider(0.4, min=0.1, max=1, description="height", **late)}
        super().__init__(pictures, controls, (9.6, 2.7), number=number)

    def arrange(self, controls):
        choosing, *_ = super().arrange(controls)
        pair = lambda *names: HBox([controls[name] for name in names])
        return [choosing, controls["kind"], pair("left", "top"), pair("width", "height")]

    def hole(self):
        """→ bool (1, 1, H, W), True where pixels are taken away."""
        image = as_float(self.picture)[None]                       # (1, 3, H, W)
        if KINDS[self.kind] is not None:
            with torch.random.fork_rng():
                torch.manual_seed(self.number)                     # strokes stay as they are while one looks at a picture
                return KINDS[self.kind](image)
        rows, columns = image.shape[-2:]
        height, width = max(1, round(self.height * rows)), max(1, round(self.width * columns))
        corner = min(round(self.top * rows), rows - height), min(round(self.left * columns), columns - width)
        return holes.box(image, *(torch.tensor([pixels]) for pixels in (*corner, height, width)))

    def draw(self, figure):
        image, hole = as_float(self.picture)[None].cpu(), self.hole()
        filled = self._fill(image, hole)
        visible = image.masked_select(~hole.expand_as(image)).view(3, -1) if not hole.all() else torch.full((3, 1), 0.5)
        lazy = visible.mean(1).view(1, 3, 1, 1).expand_as(image)
        error = {name: float(self.task.loss(painted, (image, hole))[0]) for name, painted in (("network", filled), ("lazy", lazy))}
        plots.fillings(image[0], hole[0], filled[0], figure=figure)
        better = "better" if error["network"] < error["lazy"] else "no better"
        rival = "plain grey" if hole.all() else "the mean colour of what is visible"
        return (f"{float(hole.float().mean()):.0%} of the pixels are gone. Squared error in the hole: the network "
                f"<b>{error['network']:.4f}</b>, {rival} <b>{error['lazy']:.4f}</b>: {better} than that. {self.told()}")

    def _fill(self, image, hole):
        was_training = self.task.training
        self.task.eval()
        try:
            with torch.no_grad():
                return self.task.fill(image.to(self.device), hole.to(self.device)).cpu()
        finally:
            self.task.train(was_training)
