"""The numbers that work: for each method and tier, what to train, on what, for how long.

Two tiers, one switch: `cpu` (a laptop or CI: the drawn world, or CIFAR-10 with patience) and `gpu` (real data, a few
minutes), chosen by the environment variable SSLKIT_TIER or by what the machine has.
"""

import os
from typing import NamedTuple

import torch

from . import data
from .networks import ConvNet, ResNet18
from .task import Task
from .tasks import Rotation


class Recipe(NamedTuple):
    """`train(recipe.task, pictures, **recipe.settings)`, and about how many minutes that takes (None: never timed)."""

    task: Task
    settings: dict
    minutes: float | None


def tier():
    """"cpu" or "gpu": SSLKIT_TIER where it is set, else by the machine. Raises ValueError for other words."""
    wanted = os.environ.get("SSLKIT_TIER") or ("gpu" if torch.cuda.is_available() else "cpu")
    if wanted not in ("cpu", "gpu"):
        raise ValueError(f'SSLKIT_TIER="{wanted}": want "cpu" or "gpu"')
    return wanted


def encoder(tier, name="scenes"):
    """The encoder that every method trains on this data: a fresh one, its weights from torch's generator."""
    return ResNet18() if tier == "gpu" else ConvNet(16) if name == "scenes" else ConvNet(32)


def splits(name, tier):
    """A dataset by name, at the size of the tier → Splits of train, validation, test."""
    if name == "scenes":
        numbers = {"train": 6000, "validation": 1000, "test": 2000} if tier == "cpu" else \
                  {"train": 50_000, "validation": 5000, "test": 10_000}
        return data.Splits(*(data.scenes(number, split=split) for split, number in numbers.items()))
    if name == "cifar10":
        return data.Splits(*(data.cifar10(split) for split in ("train", "validation", "test")))
    raise ValueError(f'data "{name}": want "scenes" or "cifar10"')


def rotation(tier, name="scenes"):
    """Gidaris et al. 2018. Every step sees batch_size pictures in all four turns."""
    steps, lr, minutes = {("cpu", "scenes"): (1600, 2e-3, 1), ("cpu", "cifar10"): (12_000, 1e-3, 30),
                          ("gpu", "scenes"): (8000, 1e-3, None), ("gpu", "cifar10"): (40_000, 1e-3, None)}[tier, name]
    return Recipe(Rotation(encoder(tier, name)), {"steps": steps, "batch_size": 32 if tier == "cpu" else 128, "lr": lr}, minutes)


def from_scratch(tier, name="scenes"):
    """Settings of `fine_tune` for networks that learn from labels, pretrained or not: the same for both."""
    longest = {("cpu", "scenes"): 400, ("cpu", "cifar10"): 2000, ("gpu", "scenes"): 4000, ("gpu", "cifar10"): 8000}[tier, name]
    return {"batch_size": 64 if tier == "cpu" else 128, "lr": 1e-3, "longest": longest}


RECIPES = {"rotation": rotation}                                   # in the order of the lecture
