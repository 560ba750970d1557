"""What do two views of one picture still share? Each operation of SimCLR, and what it asks the network to ignore."""

from functools import partial
from math import isclose

import torch
from ipywidgets import Button, Dropdown, FloatSlider, HBox, IntSlider, Layout, ToggleButton, VBox
from torch.nn import functional as F

from ..augment import color_jitter, compose, gaussian_blur, grayscale, horizontal_flip, random_resized_crop
from ..data.dataset import as_float, seed_for
from ..evaluate import embed
from ..plots.augmentation import operations, views
from . import door
from .base import WIDE
from .pictures import PictureExplorer

OFF = {"crop": 1.0, "flip": 0.0, "colour": 0.0, "grey": 0.0, "blur": 0.0}              # in the order in which they act
ALONE = {"crop": "crop", "flip": "flip", "colour": "colour jitter", "grey": "grayscale", "blur": "blur"}
OWN = "as you set it"


def presets(size):
    """{name: strengths} for pictures of `size` pixels. SimCLR's are those of `augment.simclr_views`: blur from 64 pixels on."""
    return {"SimCLR": {"crop": 0.08, "flip": 0.5, "colour": 0.5, "grey": 0.2, "blur": 2.0 if size >= 64 else 0.0},
            "crop only": {**OFF, "crop": 0.08},
            "colour only": {**OFF, "colour": 0.5, "grey": 0.2},
            "none": OFF,
            "everything strong": {"crop": 0.08, "flip": 0.5, "colour": 1.0, "grey": 0.5, "blur": 2.0}}


@door.wants(pictures=door.datasets, encoder=door.optional(door.function), number=door.whole(1),
            draws=door.whole(0))
class AugmentationExplorer(PictureExplorer):
    """Random views of one picture, as SimCLR draws them: every operation has its slider, presets set them all.

    pictures: a Dataset, or {name: Dataset}; of each the first `number` can be chosen. `draws` views are shown. encoder: any
    module or function, images (B, 3, H, W) in [0, 1] → (B, D); with one, each view is marked by whether the picture that it
    was made of is the nearest, by cosine, among these `number` (and the reader's own). `augment` is what the controls stand
    for, to train with: `SimCLR(encoder, explorer.augment)`. Raises ValueError where the encoder gives another shape.
    """

    handled = (*PictureExplorer.handled, "preset", *OFF)

    def __init__(self, pictures, encoder=None, *, number=200, draws=8):
        if draws < 1:
            raise ValueError(f"draws={draws}: want at least one view")
        self.encoder, self.draws, self.known = encoder, draws, (None, None)
        late = {"continuous_update": False, **WIDE, "style": {"description_width": "130px"}}
        chance = {"min": 0, "max": 1, "step": 0.05, **late}
        first = next(iter(pictures.values())) if isinstance(pictures, dict) else pictures
        self.presets = presets(min(first.images.shape[-2:]))
        start = self.presets["SimCLR"]
        controls = {
            "preset": Dropdown(options=[*self.presets, OWN], description="preset", **WIDE),
            "crop": FloatSlider(start["crop"], min=0.08, max=1, step=0.02, description="crop keeps at least", **late),
            "flip": FloatSlider(start["flip"], description="flip, probability", **chance),
            "colour": FloatSlider(start["colour"], description="colour jitter", **chance),
            "grey": FloatSlider(start["grey"], description="grey, probability", **chance),
            "blur": FloatSlider(start["blur"], min=0, max=2, step=0.1, description="blur, up to sigma", **late),
            "seed": IntSlider(0, 0, 99, description="random draw", **late),
            "alone": ToggleButton(False, description="each operation by itself", layout=Layout(width="200px"))}
        self.again = Button(description="draw again", icon="random", layout=Layout(width="120px"))
        self.again.on_click(self.guard(self._draw_again))
        controls["preset"].observe(self.guard(self._choose_preset), "value")
        for name in OFF:
            controls[name].observe(self.guard(self._change_strength), "value")
        super().__init__(pictures, controls, (9.2, 3.7), number=number)

    def arrange(self, controls):
        left, right = ("crop", "flip", "blur"), ("colour", "grey", "seed")
        return [HBox([controls[name] for name in PictureExplorer.handled if name in controls]),
                HBox([controls["preset"], self.again, controls["alone"]]),
                HBox([VBox([controls[name] for name in side]) for side in (left, right)])]

    @property
    def strengths(self):
        """{name of an operation: where its slider stands}."""
        return {name: getattr(self, name) for name in OFF}

    @property
    def augment(self):
        """What the controls stand for now: a callable (B, 3, H, W) in [0, 1] → the same, one draw per image."""
        return compose(*self.steps().values())

    def steps(self):
        """{name: augmentation} of the operations that do something, in SimCLR's order, each with its strength."""
        colour, blur = self.colour, self.blur
        every = {"crop": partial(random_resized_crop, scale=(self.crop, 1.0)),
                 "flip": partial(horizontal_flip, probability=self.flip),
                 "colour": partial(color_jitter, brightness=0.8 * colour, contrast=0.8 * colour, saturation=0.8 * colour,
                                   hue=0.2 * colour, probability=0.8),
                 "grey": partial(grayscale, probability=self.grey),
                 "blur": partial(gaussian_blur, sigma=(min(0.1, blur), blur), probability=0.5)}
        return {name: step for name, step in every.items() if self.strengths[name] != OFF[name]}

    def shown(self, steps):
        """What these steps make of `draws` copies of the picture: (draws, 3, H, W).

        Each step has random numbers of its own, so that moving one slider leaves alone what the others drew.
        """
        images = as_float(self.picture).cpu().expand(self.draws, -1, -1, -1)
        with torch.random.fork_rng():
            for name, step in steps.items():
                torch.manual_seed(seed_for(self.seed, name))
                images = step(images)
        return images

    def similarities(self, changed):
        """Views (n, 3, H, W) → the cosine of each with the picture (n,), and with the others of the dataset (n, others).

        The pictures of the dataset are embedded once, and again when the encoder no longer says the same of the first.
        """
        pictures = self.dataset.images[:self.most]
        few = torch.cat([as_float(pictures[:1]).cpu(), as_float(self.picture).cpu()[None], changed])
        first, own, *features = self._embed(few)                                                  # each (D,)
        dataset, bank = self.known
        if dataset is not self.dataset or bank.shape[1:] != first.shape or (bank[0] - first).norm() > 1e-3 * first.norm():
            bank = self._embed(pictures)                                                          # (number, D)
            self.known = self.dataset, bank
        own, features, bank = (F.normalize(vectors, dim=-1) for vectors in (own, torch.stack(features), bank))
        return features @ own, features @ bank[self.others()].T

    def others(self):
        """Numbers of the pictures that a view may be taken for by mistake."""
        every = torch.arange(len(self.dataset.images[:self.most]))
        return every if self.own is not None else every[every != self.index()]

    def draw(self, figure):
        steps = self.steps()
        changed = self.shown(steps)
        if self.alone:
            rows = {f"{word}{'' if name in steps else ' (off)'}": self.shown({name: steps[name]} if name in steps else {})
                    for name, word in ALONE.items()}
            operations({**rows, "all together": changed}, figure=figure)
            found = ""
        elif self.encoder is None:
            views(self.picture, changed, figure=figure)
            found = ""
        else:
            own, others = self.similarities(changed)
            matches = (own[:, None] > others).all(1)               # an encoder that says the same of everything finds nothing
            titles = ["" if match else self._name(self.others()[row.argmax()]) for match, row in zip(matches, others)]
            views(self.picture, changed, similarity=own, matches=matches, titles=titles, figure=figure)
            missed = "" if matches.all() else "; under the others stands which one is nearer"
            found = (f"<b>{int(matches.sum())} of {self.draws}</b> views still find their own picture among "
                     f"{others.shape[1] + 1}{missed}. ")
        self._fit(figure)
        return f"{found}{self.told()}<br>{self.asks()}"

    def asks(self):
        """What a network is asked to ignore if such views of one picture shall count as the same (HTML)."""
        crop, flip, colour, grey, blur = self.strengths.values()
        ignored, words = [], []
        if crop < 1:
            ignored.append("where a thing is and how large" + ("" if crop > 0.5 else ", and how much of it is seen"))
        if 0 < flip < 1:
            ignored.append("left and right")
        if grey < 1 and (colour >= 0.75 or grey >= 0.4):
            ignored.append("colour, which is made worthless: a network trained so cannot use it")
        elif grey < 1 and (colour >= 0.25 or grey >= 0.1):
            ignored.append("colour, which is made unreliable: a network trained so leans on shapes instead")
        elif grey < 1 and (colour or grey):
            ignored.append("the exact shade, though colour still tells much")
        elif colour:
            ignored.append("how bright the picture is, and its contrast")
        if blur:
            ignored.append("fine texture")
        if ignored:
            words.append(f"To be ignored: <b>{'; '.join(ignored)}</b>.")
        elif flip == 0 and grey == 0:
            words.append("<b>Nothing</b> is to be ignored: all views are the picture itself, and nothing needs to be learnt.")
        if flip == 1:
            words.append("Every view is flipped: all still agree, so that a flip which is certain teaches nothing.")
        if grey == 1:
            words.append("No view has any colour: it is not ignored but lost.")
        if crop < 1 and not colour and not grey:
            words.append("A shortcut is left: parts of a picture share its colours, which alone may tell what belongs together.")
        if crop == 1 and ignored:
            mirrored = " or are mirrored" if 0 < flip < 1 else ""
            words.append(f"A shortcut is left: outlines stay where they are{mirrored}, to be compared place by place.")
        return " ".join(words)

    @staticmethod
    def _fit(figure):
        """As high as what is drawn needs at this width."""
        (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
        width = figure.get_figwidth()
        figure.set_size_inches(width, width * abs(top - bottom) / (right - left))

    def _embed(self, images):
        """In full precision, where the encoder is: (N, 3, H, W) → (N, D)."""
        network = self.encoder if isinstance(self.encoder, torch.nn.Module) else getattr(self.encoder, "__self__", None)
        parameter = next(network.parameters(), None) if isinstance(network, torch.nn.Module) else None
        features = embed(self.encoder, images, device="cpu" if parameter is None else parameter.device, amp=False)
        if len(features) != len(images):
            raise ValueError(f"the encoder made {tuple(features.shape)} of {len(images)} pictures: want ({len(images)}, D)")
        return features

    def _name(self, number):
        """A picture of the dataset that a view is taken for."""
        data = self.dataset
        kind = f", {data.classes[int(data.labels[number])]}" if data.labels is not None and data.classes else ""
        return f"like {int(number)}{kind}"

    def _standing(self):
        """The preset that the sliders make up now."""
        alike = lambda preset: all(isclose(preset[name], value, abs_tol=1e-6) for name, value in self.strengths.items())
        return next((name for name, preset in self.presets.items() if alike(preset)), OWN)

    def _choose_preset(self, change=None):
        if self.preset in (OWN, self._standing()):
            return
        with self.at_once():
            for name, value in self.presets[self.preset].items():
                self.controls[name].value = value

    def _change_strength(self, change=None):
        if not self._held:
            self.controls["preset"].value = self._standing()
            self.redraw()

    def _draw_again(self, change=None):
        self.controls["seed"].value = (self.seed + 1) % (self.controls["seed"].max + 1)
