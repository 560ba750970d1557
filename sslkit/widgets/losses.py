"""What a contrastive loss does to a handful of points, and what its temperature does to the negatives of a picture."""

import inspect
import math
from functools import partial

import torch
from ipywidgets import Button, Dropdown, FloatSlider, HBox, IntSlider, Layout, SelectionSlider, ToggleButton, ToggleButtons
from torch import nn
from torch.nn import functional as F

from .. import losses
from ..data.dataset import as_float, seed_for
from ..evaluate import embed
from ..plots.losses import descent, hardest, landscape, names, pair_forces, points, shares, sharing, temperature
from . import door
from .base import WIDE, Explorer
from .pictures import PictureExplorer

LOSSES = {"contrastive": losses.contrastive, "triplet": losses.triplet,
          "triplet, semi-hard": partial(losses.triplet, mining="semi-hard"), "lifted structured": losses.lifted_structured,
          "N-pair": losses.n_pair, "InfoNCE": losses.info_nce, "soft nearest neighbour": losses.soft_nearest_neighbor}
TEMPERATURES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
FARTHEST = 0.15                                                    # no point goes farther in a single step
LITTLE = 0.01                                                      # a share of the push that is next to nothing
HARDEST = 10


def settings(name):
    """{"margin" or "temperature": the loss's own default}, whichever the loss of this name knows."""
    parameters = inspect.signature(LOSSES[name]).parameters
    return {setting: parameters[setting].default for setting in ("margin", "temperature") if setting in parameters}


@door.wants(points=door.whole(1))
class LossExplorer(Explorer):
    """A few points of the plane under a contrastive loss: who pulls, who pushes, and where each goes.

    Two points of a label belong together. Choose a loss, move a point by its angle and radius, or let gradient descent take
    steps, each halved until the loss falls. A loss brings its own default margin or temperature along. On the circle all
    points are normalised before the loss sees them. `places` (points, 2) is where they stand. Raises ValueError unless
    `points` is even and at least 4.
    """

    handled = ("loss", "which", "angle", "radius", "circle")

    def __init__(self, *, points=6):
        if points < 4 or points % 2:
            raise ValueError(f"points={points}: want an even number from 4 on, two of every label")
        self.labels = torch.arange(points) // 2                    # (points,)
        generator = torch.Generator().manual_seed(3882)                # a start at which no loss is done
        angles = 2 * math.pi * torch.rand(points, generator=generator, dtype=torch.float64)
        radii = 0.6 + 0.6 * torch.rand(points, generator=generator, dtype=torch.float64)
        self.start = radii[:, None] * torch.stack([angles.cos(), angles.sin()], 1)                # (points, 2)
        self.places, self.steps = F.normalize(self.start, dim=1), 0
        late = {"continuous_update": False, **WIDE}
        toggle = ToggleButtons(options=[(name, index) for index, name in enumerate(names(self.labels))], description="move",
                               style={"button_width": "46px", "description_width": "90px"})
        controls = {"loss": Dropdown(options=list(LOSSES), description="loss", **WIDE),
                    "circle": ToggleButton(True, description="on the unit circle", layout=Layout(width="150px")),
                    "which": toggle,
                    "angle": FloatSlider(0, min=-180, max=180, step=1, description="angle", readout_format=".0f", **late),
                    "radius": FloatSlider(1, min=0, max=2, step=0.05, description="radius", disabled=True, **late),
                    "margin": FloatSlider(1, min=0.05, max=2, step=0.05, description="margin", **late),
                    "temperature": SelectionSlider(options=TEMPERATURES, value=0.1, description="temperature", disabled=True, **late)}
        self.buttons = {"step": self._button("one step", lambda: self._descend(1)), "ten": self._button("ten steps", lambda: self._descend(10)),
                        "reset": self._button("reset", self._reset)}
        self.controls = controls
        self._settle()
        for name, answer in (("loss", self._choose_loss), ("which", self._choose_point), ("angle", self._turn),
                             ("radius", self._stretch), ("circle", self._change_circle)):
            controls[name].observe(self.guard(answer), "value")
        super().__init__(controls, (9.2, 5.0))

    def _button(self, description, action):
        button = Button(description=description, layout=Layout(width="90px"))
        button.on_click(self.guard(lambda _: action()))
        return button

    def arrange(self, controls):
        return [HBox([controls["loss"], controls["circle"]]), HBox([controls["margin"], controls["temperature"]]),
                HBox([controls["which"], *self.buttons.values()]), HBox([controls["angle"], controls["radius"]])]

    @property
    def function(self):
        """The loss as the controls have it: embeddings (N, 2), labels (N,) → 0-d tensor."""
        chosen = partial(LOSSES[self.loss], **{name: getattr(self, name) for name in settings(self.loss)})
        return (lambda embeddings, labels: chosen(F.normalize(embeddings, dim=1), labels)) if self.circle else chosen

    def value(self):
        """The loss of the points as they stand."""
        return float(self.function(self.places, self.labels))

    def draw(self, figure):
        left, right = figure.subfigures(1, 2)
        told = f"{self.steps} step{'s' * (self.steps != 1)} of descent" if self.steps else "pulls and pushes"
        points(self.places, self.labels, self.function, circle=self.circle, title=told, figure=left)
        landscape(self.places, self.labels, self.function, self.which, circle=self.circle, figure=right)
        fastest = float(descent(self.places, self.labels, self.function).norm(dim=1).max())
        still = "" if fastest > 1e-6 else " No point has a gradient: all stay where they are."
        return f"The loss is <b>{self.value():.3f}</b>. {self.ignores()}{still}"

    def ignores(self):
        """What the loss does not look at as the points stand now (HTML)."""
        places = F.normalize(self.places, dim=1) if self.circle else self.places
        same, other = losses.pairs(self.labels)                    # (N, N) each
        apart = losses.distances(places)                           # (N, N)
        if "triplet" in self.loss:
            return self._of_triplets(apart.square(), same, other)
        opposed = other.triu()                                     # every pair of different labels once
        number = int(opposed.sum())
        push = -pair_forces(self.places, self.labels, self.function)[opposed].clamp_max(0)        # (number,)
        if self.loss == "contrastive":
            far = int((apart[opposed] >= self.margin).sum())
            if far == number:
                return f"<b>All {number}</b> pairs of different labels are farther apart than the margin: nothing pushes."
            if far == 0:
                return f"It ignores no pair: all {number} of different labels are nearer than the margin, and push."
            return f"<b>{far} of {number}</b> pairs of different labels are farther apart than the margin, and ignored."
        if self.loss == "N-pair":
            unseen = int((push <= 1e-9).sum())
            lengths = "" if self.circle else " Lengths count: longer points make the loss surer of itself."
            return (f"<b>{unseen} of {number}</b> pairs of different labels are never compared: two anchors (A1, B1, …), or two positives "
                    f"(A2, B2, …).{lengths}")
        if float(push.sum()) < 1e-9:
            return f"None of the {number} pairs of different labels is pushed."
        little = int((push < LITTLE * push.sum()).sum())
        lengths = " How long a point is does not count, only where it points." if self.loss == "InfoNCE" and not self.circle else ""
        return (f"<b>{little} of {number}</b> pairs of different labels get less than 1 % of the push each; the most that one gets is "
                f"<b>{float(push.max() / push.sum()):.0%}</b>.{lengths}")

    def _of_triplets(self, square, same, other):
        """Of all (anchor, positive, negative): which get no gradient. square: squared distances (N, N)."""
        valid = same[:, :, None] & other[:, None]                  # (N, N, N)
        ahead = (square[:, None] - square[:, :, None])[valid]      # how much farther the negative is
        number, satisfied, reversed_ = len(ahead), int((ahead >= self.margin).sum()), int((ahead <= 0).sum())
        left = number - satisfied - (reversed_ if "semi-hard" in self.loss else 0)
        are = f"<b>{satisfied} of {number}</b> triplets are satisfied and get no gradient"
        jumps = "The loss is the mean over those that count, so it jumps where one comes or goes."
        if "semi-hard" in self.loss:
            passed = f"<b>{reversed_}</b> are passed over as too hard, the negative being nearer than the positive"
            return f"{are}; {passed}; {left or 'none'} count{'s' * (left == 1)}. {jumps if left else ''}"
        return f"{are}; each of the others counts alike, however wrong it is. {jumps}" if left else f"{are}: nothing is left to learn."

    def _descend(self, number):
        for _ in range(number):
            arrows, before = descent(self.places, self.labels, self.function), self.value()       # (points, 2)
            start, longest = self.places, float(arrows.norm(dim=1).max())
            length = 1 / max(1.0, longest / FARTHEST)
            # The mean over active triplets jumps up where one of them is satisfied: the shortest step is taken in any case.
            for halvings in range(7):
                self.places = self._on_circle(start + length / 2 ** halvings * arrows)
                if self.value() < before:
                    break
            self.steps += 1
        self._show_again()

    def _reset(self):
        self.places, self.steps = self._on_circle(self.start), 0
        self._show_again()

    def _on_circle(self, places):
        """Where the circle is on, the nearest places on it; the origin goes to angle 0."""
        if not self.circle:
            return places
        lengths = places.norm(dim=1, keepdim=True)
        return torch.where(lengths > 0, places / lengths.clamp_min(1e-12), torch.tensor([1.0, 0.0], dtype=places.dtype))

    def _settle(self):
        """The sliders go to where the chosen point stands, as far as they reach."""
        x, y = self.places[self.controls["which"].value].tolist()
        self.controls["radius"].value = min(math.hypot(x, y), self.controls["radius"].max)
        if x or y:
            self.controls["angle"].value = math.degrees(math.atan2(y, x))

    def _show_again(self):
        with self.at_once():
            self._settle()

    def _place(self, angle, radius):
        places, angle = self.places.clone(), math.radians(angle)
        places[self.which] = radius * torch.tensor([math.cos(angle), math.sin(angle)], dtype=places.dtype)
        self.places, self.steps = places, 0
        self.redraw()

    def _turn(self, change=None):
        if not self._held:                                         # else it is the slider that follows the point
            self._place(self.angle, float(self.places[self.which].norm()))

    def _stretch(self, change=None):
        if not self._held and not self.circle:
            self._place(self.angle, self.radius)

    def _choose_point(self, change=None):
        self._show_again()

    def _change_circle(self, change=None):
        self.controls["radius"].disabled = self.circle
        self.places = self._on_circle(self.places)
        self._show_again()

    def _choose_loss(self, change=None):
        own = settings(self.loss)
        with self.at_once():
            for name in ("margin", "temperature"):
                self.controls[name].disabled = name not in own
                self.controls[name].value = own.get(name, self.controls[name].value)
            self.steps = 0


@door.wants(task=door.network("encoder", "projector", "augment"), dataset=door.datasets, number=door.whole(1))
class TemperatureExplorer(PictureExplorer):
    """A picture, another view of it, and its hardest negatives: how the temperature of InfoNCE shares out the push.

    task: a trained contrastive task with encoder, projector and augment, such as `sslkit.tasks.SimCLR`; cosines are those of
    the projector's output, where the loss is taken. The anchor is the picture as it is, its positive a random view, its
    negatives the other pictures among the first `number` of `dataset`. Raises ValueError for a task without these parts.
    """

    def __init__(self, task, dataset, *, number=200):
        if min(number, len(dataset)) < 3:
            raise ValueError(f"{min(number, len(dataset))} pictures: want at least 3, one and two negatives; give more, or a higher number")
        self.task, self.known = task, None
        late = {"continuous_update": False, **WIDE}
        controls = {"temperature": SelectionSlider(options=TEMPERATURES, value=0.1, description="temperature", **late),
                    "view": IntSlider(0, 0, 20, description="other view", **late)}
        super().__init__(dataset, controls, (9.2, 4.7), number=number)

    def arrange(self, controls):
        return [*super().arrange({name: control for name, control in controls.items() if name in PictureExplorer.handled}),
                HBox([controls["temperature"], controls["view"]])]

    def other_view(self):
        """The positive: the picture as the task augments it, (3, H, W), the same for the same slider."""
        with torch.random.fork_rng():
            torch.manual_seed(seed_for("view", self.view))
            return self.task.augment(as_float(self.picture).cpu()[None])[0]

    def cosines(self, view):
        """Of the picture with this view of it (0-d), and with its negatives (n,), whose numbers come third."""
        pictures = self.dataset.images[:self.most].cpu()
        first, anchor, positive = self._embed(torch.stack([as_float(pictures[0]), as_float(self.picture).cpu(), view]))
        if self.known is None or not torch.allclose(self.known[0], first, atol=1e-4):             # trained since, in another cell
            self.known = self._embed(pictures)                                                    # (number, dim)
        numbers = torch.arange(len(pictures))
        numbers = numbers if self.own is not None else numbers[numbers != self.index()]
        return positive @ anchor, self.known[numbers] @ anchor, numbers

    def _embed(self, images):
        """(N, 3, H, W) → what the loss sees, of length 1: (N, dim)."""
        network = nn.Sequential(self.task.encoder, self.task.projector).train(self.task.training)
        return F.normalize(embed(network, images, device=next(network.parameters()).device, amp=False), dim=1)

    def draw(self, figure):
        view, data = self.other_view(), self.dataset
        positive, others, numbers = self.cosines(view)
        share = shares(others, self.temperature)                   # (n,)
        order = others.argsort(descending=True)[:HARDEST]
        known = data.labels is not None and self.own is None
        same = data.labels.cpu()[numbers[order]] == data.labels[self.index()].cpu() if known else None
        above, below = figure.subfigures(2, 1, height_ratios=(1, 2.3))
        hardest(self.picture, view, data.images[numbers[order].to(data.images.device)], share[order], same=same, figure=above)
        temperature(torch.cat([positive[None], others]), sorted({0.05, 0.2, 1.0, self.temperature}), chosen=self.temperature, figure=below)
        few = sharing(share)
        words = [f"At temperature {self.temperature:g}, <b>{few} of {len(others)}</b> negatives "
                 f"{'share' if few > 1 else 'alone gets'} 90 % of the push."]
        if known:
            words.append(f"Of the {len(order)} hardest, <b>{int(same.sum())}</b> {'is' if same.sum() == 1 else 'are'} of the same kind: "
                         f"pushed away, though they belong together.")
        nearer = int((others > positive).sum())
        words.append(f"{nearer} {'is' if nearer == 1 else 'are'} nearer than its own other view.")
        return " ".join([*words, self.told()])
