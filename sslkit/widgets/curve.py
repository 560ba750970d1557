"""Accuracy by labels, to choose from."""

import math

from ipywidgets import Dropdown, SelectionSlider, SelectMultiple

from .. import plots
from ..evaluate import summarise
from ..markup import safe
from . import door
from .base import WIDE, Explorer


@door.wants(records=door.records)
class LabelCurveExplorer(Explorer):
    """Accuracy by labels a class, and how many labels pretraining saves.

    records: those of `evaluate.label_curve`, or of a stored curve; where they name a probe or a layer, these can be chosen.
    """

    def __init__(self, records):
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
    reached = f"<b>{safe(arm)}</b>: {100 * accuracy:.1f} % with {budget} label{'s' * (budget != 1)} a class."
    if not reference:
        return f"{reached} No arm from scratch to compare with."
    needed = plots.labels_needed(reference, accuracy)
    if math.isinf(needed):
        most = max(reference)
        return f"{reached} From scratch needs <b>more than {most}</b> for that: more than {max(0, most - budget)} saved in each class."
    if needed <= budget:
        return f"{reached} From scratch needs {'at most ' * (needed == min(reference))}{needed:.0f} for that: none saved."
    return f"{reached} From scratch needs about <b>{needed:.0f}</b> for that: {needed - budget:.0f} saved in each class."
