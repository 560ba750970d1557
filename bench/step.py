"""A whole SimCLR step at 32 pixels, 128 pairs: sslkit's `train` against loops with lightly and kornia. Images per second.

    python -m bench.step               # about five minutes on two quiet cores; writes bench/results/step.json

A step makes two views of every picture, sends them through encoder and projector, takes the loss and its gradient, and moves
the weights. Everyone has the same network, `SimCLR(ConvNet(32))`, the same pictures, and the operations and strengths of
bench/augment.py; a round is one epoch of each, in turns, and a ratio is the median over rounds of the ratio within a round.

sslkit              `train` as anyone calls it: batches of bytes, channels last, bfloat16 where the hardware has it
sslkit, float32     `train` with amp=False
lightly             PIL pictures, SimCLRTransform, a DataLoader with two workers, NTXentLoss, Adam, float32
kornia + lightly    kornia's operations on the whole batch, NTXentLoss, Adam, float32
"""

import copy
import statistics
from functools import partial
from json import dumps
from pathlib import Path

import kornia.augmentation as K
import torch
from lightly.loss import NTXentLoss
from lightly.transforms import SimCLRTransform
from torchvision.transforms.functional import to_pil_image

from sslkit import train
from sslkit.data import as_float
from sslkit.networks import ConvNet
from sslkit.tasks.simclr import SimCLR
from sslkit.train import has_bfloat16

from .augment import JITTER, SIDE, STRENGTH, Pictures
from .losses import TEMPERATURE, about, taking_turns, times_faster

BATCH, STEPS, WIDTH, ROUNDS = 128, 16, 32, 5
RESULTS = Path(__file__).parent / "results" / "step.json"


def contestants(images):
    """{name: function that goes once through `images`, uint8 (STEPS · BATCH, 3, 32, 32), a step for each BATCH of them}."""
    task = SimCLR(ConvNet(WIDTH))
    fresh = lambda: copy.deepcopy(task)
    ours = partial(train, data=images, steps=STEPS, batch_size=BATCH, device="cpu", progress=False)
    return {"sslkit": partial(ours, fresh()), "sslkit, float32": partial(ours, fresh(), amp=False),
            "lightly": loop(fresh(), lightly_views(images)), "kornia + lightly": loop(fresh(), kornia_views(images))}


def loop(network, views):
    """→ a function that trains the network on every (first, second) of views(), in the way of lightly's own examples."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = NTXentLoss(TEMPERATURE)

    def epoch():
        for first, second in views():
            loss = criterion(network(first), network(second))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return epoch


def lightly_views(images):
    transform = SimCLRTransform(input_size=SIDE, cj_prob=0.8, cj_strength=STRENGTH, min_scale=0.08, random_gray_scale=0.2,
                                gaussian_blur=0.0, hf_prob=0.5, normalize=None)
    # The loader lives on from round to round, so that starting its workers is not counted against it.
    loader = torch.utils.data.DataLoader(Pictures([to_pil_image(image) for image in images], transform), batch_size=BATCH,
                                         shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)
    return lambda: loader


def kornia_views(images):
    view = torch.nn.Sequential(K.RandomResizedCrop((SIDE, SIDE), scale=(0.08, 1.0)), K.RandomHorizontalFlip(),
                               K.ColorJitter(*JITTER, p=0.8), K.RandomGrayscale(p=0.2))

    def batches():
        for chosen in torch.randperm(len(images)).split(BATCH):
            floats = as_float(images[chosen])
            yield view(floats), view(floats)
    return batches


def main():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (STEPS * BATCH, 3, SIDE, SIDE), dtype=torch.uint8)
    runs = contestants(images)
    for run in runs.values():                               # warm up: workers, memory
        run()
    times = taking_turns(runs, ROUNDS)
    rows = {name: {"images_per_second": round(len(images) / statistics.median(each)),
                   "sslkit_times_faster": times_faster(times, name), "rounds": [round(len(images) / seconds) for seconds in each]}
            for name, each in times.items()}
    print(f"{'a whole SimCLR step':24}{'images/s':>10}{'sslkit is … times as fast':>28}")
    for name, row in rows.items():
        print(f"{name:24}{row['images_per_second']:>10,}{row['sslkit_times_faster']:>28.1f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(dumps({
        "rows": rows, "batch": BATCH, "side": SIDE, "encoder": f"ConvNet({WIDTH})", "steps_a_round": STEPS,
        "bfloat16": has_bfloat16(torch.device("cpu")), "machine": about("torch", "torchvision", "lightly", "kornia", "sslkit")},
        indent=1) + "\n")


if __name__ == "__main__":
    main()
