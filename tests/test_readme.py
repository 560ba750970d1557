"""What the README prints is what the stored results say, and its code runs."""

import re
import sys
from pathlib import Path

import pytest

from sslkit import data, train
from sslkit.evaluate import stored

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from fill_readme import filled, shown  # noqa: E402

README = (Path(__file__).parent.parent / "README.md").read_text()
TABLES = re.findall(r"<!-- (\S+-curve) -->\n```\n(.*?)\n```", README, re.S)


@pytest.mark.parametrize("name, printed", TABLES)
def test_tables_are_those_of_the_stored_results(name, printed):
    assert printed == shown(name)


def test_every_number_that_comes_from_a_file_is_that_of_the_file():
    assert filled(README) == README and all(f"<!-- {name} -->" in README for name in ("augment", "losses", "step", "claims"))


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
