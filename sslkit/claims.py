"""A claim, the numbers that were measured for it, and what follows: it holds, it does not, or it cannot be told.

The verdict is Student's, of the differences, one-sided at 95 %. It speaks of the draws that were measured and of nothing else.
"""

import math
import statistics
from typing import NamedTuple

from .markup import safe

VERDICTS = ("holds", "cannot be told", "does not hold")
MIME = "application/vnd.sslkit.claim+json"
COLOURS = {"holds": "#0072B2", "cannot be told": "#7A7A7A", "does not hold": "#D55E00"}


class Claim(NamedTuple):
    """What `claim` found. As the last line of a cell it shows as a card, and keeps its numbers beside it for the page of all claims."""

    text: str
    more: tuple                                                    # (name, numbers)
    less: tuple
    where: str
    source: str
    margin: float
    unit: str
    difference: float
    bounds: tuple | None                                           # of the difference, each at 95 %; None where one number stands against one
    verdict: str

    def sentence(self):
        """The numbers in words."""
        told = [f"{name} {self._number(values)}" for name, values in (self.more, self.less)]
        least = f", wanted more than {self._value(self.margin)}" if self.margin else ""
        return f"{told[0]}, {told[1]}: {'+' if self.difference >= 0 else '−'}{self._value(abs(self.difference))}{least} ({self.where})"

    def _value(self, value):
        return f"{100 * value:.1f} points" if self.unit == "%" else f"{value:.3g} {self.unit}".strip()

    def _number(self, values):
        scale, unit, digits = (100, " %", 1) if self.unit == "%" else (1, f" {self.unit}" * bool(self.unit), 2)
        spread = f" ± {scale * statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{scale * statistics.mean(values):.{digits}f}{spread}{unit}"

    def __repr__(self):
        return f"{self.verdict}: {self.text}\n  {self.sentence()}"

    def _repr_html_(self):
        colour = COLOURS[self.verdict]
        source = f" <i>{safe(self.source, most=None)}</i>" if self.source else ""
        return (f'<div style="border-left:6px solid {colour}; padding:2px 10px; margin:4px 0; max-width:900px; text-align:left">{safe(self.text, most=None)}{source}<br>'
                f'<b style="color:{colour}">{self.verdict}</b>: {safe(self.sentence(), most=None)}</div>')

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: self._asdict()}


def claim(text, more, less, *, where, source="", says=None, margin=0.0, unit="%"):
    """Is what `more` holds greater than what `less` holds, by more than `margin`? → Claim, with a verdict.

    more, less: {name: numbers}, one entry each: numbers over seeds or draws of labels, or a single one (chance, a floor). With as many
    on both sides they are paired: give them in the same order. unit: "%" of shares in [0, 1], or any word. says: the verdict
    that the prose beside states. Fewer than two differences tell nothing.
    Raises ValueError for numbers that are missing or not finite, and where `says` is not what was found.
    """
    (name, high), (other, low) = (_numbers(side, which) for side, which in ((more, "more"), (less, "less")))
    difference, bounds = _interval(high, low)
    verdict = "holds" if bounds and bounds[0] > margin else "does not hold" if bounds and bounds[1] < margin else "cannot be told"
    rounded = tuple(round(bound, 6) for bound in bounds) if bounds else None       # the last digits may differ from machine to machine
    found = Claim(text, (name, high), (other, low), where, source, margin, unit, round(difference, 6), rounded, verdict)
    if says is not None and says not in VERDICTS:
        raise ValueError(f"says={says!r}: want one of {', '.join(map(repr, VERDICTS))}")
    if says is not None and says != verdict:
        raise ValueError(f"the text says that “{text}” {says!r}, the numbers say {verdict!r}: {found.sentence()}")
    return found


class Cards(tuple):
    """Several claims as the last line of a cell: a card each."""

    def __new__(cls, *claims):
        return super().__new__(cls, claims)

    def __repr__(self):
        return "\n".join(map(repr, self))

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": "".join(one._repr_html_() for one in self), MIME: [one._asdict() for one in self]}


def table(claims):
    """Claims, or their dicts → Markdown, a row each: the claim, the verdict, the numbers."""
    rows = ["| claim | verdict | measured |", "|---|---|---|"]
    for one in claims:
        one = one if isinstance(one, Claim) else Claim(**one)
        rows.append(f"| {one.text}{f' ({one.source})' if one.source else ''} | **{one.verdict}** | {one.sentence()} |")
    return "\n".join(rows)


def _numbers(side, which):
    if not isinstance(side, dict) or len(side) != 1:
        raise ValueError(f"{which}={side!r}: want one entry, {{name: numbers}}")
    (name, values), = side.items()
    values = [float(value) for value in (values if hasattr(values, "__iter__") else [values])]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"{which}, {name}: {values}: want at least one number, all finite")
    return name, values


def _interval(high, low):
    """The mean difference, and within which bounds it lies: paired, of one sample against a number, or Welch's."""
    from scipy.stats import t                                      # not at import: it costs a second

    difference = statistics.mean(high) - statistics.mean(low)
    if len(high) == len(low) or 1 in (len(high), len(low)):
        pairs = max(len(high), len(low))
        differences = [a - b for a, b in zip(high * (pairs // len(high)), low * (pairs // len(low)))]
        if pairs < 2:
            return difference, None
        error, freedom = statistics.stdev(differences) / math.sqrt(pairs), pairs - 1
    else:
        parts = [statistics.variance(side) / len(side) for side in (high, low)]
        error = math.sqrt(sum(parts))
        freedom = error ** 4 / max(sum(part ** 2 / (len(side) - 1) for part, side in zip(parts, (high, low))), 1e-300)
    reach = error * float(t.ppf(0.95, max(freedom, 1)))
    return difference, (difference - reach, difference + reach)
