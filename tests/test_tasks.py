"""The tasks make the problems that their papers make."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sslkit import Task, data, recipes, train
from sslkit.networks import ConvNet
from sslkit.tasks import Inpainting, Jigsaw, RelativePatch, Rotation, Supervised


def test_rotation_turns_every_picture_four_ways_counter_clockwise():
    images = torch.arange(2 * 3 * 4 * 4.).view(2, 3, 4, 4)
    turned, turns = Rotation(ConvNet(8)).make_problem(images)
    assert turned.shape == (8, 3, 4, 4) and turns.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    for picture, quarter, source in zip(turned, turns.tolist(), [0, 1] * 4):
        for row in range(4):
            for column in range(4):                # a quarter turn counter-clockwise brings (row, column) to (3 − column, row)
                r, c = row, column
                for _ in range(quarter):
                    r, c = 3 - c, r
                assert torch.equal(picture[:, r, c], images[source, :, row, column])


def test_rotation_asks_for_square_pictures():
    with pytest.raises(ValueError, match="4 × 6.*square"):
        Rotation(ConvNet(8)).make_problem(torch.rand(2, 3, 4, 6))


def test_rotation_answers_and_marks():
    task = Rotation(ConvNet(8)).eval()
    inputs, targets = task.make_problem(torch.rand(3, 3, 32, 32))
    logits = task(inputs)
    loss, logs = task.loss(logits, targets)
    by_hand = sum(-torch.log_softmax(row, 0)[target] for row, target in zip(logits, targets)) / 12
    torch.testing.assert_close(loss, by_hand)
    right = sum(int(row.argmax() == target) for row, target in zip(logits, targets)) / 12
    assert logs["accuracy"].item() == pytest.approx(right)
    assert task.represent(torch.rand(3, 3, 32, 32)).shape == (3, 64)


def test_supervised_augments_images_and_keeps_labels():
    task = Supervised(ConvNet(8), 5, augment=lambda images: images.flip(-1))
    images, labels = torch.rand(4, 3, 32, 32), torch.tensor([0, 4, 2, 2])
    inputs, targets = task.make_problem((images, labels))
    assert torch.equal(inputs, images.flip(-1)) and torch.equal(targets, labels)
    assert task(inputs).shape == (4, 5)
    torch.testing.assert_close(task.loss(task(inputs), targets)[0], F.cross_entropy(task(inputs), targets))


def test_an_unfinished_task_says_which_verb_is_missing():
    class Empty(Task):
        pass

    task = Empty(nn.Identity())
    for verb, arguments in (("make_problem", [0]), ("forward", [0]), ("loss", [0, 0])):
        with pytest.raises(NotImplementedError, match=rf"Empty must say.*{verb}\("):
            getattr(task, verb)(*arguments)
    assert task.after_step(None) is None and task.represent(3) == 3


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_trains_keeps_its_encoder_and_can_be_resumed(name, tmp_path):
    """The contract, for every method alike: problem, answer, mark; two steps, interrupted and gone on with, to the same bits."""
    splits = data.Splits(*(data.scenes(number, 32) for number in (24, 20, 20)))
    found = {}
    for run, lengths in (("whole", [4]), ("again", [4, 4])):
        torch.manual_seed(0)
        recipe = recipes.RECIPES[name]("cpu")
        assert isinstance(recipe.task, Task) and 24 <= recipe.size <= 128 and {"steps", "batch_size", "lr"} <= recipe.settings.keys()
        before = {key: value.clone() for key, value in recipe.task.encoder.state_dict().items()}
        settings = {**recipe.settings, "steps": 4, "batch_size": 8, "device": "cpu", "amp": False, "progress": False}
        for _ in lengths:
            history = train(recipe.task, splits.train, checkpoint=tmp_path / f"{run}.safetensors", **settings)
        found[run] = recipe.task.state_dict()
        assert all(math.isfinite(value) for record in history for value in record.values()) and len(history) == 4
        assert any(not torch.equal(value, before[key]) for key, value in recipe.task.encoder.state_dict().items())
    assert all(torch.equal(value, found["again"][key]) for key, value in found["whole"].items())
    with torch.no_grad():
        images = splits.validation.images[:3] / 255
        inputs, targets = recipe.task.make_problem(images)
        loss, logs = recipe.task.loss(recipe.task(inputs), targets)
        assert loss.ndim == 0 and all(value.ndim == 0 for value in logs.values()) and not loss.isnan()
        assert recipe.task.represent(images).shape == (3, recipe.task.encoder.dim)


def test_problems_are_drawn_from_torchs_generator():
    """Same seed, same problem; another seed, another one: so that a training can be repeated."""
    images = data.scenes(8, 64).images / 255
    for make in (Jigsaw(ConvNet(8), 2), RelativePatch(ConvNet(8)), Inpainting(ConvNet(8))):
        problems = []
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            problems.append(make.make_problem(images)[0])
        assert torch.equal(problems[0], problems[1]) and not torch.equal(problems[0], problems[2]), type(make).__name__


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_trains_on_a_gpu(name):
    recipe = recipes.RECIPES[name]("gpu")
    history = train(recipe.task, data.scenes(64, recipe.size), **{**recipe.settings, "steps": 3, "batch_size": 16, "progress": False})
    assert math.isfinite(history[-1]["loss"]) and next(recipe.task.parameters()).device.type == "cuda"
