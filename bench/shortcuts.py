"""Does a puzzle with borders teach less? Jigsaw naive, with a gap alone, and fully protected, three seeds: python bench/shortcuts.py

The drawn world at 64 pixels, equal steps. For each: puzzles solved in training, and a linear probe on clean, whole pictures (best of four
blocks by validation) at 5 and 50 labels a class on the test split. Writes bench/results/jigsaw-borders.json; a few minutes on a core.
"""

import json
from pathlib import Path

import torch

from sslkit import evaluate, recipes, train
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.tasks import Jigsaw

PATH = Path(__file__).parent / "results" / "jigsaw-borders.json"
WAYS = {"protected": {}, "naive": {"gap": 0, "normalize": False, "drop_color": 0}, "with a gap": {"normalize": False, "drop_color": 0}}
STEPS, BUDGETS, SEEDS = 400, (5, 50), (0, 1, 2)


def main():
    splits = recipes.splits("scenes", "cpu", 64)
    runs = json.loads(PATH.read_text())["runs"] if PATH.exists() else []
    for seed in SEEDS:
        for name, way in WAYS.items():
            if any((run["puzzles"], run["seed"]) == (name, seed) for run in runs):
                continue
            torch.manual_seed(seed)
            task = Jigsaw(recipes.encoder("cpu"), 2, **way)
            history = train(task, splits.train.images, steps=STEPS, batch_size=32, lr=2e-3, seed=seed, progress=False)
            probe = evaluate.probed(*(evaluate.Layer(task.encoder, depth, 2) for depth in (1, 2, 3, 4)))
            records = evaluate.label_curve({name: probe}, splits, budgets=BUDGETS, seeds=(seed,))
            runs.append({"puzzles": name, "seed": seed, "solved": history[-1]["accuracy"],
                         "probe": {str(record["budget"]): record["accuracy"] for record in records}})
            print(runs[-1], flush=True)
    content = {"about": {"command": "python bench/shortcuts.py", "steps": STEPS, "ways": WAYS}, "machine": machine("cpu"), "runs": runs}
    write_whole(PATH, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
