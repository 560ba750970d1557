"""Every method for about as long on one CPU core, three seeds, one protocol, beside the floors.

    python bench/pretext.py                                        # CIFAR-10; a good two hours on one core
    python bench/pretext.py --methods simclr moco byol             # only these, beside what is stored
    python bench/pretext.py --methods mae rotation --fine-tune     # and each of them fine-tuned on the same labels
    python bench/pretext.py --photos photos.npz --seeds 1          # a file of your own: images, labels, test_images, test_labels

Writes bench/results/pretext-cifar10-cpu.json (or pretext-photos-cpu.json) after every measurement, and goes on from it. For
each method: how well it solves its own task on the validation split; a linear probe and kNN on each block (2 × 2 grid) at
1 to 100 labels a class, on the test split. One seed means: of weights, of batches, and of the draw of labels. Who reads the
records chooses the block by the accuracy on the validation split, which stands beside: `plots.choose(records, layer="best")`.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from sslkit import color, data, evaluate, recipes, train
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.networks import ConvNet, LightnessEncoder
from sslkit.tasks import Colorization, Inpainting, Jigsaw, RelativePatch, Rotation, SplitBrain

RESULTS, RUNS = Path(__file__).parent / "results", Path("runs")
# Steps and pictures a step: each about three and a half minutes on one core.
CIFAR10 = {"rotation": (1200, 32), "jigsaw": (2400, 64), "relative_patch": (2500, 128), "colorization": (1850, 64),
           "split_brain": (1900, 64), "inpainting": (2000, 64), "simclr": (740, 128), "moco": (1000, 128), "byol": (1050, 64),
           "mae": (1100, 128)}
LABELLED = {"batch_size": 64, "lr": 1e-3, "longest": 2000}         # fine-tuning and training from scratch alike
PHOTOS = {"rotation": (350, 8), "jigsaw": (700, 16), "relative_patch": (1000, 32), "colorization": (400, 16),
          "split_brain": (400, 16), "inpainting": (500, 16)}                       # about two minutes each


def photo_tasks(images):
    """{method: task} for photographs of 96 pixels: 3 × 3 tiles, and a narrower network than CIFAR-10's."""
    weights = color.rebalancing(images)
    return {"rotation": lambda: Rotation(ConvNet(16)), "jigsaw": lambda: Jigsaw(ConvNet(16), 3),
            "relative_patch": lambda: RelativePatch(ConvNet(16)),
            "colorization": lambda: Colorization(LightnessEncoder(ConvNet(16)), weights),
            "split_brain": lambda: SplitBrain(ConvNet(8), ConvNet(8), weights), "inpainting": lambda: Inpainting(ConvNet(16))}


def photographs(path):
    """A .npz of images (N, H, W, 3), labels, test_images, test_labels, class_names → Splits."""
    file = np.load(path)
    rows = lambda name: torch.from_numpy(file[name]).permute(0, 3, 1, 2).contiguous()
    classes = tuple(map(str, file["class_names"]))
    pool = data.Dataset(rows("images"), torch.from_numpy(file["labels"]), classes, name="photos")
    test = data.Dataset(rows("test_images"), torch.from_numpy(file["test_labels"]), classes, name="photos")
    return data.Splits(*data.split(pool, 0.2), test)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=CIFAR10, default=None)
    parser.add_argument("--fine-tune", action="store_true")
    parser.add_argument("--budgets", type=int, nargs="+", default=None)
    arguments = parser.parse_args()
    name = "photos" if arguments.photos else "cifar10"
    splits = photographs(arguments.photos) if arguments.photos else recipes.splits("cifar10", "cpu")
    lengths, budgets = (PHOTOS, (1, 5, 20)) if arguments.photos else (CIFAR10, (1, 5, 20, 100))
    budgets = arguments.budgets or budgets
    make = photo_tasks(splits.train.images) if arguments.photos else \
        {method: (lambda recipe=recipe: recipe("cpu", "cifar10").task) for method, recipe in recipes.RECIPES.items() if method in CIFAR10}
    new_encoder = (lambda: ConvNet(16)) if arguments.photos else (lambda: recipes.encoder("cpu", "cifar10"))
    path = RESULTS / f"pretext-{name}-cpu.json"
    stored = json.loads(path.read_text()) if path.exists() else {"pretraining": [], "records": []}
    pictures = {split: len(part) for split, part in zip(splits._fields, splits)}
    stored["about"] = {"command": "python bench/pretext.py" + (" --photos FILE" if arguments.photos else ""), "data": name, "pictures": pictures, "budgets": list(budgets),
                       "steps and batch size": lengths, "lr": 2e-3}
    stored["machine"] = machine("cpu")

    def measure(arms, few, seed):
        def keep(record):
            stored["records"].append(record)
            write_whole(path, (json.dumps(stored, indent=1) + "\n").encode())
            print(f"{time.strftime('%H:%M:%S')} {record['budget']:>4} seed {seed} {record['arm']:<32}{record.get('layer', ''):>2} {100 * record['accuracy']:5.1f}", flush=True)

        kept = [record for record in stored["records"] if record["arm"] in arms]
        for arm, ways in arms.items():                             # one name, several records: by layer and probe
            for way, about in ways:
                done = [r for r in kept if r["arm"] == arm and all(r.get(key) == value for key, value in about.items())]
                evaluate.label_curve({arm: way}, few, budgets=budgets, seeds=(seed,), on_result=keep, done=tuple(done))

    def layers(encoder):
        blocks = range(1, len(encoder.blocks) + 1)
        for probe in ("linear", "kNN"):
            for depth in blocks:
                about = {"layer": depth, "probe": probe}
                yield evaluate.probed(evaluate.Layer(encoder, depth, 2), probe=probe, layer=depth), about

    for seed in range(arguments.seeds):
        chosen = data.labelled_subset(splits.train.labels, max(budgets), seed=seed)
        few = data.Splits(splits.train[chosen], splits.validation[:2000], splits.test)     # nothing else is ever labelled
        torch.manual_seed(seed + 100)
        floors = {"random encoder": list(layers(new_encoder())),
                  "raw pixels": [(evaluate.probed(evaluate.raw_pixels), {})],
                  "from scratch": [(evaluate.trained(new_encoder, **LABELLED), {})]}
        if "mae" in (arguments.methods or lengths):                # another network has other floors
            new_vit = lambda: recipes.backbone("mae", "cpu", "cifar10")
            torch.manual_seed(seed + 100)
            floors |= {"random ViT": list(layers(new_vit())), "ViT from scratch": [(evaluate.trained(new_vit, **LABELLED), {})]}
        for method in arguments.methods or lengths:
            steps, batch_size = lengths[method]
            torch.manual_seed(seed)
            task = make[method]()
            if method == "byol":
                task.steps = steps
            history = train(task, splits.train.images, steps=steps, batch_size=batch_size, lr=2e-3, seed=seed, progress=False,
                            checkpoint=RUNS / f"pretext-{method}-{name}-{seed}.safetensors")
            if not any(run["method"] == method and run["seed"] == seed for run in stored["pretraining"]):
                own = evaluate.solve(task, splits.validation.images[:2000], batch_size=50, amp=False)
                stored["pretraining"].append({"method": method, "seed": seed, "validation": own, **history[-1]})
                print(f"{time.strftime('%H:%M:%S')} {method} seed {seed}: {history[-1]['seconds']:.0f} s, {own}", flush=True)
            if (method, name, seed) == ("colorization", "cifar10", 0):             # weights.colorizer, in half precision
                halves = {key: value.half() if value.is_floating_point() else value for key, value in task.state_dict().items()}
                save_file({key: value.contiguous() for key, value in halves.items()}, RESULTS / "colorizer-cifar10.safetensors")
            measure({method.replace("_", " "): list(layers(task.encoder))}, few, seed)
            if arguments.fine_tune:
                tuned = evaluate.trained(lambda encoder=task.encoder: encoder, **LABELLED)
                measure({f"{method.replace('_', ' ')}, fine-tuned": [(tuned, {})]}, few, seed)
        measure(floors, few, seed)


if __name__ == "__main__":
    main()
