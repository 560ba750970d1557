"""Writes the stored results into the README's tables: python tools/fill_readme.py"""

import re
from pathlib import Path

from sslkit.evaluate import means, stored, table
from sslkit.plots import choose

README = Path(__file__).parent.parent / "README.md"
RESULTS = Path(__file__).parent.parent / "bench" / "results"


def shown(name):
    """The table of a result, without the rows of single layers."""
    return table([record for record in stored(name)["records"] if "layer" not in record])


def curves(name):
    """Of a result of bench/pretext.py: the low-label curve of every method's best block, as the validation split chooses it."""
    return table(choose(stored(name)["records"], probe="linear", layer="best"))


def blocks(name):
    """Of the same: how well each method solves its own task, kNN, and the linear probe at every block, at the largest budget."""
    result = stored(name)
    budget = max(record["budget"] for record in result["records"])
    own = {}
    for run in result["pretraining"]:
        own.setdefault(run["method"].replace("_", " "), []).append(run["validation"].get("accuracy"))
    arms = [arm for arm in dict.fromkeys(record["arm"] for record in result["records"]) if arm in own or arm == "random encoder"]
    lines = [f"{'':<16}{'own task':>10}{'kNN':>8}" + "".join(f"{f'block {depth}':>10}" for depth in (1, 2, 3, 4))]
    at = lambda arm, **which: means(choose(result["records"], arms=[arm], **which), arm)[budget]
    for arm in arms:
        accuracies = [value for value in own.get(arm, []) if value is not None]
        solved = f"{100 * sum(accuracies) / len(accuracies):.1f}" if accuracies else ""
        probes = "".join(f"{100 * at(arm, probe='linear', layer=depth):>10.1f}" for depth in (1, 2, 3, 4))
        lines.append(f"{arm:<16}{solved:>10}{100 * at(arm, probe='kNN', layer='best'):>8.1f}{probes}")
    return "\n".join(lines)


def speed():
    """The measurements of bench/augment.py: images a second, and how many times as fast the kit is."""
    rows = stored("augment")["rows"]
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}{row['images_per_second']:>9,}{row['sslkit_times_faster']:>7.1f} ×" for name, row in rows.items())


def losses(rows):
    """The measurements of bench/losses.py: milliseconds, how many times as fast the kit is, and MiB; empty where none were taken."""
    lines, before = [f"{'':<24}{'':<26}{'ms':>9}{'':>10}{'MiB':>9}"], None
    for row in rows:
        problem = row["problem"] if row["problem"] != before else ""
        before = row["problem"]
        if row["seconds"] is None:
            lines.append(f"{problem:<24}{row['contestant']}")
        else:
            lines.append(f"{problem:<24}{row['contestant']:<26}{1000 * row['seconds']:>9,.1f}{row['sslkit_times_faster']:>8,.1f} ×"
                         f"{row['peak_mib']:>9,.0f}")
    return "\n".join(line.rstrip() for line in lines)


def step(rows):
    """Those of bench/step.py: pictures a second through whole steps of SimCLR, and how many times as fast the kit is."""
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}{row['images_per_second']:>9,}{row['sslkit_times_faster']:>7.1f} ×" for name, row in rows.items())


def filled(text):
    """README → the same, each block after a comment with the name of a result holding that result's table."""
    block = lambda match: f"<!-- {match[1]} -->\n```\n{shown(match[1])}\n```"
    text = re.sub(r"<!-- (\S+-curve) -->\n```\n.*?```", block, text, flags=re.S)
    for heading, make in (("curves", curves), ("blocks", blocks)):
        fill = lambda match: f"<!-- {match[1]} {heading} -->\n```\n{make(match[1])}\n```"
        text = re.sub(rf"<!-- (\S+) {heading} -->\n```\n.*?```", fill, text, flags=re.S)
    for name, make in (("losses", losses), ("step", step)):
        if f"<!-- {name} -->" in text and (RESULTS / f"{name}.json").exists():
            fill = lambda match: f"<!-- {name} -->\n```\n{make(stored(name)['rows'])}\n```"
            text = re.sub(rf"<!-- {name} -->\n```\n.*?```", fill, text, flags=re.S)
    return re.sub(r"<!-- speed -->\n```\n.*?```", f"<!-- speed -->\n```\n{speed()}\n```", text, flags=re.S)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
