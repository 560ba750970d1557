"""The numbers that work: for each method and tier, what to train, on what, for how long.

Two tiers, one switch: `cpu` (a laptop or CI: the drawn world, or CIFAR-10 with patience) and `gpu` (real data, a few
minutes), chosen by the environment variable SSLKIT_TIER or by what the machine has.
"""

import os
from functools import partial
from typing import NamedTuple

import torch

from . import data, losses
from .augment import compose, horizontal_flip, random_resized_crop, simclr_views
from .color import rebalancing
from .networks import ConvNet, LightnessEncoder, ResNet18, SplitEncoder, ViT
from .task import Task
from .tasks import (BYOL, MAE, Colorization, Inpainting, Jigsaw, MoCo, RelativePatch, Rotation, SimCLR, SplitBrain,
                    VICReg)


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

    On a CPU and CIFAR-10 its stem keeps the image's size, at half the width of the older `ConvNet(32)`: about as many FLOPs.
    half: half as wide, for methods that have two (in the `gpu` tier, where ResNet-18 comes in one width, as wide).
    """
    if tier == "gpu":
        return ResNet18()
    width = 8 if half else 16
    return ConvNet(width, 16 * width, stride=1) if name == "cifar10" else ConvNet(width)


def vit(tier, name="scenes"):
    """The encoder of methods that leave patches out: a fresh vision transformer, patches of 4 pixels; ViT-T in the `gpu` tier."""
    return ViT(32, 4, dim=192, depth=12, heads=3) if tier == "gpu" else ViT(32, 4, dim=128, depth=4, heads=4)


def backbone(method, tier, name="scenes"):
    """The encoder that a method trains, fresh: what its floors, a random encoder and training from scratch, must be made of."""
    return vit(tier, name) if method == "mae" else encoder(tier, name)


def kept(method, tier, name="scenes", make=None):
    """The encoder that is kept of a method's training, fresh: what its stored weights are loaded into.

    make: (half) → the encoder that the method was given, where it is not the recipe's.
    """
    make = make or (lambda half=False: encoder(tier, name, half))
    if method == "colorization":
        return LightnessEncoder(make())
    if method == "split_brain":
        return SplitEncoder(make(half=True), make(half=True))
    return vit(tier, name) if method == "mae" else make()


def with_steps(recipe, steps):
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


def rotation(tier, name="scenes", *, crop=0.4, batch_size=64, lr=2e-3):
    """Gidaris et al. 2018. Every step sees batch_size images in all four rotations.

    On CIFAR-10 and a CPU: crops of at least `crop` of the image, at 24 pixels, and flips, where the paper shifts and flips
    images of 32 (bench/results/search.json).
    """
    steps, minutes = {("cpu", "scenes"): (1600, 1), ("cpu", "cifar10"): (6000, None),
                      ("gpu", "scenes"): (8000, None), ("gpu", "cifar10"): (40_000, None)}[tier, name]
    if (tier, name) != ("cpu", "cifar10"):
        batch_size, lr = (32, 2e-3) if tier == "cpu" else (128, 1e-3)
        return Recipe(Rotation(encoder(tier, name)), {"steps": steps, "batch_size": batch_size, "lr": lr}, minutes)
    augment = partial(random_resized_crop, scale=(crop, 1.0), size=24) if crop < 1 else None
    augment = augment and compose(augment, horizontal_flip)
    return Recipe(Rotation(encoder(tier, name), augment), {"steps": steps, "batch_size": batch_size, "lr": lr}, minutes)


def jigsaw(tier, name="scenes", **choices):
    """Noroozi & Favaro 2016, with 2 × 2 tiles in place of 3 × 3: images are small."""
    return _pretext(Jigsaw(encoder(tier, name), 2), tier, name, **choices)


def relative_patch(tier, name="scenes", *, one_channel=False, patch=12, **choices):
    """Doersch et al. 2015. Patches of three tenths of the image's side; of CIFAR-10's, which are small, 12 pixels."""
    patch = patch if name == "cifar10" else None
    task = RelativePatch(encoder(tier, name), patch, one_channel=one_channel)
    return _pretext(task, tier, name, **{"small_batch": 64, **choices})


def colorization(tier, name="scenes", *, rebalance=True, **choices):
    """Zhang et al. 2016. The weights of the bins come from a few hundred images of the same data."""
    task = Colorization(LightnessEncoder(encoder(tier, name)), _weights(name) if rebalance else None)
    return _pretext(task, tier, name, size=48, **choices)


def split_brain(tier, name="scenes", **choices):
    """Zhang et al. 2017. Two encoders of half the width: together as many features as the others have."""
    task = SplitBrain(encoder(tier, name, half=True), encoder(tier, name, half=True), _weights(name))
    return _pretext(task, tier, name, size=48, **choices)


def inpainting(tier, name="scenes", **choices):
    """Pathak et al. 2016, without the adversarial loss."""
    return _pretext(Inpainting(encoder(tier, name)), tier, name, **choices)


def simclr(tier, name="scenes", *, temperature=0.2, small=2, batch_size=64, **choices):
    """Chen et al. 2020. Temperature 0.2 in place of the paper's 0.5 for CIFAR-10: as good or better in short trainings here.

    On CIFAR-10 and a CPU, by bench/results/search.json: `small` more views of 16 pixels (multi-crop, Caron et al. 2020), which the
    paper has not, and small batches, which make more updates of the same FLOPs.
    """
    views = (LOCAL_VIEW,) * small if (tier, name) == ("cpu", "cifar10") else ()
    task = SimCLR(encoder(tier, name), _views(tier, name), contrast=partial(losses.info_nce, temperature=temperature), small=views)
    return _two_views(task, tier, name, batch_size=batch_size, **choices)


def moco(tier, name="scenes", *, temperature=0.2, momentum=0.99, queue=None, symmetric=None, **choices):
    """He et al. 2020, with v2's projector and augmentations. The teacher follows faster than the paper's 0.999: runs are shorter.

    On CIFAR-10 and a CPU with the symmetric loss of the authors' CIFAR-10 example, and a short queue (bench/results/search.json).
    """
    searched = (tier, name) == ("cpu", "cifar10")
    symmetric, queue = searched if symmetric is None else symmetric, queue or (1024 if searched else 4096)
    task = MoCo(encoder(tier, name), _views(tier, name), queue=queue, momentum=momentum, temperature=temperature, symmetric=symmetric)
    return _two_views(task, tier, name, **choices)


def byol(tier, name="scenes", *, momentum=None, hidden=None, dim=None, lr=None, **choices):
    """Grill et al. 2020. The teacher's momentum rises to 1 over the run, from 0.99 in the `gpu` tier (the paper: 0.996).

    On CIFAR-10 and a CPU, by bench/results/search.json: heads of 1024 and 256 (the paper: 4096 and 256), and half the rate of others.
    """
    searched = (tier, name) == ("cpu", "cifar10")
    momentum = momentum or (0.97 if tier == "cpu" else 0.99)
    hidden, dim, lr = hidden or (1024 if searched else None), dim or (256 if searched else 128), lr or (1e-3 if searched else 2e-3)
    task = BYOL(encoder(tier, name), _views(tier, name), dim, momentum=momentum, hidden=hidden)
    recipe = _two_views(task, tier, name, lr=lr, **choices)
    return with_steps(recipe, recipe.settings["steps"])


def vicreg(tier, name="scenes", *, dim=512, hidden=512, **choices):
    """Bardes et al. 2022, with a projector of 512 three times in place of 8192: encoders are small (bench/results/search.json)."""
    return _two_views(VICReg(encoder(tier, name), _views(tier, name), dim, hidden), tier, name, **choices)


def mae(tier, name="scenes", *, ratio=0.75, depth=1, norm_pix=True, batch_size=128, lr=2e-3):
    """He et al. 2022, patches normalised by their own mean and standard deviation, which was better here; on a GPU 400 epochs
    of CIFAR-10. depth: of the decoder."""
    steps, batch_size, minutes = {("cpu", "scenes"): (1000, 128, 3), ("cpu", "cifar10"): (8000, batch_size, 30),
                                  ("gpu", "scenes"): (10_000, 512, None), ("gpu", "cifar10"): (36_000, 512, None)}[tier, name]
    task = MAE(vit(tier, name), ratio, norm_pix=norm_pix, depth=depth)
    return Recipe(task, {"steps": steps, "batch_size": batch_size, "lr": lr}, minutes)


LOCAL_VIEW = partial(simclr_views, size=16, scale=(0.05, 0.4))     # a small part, shown small


def _views(tier, name):
    """SimCLR's augmentation. On CIFAR-10 and a CPU views have 24 pixels, which cost little more than half of 32."""
    return partial(simclr_views, size=24) if (tier, name) == ("cpu", "cifar10") else simclr_views


def _two_views(task, tier, name, *, batch_size=128, lr=2e-3):
    """Batches as large as the tier bears; 200 epochs of CIFAR-10 on a GPU."""
    steps, batch_size, minutes = {("cpu", "scenes"): (600, 128, 1), ("cpu", "cifar10"): (6000, batch_size, None),
                                  ("gpu", "scenes"): (8000, 256, None), ("gpu", "cifar10"): (19_400, 512, None)}[tier, name]
    return Recipe(task, {"steps": steps, "batch_size": batch_size, "lr": lr}, minutes)


def _pretext(task, tier, name, *, batch_size=64, lr=2e-3, small_batch=32, size=64):
    """One length for all of them. batch_size, lr: on CIFAR-10 and a CPU. small_batch, size: of the drawn world there, where
    pixels are dear."""
    steps, batch_size, lr, minutes = {("cpu", "scenes"): (1200, small_batch, 2e-3, 1), ("cpu", "cifar10"): (6000, batch_size, lr, None),
                                      ("gpu", "scenes"): (8000, 4 * small_batch, 1e-3, None),
                                      ("gpu", "cifar10"): (40_000, 4 * small_batch, 1e-3, None)}[tier, name]
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
           "byol": byol, "vicreg": vicreg}                                           # in the order of the lecture
