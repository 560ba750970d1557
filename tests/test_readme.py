"""What the README and docs/results.md print is what the stored results say; the README's code runs."""

import re
import statistics
import sys
from pathlib import Path

import pytest
from PIL import Image

from sslkit import compare, data, plots, train
from sslkit.evaluate import stored, summarise

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from fill_tables import PAGES, PICTURE, digest, filled, settings, shown  # noqa: E402

README, RESULTS = (page.read_text() for page in PAGES)
TABLES = re.findall(r"<!-- (\S+-curve) -->\n```\n(.*?)\n```", RESULTS, re.S)


@pytest.mark.parametrize("name, printed", TABLES)
def test_tables_are_those_of_the_stored_results(name, printed):
    assert printed == shown(name)


@pytest.mark.parametrize("page", (README, RESULTS), ids=("README", "results"))
def test_every_number_that_comes_from_a_file_is_that_of_the_file(page):
    assert filled(page) == page


def test_the_tables_stand_where_readers_look_for_them():
    assert all(f"<!-- {name} -->" in README for name in ("compare-cifar10-cpu frozen", "pretrained encoders", "step"))
    assert all(f"<!-- {name} -->" in RESULTS for name in ("augment", "losses", "mae", "claims", "transfer", "compare-scenes-cpu runs", "compare-cifar10-cpu runs", "search", "compare-cifar10-gpu published"))
    for page, text in zip(PAGES, (README, RESULTS)):
        for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", text):
            assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_the_picture_is_of_the_runs_that_are_stored():
    assert f"]({PICTURE.name})" in RESULTS
    assert Image.open(PICTURE).text["Source"] == digest(compare.stored("compare-cifar10-cpu")), "python tools/fill_tables.py draws it anew"


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
    assert all(holds and sentence in RESULTS for sentence, holds in says.items()), says


@pytest.mark.parametrize("pairs, said, share", [
    ("256", "three quarters", 3 / 4), ("1,024", "two fifths", 2 / 5), ("4,096", "a sixth", 1 / 6)])
def test_what_is_said_of_the_time_of_losses_is_what_their_table_says(pairs, said, share):
    rows = [row for row in stored("losses")["rows"] if row["problem"] == f"InfoNCE, {pairs} pairs"]
    faster = {row["contestant"]: row["sslkit_times_faster"] for row in rows}
    assert f"{said} at {pairs}" in RESULTS and 1 / faster["lightly"] == pytest.approx(share, rel=0.1)
    assert (faster["like solo-learn"] < 1) == (f"is faster at {pairs}" in RESULTS)


def test_there_are_tables_and_their_commands_are_those_that_made_them():
    assert {name for name, _ in TABLES} >= {"rotation-scenes-cpu-0-curve", "rotation-cifar10-cpu-0-curve"}
    for name, _ in TABLES:
        words = stored(name)["about"]["command"].split()
        assert all(word in RESULTS for word in words if not word.startswith("--tier")), words


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


def test_what_is_said_of_the_comparison_is_what_its_runs_say():
    runs = compare.stored("compare-cifar10-cpu")
    frozen, tuned = (summarise(plots.compared(runs, probe=probe)) for probe in ("linear", "fine-tuned"))
    methods = [arm for arm in plots.METHODS if arm in frozen]
    level = lambda arm, budget, found=frozen: found[arm][budget][0]
    order = {budget: sorted(methods, key=lambda arm: -level(arm, budget)) for budget in (1, 5, 20, 100, 400)}
    scratch = lambda budget: level("from scratch", budget)
    gain = lambda arm, budget, found=frozen: level(arm, budget, found) - level("ViT from scratch" if arm == "mae" else "from scratch", budget)
    at_400 = {arm: level(arm, 400, tuned) for arm in methods}
    minutes = {run["arm"]: run["seconds"]["pretraining"] for run in runs if run["pretraining"]}
    says = {
        "Rotation leads the frozen encoders at every budget": all(arms[0] == "rotation" for arms in order.values()),
        "took the most minutes": max(minutes, key=minutes.get) == "rotation",
        "SimCLR is second from 1 to 100 labels a class": all(order[budget][1] == "simclr" for budget in (1, 5, 20, 100)),
        "ahead of all frozen encoders but rotation's at 100 labels a class": level(order[100][1], 100) < scratch(100) < level("rotation", 100),
        "far ahead of all of them at 400": scratch(400) > level(order[400][0], 400) + 0.05,
        "On a single label a class the mean of every encoder is lower than that of its frozen probe": all(level(arm, 1, tuned) < level(arm, 1) for arm in methods),
        "from 20 on every one gets better": all(tuned[arm][budget][0] > level(arm, budget) for arm in methods for budget in (20, 100, 400)),
        "with 20 all are above training from scratch": all(level(arm, 20, tuned) > scratch(20) for arm in methods),
        "With 400 jigsaw leads, nearly five points above scratch": 0.045 < at_400["jigsaw"] - scratch(400) < 0.05 and at_400["jigsaw"] == max(at_400.values()),
        "MAE is further still above its own transformer from scratch": at_400["mae"] - level("ViT from scratch", 400) > gain("jigsaw", 400, tuned) + 0.005,
        "the contrastive methods are level with it": all(abs(at_400[arm] - scratch(400)) < 0.01 for arm in ("simclr", "moco", "byol")),
        "split-brain, whose encoders do not see the whole picture, below": max(at_400["colorization"], at_400["split brain"]) < scratch(400) - 0.015,
        "does shrink from 20 to 400 labels a class, as lectures say, for all but MAE": [
            arm for arm in methods if gain(arm, 400, tuned) >= gain(arm, 20, tuned)] == ["mae"],
        "of frozen features it turns over, of fine-tuned ones some is left": all(gain(arm, 400) < 0 for arm in methods) and gain("jigsaw", 400, tuned) > 0.03}
    moved = stored("transfer")
    at_20 = lambda arm, home, to: statistics.mean(
        record["accuracy"] for record in moved["records"] if (record["from"], record["arm"], record["to"], record["budget"]) == (home, arm, to, 20))
    ink = {arm: at_20(arm, "scenes", "ink") for arm in moved["nearest mean"]["scenes"]}
    means = {arm: found["ink"] for arm, found in moved["nearest mean"]["scenes"].items()}
    says["reads ink drawings as well as the best that were pretrained in the drawn world"] = ink["random encoder"] > sorted(ink.values())[-3] - 0.01
    says["read them clearly better than it does after rotation, colorization or SimCLR"] = all(at_20(arm, "cifar10", "ink") > at_20("random encoder", "cifar10", "ink") + 0.04 for arm in ("rotation", "colorization", "simclr"))
    says["about twice as often in the drawn world"] = 1.8 < at_20("rotation", "cifar10", "scenes") / at_20("random encoder", "cifar10", "scenes") < 2.2
    says["only SimCLR's means keep anything"] = sorted(means, key=means.get)[-1] == "simclr" and sorted(means.values())[-2] < 0.15
    text = " ".join((README + RESULTS).split())
    assert all(holds and sentence in text for sentence, holds in says.items()), says
