"""Where does the second patch lie? The reader guesses, then sees what the network says."""

import torch
from ipywidgets import Button, Dropdown, FloatSlider, HBox, Layout, ToggleButton, VBox

from .. import plots
from ..data.dataset import as_float
from ..plots.relative_patch import ARROWS
from ..tasks.common import cut, normalized
from ..tasks.relative_patch import DIRECTIONS, RelativePatch
from . import door
from .base import WIDE
from .pictures import PictureExplorer

SECRET = -1                                                        # not None: a menu takes that for no choice at all
NAMES = ("up left", "up", "up right", "left", "right", "down left", "down", "down right")
BRIGHTNESS = torch.tensor([0.2989, 0.587, 0.114])[:, None, None]   # of red, green and blue, as the task's own grey has it


@door.wants(task=door.one_of(RelativePatch), pictures=door.datasets, number=door.whole(1))
class PatchPositionExplorer(PictureExplorer):
    """Two patches of one picture: guess in which direction the second lies, then see the network's eight probabilities.

    task: a trained `sslkit.tasks.RelativePatch`. pictures: a Dataset, or {name: Dataset}, the size that it knows; of each the
    first `number` can be chosen. The sliders say where the centre lies, as a share of the room there is: at any value both
    patches lie inside the picture. The pair is cut as in training, without jitter. One guess a pair counts.
    """

    handled = (*PictureExplorer.handled, "direction", "another", *ARROWS)

    def __init__(self, task, pictures, *, number=200):
        self.task, self.device = task, next(task.parameters()).device
        self.generator = torch.Generator().manual_seed(0)
        self.secret, self.guess = 0, None
        self.pairs, self.yours, self.networks = 0, 0, 0            # guessed so far, and right: the reader's, the network's
        late = {"min": 0, "max": 1, "step": 0.05, "continuous_update": False, **WIDE}
        named = [(f"{arrow} {name}", place) for place, (arrow, name) in enumerate(zip(ARROWS, NAMES))]
        controls = {
            "direction": Dropdown(options=[("a secret: guess it", SECRET), *named], description="direction", **WIDE),
            "down": FloatSlider(0.5, description="centre ↓", **late),
            "across": FloatSlider(0.5, description="centre →", **late),
            "another": Button(description="another pair", icon="random"),
            "shown": ToggleButton(False, description="show the picture", icon="picture-o"),
            "normalized": ToggleButton(task.normalize, description="as the network sees them", layout=Layout(width="200px")),
            "grey": ToggleButton(False, description="without colour", icon="adjust"),
            **{arrow: Button(description=arrow, tooltip=name, layout=Layout(width="46px")) for arrow, name in zip(ARROWS, NAMES)}}
        controls["direction"].observe(self.guard(self._choose_direction), "value")
        controls["another"].on_click(self.guard(self._another))
        for place, arrow in enumerate(ARROWS):
            controls[arrow].on_click(self.guard(lambda button, place=place: self._answer(place)))
        super().__init__(pictures, controls, (7.4, 3.3), number=number)

    def arrange(self, controls):
        middle = Button(description="·", disabled=True, layout=Layout(width="46px"))
        arrows = [controls[arrow] for arrow in ARROWS]
        rose = VBox([HBox(arrows[:3]), HBox([arrows[3], middle, arrows[4]]), HBox(arrows[5:])])
        sliders = VBox([controls[name] for name in ("direction", "down", "across")])
        return [HBox([controls[name] for name in PictureExplorer.handled if name in controls]), HBox([sliders, rose]),
                HBox([controls[name] for name in ("another", "shown", "normalized", "grey")])]

    @property
    def truth(self):
        """The direction in which the second patch lies, 0–7: the reader's choice, or a secret."""
        return self.secret if self.direction == SECRET else self.direction

    @property
    def revealed(self):
        """Whether the reader may see the answer: there was a guess, or no secret."""
        return self.guess is not None or self.direction != SECRET

    def renew(self):
        """A new secret for this picture."""
        self.secret, self.guess = int(torch.randint(len(DIRECTIONS), (1,), generator=self.generator)), None

    def corners(self):
        """→ top left corners of the centre (2,) and of the eight places around it (8, 2), as row and column in pixels."""
        shape = self.picture.shape[-2:]
        patch, gap, _ = self.task.sizes(shape)
        steps = DIRECTIONS * (patch + gap)                         # (8, 2)
        step = steps[self.truth]
        room = torch.tensor(shape) - patch - step.abs()            # (2,)
        centre = (torch.tensor([self.down, self.across]) * room).round().long() - step.clamp(max=0)
        return centre, centre + steps

    def probabilities(self):
        """What the network says of this pair: (8,)."""
        was_training = self.task.training
        self.task.eval()
        try:
            with torch.no_grad():
                return self.task(self._cut(self.task.normalize).to(self.device))[0].float().softmax(0).cpu()
        finally:
            self.task.train(was_training)

    def draw(self, figure):
        centre, corners = self.corners()
        probabilities, revealed = self.probabilities(), self.revealed
        plots.patch_directions(self.picture, self._cut(self.normalized)[0], probabilities, centre, corners, truth=self.truth,
                               guess=self.guess, shown=self.shown or revealed, told=revealed, figure=figure)
        told = f" {self.told()}" if self.shown or revealed else ""  # the kind of thing is a hint
        score = f"<br>So far: you <b>{self.yours} of {self.pairs}</b>, the network <b>{self.networks} of {self.pairs}</b>."
        score = score if self.pairs else ""
        if not revealed:
            return f"In which direction does the second patch lie, seen from the centre? Click an arrow.{told}{score}"
        verdict = lambda place: "right" if place == self.truth else f"wrong, it is {ARROWS[self.truth]}"
        yours = "" if self.guess is None else f"You say <b>{ARROWS[self.guess]}</b>: {verdict(self.guess)}. "
        said = int(probabilities.argmax())
        return (f"{yours}The network says <b>{ARROWS[said]} with {100 * float(probabilities[said]):.0f} %</b>: "
                f"{verdict(said)}.{told}{score}")

    def _cut(self, even):
        """This pair, (1, 2, 3, p, p), in [0, 1]. even: its light evened out, as the task does it."""
        centre, corners = self.corners()
        both, patch = torch.stack([centre, corners[self.truth]]), self.task.sizes(self.picture.shape[-2:])[0]   # (2, 2)
        image = as_float(self.picture).cpu()                       # (3, H, W)
        image = (image * BRIGHTNESS).sum(0, keepdim=True).expand(3, -1, -1) if self.grey else image
        pair = cut(image[None], both[None, :, 0], both[None, :, 1], patch)
        return normalized(pair) if even else pair

    def _answer(self, place):
        """The reader's guess. It counts once a pair, and only while the direction was a secret."""
        if self.revealed:
            return
        self.guess = place
        self.pairs += 1
        self.yours += place == self.truth
        self.networks += int(self.probabilities().argmax()) == self.truth
        self.redraw()

    def _another(self, change=None):
        """Another secret, elsewhere in the same picture."""
        with self.at_once():
            self.controls["direction"].value = SECRET
            self.renew()
            for name in ("down", "across"):
                self.controls[name].value = round(20 * float(torch.rand(1, generator=self.generator))) / 20

    def _choose_direction(self, change=None):
        self.renew()
        self.redraw()
