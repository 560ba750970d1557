"""Writes docs/claims.md, every claim of the lessons with its numbers and verdict, from what the notebooks have stored: python tools/collect_claims.py"""

import json
from collections import Counter
from pathlib import Path

from sslkit.claims import MIME, VERDICTS, Claim, holm, table

ROOT = Path(__file__).parent.parent
HEAD = """# What lectures say, and what was measured

Every claim that the lessons make with numbers, as their cells computed it. This page is written from the notebooks by `python tools/collect_claims.py`; a test compares the two, and `make test` runs the notebooks.

{counts}

What a verdict means: both sides were measured on the same random label subsets, or with the same seeds; the differences were put to Student's test, one-sided, at 95 %. *Supported*: the first is the greater. *Contradicted*: it is the smaller. *Inconclusive*: the standard deviation is too large for either. *Not observed at this budget*: a
paper reports it for a budget that was not spent here; who, and at which, stands beside it. "Of all together": whether the claim is still supported when all claims of this page are tested together (Holm 1979); "no longer" means that among so many, this one may be luck.
What it cannot mean: most numbers come from one pretraining of a small network for some minutes, so the standard deviation is that of the label subsets, and another pretraining may differ by more; with three numbers on a side, few differences are large enough for the joint test.
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
    told = ", ".join(f"{verdict}: {counts[verdict]}" for verdict in VERDICTS)
    together = holm([one for claims in found.values() for one in claims])
    still = sum(together)
    parts = [HEAD.format(counts=f"{sum(counts.values())} claims. {told[0].upper()}{told[1:]}. Supported also when all are tested together: {still}.")]
    for name, claims in found.items():
        parts.append(f"## [{Path(name).stem}](../notebooks/{name})\n\n{table(claims, together[:len(claims)])}\n")
        together = together[len(claims):]
    return "\n".join(parts)


if __name__ == "__main__":
    (ROOT / "docs" / "claims.md").write_text(page(collected()))
