"""What stored comparisons say: runs read from their files, and tables of them.

A run is a dict, one for each pretraining and each baseline: `arm`, `about`, `seconds`, `records`, of the drawn world `factors`.
Two studies come with the kit. `study-DATA-TIER` (`python -m sslkit compare`) compares methods at equal encoder FLOPs; the older
`compare-DATA-TIER` gave each method as many images, which favours those that show an image more often.
"""

import json
import statistics
from pathlib import Path

from . import evaluate, recipes

FLOORS = ("random encoder", "random lightness encoder", "random split encoder", "raw pixels", "from scratch", "lightness from scratch",
          "split from scratch", "pseudo-labels", "supervised, all labels")
VIT_FLOORS = ("random ViT", "ViT from scratch")                    # MAE's encoder is another one, and has other floors
TUNED = ", fine-tuned"


def stored(folder):
    """The runs in a folder, or in that of its name among the results that come with the kit → list of dicts, in the lecture's order.

    Each has arm, about, machine, pretraining, seconds, "all labels", factors (of the drawn world) and records, as those of
    `evaluate.label_curve`. Raises FileNotFoundError where there are none.
    """
    folder = Path(folder) if Path(folder).is_dir() else evaluate.results_folder() / folder
    runs = [read_run(path) for path in sorted(folder.glob("*.json"))]
    if not runs:
        there = ", ".join(sorted(path.name for path in evaluate.results_folder().glob("compare-*")))
        raise FileNotFoundError(f"no runs in {folder}: `python -m sslkit compare` makes them; with the kit come {there or 'none'}")
    order = [method.replace("_", " ") for method in recipes.RECIPES] + list(FLOORS + VIT_FLOORS)
    return sorted(runs, key=lambda run: (order.index(run["arm"]), run["about"].get("compute", 0), run["about"]["pretraining"]))


def read_run(path: Path) -> dict:
    """The run of a file. Raises ValueError naming the file where it holds something else."""
    try:
        run = json.loads(path.read_text())
    except ValueError:
        run = None
    if not isinstance(run, dict) or not {"arm", "about", "pretraining", "seconds", "records"} <= run.keys():
        raise ValueError(f"{path} is damaged: it is not the JSON of a run; delete it to measure anew, or put it back")
    return run


def records(runs):
    """All records of some runs, in one list."""
    return [record for run in runs for record in run["records"]]


def table(runs, probe="linear", *, arms=None):
    """Runs → text: accuracy by labels a class, the block chosen on the validation split, and what the pretraining cost.

    probe: of frozen features, "linear" or "kNN". arms: the rows wanted; None: all. The cost of one pretraining is its images, optimizer
    updates, 10¹² encoder FLOPs (`sslkit.compute`) and minutes, the mean over pretrainings.
    """
    from .plots import choose                                      # matplotlib costs a second: only where it is used

    shown, minutes = choose(records(runs), arms=arms, probe=probe, layer="best"), {}
    costs = {run["arm"]: run["about"].get("cost") for run in runs}
    for run in runs:
        minutes.setdefault(run["arm"], []).append(run["seconds"].get("pretraining", 0) / 60)
    heading, *lines = evaluate.table(shown, column=12).split("\n")
    rows = [f"{heading}{'images':>11}{'updates':>9}{'TFLOP':>7}{'minutes':>9}"]
    for arm, line in zip(evaluate.summarise(shown), lines):
        arm = arm.removesuffix(TUNED)
        if cost := costs[arm]:
            line += f"{cost['images']:>11,}{cost['updates']:>9,}{cost['encoder FLOPs'] / 1e12:>7.1f}{statistics.mean(minutes[arm]):>9.1f}"
        rows.append(line.rstrip())
    return "\n".join(rows)


def compute_table(runs, *, compute=None, budgets=None, baselines=("random encoder", "raw pixels")):
    """Runs of a study → text: a row a method, the best at the largest label budget first; a column a label budget.

    compute: the budget of encoder FLOPs, as a multiple; None: the largest that every method has. Accuracy is that of the
    linear probe on the chosen block, "last" that on the last block with the most labels. The costs of a pretraining follow.
    Raises ValueError where not every method has been measured at this compute.
    """
    methods = [run for run in runs if run["about"]["method"] is not None and run["records"]]
    there = [{run["about"]["compute"] for run in methods if run["arm"] == arm} for arm in dict.fromkeys(run["arm"] for run in methods)]
    common = set.intersection(*there) if there else set()
    compute = max(common, default=None) if compute is None else compute
    if compute not in common:
        raise ValueError(f"compute {compute} ×: every method has {', '.join(f'{value:g} ×' for value in sorted(common)) or 'none in common'}")
    shown = [run for run in methods if run["about"]["compute"] == compute]
    shown += [run for run in runs if run["arm"] in baselines and run["records"]]
    found = {}
    for run in shown:
        for record in run["records"]:
            if record.get("probe") == "linear":
                found.setdefault((run["arm"], record["rule"]), {}).setdefault(record["budget"], []).append(100 * record["accuracy"])
    budgets = sorted({budget for row in found.values() for budget in row}) if budgets is None else budgets
    most, width = max(budgets), max(len(arm) for arm, _ in found)
    rows = [f"{'labels per class':<{width}}" + "".join(f"{budget:>13}" for budget in budgets)
            + f"{'last':>7}{'images':>11}{'views':>12}{'updates':>9}{'TFLOP':>8}{'minutes':>9}"]
    order = sorted(dict.fromkeys(arm for arm, _ in found), key=lambda arm: (arm in baselines, -statistics.mean(found[arm, "chosen"][most])))
    for arm in order:
        cells = "".join(f"{_level(found[arm, 'chosen'].get(budget, [])):>13}" for budget in budgets)
        line = f"{arm:<{width}}{cells}{_mean([value / 100 for value in found[arm, 'last'].get(most, [])], 7)}"
        own = [run for run in shown if run["arm"] == arm]
        if cost := own[0]["about"].get("cost"):
            minutes = statistics.mean(run["seconds"]["pretraining"] / 60 for run in own)
            line += f"{cost['images']:>11,}{cost['views']:>12,}{cost['updates']:>9,}{cost['encoder FLOPs'] / 1e12:>8.1f}{minutes:>9.1f}"
        rows.append(line.rstrip())
    return "\n".join(rows)


def _level(values):
    """Percentages → "mean ± standard deviation", or the mean of a single one."""
    if len(values) < 2:
        return f"{values[0]:.1f}" if values else ""
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def blocks(runs, budget):
    """Runs → text: accuracy in per cent at one budget, at every block, by linear probe and by kNN; and at each method's own task."""
    depth = max(record.get("layer", 1) for record in records(runs))
    heads = "".join(f"{f'block {number}':>9}" for number in range(1, depth + 1))
    rows = [f"{'':<16}{'linear probe':<{len(heads)}}  kNN", f"{'':<16}{heads}  {heads[2:]}{'own task':>11}"]
    for arm in dict.fromkeys(run["arm"] for run in runs):
        mine = [run for run in runs if run["arm"] == arm]
        found = {}
        for record in records(mine):
            if record["budget"] == budget and "layer" in record:
                found.setdefault((record["probe"], record["layer"]), []).append(record["accuracy"])
        if found:
            linear, near = ("".join(_mean(found.get((probe, number), []), 9) for number in range(1, depth + 1)) for probe in ("linear", "kNN"))
            own = [run["pretraining"]["validation"]["accuracy"] for run in mine if "accuracy" in (run["pretraining"] or {}).get("validation", {})]
            rows.append(f"{arm:<16}{linear}  {near[2:]}   {_mean(own, 11)}".rstrip())
    return "\n".join(rows)


def times(runs):
    """Runs → text: minutes that each spent on its parts, and all of them together."""
    parts = ("pretraining", "embedding", "probes", "fine-tuning")
    rows = [f"{'minutes':<18}" + "".join(f"{part:>13}" for part in parts) + f"{'together':>13}"]
    spent = {}
    for run in runs:
        spent.setdefault(run["arm"], []).append([run["seconds"].get(part, 0) / 60 for part in parts])
    sums = {arm: [sum(column) for column in zip(*several)] for arm, several in spent.items()}
    sums["all"] = [sum(column) for column in zip(*sums.values())]
    return "\n".join(rows + [f"{arm:<18}" + "".join(f"{value:>13.1f}" for value in (*row, sum(row))) for arm, row in sums.items()])


def _mean(values, width):
    return f"{100 * sum(values) / len(values):>{width}.1f}" if values else " " * width
