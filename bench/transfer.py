"""What the encoders of `python -m sslkit compare` know of pictures they never saw: another drawing style, another world.

    python bench/transfer.py                                       # about a quarter of an hour on one CPU core
    python bench/transfer.py --results FOLDER                      # encoders of a comparison of your own

From the drawn world to itself, to ink and to CIFAR-10, and from CIFAR-10 to itself, to the drawn world and to ink: a linear probe on
frozen features, the block chosen on the validation split, three draws of labels. And with no label from there: the class whose mean,
over labelled painted pictures, is nearest. Writes bench/results/transfer.json after every encoder, and goes on from it.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from sslkit import data, evaluate, recipes, study
from sslkit.checkpoint import write_whole
from sslkit.machine import machine
from sslkit.networks import ConvNet
from sslkit.weights import floats

RESULTS, BUDGETS, SEEDS = Path(__file__).parent / "results", (5, 20, 100), (0, 1, 2)
WORLDS = {"scenes": ("scenes", "ink", "cifar10"), "cifar10": ("cifar10", "scenes", "ink")}         # where from: where to, home first


def world(name):
    """Splits of some thousands of pictures: no label budget needs more."""
    if name == "cifar10":
        return data.Splits(*(data.cifar10(split)[:number] for split, number in (("train", 10_000), ("validation", 1000), ("test", 2000))))
    style = "ink" if name == "ink" else "paint"
    return data.Splits(*(data.scenes(number, split=split, style=style) for split, number in (("train", 4000), ("validation", 1000), ("test", 2000))))


def encoders(home, folder):
    """→ {arm: encoder, or a function for the raw pixels}, those of a folder of runs and the floors of the same kinds."""
    width = {"scenes": 16, "cifar10": 32}[home]                     # of the encoders of the older comparison
    make = lambda half=False: ConvNet(width // 2 if half else width)
    found = {"raw pixels": None}
    for number, name in enumerate(("random encoder", "random ViT")):
        torch.manual_seed(100)
        found[name] = recipes.kept(("rotation", "mae")[number], "cpu", home, make)
    for method in recipes.RECIPES:
        path = folder / f"compare-{home}-cpu" / f"{method}-0.safetensors"
        if path.exists():
            found[method.replace("_", " ")] = recipes.kept(method, "cpu", home, make)
            found[method.replace("_", " ")].load_state_dict(floats(load_file(path)))
    return found


def features(encoder, parts):
    """→ for each block its features of the three splits, as `evaluate.probed` takes them."""
    represent = (lambda images: (evaluate.raw_pixels(images),)) if encoder is None else evaluate.Blocks(encoder, study.GRID)
    return [list(three) for three in zip(*(evaluate.embed(represent, part) for part in parts))]


def pooled(values):
    """Averages over quarters of the picture (N, D·4) → over the whole (N, D)."""
    return values.unflatten(1, (-1, study.GRID ** 2)).mean(2)


def measured(encoder, home, worlds):
    """→ records of one encoder in every world, and its accuracy by nearest class mean, at home and in ink."""
    records, means = [], {}
    for where in WORLDS[home]:
        parts, blocks = worlds[where], features(encoder, worlds[where])
        records += [{"to": where, **record} for record in evaluate.label_curve({"": evaluate.probed(*blocks)}, parts, budgets=BUDGETS, seeds=SEEDS)]
        means[where] = [pooled(part) if encoder is not None else part for part in blocks[-1]]
    known, labels = means["scenes"][0], worlds["scenes"].train.labels
    zero = {where: evaluate.accuracy(evaluate.nearest_mean(known, labels, means[where][2]), worlds[where].test.labels) for where in ("scenes", "ink")}
    return records, zero


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that holds compare-scenes-cpu and compare-cifar10-cpu")
    parser.add_argument("--from", nargs="+", choices=WORLDS, default=list(WORLDS), dest="homes")
    arguments = parser.parse_args()
    path = RESULTS / "transfer.json"
    stored = json.loads(path.read_text()) if path.exists() else {"records": [], "nearest mean": {}, "seconds": 0.0}
    worlds = {name: world(name) for name in ("scenes", "ink", "cifar10")}
    for home in arguments.homes:
        for arm, encoder in encoders(home, arguments.results).items():
            if arm in stored["nearest mean"].setdefault(home, {}):
                continue
            began = time.monotonic()
            records, zero = measured(encoder, home, worlds)
            stored["records"] += [{"from": home, **record, "arm": arm} for record in records]
            stored["nearest mean"][home][arm] = zero
            stored |= {"seconds": round(stored["seconds"] + time.monotonic() - began, 1), "machine": machine("cpu"),
                       "pictures": {name: [len(part) for part in parts] for name, parts in worlds.items()}}
            write_whole(path, (json.dumps(stored, indent=1) + "\n").encode())
            print(f"{time.strftime('%H:%M:%S')} {home}, {arm}: {time.monotonic() - began:.0f} s", flush=True)
    print(f"numbers: {path}\nnext: python tools/fill_tables.py writes their table into docs/results.md")


if __name__ == "__main__":
    main()
