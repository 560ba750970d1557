"""InfoNCE and the triplet loss, forward and backward: time and memory of sslkit, lightly, pytorch-metric-learning, plain PyTorch.

    python -m bench.losses             # about five minutes on two quiet cores, in 3 GiB; writes bench/results/losses.json

InfoNCE for 256 to 16,384 pairs of 128 numbers at temperature 0.1, triplet for 512 samples of 64 labels. First of all,
everyone must find the same value and the same gradient on the same input. Then they take turns within each round, so that
whatever else the machine does falls on all of them; a ratio is the median over rounds of the ratio within a round. Memory
is measured in a fresh process for each: by how much the peak of its resident memory grows in one pass forward and backward.
A cell stays empty where a loss needs more memory than ordinary machines have: see LARGEST.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from json import dumps
from pathlib import Path

import torch
from torch.nn import functional as F

from sslkit import losses
from sslkit.machine import machine

ROUNDS, DIM, TEMPERATURE, MARGIN = 7, 128, 0.1, 0.2
PROBLEMS = [("InfoNCE", 512), ("InfoNCE", 2048), ("InfoNCE", 8192), ("InfoNCE", 32768), ("triplet", 512)]    # loss, samples
# Samples at the most. At the next size pytorch-metric-learning would need about 140 GiB, those that hold the whole matrix 17.
LARGEST = {"sslkit": 32768, "lightly": 8192, "like solo-learn": 8192, "pytorch-metric-learning": 512}
RESULTS = Path(__file__).parent / "results" / "losses.json"


def ours():
    return partial(losses.info_nce, temperature=TEMPERATURE)


def lightly():
    from lightly.loss import NTXentLoss

    loss = NTXentLoss(TEMPERATURE)
    return lambda embeddings, labels: loss(*embeddings.chunk(2))


def like_solo_learn():
    """The ordinary way: the whole matrix, exponentials, masks, sums. Gathering from other processes has nothing to do here."""
    def loss(embeddings, labels):
        z = F.normalize(embeddings, dim=1)                                     # (2N, D)
        closeness = (z @ z.T / TEMPERATURE).exp()                              # (2N, 2N)
        same = labels[:, None] == labels
        other = ~same
        same.fill_diagonal_(False)
        positive, negative = (closeness * same).sum(1), (closeness * other).sum(1)
        return -(positive / (positive + negative)).log().mean()
    return loss


def metric_learning():
    from pytorch_metric_learning.losses import NTXentLoss

    return NTXentLoss(TEMPERATURE)


def our_triplet():
    return partial(losses.triplet, margin=MARGIN)


def metric_learning_triplet():
    """Squared distances, not normalised, mean over the triplets that are not at 0: as Schroff et al. 2015."""
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.losses import TripletMarginLoss

    return TripletMarginLoss(MARGIN, distance=LpDistance(normalize_embeddings=False, p=2, power=2))


CONTESTANTS = {
    "InfoNCE": {"sslkit": ours, "lightly": lightly, "like solo-learn": like_solo_learn,
                "pytorch-metric-learning": metric_learning},
    "triplet": {"sslkit": our_triplet, "pytorch-metric-learning": metric_learning_triplet}}


def batch(loss, samples):
    """Embeddings (samples, DIM), loosely gathered around their labels (samples,): for InfoNCE two a label, all first views
    before all second ones; else eight a label."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(samples // 2).repeat(2) if loss == "InfoNCE" else torch.arange(samples) // 8
    centres = torch.randn(samples, DIM, generator=generator)
    embeddings = F.normalize(centres[labels] + 2 * torch.randn(samples, DIM, generator=generator), dim=1)
    return embeddings.requires_grad_(), labels


def forward_and_backward(loss, embeddings, labels):
    embeddings.grad = None
    value = loss(embeddings, labels)
    value.backward()
    return value.item()


def check_agreement(contest, embeddings, labels):
    """Raises ValueError unless all of {name: loss} find sslkit's value to 1e-4 and its gradient to a thousandth."""
    found = {name: (forward_and_backward(loss, embeddings, labels), embeddings.grad) for name, loss in contest.items()}
    value, gradient = found["sslkit"]
    for name, (other, slope) in found.items():
        apart = ((slope - gradient).norm() / gradient.norm()).item()
        if not (abs(other - value) < 1e-4 and apart < 1e-3):
            raise ValueError(f"{name} finds {other:.6f}, sslkit {value:.6f}, and gradients are {apart:.1e} apart: want the same loss "
                             f"of both, to 1e-4 and a thousandth")


def taking_turns(runs, rounds, least=0.2):
    """{name: function} → {name: [seconds of a call in each round]}; a quick function is called again for `least` seconds."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start, count = time.perf_counter(), 0
            while (spent := time.perf_counter() - start) < least or count < 1:
                run()
                count += 1
            times[name].append(spent / count)
    return times


def times_faster(times, name):
    """How many times as fast sslkit is as `name`: the median of the ratios within a round."""
    return round(statistics.median(other / own for own, other in zip(times["sslkit"], times[name])), 2)


def memory_of(loss, name, samples):
    """MiB that one pass of this contestant adds to the peak memory of a fresh process."""
    code = f"from bench.losses import growth; print(growth({loss!r}, {name!r}, {samples}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, check=True, text=True,
                          stdout=subprocess.PIPE)
    return float(done.stdout.split()[-1])


def growth(loss, name, samples):
    """The same, of this process."""
    contestant = CONTESTANTS[loss][name]()
    forward_and_backward(contestant, *batch(loss, 16))      # what is loaded and allocated only once is not the loss's
    embeddings, labels = batch(loss, samples)
    try:
        Path("/proc/self/clear_refs").write_text("5")       # Linux forgets the peak that importing left behind
    except OSError:
        pass
    before = peak()
    forward_and_backward(contestant, embeddings, labels)
    return round(peak() - before, 1)


def peak():
    """MiB of resident memory that this process has had at the most."""
    status = Path("/proc/self/status")
    if status.exists():                                     # Linux lets a child's ru_maxrss begin at its parent's peak
        return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def about(*packages):
    """What was measured on and with."""
    return {**machine("cpu"), "load_average": os.getloadavg()[0], "versions": {name: version(name) for name in packages}}


def compare(loss, samples):
    """One row for each contestant, its numbers None where the problem is too large for it."""
    problem = f"InfoNCE, {samples // 2:,} pairs" if loss == "InfoNCE" else f"{loss}, {samples:,} samples"
    names = [name for name in CONTESTANTS[loss] if samples <= LARGEST[name]]
    contest = {name: CONTESTANTS[loss][name]() for name in names}
    embeddings, labels = batch(loss, samples)
    check_agreement(contest, embeddings, labels)            # and everyone is warm
    times = taking_turns({name: partial(forward_and_backward, each, embeddings, labels) for name, each in contest.items()}, ROUNDS)
    rows = []
    for name in CONTESTANTS[loss]:
        row = {"problem": problem, "contestant": name, "seconds": None, "sslkit_times_faster": None, "peak_mib": None}
        if name in times:
            row |= {"seconds": round(statistics.median(times[name]), 5), "sslkit_times_faster": times_faster(times, name),
                    "peak_mib": memory_of(loss, name, samples), "rounds": [round(seconds, 5) for seconds in times[name]]}
        rows.append(row)
    return rows


def main():
    rows = []
    print(f"{'forward + backward':24}{'':26}{'ms':>10}{'sslkit is … times as fast':>28}{'MiB':>10}", flush=True)
    for problem in PROBLEMS:
        for row in compare(*problem):
            rows.append(row)
            if row["seconds"] is not None:
                print(f"{row['problem']:24}{row['contestant']:26}{1000 * row['seconds']:>10,.1f}{row['sslkit_times_faster']:>28.1f}"
                      f"{row['peak_mib']:>10,.0f}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(dumps({"rows": rows, "dim": DIM, "temperature": TEMPERATURE, "margin": MARGIN, "machine": about(
        "torch", "lightly", "pytorch-metric-learning", "sslkit")}, indent=1) + "\n")


if __name__ == "__main__":
    main()
