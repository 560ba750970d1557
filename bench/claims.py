"""What is said of contrastive learning, measured: large batches, augmentations, temperature, h against z, batch norm's leak.

    python bench/claims.py             # CIFAR-10, about an hour on one core; goes on where it stopped

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
from sslkit.compute import encoder_compute
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.networks import ConvNet
from sslkit.tasks import MoCo, SimCLR

RESULTS = Path(__file__).parent / "results" / "claims.json"
PICTURES = 32_000
OPERATIONS = {"crop": augment.random_resized_crop, "colour": augment.compose(partial(augment.color_jitter, brightness=0.4, contrast=0.4,
              saturation=0.4, hue=0.1), augment.grayscale), "flip": augment.horizontal_flip,
              "blur": partial(augment.gaussian_blur, sigma=(0.1, 1.0))}


RATE = 2e-3                                                        # at a batch of 128


def simclr(view=augment.simclr_views, temperature=0.2, small=0):
    return SimCLR(ConvNet(16), view, contrast=partial(losses.info_nce, temperature=temperature), small=(recipes.LOCAL_VIEW,) * small)


def moco(**settings):
    return MoCo(ConvNet(16), temperature=0.2, **settings)


def scaled(batch_size):
    """The rate that goes with a batch, by the square root, as is usual with Adam (Krizhevsky 2014; Malladi et al. 2022)."""
    return RATE * (batch_size / 128) ** 0.5


def questions():
    """[{claim, setting, …}, function that makes the task, batch size, settings of `train` other than the usual], one a training.

    All were planned before any was run. "batch size" keeps the number of images and the rate; "batch size, rate scaled" the number of
    images; "batch size, equal updates" the number of updates, with the rate scaled. "views" keeps the encoder FLOPs.
    """
    for about, make, batch_size in _first_questions():
        yield about, make, batch_size, {}
    for batch_size in (32, 64, 128, 256, 512):
        rate = {"lr": scaled(batch_size)}
        yield {"claim": "batch size, rate scaled", "batch_size": batch_size}, simclr, batch_size, rate
        yield {"claim": "batch size, equal updates", "batch_size": batch_size}, simclr, batch_size, rate | {"steps": PICTURES // 128}
    for queue in (128, 512, 2048, 8192):
        yield {"claim": "negatives", "queue": queue}, partial(moco, queue=queue), 128, {}
    images = torch.zeros(128, 3, 32, 32, dtype=torch.uint8)
    budget = encoder_compute(simclr(), images).of(PICTURES // 128)["encoder FLOPs"]
    for small in (0, 2, 4):
        make = partial(simclr, small=small)
        yield {"claim": "views", "small": small}, make, 128, {"steps": encoder_compute(make(), images).updates(budget)}


def _first_questions():
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
            partial(moco, queue=1024, shuffle=shuffle, groups=groups), 128


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
                         "lr": RATE, "measured on": "2,000 pictures of the validation split"}, "machine": machine("cpu")}
    for seed in range(arguments.seeds):
        for about, make, batch_size, settings in questions():
            about = about | {"seed": seed}
            if any(all(record.get(key) == value for key, value in about.items()) for record in stored["records"]):
                continue
            torch.manual_seed(seed)
            task = make()
            settings = {"steps": PICTURES // batch_size, "lr": RATE} | settings
            history = train(task, splits.train.images, batch_size=batch_size, seed=seed, progress=False, **settings)
            last = {name: value for name, value in history[-1].items() if name in ("loss", "spread", "accuracy", "seconds")}
            stored["records"].append(about | last | {"measured": measured(task, labelled, validation)})
            write_whole(RESULTS, (json.dumps(stored, indent=1) + "\n").encode())
            print(time.strftime("%H:%M:%S"), json.dumps(stored["records"][-1]), flush=True)


if __name__ == "__main__":
    main()
