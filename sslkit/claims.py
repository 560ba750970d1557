"""A claim, the numbers that were measured for it, and what follows: supported, inconclusive, or contradicted.

The verdict is Student's, of the differences, one-sided at 95 %. It speaks of the runs that were measured and of nothing else: where
a paper reports the claim for a budget that was not spent here, what was not seen is "not observed at this budget".
"""

import math
import statistics
from typing import NamedTuple

from .markup import safe

VERDICTS = ("supported", "inconclusive", "contradicted", "not observed at this budget")
MIME = "application/vnd.sslkit.claim+json"
COLOURS = {"supported": "#0072B2", "inconclusive": "#7A7A7A", "contradicted": "#D55E00", "not observed at this budget": "#B58900"}


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
    p: float | None = None                                         # that the first is not the greater; None where that was not tested
    published: str = ""                                            # who observed it, and at which budget

    def sentence(self):
        """The numbers in words."""
        told = [f"{name} {self._number(values)}" for name, values in (self.more, self.less)]
        least = f", wanted more than {self._value(self.margin)}" if self.margin else ""
        return f"{told[0]}, {told[1]}: {'+' if self.difference >= 0 else '−'}{self._value(abs(self.difference))}{least} ({self.where})" + (
            f"; published: {self.published}" if self.published else "")

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


def claim(text, more, less, *, where, source="", says=None, margin=0.0, unit="%", published=""):
    """Is what `more` holds greater than what `less` holds, by more than `margin`? → Claim, with a verdict.

    more, less: {name: numbers}, one entry each: numbers over seeds or draws of labels, or a single one (chance, a floor). With as many
    on both sides they are paired: give them in the same order. unit: "%" of shares in [0, 1], or any word. says: the verdict
    that the prose beside states. published: who observed the claim and with which budget, where that was larger than the one spent here; then
    what is not supported is not observed at this budget, not contradicted. Fewer than two differences tell nothing.
    Raises ValueError for numbers that are missing or not finite, and where `says` is not what was found.
    """
    (name, high), (other, low) = (_numbers(side, which) for side, which in ((more, "more"), (less, "less")))
    difference, bounds, p = _test(high, low, margin)
    verdict = "supported" if bounds and bounds[0] > margin else "contradicted" if bounds and bounds[1] < margin else "inconclusive"
    if published and verdict != "supported":
        verdict = "not observed at this budget"
    rounded = tuple(round(bound, 6) for bound in bounds) if bounds else None       # the last digits may differ from machine to machine
    found = Claim(text, (name, high), (other, low), where, source, margin, unit, round(difference, 6), rounded, verdict, p, published)
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


def table(claims, together=None):
    """Claims, or their dicts → Markdown, a row each: the claim, the verdict, the numbers. together: whether each is still supported
    when all are tested together, as `holm` gives it; None: that column is left out."""
    rows = ["| claim | verdict | measured |", "|---|---|---|"] if together is None else [
        "| claim | verdict | of all together | measured |", "|---|---|---|---|"]
    for number, one in enumerate(claims):
        one = one if isinstance(one, Claim) else Claim(**one)
        still = "" if together is None else f"{'supported' if together[number] else 'no longer' if one.verdict == 'supported' else ''} | "
        rows.append(f"| {one.text}{f' ({one.source})' if one.source else ''} | **{one.verdict}** | {still}{one.sentence()} |")
    return "\n".join(rows)


def _numbers(side, which):
    if not isinstance(side, dict) or len(side) != 1:
        raise ValueError(f"{which}={side!r}: want one entry, {{name: numbers}}")
    (name, values), = side.items()
    values = [float(value) for value in (values if hasattr(values, "__iter__") else [values])]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"{which}, {name}: {values}: want at least one number, all finite")
    return name, values


def holm(claims, level=0.05):
    """Which claims are still supported when all of them are tested together (Holm 1979)? Claims → a bool for each.

    The smallest p must be at most level / n, the next level / (n − 1), and so on up to the first that is not.
    """
    tested = sorted((one.p, place) for place, one in enumerate(claims) if one.p is not None)
    kept = [False] * len(claims)
    for rank, (p, place) in enumerate(tested):
        if p > level / (len(tested) - rank):
            break
        kept[place] = claims[place].verdict == "supported"
    return kept


def _test(high, low, margin):
    """The mean difference, within which bounds it lies, and p that it is not above the margin: paired, against a number, or Welch's."""
    from scipy.stats import t                                      # not at import: it costs a second

    difference = statistics.mean(high) - statistics.mean(low)
    if len(high) == len(low) or 1 in (len(high), len(low)):
        pairs = max(len(high), len(low))
        differences = [a - b for a, b in zip(high * (pairs // len(high)), low * (pairs // len(low)))]
        if pairs < 2:
            return difference, None, None
        error, freedom = statistics.stdev(differences) / math.sqrt(pairs), pairs - 1
    else:
        parts = [statistics.variance(side) / len(side) for side in (high, low)]
        error = math.sqrt(sum(parts))
        freedom = error ** 4 / max(sum(part ** 2 / (len(side) - 1) for part, side in zip(parts, (high, low))), 1e-300)
    reach = error * float(t.ppf(0.95, max(freedom, 1)))
    if error == 0:                                                 # no spread at all: certain one way or the other
        p = 0.0 if difference > margin else 1.0
    else:
        p = float(t.sf((difference - margin) / error, max(freedom, 1)))
    return difference, (difference - reach, difference + reach), float(f"{p:.3g}")
