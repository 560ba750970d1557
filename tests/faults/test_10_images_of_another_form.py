"""Images of another layout, type, range or number of channels

What the user sees: what came, what is wanted, and the line that makes the one of the other, right
pixels included. It is asked at every door: training, fine-tuning, embedding.
"""

import re

import numpy as np
import pytest
import torch

from small import QUICK, pictures, rotation
from sslkit import evaluate, train
from sslkit.data import Dataset, check_images
from sslkit.networks import ConvNet, ViT

COLOUR = torch.randint(
    0, 256, (5, 3, 6, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
GREY = COLOUR[:, :1].expand(-1, 3, -1, -1)
BLACK_OR_WHITE = (COLOUR > 127).to(torch.uint8) * 255
ALPHA = torch.full((5, 1, 6, 7), 255, dtype=torch.uint8)

# What somebody may have, and what it shows.
FORMS = {
    "uint8": (COLOUR, COLOUR),
    "float": (COLOUR / 255, COLOUR),
    "double": (COLOUR.double() / 255, COLOUR),
    "half": ((COLOUR // 255).half(), COLOUR // 255 * 255),
    "0 to 255": (COLOUR.float(), COLOUR),
    "−1 to 1": (COLOUR / 127.5 - 1, COLOUR),
    "int64": (COLOUR.long(), COLOUR),
    "int16": (COLOUR.short(), COLOUR),
    "bool": (COLOUR > 127, BLACK_OR_WHITE),
    "uint16": ((COLOUR.int() * 257).to(torch.uint16), COLOUR),
    "int32 of 16 bits": (COLOUR.int() * 257, COLOUR),
    "floats of 16 bits": (COLOUR.float() * 257, COLOUR),
    "channels last": (COLOUR.permute(0, 2, 3, 1), COLOUR),
    "one": (COLOUR[0], COLOUR[:1]),
    "one, channels last": (COLOUR[0].permute(1, 2, 0), COLOUR[:1]),
    "grey": (GREY[:, 0], GREY),
    "grey, one channel": (GREY[:, :1], GREY),
    "grey, channel last": (GREY[:, :1].permute(0, 2, 3, 1), GREY),
    "one grey": (GREY[0, 0], GREY[:1]),
    "one grey with a channel": (GREY[0, :1], GREY[:1]),
    "one grey, channel last": (GREY[0, :1].permute(1, 2, 0), GREY[:1]),
    "RGBA": (torch.cat([COLOUR, ALPHA], 1), COLOUR),
    "RGBA, channels last": (torch.cat([COLOUR, ALPHA], 1).permute(0, 2, 3, 1), COLOUR),
    "grey floats to 255": (GREY[:, 0].float(), GREY),
    "channels last to 255": (COLOUR.permute(0, 2, 3, 1).double(), COLOUR),
    "bool, channels last": ((COLOUR > 127).permute(0, 2, 3, 1), BLACK_OR_WHITE),
}


def mended(images):
    """Does what the errors say, one after another, until the door opens."""
    for _ in range(4):
        try:
            return check_images(images)
        except (ValueError, TypeError) as error:
            line = re.split(
                r"\]: |want a batch \(N, 3, H, W\): |H, W\): |three, first: |three: ", str(error)
            )[-1]
            line = re.split(" adds | gives | if 1 means", line)[0]
            images = eval(line, {"images": images, "torch": torch})
    raise AssertionError("the advice did not help")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("as_array", [False, True], ids=["tensor", "array"])
def test_the_advice_leads_to_the_right_pixels(form, as_array):
    given, expected = FORMS[form]
    found = mended(given.numpy() if as_array else given)
    assert found.dtype == torch.uint8 and (found.int() - expected.int()).abs().max() <= 1
    if form in ("uint8", "float", "double", "half"):
        assert check_images(given) is not None  # taken as they are


@pytest.mark.parametrize(
    "given, error, says",
    [
        (None, TypeError, "got NoneType, want a tensor or array"),
        ([1, 2], TypeError, r"got list.*torch.stack"),
        ("cat.png", TypeError, "got str"),
        (np.array([object()]), TypeError, "array of object"),
        (torch.zeros(2, 2, 8, 8), ValueError, "2 channels"),
        (torch.zeros(2, 3), ValueError, "one grey image"),
        (torch.zeros(3), ValueError, r"shape \(3,\)"),
        (torch.zeros(0, 3, 8, 8), ValueError, "no images"),
        (torch.zeros(1, 1, 3, 8, 8), ValueError, r"shape \(1, 1, 3, 8, 8\)"),
        (torch.full((2, 3, 4, 4), torch.nan), ValueError, "NaN or infinity in 2 of 2"),
    ],
)
def test_what_nothing_can_be_made_of_is_refused(given, error, says):
    with pytest.raises(error, match=says):
        check_images(given)


def test_mirrored_arrays_have_strides_below_zero_and_are_taken():
    assert torch.equal(check_images(COLOUR.numpy()[..., ::-1]), COLOUR.flip(-1))


WRONG = {
    "grey": GREY[:, 0],
    "grey floats": GREY[:, 0] / 255,
    "one": COLOUR[0],
    "channels last": COLOUR.permute(0, 2, 3, 1),
    "0 to 255": COLOUR.float(),
    "bool": COLOUR > 127,
    "uint16": FORMS["uint16"][0],
    "list": [1, 2],
    "None": None,
    "NaN": COLOUR / 0.0,
}
DOORS = {
    "train": lambda images: train(rotation(), images, steps=1, **QUICK),
    "embed with an encoder": lambda images: evaluate.embed(ConvNet(4), images, device="cpu"),
    "embed with a layer": lambda images: evaluate.embed(
        evaluate.Layer(ConvNet(4), 2), images, device="cpu"
    ),
    "embed with a task": lambda images: evaluate.embed(rotation().represent, images, device="cpu"),
    "embed with a ViT": lambda images: evaluate.embed(ViT(8, 4, 16, 1, 2), images, device="cpu"),
    "fine_tune": lambda images: evaluate.fine_tune(
        ConvNet(4), Dataset(images, torch.arange(5) % 2), 2, steps=1, batch_size=4
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_them_in_one_sentence(door, wrong):
    with pytest.raises((ValueError, TypeError), match="got .*want|NaN or infinity in"):
        DOORS[door](WRONG[wrong])


def test_floats_are_embedded_as_they_are_not_rounded_to_bytes():
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    seen = []
    evaluate.embed(
        lambda batch: seen.append(batch) or batch.flatten(1), images, device="cpu", amp=False
    )
    assert torch.equal(torch.cat(seen), images)


def test_images_that_a_task_cannot_use_leave_it_as_it_was():
    task = rotation()
    before = {name: value.clone() for name, value in task.state_dict().items()}
    for data, says in (
        (torch.rand(8, 3, 16, 24), r"16 × 24.*square"),
        (pictures(1), r"batch of 1.*at least 2"),
        ((pictures(8), torch.zeros(7).long()), r"7 and 8 examples"),
    ):
        with pytest.raises(ValueError, match=says):
            train(task, data, steps=2, **QUICK)
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())
