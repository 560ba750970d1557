"""Writes docs/claims.md, every claim of the lessons with its numbers and verdict, from what the notebooks have stored: python tools/collect_claims.py"""

import json
from collections import Counter
from pathlib import Path

from sslkit.claims import MIME, VERDICTS, Claim, table

ROOT = Path(__file__).parent.parent
HEAD = """# What lectures say, and what was measured

Every claim that the lessons make with numbers, as their cells computed it. This page is written from the notebooks by `python tools/collect_claims.py`; a test compares the two, and `make test` runs the notebooks.

{counts}

What a verdict means: both sides were measured on the same draws of labels, or with the same seeds; the differences were put to Student's test, one-sided, at 95 %. *Holds*: the first is the greater, beyond the spread. *Does not hold*: it is the smaller. *Cannot be told*: the spread is too large for either.
What it cannot mean: most numbers come from one pretraining of a small network for some minutes, so the spread is that of the labels, and another pretraining may differ by more. Of many claims tested at 95 % some hold by luck. And a method that loses here may win with a hundred times the budget: these are
verdicts on this budget, not on the papers.
"""


def collected(folder=ROOT / "notebooks"):
    """→ {notebook's name: its claims}, in the order of the lessons."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            for output in cell.get("outputs", ()):
                if MIME in output.get("data", {}):
                    content = output["data"][MIME]
                    found.setdefault(path.name, []).extend(Claim(**one) for one in (content if isinstance(content, list) else [content]))
    return found


def page(found):
    """{notebook: claims} → Markdown."""
    counts = Counter(one.verdict for claims in found.values() for one in claims)
    told = ", ".join(f"{words}: {counts[verdict]}" for verdict, words in zip(VERDICTS, ("hold", "cannot be told", "do not hold")))
    parts = [HEAD.format(counts=f"{sum(counts.values())} claims. {told[0].upper()}{told[1:]}.")]
    for name, claims in found.items():
        parts.append(f"## [{Path(name).stem}](../notebooks/{name})\n\n{table(claims)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (ROOT / "docs" / "claims.md").write_text(page(collected()))
