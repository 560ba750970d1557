"""MAE's choices, one changed at a time, at equal numbers of steps: the drawn world at 32 pixels, about 40 minutes on one CPU core.

    python bench/mae_choices.py

Writes bench/results/mae-choices.json after every training, and goes on from it. Each encoder is asked by a linear probe on each
block (2 × 2 grid), 20 labels a class in three draws and 100 in one; the validation split chooses block and penalty. The loss is
that over hidden patches of pictures not trained on: hidden as in training, and, for all alike, 75 % at random. Seed 0 of all
choices comes first, then the other seeds of the mask ratio, then the rest.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from sslkit import data, evaluate, recipes, train
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.tasks import MAE, masks

RESULTS = Path(__file__).parent / "results" / "mae-choices.json"
STEPS, BATCH, LABELS = 600, 64, {20: (0, 1, 2), 100: (0,)}         # labels a class: their draws
USUAL = {"ratio": 0.75, "norm_pix": True, "depth": 1}
CHOICES = {"75 % hidden": {}, "25 % hidden": {"ratio": 0.25}, "90 % hidden": {"ratio": 0.9}, "50 % hidden": {"ratio": 0.5},
           "loss on all patches": {"everywhere": True}, "patches as they are": {"norm_pix": False},
           "a block": {"mask": masks.block}, "a grid": {"mask": masks.grid}, "decoder of 3 blocks": {"depth": 3}}


def probes(encoder, splits):
    """How well is each fact read off the features? → {"probes": one a draw, with the block that validation chose; "factors"}."""
    blocks = len(encoder.blocks) if encoder else 1

    def represent(images):
        maps = encoder.stages(images) if encoder else [F.adaptive_avg_pool2d(images, 16)]
        return torch.cat([(F.adaptive_avg_pool2d(x, 2) if encoder else x).flatten(1) for x in maps], 1)

    parts = [evaluate.embed(represent, part).chunk(blocks, 1) for part in splits]
    labels = [part.labels for part in splits]
    found = []
    for number, draw in [(number, draw) for number, draws in LABELS.items() for draw in draws]:
        few = data.labelled_subset(labels[0], number, seed=draw)
        fits = [evaluate.linear_probe(mine[few], labels[0][few], judges, labels[1]) for mine, judges in zip(*parts[:2])]
        told = [evaluate.accuracy(probe.predict(features), labels[2]) for probe, features in zip(fits, parts[2])]
        best = max(range(blocks), key=lambda block: fits[block].validation)
        found.append({"labels": number, "draw": draw, "accuracy": told[best], "block": best + 1, "by block": told})
    return {"probes": found, "factors": evaluate.factors(parts[1][-1], splits.validation)}


def usual_loss(task, images):
    """The loss with 75 % hidden at random, whatever it was trained on; only the hidden patches count."""
    kept = task.ratio, task.mask, task.everywhere
    task.ratio, task.mask, task.everywhere = 0.75, masks.random, False
    found = evaluate.solve(task, images, amp=False)["loss"]
    task.ratio, task.mask, task.everywhere = kept
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    splits = recipes.splits("scenes", "cpu")
    few = data.Splits(splits.train[:2000], splits.validation, splits.test)                          # to be probed
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"records": []}
    stored["about"] = {"command": "python bench/mae_choices.py", "data": "scenes", "size": 32, "pictures": len(splits.train),
                       "steps": STEPS, "batch_size": BATCH, "lr": 2e-3, "usual": USUAL, "labels a class": list(LABELS)}
    stored["machine"] = machine("cpu")

    def keep(choice, seed, found):
        stored["records"].append({"choice": choice, "seed": seed, **found})
        write_whole(RESULTS, (json.dumps(stored, indent=1) + "\n").encode())
        told = [f"{100 * probe['accuracy']:.1f}" for probe in found["probes"]]
        print(time.strftime("%H:%M:%S"), f"{choice:<22} seed {seed} probes {told}", found.get("loss", ""), flush=True)

    floors = ["random ViT", "raw pixels"]
    wanted = [(choice, seed) for seed in range(arguments.seeds) for choice in [*floors, *CHOICES]]
    rank = lambda pair: pair[1] > 0 and (1 if pair[0] in floors or pair[0].endswith("% hidden") else 2)
    for choice, seed in sorted(wanted, key=rank):
        if any((record["choice"], record["seed"]) == (choice, seed) for record in stored["records"]):
            continue
        torch.manual_seed(seed)
        if choice in floors:
            keep(choice, seed, probes(recipes.vit("cpu") if choice == "random ViT" else None, few))
            continue
        task, begin = MAE(recipes.vit("cpu"), **{**USUAL, **CHOICES[choice]}), time.process_time()
        train(task, splits.train, steps=STEPS, batch_size=BATCH, lr=2e-3, seed=seed, progress=False)
        seconds = time.process_time() - begin
        keep(choice, seed, {"seconds": seconds, "loss": evaluate.solve(task, splits.validation, amp=False)["loss"],
                            "loss at 75 %": usual_loss(task, splits.validation), **probes(task.encoder, few)})


if __name__ == "__main__":
    main()
