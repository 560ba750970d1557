"""The smallest trainings, checkpoints and photographs that several test files use."""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from sslkit import Task
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation

QUICK = dict(batch_size=8, progress=False, log_every=1)


def pictures(number=48, size=16, seed=0):
    return torch.randint(
        0,
        256,
        (number, 3, size, size),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(seed),
    )


def rotation(seed=0):
    torch.manual_seed(seed)
    return Rotation(ConvNet(8))


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


class Line(Task):
    """The smallest task there is: a linear map of tabular data onto its own first column."""

    def make_problem(self, batch):
        return batch, batch[:, :1] * 3

    def forward(self, inputs):
        return self.encoder(inputs)

    def loss(self, outputs, targets):
        return F.mse_loss(outputs, targets), {"size": outputs.abs().mean()}


def state(number=0):
    return {
        "task": {"weight": torch.arange(6.0).reshape(2, 3) + number, "count": torch.tensor(number)},
        "optimizer": {
            "state": {0: {"step": torch.tensor(3.0), "half": torch.ones(4, dtype=torch.bfloat16)}},
            "param_groups": [{"lr": 0.1, "betas": [0.9, 0.999], "fused": None}],
        },
        "history": [{"step": 1, "loss": 2.5}],
        "step": number,
        "name": "rotation",
    }


def equal(first, second):
    if isinstance(first, torch.Tensor):
        return (
            isinstance(second, torch.Tensor)
            and first.dtype == second.dtype
            and torch.equal(first, second)
        )
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            equal(first[key], second[key]) for key in first
        )
    if isinstance(first, list):
        return len(first) == len(second) and all(map(equal, first, second))
    return type(first) is type(second) and first == second


def photo(width=40, height=30, seed=0):
    """Smooth colours, so that JPEG and resizing change them little."""
    y, x = np.mgrid[:height, :width] / (height, width)[0]
    return Image.fromarray(
        (np.stack([x / 2, y, (x + y + seed) / 4], -1).clip(0, 1) * 255).astype(np.uint8)
    )


def fill(path, names, picture=photo):
    for number, name in enumerate(names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        picture(seed=number % 3).save(path / name)
    return path


def cut(path, keep=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
