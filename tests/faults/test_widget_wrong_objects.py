"""An explorer is given something else than it wants: another task, 0–255 floats, None, nothing.

The cell ends with one sentence that says what came, what is wanted and, where there is one, the
line that mends it; no traceback out of the middle of torch, and no explorer that draws nonsense.
"""

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from explorers import arguments, records, runs

from sslkit import data, widgets
from sslkit.data import Dataset
from sslkit.networks import ConvNet, ViT
from sslkit.tasks import MAE, Jigsaw, Rotation, SimCLR

MAKERS = arguments()
IMAGES = data.scenes(6, 32)
FLOATS = IMAGES.images.float()
EVERYWHERE = {
    "None": None,
    "a word": "rotation",
    "a number": 3.5,
    "a list of words": ["rotation"],
    "a list of numbers": [1, 2, 3],
    "an array": np.zeros((4, 3)),
    "an array of words": np.array(["a", "b"]),
    "a tensor": torch.rand(4, 4, 4),
    "a class": Rotation,
    "a set": {1, 2},
    "an object": object(),
    "bytes": b"bytes",
    "an empty list": [],
    "an empty dict": {},
    "a dict of None": {"one": None},
    "a dict of numbers": {1: 2},
    "a generator": (number for number in range(3)),
}
OF_IMAGES = {
    "a tensor of images": IMAGES.images,
    "0–255 floats": Dataset(FLOATS),
    "negative": Dataset(FLOATS / 255 - 1),
    "NaN": Dataset(FLOATS * torch.nan),
    "channels last": Dataset(IMAGES.images.permute(0, 2, 3, 1)),
    "grey": Dataset(IMAGES.images[:, :1]),
    "RGBA": Dataset(torch.zeros(6, 4, 32, 32, dtype=torch.uint8)),
    "one image": Dataset(IMAGES.images[0]),
    "none": Dataset(IMAGES.images[:0]),
    "int64": Dataset(IMAGES.images.long()),
    "words as images": Dataset("images"),
    "None as images": Dataset(None),
    "fewer labels": Dataset(IMAGES.images, IMAGES.labels[:3]),
    "float labels": Dataset(IMAGES.images, IMAGES.labels.float()),
    "a list of labels": Dataset(IMAGES.images, [0] * 6),
    "a class without a name": Dataset(IMAGES.images, torch.arange(6), ("one", "two")),
    "negative labels": replace(IMAGES, labels=IMAGES.labels - 99),
    "two sizes": {"small": data.scenes(6, 24), "large": IMAGES},
    "not all are": {"one": IMAGES, "other": IMAGES.images},
}
OF_TASKS = {
    "another task": Jigsaw(ConvNet(8), 3),
    "a plain network": ConvNet(8),
    "rotation": Rotation(ConvNet(8)),
    "contrastive": SimCLR(ConvNet(8)),
    "another network": MAE(ViT(16, 8, dim=12, depth=1, heads=1), dim=8),
}
OF_RECORDS = {
    "no arm": [{"budget": 1, "accuracy": 0.5}],
    "no budget": [{"arm": "a", "accuracy": 0.5}],
    "percent": [{"arm": "a", "budget": 1, "accuracy": 50.0}],
    "a word as budget": [{"arm": "a", "budget": "1", "accuracy": 0.5}],
    "a number as arm": [{"arm": 3, "budget": 1, "accuracy": 0.5}],
    "NaN accuracy": [{"arm": "a", "budget": 1, "accuracy": float("nan")}],
    "not dicts": [["a", 1, 0.5]],
    "a single record": {"arm": "a"},
    "runs": runs("ab"),
    "no labels": [{"arm": "a", "budget": 0, "accuracy": 0.5}],
}
OF_RUNS = {
    "records": records("abc"),
    "no records": [{"arm": "a", "about": {"method": "a", "images": 1}, "seconds": {}}],
    "no about": [{"arm": "a", "seconds": {}, "records": []}],
    "not runs": [1],
}
HEALTHY = torch.rand(2, 400)
OF_SURPRISES = {
    "a single time": {"a": HEALTHY},
    "three": {"a": (HEALTHY,) * 3},
    "one channel": {"a": (HEALTHY[0], HEALTHY[0])},
    "other channels": {"a": (HEALTHY, HEALTHY[:1])},
    "arrays": {"a": (HEALTHY.numpy(), HEALTHY.numpy())},
    "NaN": {"a": (HEALTHY * torch.nan, HEALTHY)},
    "whole": {"a": (HEALTHY.long(), HEALTHY.long())},
    "empty": {"a": (HEALTHY[:, :0], HEALTHY)},
    "two lengths": {"a": (HEALTHY, HEALTHY), "b": (HEALTHY, HEALTHY[:, :9])},
}
OF_FAULTS = {
    "pairs": [(1, 2)],
    "names": ["spike"],
    "backwards": [("spike", 9, 3)],
    "a dict": {"spike": (1, 2)},
}
OF_FEATURES = {
    "one row": torch.rand(1, 3),
    "too few": torch.rand(5, 3),
    "complex": torch.rand(12, 3) * 1j,
    "NaN": torch.full((12, 3), torch.nan),
    "no dimensions": torch.rand(12),
    "none at all": torch.rand(12, 0),
    "a map": torch.rand(12, 3, 4, 4),
    "lists": [[0.1, 0.2]] * 12,
}
OF_NUMBERS = {
    "nought": 0,
    "negative": -1,
    "a share": 0.5,
    "a word": "ten",
    "None": None,
    "a truth": True,
}

BY_ARGUMENT = {
    "pictures": OF_IMAGES,
    "dataset": OF_IMAGES,
    "task": OF_TASKS,
    "tasks": OF_TASKS,
    "records": OF_RECORDS,
    "tables": OF_RUNS,
    "arms": OF_SURPRISES,
    "faults": OF_FAULTS,
    "snapshots": OF_FEATURES,
    "features": OF_FEATURES,
    "tokenizer": OF_TASKS,
    "palette": OF_TASKS,
    "number": OF_NUMBERS,
    "size": OF_NUMBERS,
    "small": OF_NUMBERS,
    "points": OF_NUMBERS,
    "samples": OF_NUMBERS,
    "encoder": {},
    "methods": {},
    "vowels": {},
    "draws": OF_NUMBERS,
    "sentence": {},
    "start": {},
    "levels": OF_NUMBERS,
}
# What looks odd in the sweep and is right all the same.
RIGHT = {
    ("rotation", "task", "rotation"),
    ("temperature", "task", "contrastive"),
    ("sentence", "sentence", "a word"),
    ("text", "start", "a word"),
    ("augmentation", "encoder", "None"),
    ("maps", "methods", "None"),
    ("embedding", "methods", "None"),
    ("faults", "faults", "an empty list"),
    ("maps", "methods", "an empty list"),
    ("embedding", "methods", "an empty list"),
    ("sound", "vowels", "a word"),
    ("sound", "vowels", "a list of words"),
    ("jigsaw", "task", "another task"),
}
CASES = [
    (explorer, argument, name)
    for explorer, (_, given) in MAKERS.items()
    for argument in given
    for name in {
        **({} if BY_ARGUMENT[argument] is OF_NUMBERS else EVERYWHERE),
        **BY_ARGUMENT[argument],
    }
    if (explorer, argument, name) not in RIGHT
]


@pytest.mark.parametrize("explorer, argument, name", CASES)
def test_one_sentence_says_what_is_wanted(explorer, argument, name):
    make, given = MAKERS[explorer]
    wrong = {**EVERYWHERE, **BY_ARGUMENT[argument]}[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        make(**{**given, argument: wrong})
    says = str(caught.value)
    assert re.search("want|leave them out", says) and "\n" not in says and len(says) < 400, says
    if name in EVERYWHERE and name not in ("an empty list", "an array", "a tensor"):
        assert argument.removesuffix("s") in says, says


@pytest.mark.parametrize("explorer", MAKERS)
def test_what_is_right_is_taken(explorer):
    make, given = MAKERS[explorer]
    assert make(**given).error is None


def test_every_explorer_of_the_kit_is_swept():
    swept = {getattr(make, "__self__", make) for make, _ in MAKERS.values()}
    abstract = {widgets.Explorer, widgets.PictureExplorer}
    named = (getattr(widgets, name) for name in widgets.__all__)
    assert {
        one for one in named if inspect.isclass(one) and issubclass(one, widgets.Explorer)
    } - abstract == swept
