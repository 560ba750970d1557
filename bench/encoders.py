"""The best encoders that come with the kit: longer trainings than any comparison has, one process each.

    python bench/encoders.py simclr-cifar10                        # stops anywhere, goes on from runs/
    python bench/encoders.py simclr-cifar10 --fine-tune 100        # and then: fine-tuned, beside the same network from scratch

Two views of 24 pixels and two of 16, as the search found for SimCLR (bench/results/search.json), and an encoder of twice the width
that the comparison has; other widths were not compared at this length.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from sslkit import data, evaluate, losses, pretrained, protocol, recipes, train, weights
from sslkit.augment import simclr_views
from sslkit.checkpoint import write_whole
from sslkit.compute import encoder_compute
from sslkit.machine import machine
from sslkit.networks import ConvNet
from sslkit.tasks import SimCLR

RESULTS = Path(__file__).parent / "results"
BUDGETS = (20, 100, 1000)  # labels per class


def simclr_cifar10() -> SimCLR:
    contrast = partial(losses.info_nce, temperature=0.2)
    return SimCLR(
        ConvNet(32, 256, stride=1),
        partial(simclr_views, size=24),
        contrast=contrast,
        small=(recipes.LOCAL_VIEW,) * 2,
    )


ENCODERS = {  # name: task, settings of `train`, the encoder's class and arguments
    "simclr-cifar10": (
        simclr_cifar10,
        {"steps": 6000, "batch_size": 128, "lr": 3e-3},
        ["ConvNet", {"width": 32, "dim": 256, "stride": 1}],
    ),
}


def fine_tuned(name: str, labels: int, subsets: int = 3) -> None:
    """The listed encoder and a fresh one of its class, trained with so many labels per class until longer no longer helps, by one rule;
    every training is stored at once, and what is stored is not done again."""
    path = RESULTS / "encoders-fine-tuned.json"
    stored = json.loads(path.read_text()) if path.exists() else {"records": []}
    splits = data.Splits(*(data.cifar10(split) for split in data.Splits._fields))
    starts = {
        name: lambda: pretrained(name),
        "from scratch": lambda: weights.made(*ENCODERS[name][2]),
    }
    for seed in range(subsets):
        for arm, make in starts.items():
            known = any(
                (r["encoder"], r["arm"], r["budget"], r["seed"]) == (name, arm, labels, seed)
                for r in stored["records"]
            )
            if not known:
                began = time.monotonic()
                found = protocol.finetune_method(
                    make,
                    splits,
                    labels,
                    seed,
                    longest=6400,
                    say=lambda text: print(text, flush=True),
                )
                stored["records"].append(
                    {
                        "encoder": name,
                        "arm": arm,
                        **found,
                        "seconds": round(time.monotonic() - began, 1),
                    }
                )
                write_whole(
                    path, (json.dumps({**stored, "machine": machine()}, indent=1) + "\n").encode()
                )
                print(
                    f"{arm}, subset {seed}: {100 * found['accuracy']:.1f} %, {found['steps']} steps",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=ENCODERS)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fine-tune",
        type=int,
        metavar="LABELS",
        help="labels per class, of an encoder that is listed already",
    )
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="measure these alone, beside an encoder that is listed already",
    )
    arguments = parser.parse_args()
    if arguments.baselines:
        return baselines(
            arguments.name, data.Splits(*(data.cifar10(split) for split in data.Splits._fields))
        )
    if arguments.fine_tune:
        return fine_tuned(arguments.name, arguments.fine_tune)
    make, settings, network = ENCODERS[arguments.name]
    splits = data.Splits(*(data.cifar10(split) for split in data.Splits._fields))
    torch.manual_seed(arguments.seed)
    task = make()
    cost = encoder_compute(task, splits.train.images[: settings["batch_size"]]).of(
        settings["steps"]
    )
    said = []

    def say(record: dict) -> None:
        said.append(record)
        if len(said) % 5 == 0:
            print(json.dumps(record), flush=True)

    history = train(
        task,
        splits.train.images,
        seed=arguments.seed,
        progress=False,
        on_log=say,
        checkpoint=arguments.runs / f"encoder-{arguments.name}-{arguments.seed}.safetensors",
        **settings,
    )
    if history[-1]["step"] < settings["steps"]:
        return
    content = weights.halves(task.encoder.state_dict())
    file = f"{arguments.name}.safetensors"
    write_whole(RESULTS / file, content)
    enlist(
        arguments.name,
        {
            "file": file,
            "sha256": hashlib.sha256(content).hexdigest(),
            "parameters": sum(p.numel() for p in task.encoder.parameters()),
            "recipe": {
                "method": "simclr",
                "data": "cifar10",
                "encoder": network,
                "settings": settings,
                "cost": cost,
            },
            "seconds": history[-1]["seconds"],
            "machine": machine(),
            "accuracy": accuracies(evaluate.Blocks(task.encoder, 2), splits),
        },
    )
    baselines(arguments.name, splits)


def accuracies(represent: Callable, splits: data.Splits) -> dict[str, float]:
    """What an encoder's blocks, as `evaluate.Blocks` gives them, are worth by the protocol of the study, on the test split."""
    features = list(zip(*(evaluate.embed(represent, part) for part in splits)))
    records = list(
        protocol.probe_method(protocol.Blocks(features, [part.labels for part in splits]), BUDGETS)
    )
    mean = lambda budget, rule: (
        sum(found := [r["accuracy"] for r in records if (r["budget"], r["rule"]) == (budget, rule)])
        / len(found)
    )
    last = (
        [part.unflatten(1, (-1, 4)).mean(2) for part in features[-1]]
        if len(features) > 1
        else features[-1]
    )
    near = evaluate.accuracy(
        evaluate.knn(last[0], splits.train.labels, last[2]), splits.test.labels
    )
    return {
        "labels a class": BUDGETS[-1],
        "linear probe": round(mean(BUDGETS[-1], "chosen"), 4),
        "kNN, all labels": round(near, 4),
        **{
            f"{budget} labels per class, {rule} block": round(mean(budget, rule), 4)
            for budget in BUDGETS
            for rule in ("chosen", "last")
        },
    }


def baselines(name: str, splits: data.Splits) -> None:
    """The same of a random encoder of the same class, and of raw pixels, beside the listed encoder."""
    torch.manual_seed(100)
    fresh = evaluate.Blocks(weights.made(*ENCODERS[name][2]), 2)
    pixels = lambda images: (evaluate.raw_pixels(images),)
    enlist(
        name,
        {
            "baselines": {
                "random encoder": accuracies(fresh, splits),
                "raw pixels": accuracies(pixels, splits),
            }
        },
    )


def enlist(name: str, facts: dict) -> None:
    path = RESULTS / "pretrained.json"
    listed = json.loads(path.read_text())
    listed[name] = {**listed.get(name, {}), **facts}
    write_whole(path, (json.dumps(listed, indent=1) + "\n").encode())
    print(json.dumps(listed[name], indent=1), flush=True)


if __name__ == "__main__":
    main()
