"""Series: the made-up machine, tables of one's own, and faults found by surprise."""

import pytest
import torch

from sslkit import anomaly, evaluate, train
from sslkit.data import series
from sslkit.networks import CausalConvNet
from sslkit.tasks import Forecast


def test_the_machine_repeats_and_faults_are_where_they_are_said_to_be():
    made, again, other = (series.machine(4000, 8, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(made.values, again.values) and not torch.equal(made.values, other.values) and made.kinds == again.kinds
    assert made.values.shape == (4, 4000) and len(made.names) == 4 and torch.isfinite(made.values).all()
    assert len(made.kinds) == 8 and {kind for kind, _, _ in made.kinds} == set(series.KINDS)
    flags = torch.zeros(4000, dtype=torch.bool)
    for _, start, stop in made.kinds:
        assert 60 <= stop - start <= 160 and start >= 300
        flags[start:stop] = True
    assert torch.equal(flags, made.faults)
    for (_, _, stop), (_, start, _) in zip(made.kinds, made.kinds[1:]):
        assert start - stop >= 200
    assert not series.machine(1000).faults.any() and series.machine(1000).kinds == []


def test_faults_change_the_sensors_only_where_they_are():
    broken, healthy = series.machine(6000, 10, seed=3), series.machine(6000, seed=3)
    fine = ~broken.faults
    assert torch.equal(broken.values[0, fine], healthy.values[0, fine]) and not torch.equal(broken.values[0], healthy.values[0])
    frozen = next((start, stop, number % 4) for number, (kind, start, stop) in enumerate(broken.kinds) if kind == "frozen sensor")
    assert (broken.values[frozen[2], frozen[0]:frozen[1]].diff() == 0).all()
    assert (healthy.values[frozen[2]].diff() == 0).float().mean() < 0.01
    with pytest.raises(ValueError, match="faults=20 in 4000 minutes: want at least 360"):
        series.machine(4000, 20)
    for wrong in ((0, 0), (1000, -1)):
        with pytest.raises(ValueError, match="at least one step"):
            series.machine(*wrong)


def test_sensors_hang_together():
    load, temperature, vibration, current = series.machine(6000).values
    correlate = lambda one, other: torch.corrcoef(torch.stack([one, other]))[0, 1].item()
    assert correlate(load, current) > 0.9 and correlate(load, vibration) > 0.7
    assert correlate(load[:-60], temperature[60:]) > correlate(load, temperature), "temperature follows, late"


def test_windows_and_standards_by_hand():
    values = torch.tensor([[1., 2, 3, 4], [5, 6, 7, 9]])
    assert series.windows(values, 2, 2).tolist() == [[[1, 2], [5, 6]], [[3, 4], [7, 9]]]
    standard = series.standardise(values, values)
    torch.testing.assert_close(standard.mean(1), torch.zeros(2))
    torch.testing.assert_close(standard.std(1), torch.ones(2))
    with pytest.raises(ValueError, match=r"T at least 5"):
        series.windows(values, 5)
    with pytest.raises(ValueError, match=r"channels \[0\] never change"):
        series.standardise(values, torch.tensor([[1., 1], [1, 2]]))
    with pytest.raises(ValueError, match=r"channels \[0\] never change"):                           # though its deviation is not 0
        series.standardise(torch.full((1, 1000), 0.1), torch.full((1, 1000), 0.1))
    values[1, 2] = torch.nan
    with pytest.raises(ValueError, match="channel 1 at time 2"):
        series.windows(values, 2)


def test_tables_of_ones_own(tmp_path):
    path = tmp_path / "machine.csv"
    path.write_text("time,heat,flow,Fault\n2026-01-01,1.5,2,0\n2026-01-02,2.5,3e1,1\n\n2026-01-03,3,-4,0\n")
    with pytest.warns(UserWarning, match="left out the first column, 'time'"):
        found = series.csv(path)
    assert found.names == ("heat", "flow") and found.values.tolist() == [[1.5, 2.5, 3], [2, 30, -4]]
    assert found.faults.tolist() == [False, True, False]
    path.write_text("heat,flow\n1,2\n3,4\n")
    assert series.csv(path).values.shape == (2, 2) and not series.csv(path).faults.any()


@pytest.mark.filterwarnings("ignore:.*left out the first column")
@pytest.mark.parametrize("content, words", [("a,b\n1,2\n3,\n", "line 3, column b: '' is no finite number"),
                                            ("a,b\n1,2\n3,nan\n", "'nan' is no finite"),
                                            ("a,b\n1,2\n\n\n3,x\n", "line 5, column b: 'x'"),
                                            ("a,b\n,2\n3,4\n", "line 2, column a: ''"), ("a;b\n1;2\n3;4\n", "divided by commas"),
                                            ("a,fault\n1,0\n2,7\n", "column fault: want 0"),
                                            ("a,b\n1,2\nx,4\n", "line 3, column a: 'x'"), ("a,b\n1,2\n3\n", "1 values, want 2"),
                                            ("a,b\n1,2\n", "1 rows under its header"), ("", "0 rows"),
                                            ("day,fault\nx,1\ny,0\n", "no column of numbers")])
def test_tables_that_cannot_be_used(tmp_path, content, words):
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(ValueError, match=words):
        series.csv(tmp_path / "bad.csv")


def test_tables_in_another_encoding(tmp_path):
    (tmp_path / "latin.csv").write_bytes("hügel,b\n1,2\n3,4\n".encode("latin-1"))
    with pytest.raises(ValueError, match="no text in UTF-8"):
        series.csv(tmp_path / "latin.csv")


# --- anomalies

def test_events_alarms_and_their_marks_by_hand():
    flags = torch.tensor([1, 1, 0, 0, 1, 0, 1, 1, 1, 0], dtype=torch.bool)
    assert anomaly.events(flags) == [(0, 2), (4, 5), (6, 9)] and anomaly.events(flags[2:4]) == []
    faults = torch.tensor([0, 1, 1, 0, 0, 0, 0, 0, 0, 1], dtype=torch.bool)
    marks = anomaly.precision_recall(flags, faults)
    assert marks == {"precision": pytest.approx(1 / 3), "recall": 0.5, "found": 1, "faults": 2, "alarms": 3}
    assert anomaly.precision_recall(flags, faults, late=2)["precision"] == pytest.approx(2 / 3)
    none = torch.zeros(10, dtype=torch.bool)
    assert anomaly.precision_recall(none, faults)["precision"] == 1 and anomaly.precision_recall(none, faults)["recall"] == 0
    surprised = torch.tensor([[0., 5, 0, 0, 0], [0, 0, 0, 3, 0]])
    assert anomaly.alarms(surprised, torch.tensor([4., 4])).tolist() == [False, True, False, False, False]
    assert anomaly.alarms(surprised, torch.tensor([4., 2]), hold=2).tolist() == [False, True, True, True, True]
    assert anomaly.threshold(torch.arange(101.)[None], 0.9).item() == pytest.approx(90)


def test_surprise_by_plain_loops():
    torch.manual_seed(0)
    task, values = Forecast(CausalConvNet(2, 8, (1, 2)), 2, 3).eval(), torch.randn(2, 12)
    torch.nn.init.normal_(task.head.weight)
    found = anomaly.surprise(task, values, 5, device="cpu")
    assert found.shape == (2, 12) and (found[:, :5] == 0).all()
    with torch.no_grad():
        for moment in range(5, 12):
            told = task(values[None, :, moment - 5:moment])[0, :, 0]
            torch.testing.assert_close(found[:, moment], (told - values[:, moment]).square())
    smooth = anomaly.surprise(task, values, 5, smooth=3, device="cpu")
    torch.testing.assert_close(smooth[:, 9], found[:, 7:10].mean(1))
    with pytest.raises(ValueError, match="12 steps: want more than the 12"):
        anomaly.surprise(task, values, 12)


def test_a_forecaster_finds_what_distance_from_the_mean_does_not():
    healthy, calm, broken = series.machine(3000, seed=10), series.machine(3000, seed=11), series.machine(4500, 10, seed=12)
    values = [series.standardise(part.values, healthy.values) for part in (healthy, calm, broken)]
    torch.manual_seed(0)
    task = Forecast(CausalConvNet(4, 24), 4, 1)
    train(task, series.windows(values[0], 33), steps=120, batch_size=64, lr=5e-3, progress=False, device="cpu")
    alarmed = lambda calm, errors: anomaly.alarms(errors, anomaly.threshold(calm), hold=30)
    ring = lambda errors: anomaly.precision_recall(alarmed(*errors), broken.faults, late=30)
    told = ring([anomaly.surprise(task, part, 32, smooth=5, device="cpu") for part in values[1:]])
    floor = ring([part.square() for part in values[1:]])
    assert told["recall"] >= 0.5 and told["recall"] > floor["recall"] and told["precision"] > 0.5
    assert evaluate.solve(task, series.windows(values[1], 33))["loss"] < 0.1
