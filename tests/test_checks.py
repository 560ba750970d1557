"""The checks are tested against the mistakes that they must catch, and against several right answers."""

import re

import pytest
import torch

from sslkit import checks
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation


def turned(images, sign=1, order=(0, 1, 2, 3)):
    return torch.cat([torch.rot90(images, sign * turn, (-2, -1)) for turn in order])


def by_picture(images):
    """All turns of the first image, then all of the second: another right order."""
    return torch.stack([torch.rot90(images, turn, (-2, -1)) for turn in range(4)], 1).flatten(0, 1), torch.arange(4).repeat(len(images))


def in_place(images):
    images.mul_(0.5)
    return turned(images), torch.arange(4).repeat_interleave(len(images))


RIGHT = [lambda x: (turned(x), torch.arange(4).repeat_interleave(len(x))), by_picture, Rotation(ConvNet(8)).make_problem]
WRONG = {
    "not written yet": lambda x: (_ for _ in ()).throw(NotImplementedError),
    "raised ZeroDivisionError": lambda x: 1 / 0,
    "returns nothing": lambda x: None,
    "return two tensors": lambda x: turned(x),
    "were changed": in_place,
    "comes once": lambda x: (torch.rot90(x, 1, (-2, -1)), torch.ones(len(x)).long()),
    r"want \(4B, 3, H, H\)": lambda x: (turned(x)[:5], torch.zeros(5).long()),
    "want whole numbers": lambda x: (turned(x), torch.zeros(4 * len(x))),
    "not degrees": lambda x: (turned(x), 90 * torch.arange(4).repeat_interleave(len(x))),
    "mirrored": lambda x: (torch.cat([x, x.flip(-1), x.rot90(2, (-2, -1)), x.flip(-2)]), torch.arange(4).repeat_interleave(len(x))),
    "none of the four turns": lambda x: (torch.cat([x.rot90(turn, (1, -1)) if turn % 2 == 0 else x.roll(1, -1) for turn in range(4)]),
                                         torch.arange(4).repeat_interleave(len(x))),
    "come twice": lambda x: (turned(x, order=(0, 0, 2, 2)), torch.arange(4).repeat_interleave(len(x))),
    "clockwise": lambda x: (turned(x, -1), torch.arange(4).repeat_interleave(len(x))),
    "different orders": lambda x: (turned(x), torch.arange(4).repeat(len(x))),
    "do not belong": lambda x: (turned(x), torch.zeros(4 * len(x)).long()),
}


@pytest.mark.parametrize("function", RIGHT)
def test_right_rotation_problems_pass(function):
    verdict = checks.rotation_problem(function)
    assert verdict.right and repr(verdict).startswith("✓")


@pytest.mark.parametrize("says", WRONG)
def test_each_mistake_in_the_rotation_problem_is_named(says):
    verdict = checks.rotation_problem(WRONG[says])
    assert not verdict.right and repr(verdict).startswith("✗")
    assert re.search(says, verdict.says), verdict.says


def right(encoder, images):
    encoder.eval()
    with torch.no_grad():
        return encoder(images / 255)


def training_mode(encoder, images):
    with torch.no_grad():
        return encoder(images / 255)


def batch_statistics(encoder, images):
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    features = training_mode(encoder, images)
    encoder.load_state_dict(state)
    return features


def no_scaling(encoder, images):
    encoder.eval()
    with torch.no_grad():
        return encoder(images.float())


MISTAKES = {
    "encoder was changed": training_mode,
    "depend on its neighbours": batch_statistics,
    "still carry gradients": lambda encoder, images: encoder.eval()(images / 255),
    r"feature maps \(6, 64": lambda encoder, images: encoder.eval().features(images / 255),
    "0–255": no_scaling,
    r"shape \(6,\)": lambda encoder, images: right(encoder, images)[:, 0],
    "not the encoder's features": lambda encoder, images: torch.zeros_like(right(encoder, images)),
    "return a tensor": lambda encoder, images: right(encoder, images).tolist(),
    "not written yet": lambda encoder, images: (_ for _ in ()).throw(NotImplementedError),
}


def test_right_frozen_features_pass():
    assert checks.frozen_features(right).right


@pytest.mark.parametrize("says", MISTAKES)
def test_each_mistake_in_frozen_features_is_named(says):
    verdict = checks.frozen_features(MISTAKES[says])
    assert not verdict.right
    assert re.search(says, verdict.says), verdict.says
