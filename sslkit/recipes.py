"""The numbers that work: for each method and tier, what to train, on what, for how long.

Two tiers, one switch: `cpu` (a laptop or CI: the drawn world, or CIFAR-10 with patience) and `gpu` (real data, a few
minutes), chosen by the environment variable SSLKIT_TIER or by what the machine has.
"""

import os
from functools import partial
from typing import NamedTuple

import torch

from . import data, losses
from .color import rebalancing
from .networks import ConvNet, LightnessEncoder, ResNet18, SplitEncoder, ViT
from .task import Task
from .tasks import BYOL, MAE, Colorization, Inpainting, Jigsaw, MoCo, RelativePatch, Rotation, SimCLR, SplitBrain


class Recipe(NamedTuple):
    """`train(recipe.task, pictures, **recipe.settings)`, and about how many minutes that takes (None: never timed)."""

    task: Task
    settings: dict
    minutes: float | None
    size: int = 32                                                 # of the pictures of the drawn world, in pixels


def tier():
    """"cpu" or "gpu": SSLKIT_TIER where it is set, else by the machine. Raises ValueError for other words."""
    wanted = os.environ.get("SSLKIT_TIER") or ("gpu" if torch.cuda.is_available() else "cpu")
    if wanted not in ("cpu", "gpu"):
        raise ValueError(f'SSLKIT_TIER="{wanted}": want "cpu" or "gpu"')
    return wanted


def encoder(tier, name="scenes", half=False):
    """The encoder that every method trains on this data: a fresh one, its weights from torch's generator.

    half: half as wide, for methods that have two (in the `gpu` tier, where ResNet-18 comes in one width, as wide).
    """
    width = (16 if name == "scenes" else 32) // (2 if half else 1)
    return ResNet18() if tier == "gpu" else ConvNet(width)


def vit(tier, name="scenes"):
    """The encoder of methods that leave patches out: a fresh vision transformer, patches of 4 pixels; ViT-T in the `gpu` tier."""
    return ViT(32, 4, dim=192, depth=12, heads=3) if tier == "gpu" else ViT(32, 4, dim=128, depth=4, heads=4)


def backbone(method, tier, name="scenes"):
    """The encoder that a method trains, fresh: what its floors, a random encoder and training from scratch, must be made of."""
    return vit(tier, name) if method == "mae" else encoder(tier, name)


def kept(method, tier, name="scenes"):
    """The encoder that is kept of a method's training, fresh: what its stored weights are loaded into."""
    if method == "colorization":
        return LightnessEncoder(encoder(tier, name))
    if method == "split_brain":
        return SplitEncoder(encoder(tier, name, half=True), encoder(tier, name, half=True))
    return backbone(method, tier, name)


def of_length(recipe, steps):
    """The recipe with another number of steps."""
    if isinstance(recipe.task, BYOL):                              # whose teacher's momentum rises over the run
        recipe.task.steps = steps
    return recipe._replace(settings={**recipe.settings, "steps": steps})


def splits(name, tier, size=32):
    """A dataset by name, at the size of the tier → Splits of train, validation, test.

    size: pixels of the drawn world's pictures; of larger ones there are fewer in the `cpu` tier. CIFAR-10 has 32.
    """
    if name == "scenes":
        numbers = (50_000, 5000, 10_000) if tier == "gpu" else (6000, 1000, 2000) if size <= 32 else (4000, 500, 1000)
        return data.Splits(*(data.scenes(number, size, split=split) for number, split in zip(numbers, data.Splits._fields)))
    if name == "cifar10":
        return data.Splits(*(data.cifar10(split) for split in data.Splits._fields))
    raise ValueError(f'data "{name}": want "scenes" or "cifar10"')


def rotation(tier, name="scenes"):
    """Gidaris et al. 2018. Every step sees batch_size pictures in all four turns."""
    steps, lr, minutes = {("cpu", "scenes"): (1600, 2e-3, 1), ("cpu", "cifar10"): (12_000, 1e-3, 30),
                          ("gpu", "scenes"): (8000, 1e-3, None), ("gpu", "cifar10"): (40_000, 1e-3, None)}[tier, name]
    return Recipe(Rotation(encoder(tier, name)), {"steps": steps, "batch_size": 32 if tier == "cpu" else 128, "lr": lr}, minutes)


def jigsaw(tier, name="scenes"):
    """Noroozi & Favaro 2016, with 2 × 2 tiles in place of 3 × 3: pictures are small."""
    return _pretext(Jigsaw(encoder(tier, name), 2), tier, name)


def relative_patch(tier, name="scenes"):
    """Doersch et al. 2015. Patches of three tenths of the picture's side; of CIFAR-10's, which are small, 12 pixels."""
    return _pretext(RelativePatch(encoder(tier, name), 12 if name == "cifar10" else None), tier, name, batch_size=64)


def colorization(tier, name="scenes"):
    """Zhang et al. 2016. The weights of the bins come from a few hundred pictures of the same data."""
    return _pretext(Colorization(LightnessEncoder(encoder(tier, name)), _weights(name)), tier, name, size=48)


def split_brain(tier, name="scenes"):
    """Zhang et al. 2017. Two encoders of half the width: together as many features as the others have."""
    return _pretext(SplitBrain(encoder(tier, name, half=True), encoder(tier, name, half=True), _weights(name)), tier, name,
                    size=48)


def inpainting(tier, name="scenes"):
    """Pathak et al. 2016, without the adversarial loss."""
    return _pretext(Inpainting(encoder(tier, name)), tier, name)


def simclr(tier, name="scenes"):
    """Chen et al. 2020. Temperature 0.2 in place of the paper's 0.5 for CIFAR-10: as good or better in short trainings here."""
    return _contrastive(SimCLR(encoder(tier, name), contrast=partial(losses.info_nce, temperature=0.2)), tier, name)


def moco(tier, name="scenes"):
    """He et al. 2020, with v2's projector and augmentations. The teacher follows faster than the paper's 0.999: runs are shorter."""
    return _contrastive(MoCo(encoder(tier, name), queue=4096, momentum=0.99, temperature=0.2), tier, name)


def byol(tier, name="scenes"):
    """Grill et al. 2020. The teacher's momentum rises to 1 over the run."""
    recipe = _contrastive(BYOL(encoder(tier, name), momentum=0.97 if tier == "cpu" else 0.99), tier, name)
    return of_length(recipe, recipe.settings["steps"])


def mae(tier, name="scenes"):
    """He et al. 2022, patches told relative to their own mean and deviation, which was better here; on a GPU 400 epochs of CIFAR-10."""
    steps, batch_size, minutes = {("cpu", "scenes"): (1000, 128, 3), ("cpu", "cifar10"): (8000, 128, 30),
                                  ("gpu", "scenes"): (10_000, 512, None), ("gpu", "cifar10"): (36_000, 512, None)}[tier, name]
    return Recipe(MAE(vit(tier, name), norm_pix=True), {"steps": steps, "batch_size": batch_size, "lr": 2e-3}, minutes)


def _contrastive(task, tier, name):
    """Batches as large as the tier bears; 200 epochs of CIFAR-10 on a GPU. Pictures of 32 pixels on a CPU, as for rotation."""
    steps, batch_size, minutes = {("cpu", "scenes"): (600, 128, 1), ("cpu", "cifar10"): (6000, 128, 20),
                                  ("gpu", "scenes"): (8000, 256, None), ("gpu", "cifar10"): (19_400, 512, None)}[tier, name]
    return Recipe(task, {"steps": steps, "batch_size": batch_size, "lr": 2e-3}, minutes)


def _pretext(task, tier, name, batch_size=32, size=64):
    """One length for all of them. batch_size, size: of the smallest case, the drawn world on a CPU, where pixels are dear."""
    steps, lr, minutes = {("cpu", "scenes"): (1200, 2e-3, 1), ("cpu", "cifar10"): (12_000, 1e-3, None),
                          ("gpu", "scenes"): (8000, 1e-3, None), ("gpu", "cifar10"): (40_000, 1e-3, None)}[tier, name]
    batch_size *= {("cpu", "scenes"): 1, ("cpu", "cifar10"): 2}.get((tier, name), 4)
    return Recipe(task, {"steps": steps, "batch_size": batch_size, "lr": lr}, minutes, 96 if tier == "gpu" else size)


def _weights(name):
    """How much each bin of colour counts, from the colours of a few hundred pictures."""
    return rebalancing(data.scenes(500).images if name == "scenes" else data.cifar10("train").images[:5000])


def from_scratch(tier, name="scenes"):
    """Settings of `fine_tune` for networks that learn from labels, pretrained or not: the same for both."""
    longest = {("cpu", "scenes"): 400, ("cpu", "cifar10"): 2000, ("gpu", "scenes"): 4000, ("gpu", "cifar10"): 8000}[tier, name]
    return {"batch_size": 64 if tier == "cpu" else 128, "lr": 1e-3, "longest": longest}


RECIPES = {"rotation": rotation, "jigsaw": jigsaw, "relative_patch": relative_patch, "colorization": colorization,
           "split_brain": split_brain, "inpainting": inpainting, "mae": mae, "simclr": simclr, "moco": moco,
           "byol": byol}                                           # in the order of the lecture
