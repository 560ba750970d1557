"""Words, files and folders on the command line that cannot work

What the user sees: one sentence that says what is wrong and what is wanted instead, never a
traceback; a checkpoint is named only where it exists.
"""

import json
import warnings

import pytest
import torch

from sslkit import __main__ as cli
from sslkit import checkpoint

QUICK = ("--steps", "2")
CURVE = "runs/rotation-scenes-cpu-2-0-curve.json"
WEIGHTS = "runs/rotation-scenes-cpu-2-0.safetensors"


def put(path, content):
    def before(folder):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(
            content if isinstance(content, bytes) else json.dumps(content).encode()
        )

    return before


def saved(content):
    return lambda folder: checkpoint.save(folder / WEIGHTS, content)


CALLS = [
    "", "nonsense", "train nonsense", "train simclr moco", "train --data mnist", "train --tier tpu", "train --steps", "train --steps x",
    "train --steps 0", "train --steps -3", "train --steps 1.5", "train --batch-size 0", "train --batch-size 1",
    "train --batch-size -5", "train --batch-size many", "train --steps 2 --micro-batch 0", "train --steps 2 --micro-batch 1",
    "train --steps 2 --micro-batch -4", "train --seed x", "train --steps 2 --seed 99999999999999999999999999",
    "train --steps 2 --device xpu", "train --steps 2 --device tpu", "train --steps 2 --device meta", "train --steps 2 --device cuda:99",
    "train --steps 2 --device cpu:x", "train --steps 2 --device 5", "train --unknown", "evaluate --steps 0",
    "evaluate --steps 2 --device xpu", "evaluate --layers", "curve --seeds 0", "curve --seeds -1", "curve --seeds x",
    "curve --budgets", "curve --budgets 0", "curve --budgets -1", "curve --budgets 999", "curve --budgets 1 999", "curve --budgets x",
    "curve --steps 2 --device xpu", "curve --fine-tune yes", "compare --compute 0", "compare --pretrainings 0", "compare --compute inf",
    "compare --compute -1", "compare --compute many", "compare --fine-tuning x", "compare --methods", "compare --methods nonsense", "compare --budgets 0", "compare --budgets 99999",
    "compare --device xpu --methods rotation", "compare --fine-tuning 0", "compare --tier x", "data nonsense", "data scenes cifar10",
]
WITH_FILES = [
    ("train --steps 2 --out taken", put("taken", b"a file")), ("data --out taken", put("taken", b"a file")),
    ("compare --compute 0.001 --methods rotation --budgets 1 --fine-tuning --out taken", put("taken", b"a file")),
    ("train --steps 2", put(WEIGHTS, b"")), ("train --steps 2", put(WEIGHTS, b"\x80\x04not a checkpoint")),
    ("train --steps 2", put(WEIGHTS, b"<html>sorry</html>")), ("train --steps 2", saved({"something": "else"})),
    ("train --steps 2", saved([1, 2])), ("train --steps 2", lambda folder: (folder / WEIGHTS).mkdir(parents=True)),
    *(("curve --steps 2 --budgets 1 --seeds 1", put(CURVE, content)) for content in
      (b"", b"{", b"\xff\xfe", {}, [], None, {"about": 3, "records": [], "seconds": 1}, {"about": {}, "records": [1], "seconds": 1},
       {"about": {}, "records": [{}], "seconds": 1}, {"about": {}, "records": [], "seconds": "long"})),
    *(("compare --compute 1 --methods rotation --pretrainings 1 --budgets 1 --fine-tuning --out results",
       put("results/study-scenes-cpu/rotation-1x-0.json", content)) for content in (b"", {}, [], {"arm": "rotation"})),
]


@pytest.mark.parametrize(
    "words, before",
    [(words, None) for words in CALLS] + WITH_FILES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_ends_in_one_sentence(words, before, tiny, capsys):
    if before is not None:
        before(tiny)
    with pytest.raises(SystemExit) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning may come first: the folder's, the checkpoint's
        cli.main(words.split())
    said = (
        str(caught.value.code)
        if isinstance(caught.value.code, str)
        else capsys.readouterr().err.strip().splitlines()[-1]
    )
    assert (
        said.startswith(("sslkit ", "python -m sslkit")) and "\n" not in said and len(said) > 30
    ), said
    if before is not None:  # it names the file
        assert any(name in said for name in ("taken", "rotation-")), said
    assert caught.value.code not in (0, None)


def test_the_environment_of_a_broken_torchrun(tiny, monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for world in ("2", "many"):
        monkeypatch.setenv("WORLD_SIZE", world)
        with pytest.raises(
            SystemExit,
            match=f"WORLD_SIZE={world} is set.*start several processes by torchrun, or unset it",
        ):
            cli.main(["train", *QUICK])


def test_a_checkpoint_that_could_not_be_written_is_not_named_as_if_it_were(
    tiny, capsys, monkeypatch
):
    full = type("Usage", (), {"free": 10})
    with (
        monkeypatch.context() as patch,
        pytest.warns(UserWarning, match="was not saved: disk full"),
    ):
        patch.setattr(checkpoint.shutil, "disk_usage", lambda folder: full)
        cli.main(["train", *QUICK])
    assert (
        not (tiny / WEIGHTS).exists()
        and f"(NOT saved: {WEIGHTS} could not be written)" in capsys.readouterr().out
    )
    cli.main(["train", *QUICK])
    assert (
        checkpoint.load(tiny / WEIGHTS)["step"] == 2 and f"({WEIGHTS})" in capsys.readouterr().out
    )


def test_a_device_that_is_there_is_taken():
    assert cli.choose_device("cpu") == torch.device("cpu") and cli.choose_device(
        torch.device("cpu")
    ) == torch.device("cpu")
