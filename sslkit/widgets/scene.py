"""The drawn world, to be changed by hand."""

import torch
from ipywidgets import Dropdown, FloatSlider, HBox, IntSlider, ToggleButtons, VBox

from ..data.scenes import FLOATS, KINDS, LIGHTS, PLACES, draw, sample
from . import door
from .base import WIDE, Explorer

AIRY = (PLACES.index("page"), PLACES.index("sky"))                 # settings in which nothing stands on a ground


@door.wants(size=door.whole(8, 1024), small=door.whole(8, 1024))
class SceneExplorer(Explorer):
    """Meet the drawn world: what a picture is made of, and the truth that comes with it.

    size: pixels of the large picture; the small one beside it is `small` pixels wide, as networks get it.
    """

    handled = ("kind", "another")                                  # they set the other controls: one redraw, not two

    def __init__(self, *, size=128, small=32):
        self.size, self.small = size, small
        late = {"continuous_update": False, **WIDE}
        controls = {
            "kind": Dropdown(options=[(name, index) for index, name in enumerate(KINDS)], description="kind", **WIDE),
            "another": IntSlider(1, 1, 40, description="another one", **late),
            "background": Dropdown(options=[(name, index) for index, name in enumerate(PLACES)], description="background", **WIDE),
            "light": Dropdown(options=[(name, index) for index, name in enumerate(LIGHTS)], description="light", **WIDE),
            "x": FloatSlider(0.5, min=0, max=1, step=0.02, description="x", **late),
            "y": FloatSlider(0.5, min=0, max=1, step=0.02, description="y", **late),
            "size_": FloatSlider(0.5, min=0.15, max=1, step=0.01, description="size", **late),
            "hue": FloatSlider(0.5, min=0, max=1, step=0.01, description="hue", **late),
            "direction": ToggleButtons(options=[("← left", 0), ("right →", 1)], description="direction",
                                       style={"description_width": "90px", "button_width": "80px"})}
        self.controls = controls
        self._sample()
        for name in self.handled:
            controls[name].observe(self.guard(self._renew), "value")
        super().__init__(controls, (6.2, 3.9))

    def arrange(self, controls):
        left = [controls[name] for name in ("kind", "another", "background", "light", "direction")]
        right = [controls[name] for name in ("x", "y", "size_", "hue")]
        return [HBox([VBox(left), VBox(right)])]

    def draw(self, figure):
        afloat = self.background in AIRY or FLOATS[self.kind] > 0.5
        truth = {"kind": self.kind, "background": self.background, "light": self.light, "x": self.x, "y": self.y,
                 "size": self.controls["size_"].value, "hue": self.hue, "direction": self.direction}
        parameters = dict(self.parameters, afloat=torch.tensor([float(afloat)]),
                          **{name: torch.tensor([value]) for name, value in truth.items()})
        left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
        for axes, size, title in ((left, self.size, f"{self.size} pixels"), (right, self.small, f"{self.small} pixels: what a network gets")):
            axes.imshow(draw(parameters, size)[0].permute(1, 2, 0).numpy(), interpolation="nearest")
            axes.set_title(title, fontsize=10)
            axes.set_axis_off()
        told = {**truth, "kind": KINDS[self.kind], "background": PLACES[self.background], "light": LIGHTS[self.light],
                "direction": ("left", "right")[self.direction]}
        return "The truth behind it: " + ", ".join(f"{name} <b>{value:.2f}</b>" if isinstance(value, float) else f"{name} <b>{value}</b>"
                                                   for name, value in told.items())

    def _sample(self):
        """Another thing of this kind: parameters of its own, to which the controls are set."""
        block = sample(len(KINDS), torch.Generator().manual_seed(self.another))     # one of each kind
        self.parameters = {name: values[block["kind"] == self.kind] for name, values in block.items()}
        for name in ("background", "light", "direction", "x", "y", "size", "hue"):
            control, value = self.controls["size_" if name == "size" else name], self.parameters[name].item()
            control.value = value if isinstance(value, int) else min(max(round(value, 2), control.min), control.max)

    def _renew(self, change=None):
        with self.at_once():
            self._sample()
