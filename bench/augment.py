"""Images per second for two SimCLR views at 32 pixels: sslkit against lightly, torchvision and kornia.

    python bench/augment.py            # under a minute on two quiet cores; writes bench/results/augment.json

Same operations and strengths everywhere: crop (0.08 to 1), flip, jitter of strength 0.5 with probability 0.8, grey with
0.2, no blur. The contestants take turns within each round, so that whatever else the machine does falls on all of them;
a ratio is the median over rounds of the ratio within a round. An image counts once, though two views are made of it.
`torch.compile` is left out: compiling the whole of `simclr_views` had not ended after four minutes.
"""

import json
import os
import platform
import statistics
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import kornia.augmentation as K
import torch
from lightly.transforms import SimCLRTransform
from torchvision.transforms import v2
from torchvision.transforms.functional import to_pil_image

from sslkit.augment import simclr_views
from sslkit.data import as_float

BATCH, SIDE, STRENGTH, ROUNDS = 256, 32, 0.5, 7
JITTER = (0.8 * STRENGTH, 0.8 * STRENGTH, 0.8 * STRENGTH, 0.2 * STRENGTH)
RESULTS = Path(__file__).parent / "results" / "augment.json"


class Pictures(torch.utils.data.Dataset):
    """PIL pictures through a transform that makes one of them at a time, as a DataLoader wants them."""

    def __init__(self, pictures, transform):
        self.pictures, self.transform = pictures, transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return self.transform(self.pictures[index])


def contestants(images):
    """{name: function that makes two views of all of `images`, uint8 (B, 3, 32, 32), as floats}."""
    pictures = [to_pil_image(image) for image in images]
    lightly = SimCLRTransform(input_size=SIDE, cj_prob=0.8, cj_strength=STRENGTH, min_scale=0.08, random_gray_scale=0.2,
                              gaussian_blur=0.0, hf_prob=0.5, normalize=None)
    # The loader lives on from round to round, so that starting its workers is not counted against it.
    loader = torch.utils.data.DataLoader(Pictures(pictures, lightly), batch_size=BATCH // 4, num_workers=2,
                                         persistent_workers=True)
    torchvision = v2.Compose([
        v2.RandomResizedCrop(SIDE, antialias=True), v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(*JITTER)], p=0.8), v2.RandomGrayscale(0.2)])
    kornia = torch.nn.Sequential(
        K.RandomResizedCrop((SIDE, SIDE), scale=(0.08, 1.0)), K.RandomHorizontalFlip(),
        K.ColorJitter(*JITTER, p=0.8), K.RandomGrayscale(p=0.2))

    def twice(view):
        def both():
            floats = as_float(images)
            return view(floats), view(floats)
        return both
    one_by_one = lambda floats: torch.stack([torchvision(image) for image in floats])
    return {"sslkit": twice(partial(simclr_views, strength=STRENGTH)),
            "kornia": twice(kornia),
            "torchvision v2": twice(one_by_one),
            "lightly, 2 workers": lambda: list(loader)}


def measure(runs, seconds=0.5):
    """{name: function} → {name: [images per second in each round]}, the functions taking turns."""
    rates = {name: [] for name in runs}
    for name, run in runs.items():                          # warm up: workers, compilers, memory
        run()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start, count = time.perf_counter(), 0
            while (spent := time.perf_counter() - start) < seconds or count < 1:
                run()
                count += 1
            rates[name].append(count * BATCH / spent)
    return rates


def main():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), dtype=torch.uint8)
    rates = measure(contestants(images))
    rows = {name: {"images_per_second": round(statistics.median(each)), "rounds": [round(rate) for rate in each],
                   "sslkit_times_faster": round(statistics.median(a / b for a, b in zip(rates["sslkit"], each)), 2)}
            for name, each in rates.items()}
    print(f"{'two views of 32 pixels':24}{'images/s':>10}{'sslkit is … times as fast':>28}")
    for name, row in rows.items():
        print(f"{name:24}{row['images_per_second']:>10,}{row['sslkit_times_faster']:>28.1f}")
    packages = ("torch", "torchvision", "lightly", "kornia", "sslkit")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({
        "rows": rows, "batch": BATCH, "side": SIDE, "strength": STRENGTH,
        "cores": os.cpu_count(), "threads": torch.get_num_threads(), "load_average": os.getloadavg()[0],
        "python": platform.python_version(), "versions": {name: version(name) for name in packages}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
