"""NaN or infinity in the data, in the loss, or in a gradient while the loss looks fine

What the user sees: training stops before the update, names the samples, and says what to do;
weights, batch norm's statistics and teachers are as they were before that step.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from small import QUICK, Line, pictures
from sslkit import train
from sslkit.data import Dataset, batches
from sslkit.networks import GPT, ConvNet
from sslkit.tasks import Autoregressive, MoCo, Rotation


class Poisoned(Rotation):
    """Its loss is NaN in the third step, though the image is sound."""

    def loss(self, logits, turns):
        self.seen = getattr(self, "seen", 0) + 1
        loss, logs = super().loss(logits, turns)
        return loss * (float("nan") if self.seen == 3 else 1), logs


def test_loss_that_is_not_finite_stops_before_the_update():
    torch.manual_seed(0)
    task = Poisoned(ConvNet(8))
    states = []
    with pytest.raises(RuntimeError, match=r"became nan in step 2, .*Samples \d+.*smaller lr"):
        train(
            task,
            pictures(),
            steps=9,
            on_log=lambda r: states.append({k: v.clone() for k, v in task.state_dict().items()}),
            **QUICK,
        )
    assert all(
        torch.equal(value, states[-1][name]) for name, value in task.state_dict().items()
    )  # batch norm's buffers too


def copied(task):
    return {name: value.clone() for name, value in task.state_dict().items()}


def unchanged(task, before):
    return all(torch.equal(value, before[name]) for name, value in task.state_dict().items())


@pytest.mark.parametrize("step_of_eight", [0, 3])
def test_a_gradient_that_is_not_finite_stops_before_the_update_and_names_its_sample(step_of_eight):
    data = torch.rand(64, 4) + 0.5
    order = [chosen for _, (chosen, _) in zip(range(8), batches(data, 8))]
    guilty = order[step_of_eight][5].item()
    data[guilty, 0] = 0  # its target is 0: there the root stands
    task, states = Marked(nn.Linear(4, 1)), []
    first = copied(task)
    with pytest.raises(
        RuntimeError,
        match=rf"the gradient of encoder.weight is not finite, though the loss is .*in step {step_of_eight}, "
        rf"which was not taken.*Samples {guilty} \(they do it without",
    ):
        train(
            task,
            data,
            steps=8,
            batch_size=8,
            log_every=1,
            progress=False,
            on_log=lambda record: states.append(copied(task)),
        )
    assert len(states) == step_of_eight and unchanged(task, states[-1] if states else first)


class Marked(Line):
    """Where a target is 0, the loss has a square root of 0."""

    def loss(self, outputs, targets):
        marked = outputs[targets == 0]
        return F.mse_loss(outputs, targets) + (marked - marked.detach()).square().sqrt().sum(), {}


class Broken(MoCo):
    """A teacher, a queue and batch norm, and in the third step a gradient that is not finite."""

    def loss(self, queries, keys):
        loss, logs = super().loss(queries, keys)
        self.seen = getattr(self, "seen", 0) + 1
        return loss + (
            queries - queries.detach()
        ).square().sqrt().sum() if self.seen == 3 else loss, logs


def test_teacher_queue_and_statistics_are_those_before_the_step():
    torch.manual_seed(0)
    task, states = Broken(ConvNet(8), lambda images: images, queue=32, dim=8), []
    with pytest.raises(RuntimeError, match="the gradient of encoder.* is not finite.*in step 2"):
        train(task, pictures(), steps=6, on_log=lambda record: states.append(copied(task)), **QUICK)
    assert len(states) == 2 and unchanged(task, states[-1])


def test_in_the_last_step_too():
    torch.manual_seed(0)
    task = Broken(ConvNet(8), lambda images: images, queue=32, dim=8)
    with pytest.raises(RuntimeError, match="is not finite.*in step 2"):
        train(task, pictures(), steps=3, **QUICK)
    assert all(torch.isfinite(value).all() for value in task.state_dict().values())


def test_samples_that_are_not_finite_are_refused_at_the_door():
    data = torch.randn(16, 4)
    data[11, 2] = torch.nan
    task = Line(nn.Linear(4, 1))
    before = copied(task)
    for given in (data, Dataset(data), data.numpy()):
        with pytest.raises(
            ValueError, match=r"NaN or infinity in 1 of 16 samples \(numbers \[11\]\)"
        ):
            train(task, given, steps=9, batch_size=8, progress=False)
    assert unchanged(task, before)


@pytest.mark.parametrize(
    "tokens, says",
    [
        (
            torch.tensor([[0, 1], [2, 9], [1, 1]]),
            r"tokens from 0 to 9, in 1 of 3 samples \(numbers \[1\]\): this network knows 0 to 4",
        ),
        (torch.tensor([[0, 1], [2, -1], [1, 1]]), r"tokens from -1 to 2, in 1 of 3"),
        (torch.ones(3, 2, dtype=torch.uint8), r"tokens of torch.uint8.*data.long\(\)"),
    ],
)
def test_tokens_that_the_network_does_not_know_are_refused_at_the_door(tokens, says):
    with pytest.raises((ValueError, TypeError), match=says):
        train(Autoregressive(GPT(5, 4, 8, 1, 1)), tokens, steps=2, batch_size=2, progress=False)


def test_data_are_mended_by_nobody_but_the_reader():
    broken = pictures().float() / 255
    broken[[3, 7]] = torch.inf
    with pytest.raises(
        ValueError, match=r"NaN or infinity in 2 of 48 samples \(numbers \[3, 7\]\)"
    ):
        train(Rotation(ConvNet(8)), broken, steps=2, **QUICK)
