"""Explorers of one picture at a time: chosen from datasets, or the reader's own."""

from ipywidgets import Dropdown, FileUpload, HBox, IntSlider, Layout

from .. import plots
from ..markup import safe
from .base import WIDE, Explorer
from .upload import read_picture, uploaded


class PictureExplorer(Explorer):
    """A slider of pictures, a menu of datasets where there are several, and a button to upload a picture of one's own.

    pictures: a Dataset, or {name: Dataset}, all of the same size; of each the first `number` can be chosen. A subclass
    finds the picture in `self.picture`, says which it is with `self.told()`, and may start afresh in `renew()`, which is
    called whenever the picture has changed, before it is drawn. controls: the subclass's own, after these.
    """

    handled = ("number", "source", "upload")

    def __init__(self, pictures, controls, figsize, *, number=200):
        self.sources = pictures if isinstance(pictures, dict) else {pictures.name: pictures}
        self.most, self.own, self.own_name = number, None, ""
        first = next(iter(self.sources.values()))
        choosing = {"number": IntSlider(0, 0, min(number, len(first)) - 1, description="picture", continuous_update=False, **WIDE)}
        if len(self.sources) > 1:
            choosing["source"] = Dropdown(options=list(self.sources), description="from", **WIDE)
        choosing["upload"] = FileUpload(accept="image/*", multiple=False, description="your own picture", layout=Layout(width="170px"))
        self.controls = {**choosing, **controls}
        choosing["number"].observe(self.guard(self._choose), "value")
        if "source" in choosing:
            choosing["source"].observe(self.guard(self._change_source), "value")
        choosing["upload"].observe(self.guard(self._take), "value")
        self.renew()
        super().__init__(self.controls, figsize)

    def arrange(self, controls):
        rest = [control for name, control in controls.items() if name not in PictureExplorer.handled]
        return [HBox([controls[name] for name in PictureExplorer.handled if name in controls]), *rest]

    @property
    def dataset(self):
        return self.sources[self.source] if "source" in self.controls else next(iter(self.sources.values()))

    def index(self):
        """Number of the chosen picture in its dataset."""
        return self.number

    @property
    def picture(self):
        """uint8 (3, H, W)."""
        return self.dataset.images[self.index()] if self.own is None else self.own

    def told(self):
        """Which picture this is, in words (HTML)."""
        if self.own is not None:
            return f'<span style="color:{plots.GREY}">Your picture {safe(self.own_name)}.</span>'
        index, data = self.index(), self.dataset
        kind = f" ({safe(data.classes[int(data.labels[index])])})" if data.labels is not None and data.classes else ""
        return f'<span style="color:{plots.GREY}">Picture {index}{kind}.</span>'

    def renew(self):
        """Called when another picture was chosen, before it is drawn."""

    def _choose(self, change=None):
        self.own = None
        self.renew()
        self.redraw()

    def _change_source(self, change=None):
        with self.at_once():
            self.controls["number"].value = 0
            self.controls["number"].max = min(self.most, len(self.dataset)) - 1
            self._choose()

    def _take(self, change):
        content = uploaded(change["new"])
        if content is not None:
            name, data = content
            self.own, self.own_name = read_picture(name, data, self.dataset.images.shape[-1]), name
            self.renew()
            self.redraw()
