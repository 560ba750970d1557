"""Recipes that learn: a search for each method at fixed encoder FLOPs, by successive halving, on the validation split.

    python bench/search.py simclr moco --flops 4e12        # goes on from bench/results/search.json

Every candidate gets the same encoder FLOPs; the better half (Jamieson & Talwalkar 2016) gets twice as many, anew, until one is
left. Judged by a linear probe with 1,000 labels per class on the validation split, of the block that does best; what each of
these numbers was, and of which block, is stored. The test split is never read.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from filelock import FileLock

from sslkit import data, evaluate, recipes, train
from sslkit.checkpoint import write_whole
from sslkit.compute import encoder_compute
from sslkit.machine import machine

RESULT = Path(__file__).parent / "results" / "search.json"
LABELS = (100, 1000)  # per class
PRETEXT = {"batch_size": 64, "lr": 2e-3}
TWO_VIEWS = {"batch_size": 128, "lr": 2e-3}
START = {  # where each search begins; every candidate changes something of it
    "rotation": {"crop": 0.4, **PRETEXT},
    "jigsaw": PRETEXT,
    "relative_patch": {"patch": 12, "one_channel": False, **PRETEXT},
    "colorization": {"rebalance": True, **PRETEXT},
    "split_brain": PRETEXT,
    "inpainting": PRETEXT,
    "mae": {"ratio": 0.75, "depth": 1, "batch_size": 128, "lr": 2e-3},
    "simclr": {"temperature": 0.2, "small": 2, **TWO_VIEWS},
    "moco": {"temperature": 0.2, "momentum": 0.99, "queue": 4096, "symmetric": True, **TWO_VIEWS},
    "byol": {"hidden": 1024, "dim": 256, "momentum": 0.97, "batch_size": 128, "lr": 1e-3},
    "vicreg": {"hidden": 512, "dim": 256, **TWO_VIEWS},
}
RATES = tuple({"lr": lr} for lr in (1e-3, 2e-3, 4e-3))
CHANGES = {
    "rotation": [*RATES, {"crop": 1.0}, {"crop": 0.2}, {"batch_size": 32}],
    "jigsaw": [*RATES],
    "relative_patch": [*RATES, {"one_channel": True}, {"patch": 10}, {"batch_size": 128}],
    "colorization": [*RATES, {"rebalance": False}],
    "split_brain": [*RATES],
    "inpainting": [*RATES],
    "mae": [*RATES, {"depth": 2}, {"ratio": 0.6}, {"depth": 2, "lr": 4e-3}],
    "simclr": [
        *RATES,
        {"small": 0},
        {"temperature": 0.1},
        {"temperature": 0.3},
        {"batch_size": 64},
    ],
    "moco": [
        *RATES,
        {"symmetric": False},
        {"momentum": 0.95},
        {"temperature": 0.1},
        {"queue": 1024},
    ],
    "byol": [
        {"momentum": momentum, "lr": lr} for momentum in (0.9, 0.97, 0.99) for lr in (1e-3, 3e-3)
    ],
    "vicreg": [*RATES, {"dim": 512}, {"hidden": 1024, "dim": 512}],
}
CANDIDATES = {
    method: [{**START[method], **change} for change in changes]
    for method, changes in CHANGES.items()
}


def trial(method: str, choices: dict, flops: float, seed: int = 0) -> dict:
    """Pretrains with these choices for so many encoder FLOPs → what was done, at what cost, and how it did on validation."""
    torch.manual_seed(seed)
    splits = data.cifar10("train"), data.cifar10("validation")
    recipe = recipes.RECIPES[method]("cpu", "cifar10", **choices)
    cost = encoder_compute(recipe.task, splits[0].images[: recipe.settings["batch_size"]])
    recipe = recipes.with_steps(recipe, cost.updates(flops))
    history = train(recipe.task, splits[0].images, seed=seed, progress=False, **recipe.settings)
    kept = recipe.task.encoder
    chosen = data.labelled_subset(splits[0].labels, max(LABELS), seed=0)
    labelled = splits[0][chosen]
    features = [evaluate.embed(evaluate.Blocks(kept, 2), part) for part in (labelled, splits[1])]
    accuracy = {}
    for number, (mine, held_out) in enumerate(zip(*features), 1):
        for labels in LABELS:
            few = data.labelled_subset(labelled.labels, labels, seed=0)
            probe = evaluate.linear_probe(
                mine[few],
                labelled.labels[few],
                held_out,
                splits[1].labels,
                penalties=(0.3, 0.03, 0.003),
            )
            accuracy[f"block {number}, {labels} labels"] = round(probe.validation, 4)
    return {
        "method": method,
        "choices": choices,
        "flops": flops,
        "seed": seed,
        "settings": recipe.settings,
        **cost.of(recipe.settings["steps"]),
        "seconds": history[-1]["seconds"],
        "loss": round(history[-1]["loss"], 4),
        "validation": accuracy,
        "score": max(value for key, value in accuracy.items() if f"{max(LABELS)} labels" in key),
    }


def search(method: str, flops: float, path: Path = RESULT, *, halvings: int = 3) -> None:
    """Successive halving over the candidates of a method; every trial is stored at once, and what is stored is not done again."""
    left = CANDIDATES[method]
    for rung in range(halvings):
        budget = flops * 2**rung
        for choices in left:
            if _found(path, method, choices, budget) is None:
                result = trial(method, choices, budget)
                with FileLock(f"{path}.lock"):
                    stored = _stored(path)
                    stored["trials"].append(result)
                    write_whole(
                        path,
                        (json.dumps({**stored, "machine": machine()}, indent=1) + "\n").encode(),
                    )
                print(
                    f"{time.strftime('%H:%M:%S')} {method} {choices} {budget:.1e} FLOPs, {result['seconds']:.0f} s: "
                    f"{100 * result['score']:.1f}",
                    flush=True,
                )
        ranked = sorted(left, key=lambda choices: -_found(path, method, choices, budget)["score"])
        if len(ranked) == 1:
            break
        left = ranked[: (len(ranked) + 1) // 2]
    print(f"{method}: {left[0]}", flush=True)


def _stored(path: Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {"trials": []}


def _found(path: Path, method: str, choices: dict, flops: float) -> dict | None:
    same = (
        t
        for t in _stored(path)["trials"]
        if (t["method"], t["choices"], t["flops"]) == (method, choices, flops)
    )
    return next(same, None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "methods", nargs="+", choices=CANDIDATES, metavar="METHOD", help=", ".join(CANDIDATES)
    )
    parser.add_argument(
        "--flops",
        type=float,
        default=4e12,
        help="encoder FLOPs of each candidate in the first round",
    )
    parser.add_argument("--halvings", type=int, default=3, help="rounds")
    arguments = parser.parse_args()
    for method in arguments.methods:
        search(method, arguments.flops, halvings=arguments.halvings)
