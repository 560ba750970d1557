"""Takes notebooks through the `gpu` tier on a CPU, each training cut to two steps.

    python tools/dry_run_gpu.py [notebooks/NN_name.ipynb ...]      # all of them without names; slow

Without a GPU this is the nearest to running the tier: its networks and its settings, but hardly any
training. What fails because nothing was learnt, an assertion, is counted and forgiven; any other
error is reported, and the exit status is 1. Nothing is written into the notebooks.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FORGIVEN = ("AssertionError",)
# Runs first in the kernel. What is shortened keeps its shape: as many records, images and features
# as asked for, but all records are those of the second step, and few images are drawn or embedded
# and then repeated.
SHORTEN = """
import os
os.environ |= {{"SSLKIT_TIER": "gpu", "CUDA_VISIBLE_DEVICES": ""}}
import importlib, sys, torch
import sslkit, sslkit.evaluate, sslkit.recipes, sslkit.widgets

def shorten():                                # in a function: a notebook takes these names, too
    def replace(name, old, new):
        for path, module in list(sys.modules.items()):              # whoever has taken it by name
            if path.startswith("sslkit") and vars(module).get(name) is old:
                setattr(module, name, new)

    def repeated(values, number):
        return values[torch.arange(number) % len(values)]

    train = importlib.import_module("sslkit.train").train
    def two_steps(task, data, *, steps, batch_size=128, log_every=None, on_log=None, **settings):
        settings |= {{"device": "cpu", "amp": False, "compile": False, "progress": False}}
        settings |= {{"steps": 2, "batch_size": min(batch_size, 16), "log_every": 1}}
        last = train(task, data, **settings)[-1]
        every, history = log_every or max(1, steps // 100), []
        for step in [*range(every, steps, every), steps]:
            history.append({{**last, "step": step}})
            if on_log is not None:
                on_log(history[-1])
        return history
    replace("train", train, two_steps)

    scenes = sslkit.data.scenes
    def few_scenes(number=10_000, *args, **settings):
        return repeated(scenes(min(number, {few}), *args, **settings), number)
    replace("scenes", scenes, few_scenes)

    embed, each = sslkit.evaluate.embed, sslkit.parts.each
    def few_embedded(represent, images, **settings):
        images = getattr(images, "images", images)
        found = embed(represent, images[:{few}], **settings)
        return each(lambda part: repeated(part, len(images)), found)
    replace("embed", embed, few_embedded)

shorten()
"""


def dry_run(path: Path, *, few: int = 200, cell_timeout: int = 900) -> dict[str, list[str]]:
    """Runs every cell → {"forgiven": assertions that failed, "errors": everything else}, by cell.

    few: how many images are drawn of a data set, and embedded. cell_timeout: seconds for one cell.
    """
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SHORTEN.format(few=few)))
    client = NotebookClient(
        notebook,
        timeout=cell_timeout,
        startup_timeout=300,  # a busy machine takes its time
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    found = {"forgiven": [], "errors": []}
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                kind = "forgiven" if output.ename in FORGIVEN else "errors"
                found[kind].append(f"cell {number - 1}: {output.ename}: {output.evalue[:300]}")
    return found


def main(names: list[str]) -> int:
    """Reports each notebook → the exit status."""
    broken = 0
    for path in [Path(name) for name in names] or sorted((ROOT / "notebooks").glob("*.ipynb")):
        began = time.monotonic()
        found = dry_run(path.resolve())
        broken += bool(found["errors"])
        print(
            f"{path.name}: {len(found['errors'])} errors, {len(found['forgiven'])} assertions "
            f"about what was learnt, {time.monotonic() - began:.0f} s",
            flush=True,
        )
        for kind in ("errors", "forgiven"):
            for line in found[kind]:
                print(f"   {kind}: {line}", flush=True)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
