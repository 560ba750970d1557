"""What is said of contrastive learning, measured: large batches, augmentations, temperature, h against z, batch norm's leak.

    python bench/claims.py             # CIFAR-10, about three quarters of an hour on one core; goes on where it stopped

Writes bench/results/claims.json: each record is one SimCLR (or MoCo) of ConvNet(16), trained for 32,000 pictures on CIFAR-10,
one thing changed; a linear probe with 100 labels a class and kNN with 5,000 labels, of block 3 (2 × 2 grid), of h and of z, on
2,000 pictures of the validation split. All are far from their best: what can be compared is the order, at this length.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch

from sslkit import augment, data, evaluate, losses, recipes, train
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.networks import ConvNet
from sslkit.tasks import MoCo, SimCLR

RESULTS = Path(__file__).parent / "results" / "claims.json"
PICTURES = 32_000
OPERATIONS = {"crop": augment.random_resized_crop, "colour": augment.compose(partial(augment.color_jitter, brightness=0.4, contrast=0.4,
              saturation=0.4, hue=0.1), augment.grayscale), "flip": augment.horizontal_flip,
              "blur": partial(augment.gaussian_blur, sigma=(0.1, 1.0))}


def simclr(view=augment.simclr_views, temperature=0.2):
    return SimCLR(ConvNet(16), view, contrast=partial(losses.info_nce, temperature=temperature))


def questions():
    """[{claim, setting, …}, function that makes the task, batch size], one a training."""
    names = list(OPERATIONS)
    for row, first in enumerate(names):
        for second in names[row:]:
            steps = [OPERATIONS[first]] + ([OPERATIONS[second]] if second != first else [])
            yield {"claim": "augmentation", "first": first, "second": second}, partial(simclr, augment.compose(*steps)), 128
    for batch_size in (32, 64, 128, 256, 512):
        yield {"claim": "batch size", "batch_size": batch_size}, simclr, batch_size
    for temperature in (0.05, 0.1, 0.2, 0.5, 1.0):
        yield {"claim": "temperature", "temperature": temperature}, partial(simclr, temperature=temperature), 128
    for shuffle, groups in ((True, 4), (False, 4), (False, 1)):
        yield {"claim": "batch norm", "shuffle": shuffle, "groups": groups}, \
            (lambda shuffle=shuffle, groups=groups: MoCo(ConvNet(16), queue=1024, temperature=0.2, shuffle=shuffle, groups=groups)), 128


def measured(task, labelled, validation):
    """→ per cent right on validation, by representation and probe."""
    places = {"block 3": evaluate.Layer(task.encoder, 3, 2), "h": task.encoder, "z": torch.nn.Sequential(task.encoder, task.projector)}
    few = data.labelled_subset(labelled.labels, 100, seed=0)
    found = {}
    for name, represent in places.items():
        mine, theirs = evaluate.embed(represent, labelled), evaluate.embed(represent, validation)
        probe = evaluate.linear_probe(mine[few], labelled.labels[few], theirs, validation.labels)
        found[name] = {"linear": probe.validation, "kNN": evaluate.accuracy(evaluate.knn(mine, labelled.labels, theirs), validation.labels)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    splits = recipes.splits("cifar10", "cpu")
    labelled, validation = splits.train[:5000], splits.validation[:2000]
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"records": []}
    stored |= {"about": {"command": "python bench/claims.py", "data": "cifar10", "encoder": "ConvNet(16)", "pictures": PICTURES,
                         "lr": 2e-3, "measured on": "2,000 pictures of the validation split"}, "machine": machine("cpu")}
    for seed in range(arguments.seeds):
        for about, make, batch_size in questions():
            about = about | {"seed": seed}
            if any(all(record.get(key) == value for key, value in about.items()) for record in stored["records"]):
                continue
            torch.manual_seed(seed)
            task = make()
            history = train(task, splits.train.images, steps=PICTURES // batch_size, batch_size=batch_size, lr=2e-3, seed=seed, progress=False)
            last = {name: value for name, value in history[-1].items() if name in ("loss", "spread", "accuracy", "seconds")}
            stored["records"].append(about | last | {"measured": measured(task, labelled, validation)})
            write_whole(RESULTS, (json.dumps(stored, indent=1) + "\n").encode())
            print(time.strftime("%H:%M:%S"), json.dumps(stored["records"][-1]), flush=True)


if __name__ == "__main__":
    main()
