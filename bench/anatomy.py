"""Where the time of a training step goes, method by method, and what share of the machine's rate of arithmetic it uses.

    python bench/anatomy.py                                        # the cpu tier; a minute or two on two quiet cores
    python bench/anatomy.py --tier gpu --compile                   # ResNet-18 and ViT-T at their own batch sizes, on CUDA

Writes bench/results/anatomy-TIER.json. A step is taken apart as `sslkit.train` puts it together: batch (bytes to floats), problem
(augmentations, masks, the teacher's answers), forward, loss, backward, update. Medians over steps; on a GPU each part is waited for,
so their sum is a little more than a step takes. The arithmetic of forward and backward is counted by torch; the machine's rate
is that of its best product of two large matrices in the same number format.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from sslkit import data, recipes
from sslkit.checkpoint import write_whole
from sslkit.data.dataset import batches
from sslkit.machine import machine
from sslkit.parts import each
from sslkit.train import choose_device, has_bfloat16

RESULTS, PARTS = Path(__file__).parent / "results", ("batch", "problem", "forward", "loss", "backward", "update")


def anatomy(task, images, *, batch_size, steps=8, device="cpu", compile=False):
    """→ {part: median milliseconds}, and the multiplications and additions of one step's forward and backward."""
    device = torch.device(device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    task.to(device, memory_format=torch.channels_last).train()
    network = torch.compile(task) if compile else task
    optimizer = torch.optim.AdamW(task.parameters(), lr=1e-4, fused=device.type == "cuda")
    stream, spent = batches(images.to(device), batch_size), {part: [] for part in PARTS}
    autocast = lambda: torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))

    def part(name, work):
        wait()
        began = time.perf_counter()
        result = work()
        wait()
        spent[name].append(1000 * (time.perf_counter() - began))
        return result

    def step(forward):
        batch = part("batch", lambda: next(stream)[1].contiguous(memory_format=torch.channels_last))
        with autocast(), torch.no_grad():
            inputs, targets = part("problem", lambda: task.make_problem(batch))
        with autocast():
            outputs = part("forward", lambda: forward(inputs))
        loss, _ = part("loss", lambda: task.loss(each(lambda output: output.float() if output.is_floating_point() else output, outputs), targets))
        part("backward", loss.backward)
        part("update", lambda: (optimizer.step(), optimizer.zero_grad()))
        with torch.no_grad():
            task.after_step(targets)

    with FlopCounterMode(display=False) as counter:                # counted on the task itself: a compiled one hides its operations
        step(task)
    for _ in range(steps + 2):
        step(network)
    return {name: statistics.median(times[-steps:]) for name, times in spent.items()}, counter.get_total_flops()


def matrix_rate(device="cpu", side=None):
    """The best of ten products of two square matrices → multiplications and additions a second."""
    device, rates = torch.device(device), []
    side = side or (8192 if device.type == "cuda" else 2048)
    matrix = torch.randn(side, side, device=device, dtype=torch.bfloat16 if has_bfloat16(device) else torch.float32)
    for _ in range(10):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        matrix @ matrix
        if device.type == "cuda":
            torch.cuda.synchronize()
        rates.append(2 * side ** 3 / (time.perf_counter() - began))
    return max(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tier", choices=("cpu", "gpu"), default=recipes.tier())
    parser.add_argument("--methods", nargs="+", choices=recipes.RECIPES, default=list(recipes.RECIPES))
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    device, rows = choose_device(), {}
    images, rate = data.scenes(2000).images, matrix_rate(device)
    path = RESULTS / f"anatomy-{arguments.tier}.json"
    for method in arguments.methods:
        torch.manual_seed(0)
        recipe = recipes.RECIPES[method](arguments.tier, "scenes")
        batch_size = recipe.settings["batch_size"]
        milliseconds, flops = anatomy(recipe.task, images, batch_size=batch_size, device=device, compile=arguments.compile)
        whole = sum(milliseconds.values())
        rows[method.replace("_", " ")] = {"batch": batch_size, "milliseconds": milliseconds, "images_per_second": 1000 * batch_size / whole,
                                          "flops": flops, "share_of_matrix_rate": flops / (whole / 1000) / rate}
        write_whole(path, (json.dumps({"tier": arguments.tier, "compiled": arguments.compile, "matrix_rate": rate, "rows": rows,
                                       "machine": machine(device)}, indent=1) + "\n").encode())
        print(f"{method:<16}{whole:>9.1f} ms  " + "  ".join(f"{name} {value:.1f}" for name, value in milliseconds.items())
              + f"   {100 * rows[method.replace('_', ' ')]['share_of_matrix_rate']:.0f} % of the matrix rate", flush=True)


if __name__ == "__main__":
    main()
