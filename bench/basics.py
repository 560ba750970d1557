"""How long the basics take: importing, drawing the world, fitting a probe. Run on a quiet machine: python bench/basics.py

Each measurement is the median of a few rounds in which the rivals take turns; bench/results/basics.json gets the numbers.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from sslkit import data
from sslkit.machine import machine
from sslkit.evaluate import _fits

RESULTS = Path(__file__).parent / "results"


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def rounds(number, **rivals):
    """{name: median seconds}, the rivals taking turns."""
    times = {name: [] for name in rivals}
    for _ in range(number):
        for name, function in rivals.items():
            times[name].append(seconds(function))
    return {name: round(statistics.median(values), 4) for name, values in times.items()}


def imports():
    run = lambda code: lambda: subprocess.run([sys.executable, "-c", code], check=True)
    return rounds(5, torch=run("import torch"), torch_and_sslkit=run("import torch, sslkit"))


def drawing():
    return rounds(5, scenes_10000_at_32=lambda: data.scenes(10_000, 32), scenes_1000_at_96=lambda: data.scenes(1000, 96))


def probe(number=50_000, dim=512, classes=10, penalty=1e-3):
    """The kit's probe (scikit-learn) beside torch's L-BFGS on the same problem; objectives show that both are at the minimum."""
    torch.manual_seed(0)
    features = torch.randn(number, 64) @ torch.randn(64, dim) + 2 * torch.randn(number, dim)
    features = (features - features.mean(0)) / features.std(0, correction=0)
    labels = (features @ torch.randn(dim, classes) * 0.1 + 2 * torch.randn(number, classes)).argmax(1)
    objective = lambda weight, bias: F.cross_entropy(features @ weight + bias, labels) + penalty / 2 * weight.square().sum()
    found = {}

    def scikit_learn():
        (found["probe"],) = _fits(features, labels, [penalty])

    def torch_lbfgs():
        weight, bias = torch.zeros(dim, classes, requires_grad=True), torch.zeros(classes, requires_grad=True)
        solver = torch.optim.LBFGS([weight, bias], max_iter=300, line_search_fn="strong_wolfe", tolerance_grad=1e-5, tolerance_change=0)

        def closure():
            solver.zero_grad()
            loss = objective(weight, bias)
            loss.backward()
            return loss

        solver.step(closure)
        found["torch"] = objective(weight, bias).item()

    times = rounds(3, scikit_learn=scikit_learn, torch_lbfgs=torch_lbfgs)
    return {**times, "objective_scikit_learn": objective(found["probe"].weight, found["probe"].bias).item(),
            "objective_torch_lbfgs": found["torch"]}


if __name__ == "__main__":
    results = {"machine": machine(), "imports": imports(), "drawing": drawing(), "probe_50000x512": probe()}
    results["imports"]["beyond_torch"] = round(results["imports"]["torch_and_sslkit"] - results["imports"]["torch"], 4)
    results["probe_50000x512"]["ratio"] = round(results["probe_50000x512"]["torch_lbfgs"] / results["probe_50000x512"]["scikit_learn"], 2)
    (RESULTS / "basics.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
