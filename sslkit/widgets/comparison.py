"""Every method beside every other: how they were judged, what they cost, what lies near a picture under each."""

import math

from ipywidgets import Dropdown, HBox, IntSlider, SelectionSlider, SelectMultiple, ToggleButtons, VBox

from .. import plots
from ..evaluate import summarise
from ..markup import safe
from ..plots.comparison import compared, floor_of
from ..plots.projection import align, checked, nearest, project
from . import door
from .base import WIDE, Explorer
from .embedding import CAUTION, COUNTED, colourings, kind, projections

JUDGED = {"linear probe": "linear", "kNN": "kNN", "fine-tuned": "fine-tuned"}
AXES = {"labels": "labels", "advantage over scratch": "advantage", "cost in minutes": "cost"}


@door.wants(tables=door.or_named(door.runs, "runs"))
class ComparisonExplorer(Explorer):
    """All methods under one protocol: choose who, how they are judged, with how many labels, and against what they are drawn.

    tables: {"CIFAR-10, CPU": runs, "drawn world, CPU": runs}, or runs alone, as `compare.stored` reads them: dicts of arm, about,
    seconds, records. Floors are always drawn: with "fine-tuned", the one from scratch is trained alike, the others are probed.
    """

    def __init__(self, tables):
        self.tables = tables if isinstance(tables, dict) else {"runs": tables}
        for name, runs in self.tables.items():
            if not any(run["records"] for run in _pretrained(runs)):
                raise ValueError(f"{name}: no run of a method holds records; want dicts of arm, about, seconds, records, "
                                 f"one a pretraining, as compare.stored reads them")
        every = [run for runs in self.tables.values() for run in runs]
        first = next(iter(self.tables.values()))
        methods = list(dict.fromkeys(run["arm"] for run in _pretrained(every)))
        budgets = sorted({record["budget"] for run in every for record in run["records"]})
        depths = sorted({record["layer"] for run in every for record in run["records"] if record.get("layer") is not None})
        judged = [name for name, probe in JUDGED.items() if compared(_pretrained(every), probe=probe)]
        begin = next(name for name in judged if compared(_pretrained(first), probe=JUDGED[name]))
        there = sorted({record["budget"] for record in compared(_pretrained(first), probe=JUDGED[begin])})
        controls = {
            "data": Dropdown(options=list(self.tables), description="data", **WIDE),
            "methods": SelectMultiple(options=methods, value=methods, rows=min(10, len(methods)), description="methods", **WIDE),
            "judged": ToggleButtons(options=judged, value=begin, description="judged by",
                                    style={"description_width": "90px", "button_width": "110px"}),
            "layer": Dropdown(options=[("best on the validation split", "best"), *((f"block {depth}", depth) for depth in depths)],
                              description="features of", **WIDE),
            "budget": SelectionSlider(options=budgets, value=there[len(there) // 2], continuous_update=False,
                                      description="labels a class", **WIDE),
            "axis": ToggleButtons(options=list(AXES.items()), description="drawn by",
                                  style={"description_width": "90px", "button_width": "195px"})}
        if len(self.tables) == 1:
            del controls["data"]
        super().__init__(controls, (9.4, 5.2))

    def arrange(self, controls):
        left = [controls[name] for name in ("data", "judged", "layer", "budget") if name in controls]
        return [HBox([controls["methods"], VBox(left)]), controls["axis"]]

    @property
    def runs(self):
        """The runs of the chosen data."""
        return self.tables[self.data if "data" in self.controls else next(iter(self.tables))]

    def chosen(self):
        """The records that are drawn. Raises ValueError, for the reader, where the chosen methods have none at this budget."""
        if not self.methods:
            raise ValueError("No method is chosen: click one (Ctrl or ⌘ for several).")
        records = compared(self.runs, methods=self.methods, probe=JUDGED[self.judged], layer=self.layer)
        found = {record["budget"] for record in records if record["arm"] in self.methods}
        if not found:
            block = "" if self.layer == "best" else f" at block {self.layer}"
            raise ValueError(f"The chosen methods have no records of “{self.judged}”{block} on these data: choose another way "
                             f"to judge, block or method.")
        if self.budget not in found:
            raise ValueError(f"The chosen methods were not judged with {self.budget} labels a class on these data: "
                             f"choose one of {', '.join(map(str, sorted(found)))}.")
        return records

    def draw(self, figure):
        records = self.chosen()
        self.controls["layer"].disabled = self.judged == "fine-tuned"
        if self.axis == "cost":
            shown = [run for run in self.runs if run["arm"] in self.methods or run["about"]["method"] is None]
            plots.cost(shown, budget=self.budget, probe=JUDGED[self.judged], layer=self.layer, figure=figure)
        elif self.axis == "advantage":
            plots.advantage(records, budget=self.budget, title=self._how(), figure=figure)
        else:
            plots.by_labels(records, budget=self.budget, title=self._how(), figure=figure)
        silent = [method for method in self.methods if not any(record["arm"] == method for record in records)]
        lost = f' <span style="color:{plots.GREY}">No such records of {", ".join(map(safe, silent))}.</span>' if silent else ""
        level = {arm: row[self.budget] for arm, row in summarise(records).items() if self.budget in row}
        ranked = sorted((arm for arm in level if arm in self.methods), key=lambda arm: -level[arm][0])
        return f"{leading(level, ranked, self.budget)} {paid(self.runs, ranked[0])}{lost}"

    def _how(self):
        if self.judged == "fine-tuned":
            return "fine-tuned on the labels; what cannot be: linear probe of the frozen features"
        block = "block chosen on the validation split" if self.layer == "best" else f"block {self.layer}"
        return f"{self.judged} of frozen features, {block}"


def _pretrained(runs):
    return [run for run in runs if run["about"]["method"] is not None]


def leading(level, ranked, budget):
    """In words: which method leads and whether that can be told, and what training from scratch reaches with the same labels.

    level: {arm: (mean accuracy, standard deviation, NaN of a single draw)}. ranked: the methods, the best first. A lead counts
    that is larger than the standard deviation of the difference of two draws, √(s₁² + s₂²).
    """
    first, labels = ranked[0], f"With {budget} label{'s' * (budget != 1)} a class"
    if len(ranked) == 1:
        words = f"{labels} <b>{safe(first)}</b> reaches {_percent(*level[first])}."
    else:
        words = (f"{labels} <b>{safe(first)}</b> leads with {_percent(*level[first])}; {safe(ranked[1])} follows "
                 f"with {_percent(*level[ranked[1]])}, {_apart(level[first], level[ranked[1]])}.")
    scratch = floor_of(first, "from scratch", level)
    if scratch in level:
        words += f" {safe(scratch[0].upper() + scratch[1:])} reaches {_percent(*level[scratch])}, {_apart(level[first], level[scratch])}."
    return words


def _apart(one, other):
    """In words: how far `other` (mean, deviation) lies from `one`, and whether their spread lets one tell which is better."""
    gap, spread = 100 * (other[0] - one[0]), 100 * math.hypot(one[1], other[1])
    words = f"{abs(gap):.1f} points {'more' if gap > 0 else 'less'}"
    if math.isnan(spread):
        return f"{words}, with a single draw of labels and so no spread to judge that by"
    if abs(gap) > spread:
        return f"{words}, more than the spread of {spread:.1f}"
    return f"{words}, <b>within the spread</b> of {spread:.1f}: which is better cannot be told"


def _percent(mean, deviation):
    return f"{100 * mean:.1f} %" if math.isnan(deviation) else f"{100 * mean:.1f} ± {100 * deviation:.1f} %"


def paid(runs, method):
    """In words: the seconds that pretraining of a method took, mean over its runs, and how many pictures it saw."""
    mine = [run for run in runs if run["arm"] == method]
    seconds = [run["seconds"]["pretraining"] for run in mine if run["seconds"].get("pretraining")]
    took = f"took {sum(seconds) / len(seconds):,.0f} s" if seconds else "took a time that was not kept"
    many = f" (mean of {len(seconds)})" if len(seconds) > 1 else ""
    return (f"Pretraining {safe(method)} {took}{many} and saw {mine[0]['about']['images']:,} pictures, each counted "
            f"as often as it was met.")


@door.wants(features=door.or_named(door.features, "features"), dataset=door.dataset, methods=door.names)
class EmbeddingComparison(Explorer):
    """The same pictures on the map of each method, one of them marked on all, joined to those nearest to it there.

    features: {method: (N, D)} of the pictures of `dataset`, as `evaluate.embed` returns; some hundreds of pictures are enough.
    methods: of projection, "PCA", "t-SNE", "UMAP"; default: those installed. Neighbours are by cosine in feature space, never by
    distance on a map. Raises ValueError for features that are not of these pictures.
    """

    def __init__(self, features, dataset, *, methods=None):
        features = features if isinstance(features, dict) else {"features": features}
        self.dataset, self.features = dataset, {}
        for method, values in features.items():
            try:
                self.features[method] = checked(values)
            except ValueError as error:
                raise ValueError(f"{method!r}: {error}") from None
            if len(values) != len(dataset):
                raise ValueError(f"{method!r} has features of {len(values)} pictures, {dataset.name} has {len(dataset)}: "
                                 f"want as many; embed these very pictures, evaluate.embed(encoder, dataset)")
        self.maps, self.near = {}, {}                              # {(method, projection): (N, 2)} and {method: (N, 10)}
        self.colours, names = colourings(dataset), list(self.features)
        super().__init__({
            "methods": SelectMultiple(options=names, value=names, rows=min(6, len(names)), description="methods", **WIDE),
            "map": Dropdown(options=projections(methods), description="map", **WIDE),
            "colour": Dropdown(options=list(self.colours), description="coloured by", **WIDE),
            "number": IntSlider(0, 0, len(dataset) - 1, description="picture", continuous_update=False, **WIDE)}, (9.4, 5))

    def arrange(self, controls):
        return [HBox([controls["methods"], VBox([controls[name] for name in ("map", "colour", "number")])])]

    def points(self, method, projection):
        """The map (N, 2) of a method, turned to lie as near as it can to the first method's PCA; kept."""
        if (method, projection) not in self.maps:
            first, points = next(iter(self.features)), project(self.features[method], projection)
            if (method, projection) != (first, "PCA"):
                points = align(points, self.points(first, "PCA"))
            self.maps[method, projection] = points
        return self.maps[method, projection]

    def neighbours(self, method):
        """The nearest of each picture under a method, by cosine: indices (N, 10); kept."""
        if method not in self.near:
            self.near[method] = nearest(self.features[method], COUNTED)
        return self.near[method]

    def draw(self, figure):
        if not self.methods:
            raise ValueError("No method is chosen: click one (Ctrl or ⌘ for several).")
        values, names, cyclic = self.colours[self.colour]
        maps = {method: self.points(method, self.map) for method in self.methods}
        picture, panels = figure.subfigures(1, 2, width_ratios=(1, 7))
        plots.image_grid(self.dataset.images[self.number][None], [kind(self.dataset, self.number)], figure=picture)
        plots.side_by_side(maps, values, names=names, legend="" if values is None else self.colour, cyclic=cyclic,
                           highlight=self.number, figure=panels,
                           neighbours={method: self.neighbours(method)[self.number] for method in maps})
        return f'{self._agreement()}<br><span style="color:{plots.GREY}">{self._caution(maps)}</span>'

    def _agreement(self):
        """In words: for each method how many of the nearest share the picture's label, and how many do on average."""
        if self.dataset.labels is None:
            return "The pictures have no labels to judge neighbours by."
        labels, told = self.dataset.labels.cpu(), []
        for method in self.methods:
            same = (labels[self.neighbours(method)] == labels[:, None]).sum(1)                    # (N,)
            told.append(f"{safe(method)} <b>{int(same[self.number])}</b> ({float(same.double().mean()):.1f})")
        counted = min(COUNTED, len(labels) - 1)
        chance = counted * (int((labels == labels[self.number]).sum()) - 1) / (len(labels) - 1)
        return (f"How many of the {counted} nearest share the label of picture {self.number} ({safe(kind(self.dataset, self.number))}), and in "
                f"brackets the mean over all pictures: {', '.join(told)}. By chance {chance:.1f}.")

    def _caution(self, maps):
        if self.map != "PCA":
            return CAUTION[self.map]
        shares = []
        for method, points in maps.items():
            whole = float(self.features[method].var(0).sum())
            shares.append(float(points.double().var(0).sum()) / whole if whole else 1.0)
        held = f"{min(shares):.0%} to {max(shares):.0%}" if len(shares) > 1 else f"{shares[0]:.0%}"
        return f"The two axes hold {held} of the variance; the rest is not on these maps."
