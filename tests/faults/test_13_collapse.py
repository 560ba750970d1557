"""Identical images, or embeddings that are all alike

What the user sees: spread and effective rank beside the loss, a warning once the embeddings have
collapsed, and what a loss near ln(2N − 1) means.
"""

import math


from sslkit import data, health
from sslkit.networks import ConvNet
from sslkit.tasks import BYOL, SimCLR


def records(task, said, chance=None):
    """A watch whose measurements are made up, fed with records by hand."""
    watch = health.watch(task, data.scenes(30, 24), every=1, chance=chance, say=said.append)
    return lambda step, **values: watch({"step": step, "loss": 1.0, **values})


def test_it_speaks_of_collapse_once_and_not_of_one_bad_measurement():
    said = []
    feed = records(BYOL(ConvNet(4)), said)
    feed(1, spread=0.01)
    assert not said  # once may be the first steps
    feed(2, spread=0.9)
    feed(3, spread=0.02)
    assert not said
    feed(4, spread=0.02)
    feed(5, spread=0.01)
    assert len(said) == 1 and "step 4: COLLAPSE?" in said[0] and "spread 0.020" in said[0]


def test_it_explains_a_flat_loss():
    said, chance = [], math.log(2 * 16 - 1)
    feed = records(SimCLR(ConvNet(4)), said, chance)
    feed(1, loss=2.0, spread=0.9)
    assert not said
    feed(2, loss=chance, spread=0.9)
    feed(3, loss=chance, spread=0.9)
    assert len(said) == 1 and "still near 3.43" in said[0] and "all alike, or all random" in said[0]
