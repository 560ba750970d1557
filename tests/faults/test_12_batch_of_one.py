"""A batch of one sample, or a short last batch

What the user sees: an error below two samples, since a contrast with nothing is 0 and teaches
nothing; the last short batch of an epoch is left out.
"""

import pytest
import torch

from small import QUICK, pictures, rotation
from sslkit import losses, train
from sslkit.data import batches


@pytest.mark.parametrize(
    "data, settings",
    [(pictures(1), {}), (pictures(8), {"batch_size": 1}), (pictures(8), {"batch_size": 0})],
)
def test_training_wants_two(data, settings):
    with pytest.raises(ValueError, match="a batch of .*at least 2"):
        train(rotation(), data, steps=2, **{**QUICK, **settings})


@pytest.mark.parametrize(
    "loss",
    [
        losses.info_nce,
        losses.triplet,
        losses.contrastive,
        losses.soft_nearest_neighbor,
        losses.lifted_structured,
        losses.n_pair,
    ],
    ids=lambda loss: loss.__name__,
)
def test_a_contrast_with_nothing_is_refused(loss):
    with pytest.raises(ValueError, match="1 sample: a contrast needs at least two"):
        loss(torch.randn(1, 3), torch.zeros(1).long())


def test_every_batch_is_full():
    stream = batches(torch.arange(23), 5)
    assert {len(next(stream)[0]) for _ in range(20)} == {5}
