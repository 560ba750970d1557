"""A seed that gives the same random views again in every epoch, or changes what the caller would have drawn

What the user sees: the same seed gives the same training, every step draws anew, and torch's own
generators go on as if nothing had been trained.
"""

import torch
from torch import nn

from small import QUICK, Line, pictures, rotation, same
from sslkit import train


def test_same_seed_same_bits_and_the_callers_generator_untouched():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tasks = [rotation(), rotation(), rotation()]
    torch.manual_seed(5)
    for task, seed in zip(tasks, (1, 1, 2)):
        train(task, pictures(), steps=4, seed=seed, **QUICK)
    assert torch.equal(torch.rand(3), expected)
    assert same(tasks[0], tasks[1]) and not same(tasks[0], tasks[2])


def test_random_draws_differ_from_epoch_to_epoch():
    drawn = []

    class Noisy(Line):
        def make_problem(self, batch):
            drawn.append(torch.rand(()).item())
            return super().make_problem(batch)

    train(Noisy(nn.Linear(4, 1)), torch.randn(8, 4), steps=12, batch_size=4, progress=False)
    assert len(set(drawn)) == 12  # two steps an epoch: six epochs, no draw twice
