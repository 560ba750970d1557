"""Too few labels of a class, labels outside the classes, labels that are no whole numbers

What the user sees: which class has how many and how many are needed, or which label is outside, and
what would be right.
"""

import pytest
import torch

from small import pictures
from sslkit import evaluate, train
from sslkit.data import Dataset, Splits, labelled_subset
from sslkit.networks import ConvNet
from sslkit.tasks import Supervised

TWO = torch.arange(8) % 2


def changed(value):
    labels = TWO.clone()
    labels[3] = value
    return labels


@pytest.mark.parametrize(
    "labels, error, says",
    [
        (
            changed(2),
            ValueError,
            r"the largest is 2, but with classes=2 they go from 0 to 1: want classes=3",
        ),
        (
            changed(-1),
            ValueError,
            r"1 of 8 are below 0 \(the least is -1\): leave samples without a label out",
        ),
        (TWO.float(), TypeError, r"torch.float32, want whole numbers from 0 on: labels.long\(\)"),
        (TWO.bool(), TypeError, "torch.bool"),
        (TWO[:, None], ValueError, r"shape \(8, 1\), want \(N,\)"),
        (None, ValueError, "has no labels"),
    ],
)
def test_fine_tuning_says_which_label_is_outside(labels, error, says):
    with pytest.raises(error, match=says):
        evaluate.fine_tune(ConvNet(4), Dataset(pictures(8), labels), 2, steps=1, batch_size=4)


@pytest.mark.parametrize(
    "labels, error", [(changed(2), ValueError), (changed(-1), ValueError), (TWO.float(), TypeError)]
)
def test_so_does_training_with_labels(labels, error):
    with pytest.raises(error, match=r"data\[1\]"):
        train(
            Supervised(ConvNet(4), 2), (pictures(8), labels), steps=1, batch_size=4, progress=False
        )


def test_the_advice_for_samples_without_a_label_works():
    dataset = Dataset(pictures(8), changed(-1))
    task = evaluate.fine_tune(ConvNet(4), dataset[dataset.labels >= 0], 2, steps=1, batch_size=4)
    assert evaluate.predict(task, dataset.images).shape == (8,)


def test_a_class_that_is_short_is_named():
    labels = torch.tensor([0] * 9 + [1] * 3)
    with pytest.raises(ValueError, match="class 1 has 3 examples, 5 are needed"):
        labelled_subset(labels, 5)
    part = Dataset(pictures(12), labels)
    with pytest.raises(
        ValueError, match="a budget of 7 labels a class: class 1 has 6, want 1 to 6"
    ):
        evaluate.check_budgets(Splits(part, part, part), [1, 7])
