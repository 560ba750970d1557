"""What a colorization network believes, pixel by pixel."""

import torch
from ipywidgets import Dropdown, HBox, IntSlider, SelectionSlider

from .. import color, plots
from ..data.dataset import as_float
from ..tasks import Colorization
from . import door
from .base import WIDE
from .pictures import PictureExplorer


@door.wants(tasks=door.or_named(door.one_of(Colorization), "Colorization"), pictures=door.datasets, number=door.whole(1))
class ColorizationExplorer(PictureExplorer):
    """A picture without its colours, the colours that a network gives it, the truth, and the distribution behind one pixel.

    tasks: a trained `sslkit.tasks.Colorization`, or {name: task} to choose from. pictures: a Dataset or {name: Dataset} of
    one size; a photograph of the reader's own can be uploaded, in colour or black and white.
    """

    def __init__(self, tasks, pictures, *, number=200):
        self.tasks = tasks if isinstance(tasks, dict) else {"network": tasks}
        first = next(iter(pictures.values())) if isinstance(pictures, dict) else pictures
        self.stride = next(iter(self.tasks.values())).stride
        last = first.images.shape[-1] // self.stride - 1
        late = {"continuous_update": False, **WIDE}
        controls = {
            "row": IntSlider(last // 2, 0, last, description="pixel: row", **late),
            "column": IntSlider(last // 2, 0, last, description="column", **late),
            "temperature": SelectionSlider(options=[0.05, 0.1, 0.2, 0.38, 0.6, 0.8, 1.0], value=0.38, description="temperature", **late)}
        if len(self.tasks) > 1:
            controls["network"] = Dropdown(options=list(self.tasks), description="trained on", **WIDE)
        super().__init__(pictures, controls, (10.2, 3.1), number=number)

    def arrange(self, controls):
        choosing, *_ = super().arrange(controls)
        return [choosing, HBox([controls["row"], controls["column"]]),
                HBox([controls[name] for name in ("temperature", "network") if name in controls])]

    @property
    def task(self):
        return self.tasks[self.network] if "network" in self.controls else next(iter(self.tasks.values()))

    def draw(self, figure):
        image = as_float(self.picture)[None]                                                     # (1, 3, H, W)
        light, logits = self._answer(image)
        painted = color.paint(light, logits, self.temperature)[0]
        chances = logits[0, :, self.row, self.column].softmax(0)                                 # (Q,)
        answer = color.annealed_mean(logits, self.temperature)[0, :, self.row, self.column]      # (2,)
        corner = self.row * self.stride, self.column * self.stride
        cell = color.rgb_to_lab(image)[0, :, corner[0]:corner[0] + self.stride, corner[1]:corner[1] + self.stride].mean((1, 2))
        grey = bool(color.colorfulness(color.rgb_to_lab(image)[:, 1:]).max() < 1)
        left, right = figure.subfigures(1, 2, width_ratios=(2.1, 1))
        panels = {"what the network sees": light[0].expand(3, -1, -1), "the colours it gives": painted,
                  "it never had colours" if grey else "the truth": image[0]}
        plots.colorized(panels, place=(*corner, self.stride), figure=left)
        plots.ab_plane(chances, truth=None if grey else cell[1:], mean=answer, lightness=float(cell[0].clamp(35, 85)), figure=right,
                       title="what it believes of the square")
        best = int(chances.argmax())
        away = "" if grey else f" The truth is {float((answer - cell[1:]).norm()):.0f} units away from that."
        return (f"Of the marked square it holds {float(chances[best]):.0%} for its likeliest bin; half of its belief lies in "
                f"<b>{int((chances.sort(descending=True).values.cumsum(0) < 0.5).sum()) + 1} of {len(chances)}</b> bins.{away} {self.told()}")

    def _answer(self, image):
        """(1, 3, H, W) → lightness (1, 1, H, W), logits (1, Q, h, w), on the CPU, in evaluation mode."""
        task = self.task
        was_training = task.training
        task.eval()
        try:
            with torch.no_grad():
                light = color.lightness(image.to(task.weights.device))
                return light.cpu(), task(light).float().cpu()
        finally:
            task.train(was_training)
