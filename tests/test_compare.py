"""Tables of the comparison at equal numbers of images say what its stored runs hold."""

import statistics

import pytest

from sslkit import compare


@pytest.fixture(scope="module")
def runs():
    return compare.stored("compare-cifar10-cpu")


def test_the_table_takes_the_block_that_validation_likes_best(runs):
    rotation = next(run for run in runs if run["arm"] == "rotation")
    best = []
    for draw in range(3):                                          # by hand
        mine = [r for r in rotation["records"] if (r.get("probe"), r["budget"], r["seed"]) == ("linear", 20, draw)]
        best.append(max(mine, key=lambda record: record["validation"])["accuracy"])
    heading, *rows = compare.table(runs).splitlines()
    assert heading.split()[3:8] == ["1", "5", "20", "100", "400"]
    row = next(line for line in rows if line.startswith("rotation  ")).split()
    assert row[7:10] == [f"{100 * statistics.mean(best):.1f}", "±", f"{100 * statistics.stdev(best):.1f}"]
    assert row[-4:] == ["102,400", "3,200", "66.7", f"{rotation['seconds']['pretraining'] / 60:.1f}"]
    assert {line.split("  ")[0] for line in rows} >= {run["arm"] for run in runs} | {"rotation, fine-tuned", "mae, fine-tuned"}


def test_blocks_stand_side_by_side_and_minutes_add_up(runs):
    rotation = next(run for run in runs if run["arm"] == "rotation")
    layer = [r["accuracy"] for r in rotation["records"] if (r.get("probe"), r["budget"], r.get("layer")) == ("kNN", 100, 3)]
    row = next(line for line in compare.blocks(runs, 100).splitlines() if line.startswith("rotation ")).split()
    assert row[1:][6] == f"{100 * statistics.mean(layer):.1f}"
    assert row[-1] == f"{100 * rotation['pretraining']['validation']['accuracy']:.1f}"
    spent = sum(sum(run["seconds"].get(part, 0) for part in ("pretraining", "embedding", "probes", "fine-tuning")) for run in runs) / 60
    assert compare.times(runs).splitlines()[-1].split()[-1] == f"{spent:.1f}"


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no runs in .*nowhere: .* with the kit come compare-cifar10-cpu"):
        compare.stored(tmp_path / "nowhere")
