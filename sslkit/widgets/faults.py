"""Where to put the threshold: what alarms find, and how many of them are false."""

import torch
from ipywidgets import SelectionSlider, ToggleButtons
from torch.nn import functional as F

from .. import anomaly
from ..markup import safe
from ..plots.faults import found_by_kind, thresholds, timeline
from . import door
from .base import WIDE, Explorer

SHARES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
SMOOTHS = (1, 3, 5, 10, 15, 30)


def by_kind(alarmed, faults, *, late=0):
    """Alarms bool (T,), faults [(kind, start, stop), …] → {kind: (found, of)}; late: as for `anomaly.precision_recall`."""
    counts = {}
    for kind, start, stop in faults:
        found, of = counts.get(kind, (0, 0))
        counts[kind] = found + bool(alarmed[start:stop + late].any()), of + 1
    return counts


@door.wants(arms=door.surprises, faults=door.faults, hold=door.whole(1), late=door.whole(0))
class FaultExplorer(Explorer):
    """Precision and recall in events as the threshold moves, for one or several ways to be surprised.

    arms: {name: (errors of a healthy time (channels, T), errors of the time to watch (channels, T'))}, one value a moment. The limit
    of each channel is what only 1 − share of the healthy moments exceed, so that no fault is needed to set it. faults:
    [(kind, start, stop), …] of the time to watch. hold: how long an alarm lasts at least. late: moments after a fault that count as it.
    """

    def __init__(self, arms, faults, *, hold=30, late=30):
        self.arms, self.faults, self.hold, self.late = arms, list(faults), hold, late
        watched = next(iter(arms.values()))[1]
        self.wrong = torch.zeros(watched.shape[1], dtype=torch.bool)
        for _, start, stop in self.faults:
            self.wrong[start:stop] = True
        self._curves = {}
        late_update = {"continuous_update": False, **WIDE}
        super().__init__({
            "arm": ToggleButtons(options=list(arms), description="surprised by", style={"button_width": "170px", "description_width": "90px"}),
            "share": SelectionSlider(options=[(f"{100 * (1 - share):g} % of healthy minutes", share) for share in SHARES], value=0.999,
                                     description="above it", **late_update),
            "smooth": SelectionSlider(options=[(f"{minutes} min", minutes) for minutes in SMOOTHS], value=5, description="average over",
                                      **late_update)}, (9.6, 5.6))

    def judged(self, arm, share, smooth):
        """→ levels (T,), the largest multiple of its limit among the channels; alarms (T,); what `precision_recall` says; alarms of the
        healthy time, bool (T',), all of them false."""
        healthy, watched = (_smoothed(errors, smooth) for errors in self.arms[arm])
        limits = anomaly.threshold(healthy, share)
        rung = anomaly.alarms(watched, limits, hold=self.hold)
        false = anomaly.alarms(healthy, limits, hold=self.hold)
        return (watched / limits[:, None]).amax(0), rung, anomaly.precision_recall(rung, self.wrong, late=self.late), false

    def curve(self, arm, smooth):
        """[(share, precision, recall), …] over all thresholds; kept."""
        if (arm, smooth) not in self._curves:
            said = [(share, self.judged(arm, share, smooth)[2]) for share in SHARES]
            self._curves[arm, smooth] = [(share, score["precision"], score["recall"]) for share, score in said]
        return self._curves[arm, smooth]

    def draw(self, figure):
        judged = {arm: self.judged(arm, self.share, self.smooth) for arm in self.arms}
        upper, lower = figure.subfigures(2, 1, height_ratios=(2, 1))
        left, right = upper.subfigures(1, 2, width_ratios=(1, 1.25))
        thresholds({arm: self.curve(arm, self.smooth) for arm in self.arms},
                   chosen={arm: (score["precision"], score["recall"]) for arm, (_, _, score, _) in judged.items()}, figure=left)
        found_by_kind({arm: by_kind(rung, self.faults, late=self.late) for arm, (_, rung, _, _) in judged.items()}, figure=right)
        levels, rung, score, false = judged[self.arm]
        timeline(levels, self.faults, rung, figure=lower)
        right_ones = round(score["precision"] * score["alarms"])
        return (f"<b>{safe(self.arm)}</b>: {score['found']} of {score['faults']} faults found; {right_ones} of {score['alarms']} alarms are right. "
                f"In the healthy time that set the limit it rings {len(anomaly.events(false))} times, "
                f"and for {float(false.float().mean()):.0%} of it.")


def _smoothed(errors, minutes):
    """Errors (channels, T) averaged over so many moments up to each."""
    return F.avg_pool1d(F.pad(errors, (minutes - 1, 0))[:, None], minutes, 1)[:, 0]
