"""What a rotation network sees and says."""

import torch
from ipywidgets import HBox, IntSlider, ToggleButton, ToggleButtons
from torch.nn import functional as F

from .. import plots
from ..data.dataset import as_float
from ..tasks import Rotation
from . import door
from .base import WIDE
from .pictures import PictureExplorer


@door.wants(task=door.one_of(Rotation), dataset=door.dataset, number=door.whole(1))
class RotationExplorer(PictureExplorer):
    """What a rotation network sees in a picture, and what it says of its four turns.

    task: a trained `sslkit.tasks.Rotation`. dataset: pictures the size that it knows; the first `number` can be chosen,
    in their order or the hardest first (by the mean loss over the four turns). A picture of the reader's own can be
    uploaded; it is cut square and resized.
    """

    handled = (*PictureExplorer.handled, "hardest")

    def __init__(self, task, dataset, *, number=200):
        self.task, few = task, dataset[:number]
        self.device = next(task.parameters()).device
        logits = torch.cat([self._answer(part)[0] for part in few.images.split(50)])               # (N, 4, 4)
        losses = F.cross_entropy(logits.flatten(0, 1), torch.arange(4).repeat(len(logits)), reduction="none")
        self.losses = losses.view(-1, 4).mean(1)                                                  # (N,)
        self.order = {False: torch.arange(len(few)), True: self.losses.argsort(descending=True)}
        blocks = len(task.encoder.blocks)
        controls = {
            "hardest": ToggleButton(False, description="hardest first", icon="sort-amount-desc"),
            "turn": ToggleButtons(options=[(f"{90 * turn}°", turn) for turn in range(4)], description="turn by",
                                  style={"description_width": "90px", "button_width": "60px"}),
            "depth": IntSlider((blocks + 1) // 2, 1, blocks, description="block", continuous_update=False, **WIDE)}
        controls["hardest"].observe(self.guard(self._choose), "value")
        super().__init__(few, controls, (8.2, 2.7), number=number)

    def arrange(self, controls):
        return [HBox([controls["number"], controls["hardest"]]), HBox([controls["turn"], controls["upload"]]), controls["depth"]]

    def index(self):
        return int(self.order[self.hardest][self.number])

    def told(self):
        loss = "" if self.own is not None else f" Mean loss over its four turns {float(self.losses[self.index()]):.2f}."
        return super().told() + f'<span style="color:{plots.GREY}">{loss}</span>'

    def draw(self, figure):
        image = self.picture                                                                      # (3, H, W)
        logits, maps = self._answer(image[None], self.depth)
        probabilities = logits[0, self.turn].softmax(0)                                           # (4,)
        turned = torch.rot90(image, self.turn, (-2, -1))
        left, right = figure.subfigures(1, 2, width_ratios=(1.95, 1))
        plots.rotations(turned, probabilities, self.turn, figure=left)
        left.axes[0].set_title("what the network sees", fontsize=10)
        plots.image_grid(plots.heat(turned[None], maps[0, self.turn][None]), figure=right)
        right.axes[0].set_title(f"where block {self.depth} is strong", fontsize=10)
        guess = int(probabilities.argmax())
        verdict = "right" if guess == self.turn else f"wrong, it is {90 * self.turn}°"
        return f"The network says <b>{90 * guess}° with {100 * float(probabilities[guess]):.0f} %</b>: {verdict}. {self.told()}"

    def _answer(self, images, depth=None):
        """uint8 (B, 3, H, H) → logits of each picture's four turns (B, 4, 4), attention maps (B, 4, h, w) of block `depth`."""
        was_training = self.task.training
        self.task.eval()
        try:
            with torch.no_grad():
                turned, _ = self.task.make_problem(as_float(images.to(self.device)))              # (4B, 3, H, H), turn by turn
                logits = self.task(turned).float().cpu().view(4, len(images), 4).transpose(0, 1)
                maps = plots.energy(self.task.encoder.features(turned, depth)).cpu()
        finally:
            self.task.train(was_training)
        return logits, maps.view(4, len(images), *maps.shape[1:]).transpose(0, 1)
