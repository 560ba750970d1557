"""What the README prints is what the stored results say, and its code runs."""

import re
import sys
from pathlib import Path

import pytest

from sslkit import data, train
from sslkit.evaluate import stored

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from fill_readme import filled, settings, shown  # noqa: E402

README = (Path(__file__).parent.parent / "README.md").read_text()
TABLES = re.findall(r"<!-- (\S+-curve) -->\n```\n(.*?)\n```", README, re.S)


@pytest.mark.parametrize("name, printed", TABLES)
def test_tables_are_those_of_the_stored_results(name, printed):
    assert printed == shown(name)


def test_every_number_that_comes_from_a_file_is_that_of_the_file():
    assert filled(README) == README and all(f"<!-- {name} -->" in README for name in ("augment", "losses", "step", "claims"))


def test_what_is_said_of_the_claims_is_what_their_table_says():
    found = settings(stored("claims"))                             # values (seeds, 3): block 3, h, z
    of = lambda claim: {setting: float(values[:, 0].mean()) for (about, setting), values in found.items() if about == claim}
    spread = max(float(values[:, 0].std()) for values in found.values())
    operations, sizes, temperatures, norms = map(of, ("augmentation", "batch size", "temperature", "batch norm"))
    pair = operations.pop("crop and colour")
    says = {
        "*h is better than z*: **seen**, in every row": all(h > z for _, h, z in (values.mean(0) for values in found.values())),
        "no other pair, and neither alone, comes near": pair > max(operations.values()) + spread,
        "best between 0.1 and 0.2": set(sorted(temperatures, key=temperatures.get)[-2:]) == {"0.1", "0.2"},
        "*Large batches help*: **not seen**": max(sizes, key=sizes.get) not in list(sizes)[-2:],
        "**not seen** in what is learnt": norms["shuffled, 4 groups"] < norms["in order, 4 groups"] + spread}
    assert all(holds and sentence in README for sentence, holds in says.items()), says


@pytest.mark.parametrize("pairs, said, share", [
    ("256", "three quarters", 3 / 4), ("1,024", "two fifths", 2 / 5), ("4,096", "a sixth", 1 / 6)])
def test_what_is_said_of_the_time_of_losses_is_what_their_table_says(pairs, said, share):
    rows = [row for row in stored("losses")["rows"] if row["problem"] == f"InfoNCE, {pairs} pairs"]
    faster = {row["contestant"]: row["sslkit_times_faster"] for row in rows}
    assert f"{said} at {pairs}" in README and 1 / faster["lightly"] == pytest.approx(share, rel=0.1)
    assert (faster["like solo-learn"] < 1) == (f"is faster at {pairs}" in README)


def test_there_are_tables_and_their_commands_are_those_that_made_them():
    assert {name for name, _ in TABLES} >= {"rotation-scenes-cpu-0-curve", "rotation-cifar10-cpu-0-curve"}
    for name, _ in TABLES:
        words = stored(name)["about"]["command"].split()
        assert all(word in README for word in words if not word.startswith("--tier")), words


def test_a_result_that_is_not_there_says_which_are():
    with pytest.raises(FileNotFoundError, match="rotation-scenes-cpu-0-curve"):
        stored("jigsaw")


def test_the_code_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "label_curve" in block)
    smaller = {"6000": "80", "(1000": "(40", "(2000": "(40", "steps=1600": "steps=2", "(5, 20)": "(1, 2)"}
    for large, small in smaller.items():
        assert large in code
        code = code.replace(large, small)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "rotation" in capsys.readouterr().out and (tmp_path / "runs" / "rotation.safetensors").exists()
    assert data.Splits and train
