"""The tasks make the problems that their papers make."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sslkit import Task
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation, Supervised


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
