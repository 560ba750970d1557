"""Hide patches of a picture, by a rule or by hand, and see what a masked autoencoder makes of the rest."""

import statistics
import time
from contextlib import contextmanager

import torch
from ipywidgets import HTML, Button, Dropdown, FloatSlider, HBox, IntSlider, Layout, ToggleButton, VBox

from .. import plots
from ..data.dataset import as_float, seed_for
from ..tasks import MAE, masks
from . import door
from .base import WIDE
from .pictures import PictureExplorer

KINDS = {"random": masks.random, "block": masks.block, "grid": masks.grid}
BY_HAND = "by hand"
COPIES = 64                                                        # pictures at once, where the encoder's time is taken


@door.wants(task=door.one_of(MAE), pictures=door.datasets, number=door.whole(1))
class MaskExplorer(PictureExplorer):
    """A picture, some of its patches hidden, and what a masked autoencoder paints there.

    task: a trained `sslkit.tasks.MAE`, without norm_pix, which could not paint. pictures: a Dataset, or {name: Dataset}, the size
    that it knows; of each the first `number` can be chosen. A menu says how patches are chosen, a slider how many; each button of
    the grid is one patch, to be hidden or shown by hand. At least one stays visible. `hidden` is what is hidden now, bool (N,).
    It is told how long the encoder takes for what is visible, and for all of it.
    """

    handled = (*PictureExplorer.handled, "kind", "ratio", "seed")

    def __init__(self, task, pictures, *, number=200):
        if task.norm_pix:
            raise ValueError("this MAE tells patches relative to their own mean and deviation (norm_pix=True), which nobody can "
                             "look at: want one that was trained with norm_pix=False")
        self.task, self.device, self.times, self.rule = task, next(task.parameters()).device, {}, "random"
        grid = task.encoder.grid
        self.cells = [ToggleButton(False, description="", tooltip=f"row {place // grid + 1}, column {place % grid + 1}",
                                   layout=Layout(width="26px", height="24px", margin="1px", padding="0"))
                      for place in range(grid ** 2)]
        late = {"continuous_update": False, **WIDE}
        controls = {"kind": Dropdown(options=[*KINDS, BY_HAND], description="hidden", **WIDE),
                    "ratio": FloatSlider(0.75, min=0, max=0.95, step=0.05, description="how much", **late),
                    "seed": IntSlider(0, 0, 99, description="random draw", **late)}
        self.again = Button(description="draw again", icon="random", layout=Layout(width="120px"))
        self.again.on_click(self.guard(self._draw_again))
        for name in controls:
            controls[name].observe(self.guard(self._choose), "value")
        for cell in self.cells:
            cell.observe(self.guard(self._click), "value")
        self._held = False
        self.hidden = self._hide(self._drawn(controls["ratio"].value, controls["seed"].value))
        super().__init__(pictures, controls, (7.4, 2.75), number=number)

    def arrange(self, controls):
        choosing, *_ = super().arrange(controls)
        grid = self.task.encoder.grid
        rows = [HBox(self.cells[first:first + grid]) for first in range(0, grid ** 2, grid)]
        told = HTML(f'<span style="color:{plots.GREY}">each button is a patch: click to hide or show it</span>')
        left = VBox([controls["kind"], controls["ratio"], controls["seed"], self.again])
        return [choosing, HBox([left, VBox([told, *rows], layout=Layout(margin="0 0 0 24px"))])]

    def draw(self, figure):
        image, hidden = as_float(self.picture)[None].cpu(), self.hidden
        patch = self.task.encoder.patch
        gone = plots.masking.spread(hidden, patch, image.shape).expand_as(image)                  # (1, 3, H, W)
        painted = self.painted(image)
        plots.masked(image, hidden, painted, patch, figure=figure)
        number, total = int(hidden.sum()), len(hidden)
        if not number:
            return f"Nothing is hidden: there is nothing to paint, and nothing to learn. {self.told()}"
        mean = image[~gone].view(3, -1).mean(1).view(1, 3, 1, 1).expand_as(image)
        network, lazy = (float((guess - image)[gone].square().mean()) for guess in (painted, mean))
        verdict = "better" if network < lazy else "no better"
        few, every = (1000 * self.seconds(visible) for visible in (total - number, total))
        return (f"<b>{number / total:.0%}</b> of the patches are hidden, {number} of {total}. Squared error there: the network "
                f"<b>{network:.4f}</b>, the mean colour of what is visible <b>{lazy:.4f}</b>: {verdict} than that."
                f"<br>Of {COPIES} such pictures the encoder reads the visible patches in <b>{few:.1f} ms</b>, "
                f"all patches in <b>{every:.1f} ms</b>: {every / few:.1f} times as long. {self.told()}")

    def painted(self, image):
        """(1, 3, H, W) → the same, what is hidden painted by the network; the picture itself where nothing is."""
        if not self.hidden.any():
            return image
        with evaluating(self.task):
            return self.task.fill(image.to(self.device), self.hidden.nonzero().T.to(self.device)).float().cpu()

    def seconds(self, visible):
        """How long the encoder takes for so many patches each of a batch of copies: a median, taken once for each number."""
        if visible not in self.times:
            encoder = self.task.encoder
            patches = torch.full((COPIES, visible, 3 * encoder.patch ** 2), 0.4, device=self.device)
            where = torch.arange(visible, device=self.device).expand(COPIES, -1)
            with evaluating(self.task):
                self.times[visible] = statistics.median(self._timed(encoder, patches, where) for _ in range(3))
        return self.times[visible]

    def _timed(self, encoder, patches, where):
        begin = time.perf_counter()
        encoder.encode(patches, where).sum().item()                # which waits until it is done
        return time.perf_counter() - begin

    def _drawn(self, ratio, seed):
        """What the rule hides → bool (N,): at the same seed, the more is hidden, the more of it is the same."""
        total = len(self.cells)
        number = min(round(ratio * total), total - 1)
        with torch.random.fork_rng():
            torch.manual_seed(seed_for(seed, self.rule))
            scores = KINDS[self.rule](1, self.task.encoder.grid)[0]                               # (N,)
        hidden = torch.zeros(total, dtype=torch.bool)
        hidden[scores.argsort(stable=True)[total - number:]] = True
        return hidden

    def _hide(self, hidden):
        """The buttons stand as what is hidden."""
        held, self._held = self._held, True
        try:
            for cell, gone in zip(self.cells, hidden.tolist()):
                cell.value, cell.button_style = gone, "info" if gone else ""
        finally:
            self._held = held
        return hidden

    def _choose(self, change=None):
        """Another rule, share or draw. By hand everything stays as it is, until a share or a draw is asked for."""
        if self._held:
            return
        with self.at_once():
            if change["owner"] is self.controls["kind"]:
                self.rule = self.rule if self.kind == BY_HAND else self.kind
            else:
                self.controls["kind"].value = self.rule
            if self.kind != BY_HAND:
                self.hidden = self._hide(self._drawn(self.ratio, self.seed))

    def _click(self, change=None):
        if self._held:
            return
        hidden = torch.tensor([cell.value for cell in self.cells])
        if hidden.all():
            self._hide(self.hidden)
            raise ValueError("this is the last visible patch: at least one stays visible, or there is nothing to go by.")
        with self.at_once():
            self.controls["kind"].value = BY_HAND
            self.hidden = self._hide(hidden)

    def _draw_again(self, change=None):
        with self.at_once():
            self.controls["seed"].value = (self.seed + 1) % (self.controls["seed"].max + 1)
            self.controls["kind"].value = self.rule
            self.hidden = self._hide(self._drawn(self.ratio, self.seed))


@contextmanager
def evaluating(network):
    """A network in evaluation mode, without gradients; afterwards it is as it was."""
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield network
    finally:
        network.train(was_training)
