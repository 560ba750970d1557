"""Pseudo-labels: only what the network is sure of counts, and the loss is the paper's."""

import math

import pytest
import torch

from sslkit import data, protocol, train
from sslkit.networks import ConvNet
from sslkit.tasks import PseudoLabel


def same(images):
    return images


def problem(threshold, strong=same):
    """Eight labelled and eight unlabelled images, and a head whose bias alone decides."""
    torch.manual_seed(0)
    task = PseudoLabel(ConvNet(8), 3, same, strong, threshold=threshold).eval()
    task.head.weight.data.zero_()
    task.head.bias.data = torch.tensor([0.0, 2.0, 0.0])            # class 1, with probability e² / (e² + 2) = 0.787
    images = torch.rand(16, 3, 32, 32)
    with torch.no_grad():
        return task, images, *task.make_problem((images[:8], images[8:], torch.arange(8) % 3))


@pytest.mark.parametrize("threshold, sure", [(0.78, 1.0), (0.79, 0.0)])
def test_a_guess_counts_from_the_threshold_on(threshold, sure):
    _, images, inputs, (labels, counts) = problem(threshold)
    assert torch.equal(inputs, torch.cat([images[8:], images[:8]]))                     # labelled first
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1] + [1] * 8
    assert counts.tolist() == [1.0] * 8 + [sure] * 8


def test_the_loss_is_that_of_the_paper():
    task = PseudoLabel(ConvNet(8), 3, weight=0.5)
    logits, labels = torch.randn(8, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 2, 1, 0, 1])
    counts = torch.tensor([1, 1, 1, 1, 0, 1, 0, 1.0])
    entropy = [-math.log(math.exp(row[label]) / sum(map(math.exp, row))) for row, label in zip(logits.tolist(), labels.tolist())]
    by_hand = sum(entropy[:4]) / 4 + 0.5 * (entropy[5] + entropy[7]) / 4                # eq. 4: the mean is over all unlabelled
    loss, logs = task.loss(logits, (labels, counts))
    assert loss.item() == pytest.approx(by_hand) and logs["confident"].item() == 0.5
    assert logs["accuracy"].item() == sum(row.argmax() == label for row, label in zip(logits[:4], labels)) / 4


def test_the_guess_is_made_of_the_weak_view_and_learnt_on_the_strong_one():
    task, images, inputs, _ = problem(0.5, strong=torch.zeros_like)
    assert torch.equal(inputs[:8], images[8:]) and not inputs[8:].any()


def test_it_trains_and_takes_unlabelled_images_by_the_protocol():
    splits = data.Splits(*(data.scenes(number, 32, split=split) for number, split in ((60, "train"), (40, "validation"), (40, "test"))))
    found = protocol.finetune_method(lambda: ConvNet(8), splits, 1, 0, unlabelled=True, shortest=2, longest=2, batch_size=10, device="cpu")
    assert 0 <= found["accuracy"] <= 1
    task = PseudoLabel(ConvNet(8), 10)
    images = splits.train.images
    history = train(task, (images, images, splits.train.labels), steps=3, batch_size=8, progress=False, device="cpu")
    assert {"loss", "accuracy", "confident"} <= history[-1].keys()
