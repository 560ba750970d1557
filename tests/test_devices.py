"""Every task, augmentation and probe keeps to the device of its data, and does not make it wait.

No GPU is needed: tensors only say that they are elsewhere, see `elsewhere.py`.
"""

import inspect
from functools import partial

import pytest
import torch
from elsewhere import Elsewhere, MixedDevices, elsewhere, move, numbers_of, watched

from sslkit import augment, color, data, evaluate, losses, tasks
from sslkit.evaluate import embed, knn, nearest_mean
from sslkit.networks import (
    GPT,
    CausalConvNet,
    ConvNet,
    LightnessEncoder,
    PixelCNN,
    TextTransformer,
    ViT,
    WaveNet,
)
from sslkit.tasks import holes, masks

torch.manual_seed(0)
IMAGES = data.scenes(8, 32).images / 255
TOKENS = torch.randint(2, 9, (4, 6))
LABELS = torch.arange(8) % 3
AUTOREGRESSIVE = {
    "Autoregressive GPT": (lambda: GPT(9, 6, dim=8, depth=1, heads=1), TOKENS),
    "Autoregressive PixelCNN": (lambda: PixelCNN(9, dim=8, depth=1), TOKENS.view(4, 2, 3)),
    "Autoregressive WaveNet": (
        lambda: WaveNet(9, dim=6, dilations=(1, 2), conditions=3),
        (TOKENS, LABELS[:4]),
    ),
}
TASKS = {
    "Rotation": (lambda: tasks.Rotation(ConvNet(8)), IMAGES),
    "Jigsaw": (lambda: tasks.Jigsaw(ConvNet(8), 2), IMAGES),
    "RelativePatch": (lambda: tasks.RelativePatch(ConvNet(8)), IMAGES),
    "Colorization": (lambda: tasks.Colorization(LightnessEncoder(ConvNet(8))), IMAGES),
    "SplitBrain": (lambda: tasks.SplitBrain(ConvNet(8), ConvNet(8)), IMAGES),
    "Inpainting": (lambda: tasks.Inpainting(ConvNet(8)), IMAGES),
    "MAE": (lambda: tasks.MAE(ViT(32, 8, dim=16, depth=1, heads=2), norm_pix=True), IMAGES),
    "SimCLR": (lambda: tasks.SimCLR(ConvNet(8)), IMAGES),
    "MoCo": (lambda: tasks.MoCo(ConvNet(8), queue=16), IMAGES),
    "BYOL": (lambda: tasks.BYOL(ConvNet(8), steps=10), IMAGES),
    "VICReg": (lambda: tasks.VICReg(ConvNet(8), dim=8, hidden=16), IMAGES),
    "PseudoLabel": (
        lambda: tasks.PseudoLabel(ConvNet(8), 3),
        (IMAGES, IMAGES.flip(0), LABELS),
    ),
    "Supervised": (lambda: tasks.Supervised(ConvNet(8), 3, augment.standard), (IMAGES, LABELS)),
    "VQVAE": (lambda: tasks.VQVAE(ConvNet(8), codes=6, width=4, patience=0), IMAGES),
    "MaskedLM": (lambda: tasks.MaskedLM(TextTransformer(9, 6, 8, 1, 1)), TOKENS),
    "Forecast": (lambda: tasks.Forecast(CausalConvNet(2, 8, (1, 2)), 2, 3), torch.randn(4, 2, 12)),
    **{
        name: (lambda make=make: tasks.Autoregressive(make()), batch)
        for name, (make, batch) in AUTOREGRESSIVE.items()
    },
}
# Where a step waits, and why it has to.
RANGE = {"tolist": 1}  # the range of tokens is checked: others would end a GPU's process
WAITS = {
    "SimCLR": {"_local_scalar_dense": 1, "_unique2": 1, "nonzero": 1},  # info_nce's checks
    "MaskedLM": RANGE,
    **dict.fromkeys(AUTOREGRESSIVE, RANGE),
}


def made(name):
    torch.manual_seed(1)
    return TASKS[name][0]().train()


def step(task, batch):
    """One training step but for the optimizer → loss, gradients and buffers after it."""
    torch.manual_seed(2)
    with torch.no_grad():
        inputs, targets = task.make_problem(batch)
    loss, logs = task.loss(task(inputs), targets)
    loss.backward()
    with torch.no_grad():
        task.after_step(targets)
    gradients = [p.grad for p in task.parameters() if p.grad is not None]
    return [loss.detach(), *logs.values(), *gradients, *task.buffers()]


def test_every_task_is_looked_at():
    there = {name for name in tasks.__all__ if inspect.isclass(getattr(tasks, name))}
    assert there == {name.split()[0] for name in TASKS}


@pytest.mark.parametrize("name", TASKS)
def test_a_step_elsewhere_stays_there_waits_for_nothing_and_is_the_same_step(name):
    expected = step(made(name), TASKS[name][1])
    task = move(made(name))
    if name in ("Colorization", "SplitBrain"):
        task.colour_checked = True  # as after the first batch
    with watched() as watch:
        found = step(task, elsewhere(TASKS[name][1]))
    assert len(found) == len(expected) and all(isinstance(value, Elsewhere) for value in found)
    for value, other in zip(numbers_of(found), expected):
        torch.testing.assert_close(value, other)
    assert watch.waits == WAITS.get(name, {})


@pytest.mark.parametrize("name", ["Colorization", "SplitBrain"])
def test_only_the_first_batch_elsewhere_is_asked_whether_it_is_grey(name):
    task, batch = move(made(name)), elsewhere(TASKS[name][1])
    waits = []
    for _ in range(3):
        with watched() as watch:
            task.make_problem(batch)
        waits.append(watch.waits)
    assert waits == [{"_local_scalar_dense": 1}, {}, {}]
    with watched(), pytest.raises(ValueError, match="grey"):
        move(made(name)).make_problem(elsewhere(IMAGES[:, :1].expand(-1, 3, -1, -1)))


AUGMENTATIONS = {
    "simclr_views": augment.simclr_views,
    "standard": augment.standard,
    "blurred views": partial(augment.simclr_views, blur=True, size=24),
    "random_resized_crop": augment.random_resized_crop,
    "random_crop": augment.random_crop,
    "horizontal_flip": augment.horizontal_flip,
    "color_jitter": augment.color_jitter,
    "grayscale": augment.grayscale,
    "gaussian_blur": augment.gaussian_blur,
    **{
        f"hole {name}": (lambda images, hole=hole: hole(images).float())
        for name, hole in {
            "centre": holes.centre,
            "block": holes.block,
            "strokes": holes.strokes,
            "top half": holes.top_half,
        }.items()
    },
    **{
        f"mask {mask.__name__}": (lambda images, mask=mask: mask(8, 4, images.device).float())
        for mask in (masks.random, masks.block, masks.grid)
    },
    "Lab and back": lambda images: color.lab_to_rgb(color.rgb_to_lab(images)),
    "bins of colour": lambda images: color.soft_encode(color.rgb_to_lab(images)[:, 1:]),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_elsewhere_stay_there_and_wait_for_nothing(name):
    torch.manual_seed(3)
    expected = AUGMENTATIONS[name](IMAGES)
    with watched() as watch:
        torch.manual_seed(3)
        found = AUGMENTATIONS[name](elsewhere(IMAGES))
    assert isinstance(found, Elsewhere)
    torch.testing.assert_close(found.numbers, expected)
    assert watch.waits == {}


def test_probes_take_features_from_elsewhere():
    """The linear probe is scikit-learn's, on the CPU, where `embed` puts features."""
    features, queries = torch.randn(40, 5), torch.randn(12, 5)
    labels = torch.arange(40) % 3
    with watched():
        there = elsewhere([features, labels, queries])
        found = [knn(*there, k=9), nearest_mean(*there)]
    for value, expected in zip(
        found, (knn(features, labels, queries, k=9), nearest_mean(features, labels, queries))
    ):
        assert isinstance(value, Elsewhere) and torch.equal(value.numbers, expected)


def test_features_are_embedded_elsewhere_and_come_back(monkeypatch):
    monkeypatch.setattr(evaluate, "choose_device", torch.device)  # it refuses "meta", rightly
    images = (255 * IMAGES).to(torch.uint8)                        # floats are asked for their range, once a call
    expected = embed(made("Rotation").represent, images, device="cpu", amp=False)
    task = move(made("Rotation"))
    with watched() as watch:
        found = embed(task.represent, elsewhere(images), device="meta", amp=False)
    assert not isinstance(found, Elsewhere) and watch.waits == {"copy to the CPU": 1}
    torch.testing.assert_close(found, expected)


# ------------------------------------------------------------------------- would it be noticed?


class Planted(tasks.Rotation):
    """mistake: one of those that only a GPU would find."""

    mistake = None

    def make_problem(self, images):
        turned, turns = super().make_problem(images)
        if self.mistake == "device":
            turns = turns + torch.arange(4).repeat_interleave(len(images))
        if self.mistake == "item" and turns[0].item() > 3:
            turns = turns - 1
        if self.mistake == "if" and (turns > 3).any():
            turns = turns - 1
        if self.mistake == "mask":
            turned = turned[turns < 4]
        if self.mistake == "numbers":
            turned = turned * torch.tensor([1.0, 1.0, 1.0], device=turned.device).view(3, 1, 1)
        if self.mistake == "copy":
            turned = turned.cpu().to(turned.device)
        return turned, turns


def planted(mistake):
    task = move(Planted(ConvNet(8)))
    task.mistake = mistake
    with watched() as watch:
        step(task, elsewhere(IMAGES))
    return watch.waits


def test_a_tensor_made_on_the_wrong_device_is_found():
    with pytest.raises(MixedDevices, match="add was given tensors of two devices"):
        planted("device")


@pytest.mark.parametrize(
    "mistake, waits",
    [
        (None, {}),
        ("item", {"_local_scalar_dense": 1}),
        ("if", {"_local_scalar_dense": 1}),
        ("mask", {"index by a mask": 1}),
        ("numbers", {"torch.tensor": 1}),
        ("copy", {"copy to the CPU": 1, "copy from the CPU": 1}),
    ],
)
def test_a_wait_is_found(mistake, waits):
    assert planted(mistake) == waits


def test_vicreg_of_values_that_are_not_finite_is_refused_where_it_is_called_alone():
    """The task leaves values to `train`, which looks at the loss without waiting."""
    with watched() as watch:
        losses.vicreg(elsewhere(torch.randn(4, 3)), elsewhere(torch.randn(4, 3)))
    assert watch.waits == {"_local_scalar_dense": 2}
