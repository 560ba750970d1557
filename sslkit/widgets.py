"""Controls over plots: what a reader can turn, choose and upload. The only module that imports ipywidgets.

Works with ipywidgets 7.7.1 (Colab) and 8. Nothing is printed into `Output`: a figure is drawn anew into one Image.
"""

import base64
import html
import io
import math
import time
from contextlib import contextmanager

import ipywidgets
import torch
from ipywidgets import (Dropdown, FileUpload, FloatSlider, HBox, HTML, IntSlider, Layout, SelectionSlider, SelectMultiple,
                        ToggleButton, ToggleButtons, VBox)
from torch.nn import functional as F

from . import plots
from .data.dataset import as_float, check_images
from .data.scenes import FLOATS, KINDS, LIGHTS, PLACES, draw, sample
from .evaluate import summarise

AIRY = (PLACES.index("page"), PLACES.index("sky"))                 # settings in which nothing stands on a ground
WIDE = {"style": {"description_width": "90px"}, "layout": Layout(width="420px")}


class Explorer:
    """Binds controls to a drawing. A subclass writes `draw(figure)`, which may return a sentence (HTML) to stand above it.

    controls: {name: widget}; each is `self.controls[name]`, and its value redraws. An error while a reader plays is shown in
    the widget, since Jupyter shows none from callbacks; one while the explorer is made is raised as ever. As the last
    line of a cell it shows its controls, and to readers without a kernel a picture of how it stood.
    """

    handled = ()                                                   # names of controls that the subclass answers to itself

    def __init__(self, controls, figsize, *, dpi=110):
        self.controls, self.error, self._held = controls, None, False
        self.figure = plots.Picture(figsize=figsize, dpi=dpi, layout="constrained", facecolor="white")
        # Without a width of its own the picture is stretched to that of the cell, and blurred.
        self.image = ipywidgets.Image(format="png", layout=Layout(width=f"{round(100 * figsize[0])}px", max_width="100%",
                                                                  align_self="flex-start"))
        self.message = HTML()
        for name, control in controls.items():
            if name not in self.handled:
                control.observe(self.guard(self.redraw), "value")
        self.redraw()
        self.widget = VBox([*self.arrange(controls), self.message, self.image])

    def draw(self, figure):
        raise NotImplementedError(f"{type(self).__name__} must say what it draws: draw(figure)")

    def arrange(self, controls):
        """The controls, as rows from top to bottom."""
        return list(controls.values())

    def __getattr__(self, name):
        """`self.turn` is `self.controls["turn"]`'s value."""
        controls = self.__dict__.get("controls", {})
        if name not in controls:
            raise AttributeError(f"{type(self).__name__} has no {name!r}; its controls are {', '.join(controls)}")
        return controls[name].value

    def redraw(self, change=None):
        if self._held:
            return
        self.figure.clear()
        sentence = self.draw(self.figure)
        self.image.value = plots.png(self.figure)
        self.message.value = f'<div class="sslkit-message" style="line-height:1.4">{sentence or ""}</div>'
        self.error = None

    def guard(self, function):
        """The same function, whose errors are shown in red."""
        def guarded(change=None):
            try:
                function(change)
            except Exception as error:                             # shown, and kept for who wants the traceback
                self._held, self.error = False, error
                text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
                self.message.value = (f'<div class="sslkit-error" style="color:#b00020; line-height:1.4"><b>This did not '
                                      f'work.</b> {html.escape(text)}</div>')
        return guarded

    @contextmanager
    def at_once(self):
        """Several controls change, one redraw follows."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.redraw()

    def still(self):
        """The picture as it stands, as the bytes of a PNG: `IPython.display.Image(explorer.still())`."""
        return bytes(self.image.value)

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The widget, and the still beside it for whoever cannot show widgets: a code host, an untrusted notebook."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": f"<{type(self).__name__}>",
                "image/png": base64.b64encode(self.still()).decode()}


class RotationExplorer(Explorer):
    """What a rotation network sees in a picture, and what it says of its four turns.

    task: a trained `sslkit.tasks.Rotation`. dataset: pictures the size that it knows; the first `number` can be chosen,
    in their order or the hardest first (by the mean loss over the four turns). A picture of the reader's own can be
    uploaded; it is cut square and resized.
    """

    handled = ("upload",)

    def __init__(self, task, dataset, *, number=200):
        self.task, self.dataset = task, dataset[:number]
        self.device = next(task.parameters()).device
        self.own, self.own_name = None, ""
        logits = torch.cat([self._answer(few)[0] for few in self.dataset.images.split(50)])       # (N, 4, 4)
        losses = F.cross_entropy(logits.flatten(0, 1), torch.arange(4).repeat(len(logits)), reduction="none")
        self.losses = losses.view(-1, 4).mean(1)                                                  # (N,)
        self.order = {False: torch.arange(len(self.dataset)), True: self.losses.argsort(descending=True)}
        blocks = len(task.encoder.blocks)
        late = {"continuous_update": False}                        # a redraw takes longer than a slider's smallest step
        controls = {
            "number": IntSlider(0, 0, len(self.dataset) - 1, description="picture", **late, **WIDE),
            "hardest": ToggleButton(False, description="hardest first", icon="sort-amount-desc"),
            "turn": ToggleButtons(options=[(f"{90 * turn}°", turn) for turn in range(4)], description="turn by",
                                  style={"description_width": "90px", "button_width": "60px"}),
            "depth": IntSlider((blocks + 1) // 2, 1, blocks, description="block", **late, **WIDE),
            "upload": FileUpload(accept="image/*", multiple=False, description="your own picture",
                                 layout=Layout(width="170px"))}
        controls["number"].observe(self.guard(self._leave_own), "value")
        controls["hardest"].observe(self.guard(self._leave_own), "value")
        controls["upload"].observe(self.guard(self._take), "value")
        super().__init__(controls, (8.2, 2.7))

    def arrange(self, controls):
        return [HBox([controls["number"], controls["hardest"]]), HBox([controls["turn"], controls["upload"]]), controls["depth"]]

    def draw(self, figure):
        index = int(self.order[self.hardest][self.number])
        image = (self.dataset.images[index] if self.own is None else self.own)                   # (3, H, W)
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
        if self.own is not None:
            which = f"Your picture {html.escape(self.own_name)}."
        else:
            kind = "" if self.dataset.labels is None or not self.dataset.classes else \
                f" ({self.dataset.classes[int(self.dataset.labels[index])]})"
            which = f"Picture {index}{kind}, mean loss over its four turns {float(self.losses[index]):.2f}."
        return (f'The network says <b>{90 * guess}° with {100 * float(probabilities[guess]):.0f} %</b>: {verdict}. '
                f'<span style="color:{plots.GREY}">{which}</span>')

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

    def _leave_own(self, change):
        if self.own is not None:
            self.own = None
            self.redraw()

    def _take(self, change):
        content = uploaded(change["new"])
        if content is not None:
            name, data = content
            self.own, self.own_name = read_picture(name, data, self.dataset.images.shape[-1]), name
            self.redraw()


def uploaded(value):
    """The value of a FileUpload → (name, bytes) of its last file, or None. A dict in ipywidgets 7, a tuple in 8."""
    if not value:
        return None
    if isinstance(value, dict):
        name, file = list(value.items())[-1]
    else:
        file = value[-1]
        name = file["name"]
    return name, bytes(file["content"])


def read_picture(name, data, size):
    """The bytes of any picture that Pillow reads → uint8 (3, size, size): upright, on white, cut square about its centre.

    Raises ValueError for what is no picture, or one of more pixels than Pillow takes for safe.
    """
    from PIL import Image, ImageOps

    try:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} ({len(data)} bytes) cannot be read as a picture: want a PNG, JPEG, GIF, WebP or BMP file "
                         f"that is whole. ({error})") from error
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(size, size, 3)
    return check_images(pixels.permute(2, 0, 1)[None].contiguous(), name)[0]                     # (3, size, size)


class LabelCurveExplorer(Explorer):
    """Accuracy by labels a class, and how many labels pretraining saves.

    records: those of `evaluate.label_curve`, or of a stored curve; where they name a probe or a layer, these can be chosen.
    """

    def __init__(self, records):
        if not records:
            raise ValueError("no records: want a list of {arm, budget, seed, accuracy}, as evaluate.label_curve returns")
        self.records = records
        arms = list(dict.fromkeys(record["arm"] for record in records))
        budgets = sorted({record["budget"] for record in records})
        controls = {"arms": SelectMultiple(options=arms, value=arms, rows=min(8, len(arms)), description="arms", **WIDE)}
        judged = ["best"] if all("validation" in record for record in records) else []
        for field in ("probe", "layer"):
            values = sorted({record[field] for record in records if record.get(field) is not None})
            if values:
                shown = [(f"block {value}" if field == "layer" else value, value) for value in values]
                controls[field] = Dropdown(options=[(word, word) for word in judged + ["all"]] + shown, description=field, **WIDE)
        controls["budget"] = SelectionSlider(options=budgets, value=budgets[min(1, len(budgets) - 1)], continuous_update=False,
                                             description="labels a class", **WIDE)
        super().__init__(controls, (7, 4.2))

    def draw(self, figure):
        wanted = {field: self.controls[field].value for field in ("probe", "layer") if field in self.controls}
        if not self.arms:
            raise ValueError("No arm is chosen: click one (Ctrl or ⌘ for several).")
        shown = plots.choose(self.records, arms=self.arms, **wanted)
        if not shown:
            raise ValueError("None of the chosen arms has this probe and layer: choose another, or “all”.")
        plots.label_curve(shown, budget=self.budget, figure=figure)
        everything = [record for record in self.records if "scratch" in record["arm"]]
        reference = {budget: mean for row in summarise(everything).values() for budget, (mean, _) in row.items()}
        return "<br>".join(saved(arm, row[self.budget][0], self.budget, reference) for arm, row in summarise(shown).items()
                           if self.budget in row and not _is_floor(arm)) or \
            "Choose an arm that was pretrained to see how many labels it saves."


def _is_floor(arm):
    return any(word in arm.lower() for word in ("scratch", "random", "raw pixels"))


def saved(arm, accuracy, budget, reference):
    """In words: the labels a class that training from scratch (`reference`, {budget: accuracy}) needs for `accuracy`."""
    reached = f"<b>{html.escape(arm)}</b>: {100 * accuracy:.1f} % with {budget} label{'s' * (budget != 1)} a class."
    if not reference:
        return f"{reached} No arm from scratch to compare with."
    needed = plots.labels_needed(reference, accuracy)
    if math.isinf(needed):
        most = max(reference)
        return f"{reached} From scratch needs <b>more than {most}</b> for that: more than {max(0, most - budget)} saved in each class."
    if needed <= budget:
        return f"{reached} From scratch needs {'at most ' * (needed == min(reference))}{needed:.0f} for that: none saved."
    return f"{reached} From scratch needs about <b>{needed:.0f}</b> for that: {needed - budget:.0f} saved in each class."


class TrainingMonitor:
    """Live curves: `train(..., on_log=TrainingMonitor())`. Outside of a notebook it only keeps the history.

    total: the number of steps, to show the time left. chance: accuracy of blind guessing, drawn as a line. The figure is
    drawn anew at most `rate` times a second, and with the last record when the cell ends, however it ends.
    """

    def __init__(self, total=None, *, chance=None, rate=1.0):
        self.total, self.chance, self.rate = total, chance, rate
        self.history, self.figure, self._handle, self._drawn, self._shown = [], plots.new(None, (7.2, 2.7)), None, 0.0, 0
        try:
            from IPython import get_ipython
            self._shell = get_ipython()
        except ImportError:
            self._shell = None

    def __call__(self, record):
        self.history.append(record)
        if self._shell is None or not hasattr(self._shell, "kernel"):
            return
        if self._handle is None:
            self._shell.events.register("post_run_cell", self.close)
        if record["step"] == self.total or time.monotonic() - self._drawn >= 1 / self.rate:
            self.show()

    def show(self):
        """Draws what there is now."""
        from IPython.display import display

        self.figure.clear()
        plots.training(self.history, chance=self.chance, title=self._title(), figure=self.figure)
        if self._handle is None:
            self._handle = display(self.figure, display_id=True)
        else:
            self._handle.update(self.figure)
        self._drawn, self._shown = time.monotonic(), len(self.history)

    def close(self, result=None):
        """Draws the last record, so that this is what the notebook stores. The end of the cell calls it."""
        if self._handle is not None:
            self._shell.events.unregister("post_run_cell", self.close)
            if self._shown < len(self.history):
                self.show()
            self._handle = None

    def _title(self):
        last = self.history[-1]
        if not self.total:
            return f"step {last['step']}, {last['seconds']:.0f} s"
        left = (self.total - last["step"]) * last["seconds"] / last["step"]
        return f"step {last['step']} of {self.total}, {last['seconds']:.0f} s" + (f", {left:.0f} s left" if left else "")


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
