"""A batch that does not fit into memory

What the user sees: the weights are those before the step; how many samples at a time do fit;
`micro_batch`, which computes the same loss in pieces, and a smaller batch, with the warning that it
has fewer negatives.
"""

import pytest
import torch

from small import QUICK, Line, pictures
from sslkit import train
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation


class Hungry(Rotation):
    """With more than `most` images at a time it asks for more memory than any machine has."""

    most = 4

    def forward(self, turned):
        if len(turned) > 4 * self.most:
            torch.empty(10**17)
        return super().forward(turned)


def test_it_says_how_many_fit_and_the_weights_stay():
    torch.manual_seed(0)
    task = Hungry(ConvNet(8))
    before = {name: value.clone() for name, value in task.state_dict().items()}
    with pytest.raises(
        RuntimeError,
        match=r"out of memory in step 0 with 16 samples at a time.*4 at a time fit: micro_batch=4.*"
        r"batch_size=4 has fewer negatives",
    ):
        train(task, pictures(), steps=2, **{**QUICK, "batch_size": 16})
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())
    assert all(
        parameter.grad is None or not parameter.grad.any() for parameter in task.parameters()
    )


def test_the_advice_works():
    torch.manual_seed(0)
    task = Hungry(ConvNet(8))
    history = train(task, pictures(), steps=2, **{**QUICK, "batch_size": 4})
    assert len(history) == 2
    task.most = 0
    with pytest.raises(RuntimeError, match="Not even 2 at a time fit: want smaller samples"):
        train(task, pictures(), steps=2, **{**QUICK, "batch_size": 16})


def test_other_errors_are_not_called_so():
    class Wrong(Line):
        def forward(self, inputs):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="^mat1 and mat2"):
        train(
            Wrong(torch.nn.Linear(4, 1)), torch.randn(8, 4), steps=1, batch_size=4, progress=False
        )
