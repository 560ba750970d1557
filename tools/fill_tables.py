"""Writes the stored results into the tables of README and docs/results.md, and draws their picture: python tools/fill_tables.py"""

import hashlib
import json
import re
import statistics
from pathlib import Path

import torch
from matplotlib.figure import Figure

from sslkit import compare, plots
from sslkit.evaluate import means, results_folder, stored, table
from sslkit.plots import choose

ROOT = Path(__file__).parent.parent
PAGES, PICTURE = (ROOT / "README.md", ROOT / "docs" / "results.md"), ROOT / "docs" / "comparison.png"
PLACES = ("block 3", "h", "z")
SETTINGS = {
    "augmentation": lambda run: f"{run['first']} alone" if run["first"] == run["second"] else f"{run['first']} and {run['second']}",
    "batch size": lambda run: f"{run['batch_size']} pictures",
    "batch size, rate scaled": lambda run: f"{run['batch_size']} images",
    "batch size, equal updates": lambda run: f"{run['batch_size']} images",
    "negatives": lambda run: f"a queue of {run['queue']}",
    "views": lambda run: f"2 large, {run['small']} small",
    "temperature": lambda run: f"{run['temperature']:g}",
    "batch norm": lambda run: f"{'shuffled' if run['shuffle'] else 'in order'}, {run['groups']} group{'s' * (run['groups'] > 1)}"}


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
    arms = [arm for arm in dict.fromkeys(record["arm"] for record in result["records"]) if arm in own or arm.startswith("random")]
    lines = [f"{'':<16}{'own task':>10}{'kNN':>8}" + "".join(f"{f'block {depth}':>10}" for depth in (1, 2, 3, 4))]
    at = lambda arm, **which: means(choose(result["records"], arms=[arm], **which), arm)[budget]
    for arm in arms:
        accuracies = [value for value in own.get(arm, []) if value is not None]
        solved = f"{100 * sum(accuracies) / len(accuracies):.1f}" if accuracies else ""
        probes = "".join(f"{100 * at(arm, probe='linear', layer=depth):>10.1f}" for depth in (1, 2, 3, 4))
        lines.append(f"{arm:<16}{solved:>10}{100 * at(arm, probe='kNN', layer='best'):>8.1f}{probes}")
    return "\n".join(lines)


def speed(result):
    """Measurements in pictures a second (bench/augment.py, step.py, mae.py), and how many times as fast the kit is."""
    rows = result["rows"]
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}{row['images_per_second']:>9,.0f}{row['sslkit_times_faster']:>7.1f} ×" for name, row in rows.items())


def losses(result):
    """The measurements of bench/losses.py: milliseconds, how many times as fast the kit is, and MiB; empty where none were taken."""
    lines, before = [f"{'':<24}{'':<26}{'ms':>9}{'':>10}{'MiB':>9}"], None
    for row in result["rows"]:
        problem = row["problem"] if row["problem"] != before else ""
        before = row["problem"]
        if row["seconds"] is None:
            lines.append(f"{problem:<24}{row['contestant']}")
        else:
            lines.append(f"{problem:<24}{row['contestant']:<26}{1000 * row['seconds']:>9,.1f}{row['sslkit_times_faster']:>8,.1f} ×"
                         f"{row['peak_mib']:>9,.0f}")
    return "\n".join(line.rstrip() for line in lines)


def settings(result):
    """Of bench/claims.py: {(claim, what was changed): the linear probe on block 3, on h and on z, per cent (seeds, 3)}."""
    found = {}
    for record in result["records"]:
        key = record["claim"], SETTINGS[record["claim"]](record)
        found.setdefault(key, []).append([100 * record["measured"][place]["linear"] for place in PLACES])
    return {key: torch.tensor(values) for key, values in found.items()}


def claims(result):
    """The same as a table: one row a setting, mean and deviation over seeds."""
    lines, before = [f"{'':<50}" + "".join(f"{place:>14}" for place in PLACES)], None
    for (claim, setting), values in settings(result).items():
        columns = zip(values.mean(0).tolist(), values.std(0).tolist())
        cells = "".join(f"{f'{mean:.1f} ± {spread:.1f}':>14}" for mean, spread in columns)
        lines.append(f"{claim if claim != before else '':<26}{setting:<24}{cells}")
        before = claim
    return "\n".join(lines)


def hidden(result):
    """Of bench/mae.py: what leaving patches out saves the encoder."""
    return "\n".join(f"{row['hidden']:.0%} hidden{1000 * row['seconds']:>10.0f} ms{row['share of the time of all patches']:>8.2f} of the time of all patches"
                     for row in result["encoder"])


def trained(result):
    """Of bench/weights.py: how each small network does on what it was not trained on, beside what counting tells."""
    lines = [f"{'':<18}{'parameters':>12}{'held out':>22}{'unigram':>10}{'bigram':>9}"]
    for name, about in result.items():
        if "held out" not in about:                                # an encoder of `sslkit compare`: it has a table of its own
            continue
        solved, counted = about["held out"], about.get("counting", {})
        mark = next(key for key in ("bits", "accuracy", "error", "loss") if key in solved)
        shown = f"{100 * solved[mark]:.1f} % right" if mark == "accuracy" else f"{solved[mark]:.2f} bits" if mark == "bits" else f"squared error {solved[mark]:.4f}"
        lines.append(f"{name:<18}{about['parameters']:>12,}{shown:>22}"
                     + "".join(f"{value:>{width}.2f}" for value, width in zip(counted.values(), (10, 9))))
    return "\n".join(lines)


def part(result, name):
    """One part of bench/self_prediction.py: a table of label curves, or its summary."""
    found = result[name]
    if "records" in found:
        return table([record for record in found["records"] if "layer" not in record])
    runs = None if name == "faults" else found.get("runs") or [{}]
    if name == "faults":
        spread = lambda values: f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
        lines = [f"{'':<26}{'precision':>14}{'recall':>14}"]
        return "\n".join(lines + [f"{arm:<26}{spread(row['precision']):>14}{spread(row['recall']):>14}" for arm, row in found["summary"].items()])
    keys = [key for key, value in runs[0].items() if isinstance(value, float) and key != "seconds"]
    rows = [(key, statistics.mean(run[key] for run in runs)) for key in keys] + [(key, found[key]) for key in found if key.endswith("bits")]
    return "\n".join(f"{key:<24}{value:>8.2f}" for key, value in rows)


# lightly's kNN is the maximum over epochs on the test split. RotNet's classifier is not linear:
# three fully connected layers on the frozen last block.
PUBLISHED = (("simclr", "kNN 84.7 (200 epochs, lightly: maximum over epochs on test), "
                        "linear 90.74 (1000, solo-learn)"),
             ("moco", "linear 92.94 (1000, MoCo v2+, solo-learn)"),
             ("byol", "linear 92.58 (1000, solo-learn)"),
             ("rotation", "non-linear classifier 61.73 after the last block "
                          "(NIN, Gidaris et al. 2018)"),
             ("mae", "fine-tuned 89.77, from scratch 74.13 (ViT-T, 2000, IcarusWizard/MAE)"))


def on_a_gpu(folder):
    """Of `python -m sslkit compare --data cifar10 --tier gpu`: what was measured, empty where it was not, beside what others published."""
    path = results_folder() / folder
    runs = {run["arm"]: run for run in (compare.stored(path) if path.is_dir() else ())}
    lines = [f"{'':<10}{'images':>12}{'minutes':>9}{'kNN':>7}{'linear':>8}   published, per cent (epochs, source)"]
    for method, said in PUBLISHED:
        run = runs.get(method, {})
        whole = run.get("all labels", {})
        cells = (f"{run['about']['images']:,}" if run else "", f"{run['seconds']['pretraining'] / 60:.1f}" if run else "",
                 *(f"{100 * whole[probe]:.1f}" if whole else "" for probe in ("kNN", "linear")))
        lines.append(f"{method:<10}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, (12, 9, 7, 8))) + f"   {said}")
    return "\n".join(lines)


def anatomy(result):
    """Of bench/anatomy.py: milliseconds of each part of a step, and how much of the machine's rate of arithmetic it uses."""
    parts = list(next(iter(result["rows"].values()))["milliseconds"])
    lines = [f"{'ms a step':<16}{'batch':>7}" + "".join(f"{part if part != 'batch' else 'bytes':>10}" for part in parts) + f"{'images/s':>10}{'of the rate':>13}"]
    for name, row in result["rows"].items():
        lines.append(f"{name:<16}{row['batch']:>7}" + "".join(f"{value:>10.1f}" for value in row["milliseconds"].values())
                     + f"{row['images_per_second']:>10,.0f}{100 * row['share_of_matrix_rate']:>11.0f} %")
    return "\n".join(lines)


def transferred(result, budget=20):
    """Of bench/transfer.py: a row an encoder, a column a journey, mean over draws of labels at one budget; and the nearest class mean."""
    short = {"scenes": "drawn", "ink": "ink", "cifar10": "photos"}
    trips = list(dict.fromkeys((record["from"], record["to"]) for record in result["records"]))
    rows = [f"{'encoder from':<16}" + "".join(f"{short[home]:>9}" for home, _ in trips) + f"{'nearest mean':>17}",
            f"{'probed on':<16}" + "".join(f"{short[where]:>9}" for _, where in trips) + f"{'drawn':>10}{'ink':>7}"]
    for arm in dict.fromkeys(record["arm"] for record in result["records"]):
        cells = []
        for trip in trips:
            found = [record["accuracy"] for record in result["records"] if (record["arm"], record["budget"]) == (arm, budget) and (record["from"], record["to"]) == trip]
            cells.append(f"{100 * statistics.mean(found):>9.1f}" if found else " " * 9)
        zero = result["nearest mean"]["scenes"].get(arm)
        rows.append((f"{arm:<16}" + "".join(cells) + (f"{100 * zero['scenes']:>10.1f}{100 * zero['ink']:>7.1f}" if zero else "")).rstrip())
    return "\n".join(rows)


def frozen(runs):
    """The short table of a comparison: the encoders of all methods as pretraining left them, and two baselines."""
    methods = [run["arm"] for run in runs if run["about"]["method"]]
    return compare.table(runs, arms=[*methods, "random encoder", "from scratch"])


def search(result):
    """Of bench/search.py: a row for each method and round, the candidates of the last round first: accuracy on the validation split."""
    lines = [f"{'':<16}{'TFLOP':>6}{'tried':>7}{'best':>7}{'median':>8}{'worst':>7}   best"]
    for method in dict.fromkeys(trial["method"] for trial in result["trials"]):
        rounds = {}
        for trial in result["trials"]:
            if trial["method"] == method:
                rounds.setdefault(trial["flops"], []).append(trial)
        for number, (flops, trials) in enumerate(sorted(rounds.items())):
            scores = [100 * trial["score"] for trial in trials]
            best = max(trials, key=lambda trial: trial["score"])["choices"]
            said = ", ".join(f"{name} {value}" for name, value in best.items())
            lines.append(f"{method.replace('_', ' ') if number == 0 else '':<16}{flops / 1e12:>6.0f}{len(trials):>7}{max(scores):>7.1f}"
                         f"{statistics.median(scores):>8.1f}{min(scores):>7.1f}   {said}")
    return "\n".join(lines)


def encoders(result):
    """Of bench/encoders.py: the longest trainings, by the protocol of the study."""
    lines = [f"{'':<18}{'parameters':>12}{'views':>13}{'PFLOP':>7}{'minutes':>9}{'kNN':>7}" + "".join(f"{budget:>7}" for budget in (20, 100, 1000)) + f"{'last':>7}"]
    for name, about in result.items():
        if "cost" not in about.get("recipe", {}):
            continue
        cost = about["recipe"]["cost"]
        spent = f"{about['parameters']:>12,}{cost['views']:>13,}{cost['encoder FLOPs'] / 1e15:>7.2f}{about['seconds'] / 60:>9.0f}"
        for row, measured in {name: about["accuracy"], **about.get("baselines", {})}.items():
            probes = [measured["kNN, all labels"], *(measured[f"{budget} labels per class, chosen block"] for budget in (20, 100, 1000)),
                      measured["1000 labels per class, last block"]]
            lines.append(f"{row:<18}{spent if row == name else '':>41}" + "".join(f"{100 * value:>7.1f}" for value in probes))
    return "\n".join(lines)


MEASURED = {"search": search, "transfer": transferred, "anatomy-cpu": anatomy, "augment": speed, "step": speed, "mae": speed, "losses": losses, "claims": claims, "pretrained": trained}
KINDS = {"encoders": lambda name, _: encoders(stored(name)), "compute": lambda name, _: compare.compute_table(compare.stored(name)),
         "curves": lambda name, _: curves(name), "blocks": lambda name, _: blocks(name), "encoder": lambda name, _: hidden(stored(name)),
         "part": lambda name, words: part(stored(name), words), "runs": lambda name, _: compare.table(compare.stored(name)), "frozen": lambda name, _: frozen(compare.stored(name)),
         "by block": lambda name, words: compare.blocks(compare.stored(name), int(words)), "times": lambda name, _: compare.times(compare.stored(name)),
         "published": lambda name, _: on_a_gpu(name)}


def filled(text):
    """A page → the same, each block after a comment with the name of a result, or of a part of it, holding that result's table."""
    def block(match):
        name, kind, words = match[1], match[2], match[3]
        content = KINDS[kind](name, words) if kind else MEASURED[name](stored(name)) if name in MEASURED else shown(name)
        comment = " ".join(word for word in (name, kind, words) if word)
        return f"<!-- {comment} -->\n```\n{content}\n```"
    return re.sub(r"<!-- (\S+)(?: (encoders|compute|frozen|curves|blocks|encoder|part|runs|by block|times|published))?(?: ([^>]+?))? -->\n```\n.*?```", block, text, flags=re.S)


def digest(runs):
    """What a picture of these runs is signed with, so that a test sees when it is out of date."""
    return hashlib.sha256(json.dumps([run["records"] for run in runs]).encode()).hexdigest()


def picture(runs):
    """How far above training from scratch each method is, by labels: of frozen features, and fine-tuned."""
    figure = Figure((13, 4.8), layout="constrained")
    frozen, tuned = plots.compared(runs), plots.compared(runs, probe="fine-tuned", floors=("from scratch",))
    for part, records, title in zip(figure.subfigures(1, 2), (frozen, tuned), ("a linear probe of frozen features", "the encoder fine-tuned")):
        plots.advantage(records, title=title, figure=part)
    return figure


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text()))
    runs = compare.stored("compare-cifar10-cpu")
    picture(runs).savefig(PICTURE, dpi=100, metadata={"Source": digest(runs)})
