"""What lies beside what in feature space, and how that changes while a network learns."""

from importlib.util import find_spec

import torch
from ipywidgets import Dropdown, HBox, IntSlider, Layout, SelectionSlider, ToggleButton

from .. import plots
from ..data.scenes import KINDS, LIGHTS, PLACES
from ..markup import safe
from ..plots import align, embedding, embedding_html, nearest, neighbourhood, project
from ..plots.projection import METHODS, checked
from . import door
from .base import WIDE, Explorer

NAMES = {"kind": KINDS, "background": PLACES, "light": LIGHTS, "direction": ("left", "right")}      # of the drawn world's choices
CAUTION = {"PCA": "The two axes hold <b>{share:.0%}</b> of the variance; the rest is not on this map.",
           "t-SNE": "t-SNE keeps neighbours together; how large groups are, and how far apart, means little.",
           "UMAP": "UMAP keeps neighbours together; how large groups are, and how far apart, means little."}
SHOWN, COUNTED = 6, 10                                             # nearest neighbours that are drawn, and that are counted


@door.wants(snapshots=door.or_named(door.features, "snapshots"), dataset=door.dataset, methods=door.names)
class EmbeddingExplorer(Explorer):
    """Features as a map: choose the projection, the colours and a picture, and see which pictures lie nearest to it.

    snapshots: features (N, D) of the pictures of `dataset`, as `evaluate.embed` returns, or {"step 0": (N, D), "step 400": …},
    features over the time of training. Some hundreds of pictures are enough; t-SNE of 500 takes seconds. methods: of "PCA",
    "t-SNE", "UMAP"; default: those installed. Neighbours are by cosine in feature space, never by distance on the map.
    """

    def __init__(self, snapshots, dataset, *, methods=None):
        self.snapshots = snapshots if isinstance(snapshots, dict) else {"features": snapshots}
        self.dataset = dataset
        self._check()
        self.maps, self.near = {}, {}                              # {(snapshot, method): (N, 2)} and {snapshot: (N, 10)}
        self.colours = colourings(dataset)
        number = len(dataset)
        controls = {"method": Dropdown(options=projections(methods), description="map", **WIDE),
                    "colour": Dropdown(options=list(self.colours), description="coloured by", **WIDE),
                    "number": IntSlider(0, 0, number - 1, description="picture", continuous_update=False, **WIDE),
                    "pictures": ToggleButton(False, description="pictures on the map", icon="picture-o", layout=Layout(width="180px"))}
        if len(self.snapshots) > 1:
            times = list(self.snapshots)
            controls["time"] = SelectionSlider(options=times, value=times[-1], continuous_update=False, description="trained for", **WIDE)
        super().__init__(controls, (9.4, 5.2))

    def arrange(self, controls):
        time = [controls["time"]] if "time" in controls else []
        return [*time, HBox([controls["method"], controls["colour"]]), HBox([controls["number"], controls["pictures"]])]

    def _check(self):
        for name, features in self.snapshots.items():
            shape = tuple(torch.as_tensor(features).shape)
            if len(shape) == 2 and shape[0] != len(self.dataset):
                raise ValueError(f"{name!r} has features of {shape[0]} pictures, {self.dataset.name} has {len(self.dataset)} pictures: "
                                 f"want as many; embed these very pictures, evaluate.embed(encoder, dataset)")
            try:
                checked(features)
            except ValueError as error:
                raise ValueError(f"snapshot {name!r}: {error}") from None

    @property
    def snapshot(self):
        """The name of the chosen snapshot."""
        return self.time if "time" in self.controls else next(iter(self.snapshots))

    def points(self, snapshot, method):
        """The map (N, 2) of a snapshot, turned so that it can be compared with the others: PCA with that of the time before, any other
        method with PCA's at the same time."""
        if (snapshot, method) not in self.maps:
            points, times = project(self.snapshots[snapshot], method), list(self.snapshots)
            before = times.index(snapshot) - 1
            if method != "PCA":
                points = align(points, self.points(snapshot, "PCA"))
            elif before >= 0:
                points = align(points, self.points(times[before], "PCA"))
            self.maps[snapshot, method] = points
        return self.maps[snapshot, method]

    def neighbours(self, snapshot):
        """The nearest of each picture, by cosine: indices (N, 10)."""
        if snapshot not in self.near:
            self.near[snapshot] = nearest(self.snapshots[snapshot], COUNTED)
        return self.near[snapshot]

    def draw(self, figure):
        data, index = self.dataset, self.number
        points, near = self.points(self.snapshot, self.method), self.neighbours(self.snapshot)
        values, names, cyclic = self.colours[self.colour]
        left, right = figure.subfigures(1, 2, width_ratios=(2.3, 1))
        shown = near[index, :SHOWN]                                # (6,)
        title = f"{self.method}, {self.snapshot}" if "time" in self.controls else self.method
        embedding(points, values, names=names, legend="" if values is None else self.colour, cyclic=cyclic, highlight=index,
                  neighbours=shown, title=title, thumbnails=data.images if self.pictures else None, figure=left)
        kinds = [] if data.labels is None else [kind(data, other) for other in shown]
        same = None if data.labels is None else data.labels[shown] == data.labels[index]
        neighbourhood(data.images[index], data.images[shown], same=same, names=kinds, title=kind(data, index), figure=right)
        return " ".join(filter(None, [self._agreement(near), self._caution(points)]))

    def _agreement(self, near):
        """In words: how many of the nearest share the label, here and everywhere, and how many would by chance."""
        if self.dataset.labels is None:
            return f'<span style="color:{plots.GREY}">The pictures have no labels to judge neighbours by.</span>'
        labels = self.dataset.labels.cpu()
        same, counted = (labels[near] == labels[:, None]).sum(1), near.shape[1]                   # (N,)
        often = torch.bincount(labels).double()
        chance = float((often * (often - 1)).sum() / (len(labels) * (len(labels) - 1))) * counted
        here, everywhere = int(same[self.number]), float(same.double().mean())
        return (f"Of the {counted} pictures nearest to picture {self.number}, <b>{here}</b> share its label "
                f"({safe(kind(self.dataset, self.number))}); over all pictures <b>{everywhere:.1f}</b> do, by chance {chance:.1f}.")

    def _caution(self, points):
        features = torch.as_tensor(self.snapshots[self.snapshot]).detach().cpu().double()
        whole = float(features.var(0).sum())
        return CAUTION[self.method].format(share=float(points.double().var(0).sum()) / whole if whole else 1.0)

    def hover(self):
        """The map as it stands, to move the mouse over: IPython HTML that needs no kernel."""
        from IPython.display import HTML

        data = self.dataset
        values, names, cyclic = self.colours[self.colour]
        return HTML(embedding_html(self.points(self.snapshot, self.method), data.images, values, names=names, cyclic=cyclic,
                                   legend="" if values is None else self.colour, neighbours=self.neighbours(self.snapshot)[:, :SHOWN],
                                   labels=data.labels, classes=data.classes, highlight=self.number))


def colourings(dataset):
    """What the pictures of a dataset can be coloured by → {what: (values (N,), names, cyclic)}; a factor that is the class again is left out."""
    found = {}
    if dataset.labels is not None:
        found["class"] = (dataset.labels.cpu(), dataset.classes, False)
    for name, values in dataset.factors.items():
        values = values.cpu()
        if values.is_floating_point():
            found[name] = (values, None, name == "hue")
        elif dataset.labels is None or not torch.equal(values, dataset.labels.cpu()):
            found[name] = (values, NAMES.get(name), False)
    return found or {"nothing": (None, None, False)}


def kind(dataset, index):
    """What a picture of a dataset shows, in words."""
    if dataset.labels is None:
        return f"picture {int(index)}"
    label = int(dataset.labels[index])
    return str(dataset.classes[label]) if dataset.classes else f"class {label}"


def projections(methods):
    """Of the methods of projection those asked for, or all that are installed. Raises ValueError for one that is unknown or missing."""
    installed = [method for method in METHODS if method != "UMAP" or find_spec("umap")]
    for method in methods or ():
        if method not in METHODS:
            raise ValueError(f"method {method!r}: want some of {', '.join(METHODS)}")
        if method not in installed:
            raise ValueError(f"{method} is not installed: run `pip install umap-learn` and restart the kernel, or leave it out")
    return list(methods) if methods else installed
