"""The command line does what it prints, resumes, and ends in one line where something is wrong."""

import json
import subprocess
import sys

import pytest
import torch

from sslkit import __main__ as cli
from sslkit import recipes


def test_train_then_evaluate_loads_what_was_trained(tiny, capsys):
    cli.main(["train", "--steps", "4"])
    assert "rotation after 4 steps" in capsys.readouterr().out
    saved = (tiny / "runs" / "rotation-scenes-cpu-4-0.safetensors").read_bytes()
    cli.main(["evaluate", "--steps", "4"])
    output = capsys.readouterr().out
    assert [line.split(",")[0] for line in output.splitlines() if line.startswith("block")] == [f"block {n} of 4" for n in (1, 2, 3, 4)]
    assert (tiny / "runs" / "rotation-scenes-cpu-4-0.safetensors").read_bytes() == saved


def test_contrastive_training_in_micro_batches_tells_its_meters(tiny, capsys):
    cli.main(["train", "simclr", "--steps", "4", "--batch-size", "16", "--micro-batch", "8"])
    output = capsys.readouterr().out
    assert "4 steps of 16 pictures" in output
    for name in ("kNN accuracy", "spread", "alignment", "uniformity", "effective rank"):
        assert f"{name} " in output.split("simclr after 4 steps")[1]
    assert (tiny / "runs" / "simclr-scenes-cpu-4-batch16-0.safetensors").exists()


def test_curve_writes_table_numbers_and_figure_and_goes_on_after_an_interruption(tiny, capsys, monkeypatch):
    words = ["curve", "--steps", "4", "--budgets", "1", "2", "--seeds", "2", "--fine-tune"]
    fine_tune, calls = cli.evaluate.fine_tune, []

    def quick(*arguments, **settings):
        calls.append(settings.get("seed"))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fine_tune(*arguments, **{**settings, "steps": 2})

    monkeypatch.setattr(cli.evaluate, "fine_tune", quick)
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 130 and "sslkit curve: stopped" in capsys.readouterr().err
    path = tiny / "runs" / "rotation-scenes-cpu-4-0-curve.json"
    done = json.loads(path.read_text())["records"]
    assert len(done) == 8                                             # the first seed's five arms, three of the second's
    cli.main(words)
    content = json.loads(path.read_text())
    assert content["records"][:8] == done and len(content["records"]) == 2 * 2 * 5 and len(calls) == 2 * 2 * 2 + 1
    assert {"about", "machine", "seconds", "pretraining", "records"} == content.keys()
    assert path.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    output = capsys.readouterr().out
    assert all(arm in output for arm in ("rotation, linear probe", "random encoder", "raw pixels", "from scratch", "rotation, fine-tuned"))


def test_data_describes_and_draws_a_sheet(tiny, capsys):
    cli.main(["data"])
    assert "train" in capsys.readouterr().out and (tiny / "runs" / "scenes.png").stat().st_size > 1000


@pytest.mark.parametrize("words, says", [
    (["train", "--steps", "0"], "steps=0"), (["curve", "--steps", "4", "--budgets", "999"], "a budget of 999 labels a class"),
    (["train", "--device", "cuda"], "no CUDA device"),
])
def test_errors_are_one_line(tiny, words, says):
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(SystemExit, match=says) as caught:
        cli.main(words)
    assert "\n" not in str(caught.value)


def test_tier_is_chosen_by_the_environment(monkeypatch):
    monkeypatch.setenv("SSLKIT_TIER", "gpu")
    assert recipes.tier() == "gpu" and type(recipes.rotation("gpu").task.encoder.blocks[1]).__name__ == "Sequential"
    monkeypatch.setenv("SSLKIT_TIER", "tpu")
    with pytest.raises(ValueError, match='want "cpu" or "gpu"'):
        recipes.tier()
    with pytest.raises(ValueError, match='data "mnist"'):
        recipes.splits("mnist", "cpu")


def test_help_names_every_command():
    output = subprocess.run([sys.executable, "-m", "sslkit", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(word in output for word in ("train", "evaluate", "curve", "data"))


@pytest.mark.parametrize("method", recipes.RECIPES)
def test_every_method_can_be_trained_and_its_curve_drawn(method, tiny, capsys):
    cli.main(["curve", method, "--steps", "2", "--budgets", "1", "--seeds", "1"])
    words = method.replace("_", " ")
    assert f"{words}, linear probe" in capsys.readouterr().out
    content = json.loads((tiny / "runs" / f"{method}-scenes-cpu-2-0-curve.json").read_text())
    assert {record["arm"] for record in content["records"]} >= {f"{words}, linear probe", "from scratch"}
