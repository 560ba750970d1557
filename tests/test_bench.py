"""The benchmarks compare like with like, and their tables say what their files say."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
import fill_tables  # noqa: E402
from bench import __main__ as bench  # noqa: E402
from bench import losses  # noqa: E402

LOSSES = [
    {"problem": "InfoNCE, 8 pairs", "contestant": "sslkit", "seconds": 0.002, "sslkit_times_faster": 1.0, "peak_mib": 2.0},
    {"problem": "InfoNCE, 8 pairs", "contestant": "another", "seconds": 1.5, "sslkit_times_faster": 750.0, "peak_mib": 2048.0},
    {"problem": "InfoNCE, 16 pairs", "contestant": "sslkit", "seconds": 0.004, "sslkit_times_faster": 1.0, "peak_mib": 0.0},
    {"problem": "InfoNCE, 16 pairs", "contestant": "another", "seconds": None, "sslkit_times_faster": None, "peak_mib": None}]
RATES = {"sslkit": {"images_per_second": 12000, "sslkit_times_faster": 1.0},
         "another": {"images_per_second": 4000, "sslkit_times_faster": 3.02}}


def test_the_table_of_losses_names_each_problem_once_and_leaves_empty_what_was_not_measured():
    heading, first, second, third, fourth = fill_tables.losses({"rows": LOSSES}).splitlines()
    assert heading.split() == ["ms", "MiB"]
    assert first.split() == ["InfoNCE,", "8", "pairs", "sslkit", "2.0", "1.0", "×", "2"]
    assert second.split() == ["another", "1,500.0", "750.0", "×", "2,048"]
    assert third.startswith("InfoNCE, 16 pairs") and fourth.split() == ["another"]
    assert first.index("sslkit") == second.index("another") and len(heading) == len(first) == len(second)


def test_the_table_of_speeds_shows_rates_and_ratios():
    assert fill_tables.speed({"rows": RATES}) == "sslkit    12,000    1.0 ×\nanother    4,000    3.0 ×"


@pytest.mark.parametrize("name, rows, number", [
    ("losses", LOSSES, "1,500.0"), ("step", RATES, "12,000"), ("augment", RATES, "12,000")])
def test_a_block_is_filled_with_its_result_and_nothing_else_changes(name, rows, number, monkeypatch):
    monkeypatch.setattr(fill_tables, "stored", lambda asked: {name: {"rows": rows}}[asked])
    before, filled, after = fill_tables.filled(f"before\n<!-- {name} -->\n```\n```\nafter").split("```")
    assert before == f"before\n<!-- {name} -->\n" and number in filled and after == "\nafter"
    assert fill_tables.filled("no such block") == "no such block"


def test_the_ratios_leave_out_sslkit_itself_and_what_was_not_measured(tmp_path):
    for name, rows in (("augment", RATES), ("step", RATES), ("losses", LOSSES)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"rows": rows}))
    table = bench.ratios(tmp_path)
    assert [line.split()[-2:] for line in table.splitlines()[1:3]] == [["3.0", "×"]] * 2
    assert table.splitlines()[3].split()[-4:] == ["750.0", "×", "1024.0", "×"] and len(table.splitlines()) == 4


@pytest.mark.parametrize("samples", [64, 300])                    # sslkit holds the matrix of the small one only
@pytest.mark.parametrize("loss, name, package", [
    ("InfoNCE", "like solo-learn", "torch"), ("InfoNCE", "lightly", "lightly"),
    ("InfoNCE", "pytorch-metric-learning", "pytorch_metric_learning"),
    ("triplet", "pytorch-metric-learning", "pytorch_metric_learning")])
def test_every_contestant_computes_the_same_loss(loss, name, package, samples):
    pytest.importorskip(package, reason=f"{package} comes only with the extra `bench`")
    contest = {each: losses.CONTESTANTS[loss][each]() for each in ("sslkit", name)}
    losses.check_agreement(contest, *losses.batch(loss, samples))


def test_a_contestant_with_another_loss_is_found_out():
    other = lambda embeddings, labels: 1.01 * losses.ours()(embeddings, labels)
    with pytest.raises(ValueError, match="cheat finds .* want the same loss"):
        losses.check_agreement({"sslkit": losses.ours(), "cheat": other}, *losses.batch("InfoNCE", 64))


def test_taking_turns_gives_a_time_for_every_round_and_the_ratio_within_rounds():
    assert {name: len(times) for name, times in losses.taking_turns({"a": int, "b": int}, 3, least=0.001).items()} == {"a": 3, "b": 3}
    assert losses.times_faster({"sslkit": [1, 2, 10], "other": [2, 4, 1]}, "other") == 2


def test_the_memory_of_a_loss_is_that_of_its_matrices():
    assert losses.memory_of("InfoNCE", "like solo-learn", 2048) > 3 * 2048 ** 2 * 4 / 2 ** 20


def test_the_anatomy_of_a_step_is_timed_part_by_part_and_its_arithmetic_counted():
    import torch

    from bench import anatomy
    from sslkit import data
    from sslkit.networks import ConvNet
    from sslkit.tasks import Rotation

    milliseconds, flops = anatomy.anatomy(Rotation(ConvNet(4)), data.scenes(40, 24).images, batch_size=10, steps=2)
    assert tuple(milliseconds) == anatomy.PARTS and all(value > 0 for value in milliseconds.values())
    stem = 2 * 40 * 12 * 12 * 4 * 3 * 16                           # 40 turned pictures, 4 × 4 windows of 3 channels
    assert flops > 2 * stem                                        # forward and the weights' gradient, of the first of nine layers
    twice = anatomy.anatomy(Rotation(ConvNet(4)), data.scenes(40, 24).images, batch_size=20, steps=2)[1]
    assert twice == pytest.approx(2 * flops, rel=0.01)
    assert anatomy.matrix_rate(side=64) > 0 and torch.is_grad_enabled()


def test_transfer_measures_every_journey_and_its_table_says_what_was_stored(monkeypatch):
    from bench import transfer
    from sslkit import data
    from sslkit.networks import ConvNet

    parts = {style: data.Splits(*(data.scenes(number, 24, split=split, style=style) for number, split in ((60, "train"), (20, "validation"), (30, "test"))))
             for style in ("paint", "ink")}
    worlds = {"scenes": parts["paint"], "ink": parts["ink"], "cifar10": parts["paint"]}
    monkeypatch.setattr(transfer, "BUDGETS", (1, 2))
    records, zero = transfer.measured(ConvNet(4), "scenes", worlds)
    assert {(record["to"], record["budget"], record["seed"]) for record in records} == {
        (where, budget, seed) for where in worlds for budget in (1, 2) for seed in (0, 1, 2)}
    home, photos = ([record["accuracy"] for record in records if record["to"] == where] for where in ("scenes", "cifar10"))
    assert home == photos and zero.keys() == {"scenes", "ink"}     # the same pictures, the same numbers
    result = {"records": [{"from": "scenes", **record, "arm": "an encoder"} for record in records], "nearest mean": {"scenes": {"an encoder": zero}}}
    row = fill_tables.transferred(result, budget=2).splitlines()[2]
    means = [100 * sum(record["accuracy"] for record in records if (record["to"], record["budget"]) == (where, 2)) / 3 for where in ("scenes", "ink", "cifar10")]
    assert row.split()[2:] == [f"{value:.1f}" for value in (*means, 100 * zero["scenes"], 100 * zero["ink"])]


def test_a_busy_machine_is_measured_in_processes_with_the_policy_asked_for(monkeypatch):
    from bench import busy

    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert "OMP_WAIT_POLICY" not in busy.environment(None), "spinning is torch's default"
    assert busy.environment("passive")["OMP_WAIT_POLICY"] == "passive"
    with busy.busy_processes(2) as running:
        assert all(process.poll() is None for process in running)
    assert all(process.poll() is not None for process in running)
    assert busy.steps_per_second("passive", busy=1, seconds=0.2) > 0


def test_the_table_of_a_busy_machine_has_a_line_for_each_number_of_processes(monkeypatch):
    from bench import busy

    rate = lambda policy, number, seconds: 8.0 - number - (policy is None)
    monkeypatch.setattr(busy, "steps_per_second", rate)
    rows = busy.measure(rounds=3, seconds=1)
    assert all(len(row["rounds"]) == 3 for row in rows) and len(rows) == 6
    assert [line.split() for line in busy.table(rows).splitlines()] == [
        ["steps", "a", "second", "spinning", "sleeping"], ["alone", "7.0", "8.0"],
        ["beside", "1", "busy", "process", "6.0", "7.0"],
        ["beside", "2", "busy", "processes", "5.0", "6.0"]]
