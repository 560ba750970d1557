"""The explorer of thresholds and its figures, against plain loops."""

import pytest
import torch
from sweep import choose, sweep

from sslkit import plots, widgets
from sslkit.data import series
from sslkit.widgets.faults import by_kind

pytestmark = pytest.mark.usefixtures("sketched")
BROKEN = series.machine(2400, faults=5, seed=1)


def errors(steps, seed):
    return torch.rand(2, steps, generator=torch.Generator().manual_seed(seed)).square()


def explorer():
    watched = errors(2400, 1)
    watched[0, BROKEN.faults] += 0.9
    return widgets.FaultExplorer({"sees them": (errors(1500, 0), watched), "sees nothing": (errors(1500, 2), errors(2400, 3))}, BROKEN.kinds)


@pytest.mark.parametrize("name", ["arm", "share", "smooth"])
def test_every_control_can_be_turned(name):
    assert sweep(explorer, name) > 1


def test_an_arm_that_sees_faults_finds_them_all_and_the_sentence_says_so():
    shown = choose(explorer(), share=0.999, smooth=1)
    healthy, watched = shown.arms["sees them"]
    rows, place = [sorted(row.tolist()) for row in healthy], 0.999 * (healthy.shape[1] - 1)        # between two moments
    limits = [row[int(place)] + (place - int(place)) * (row[int(place) + 1] - row[int(place)]) for row in rows]
    levels, rung, score, false = shown.judged("sees them", 0.999, 1)
    above = [any(float(watched[c, t]) > limits[c] for c in range(2)) for t in range(2400)]
    want = [any(above[max(0, t - 29):t + 1]) for t in range(2400)]
    assert want == rung.tolist()
    assert score["found"] == score["faults"] == 5 and "5 of 5 faults found" in shown.message.value
    assert float(levels.max()) > 1
    over = [any(float(healthy[c, t]) > limits[c] for c in range(2)) for t in range(1500)]
    rings = [any(over[max(0, t - 29):t + 1]) for t in range(1500)]
    assert false.tolist() == rings and f"and for {sum(rings) / 1500:.0%} of it" in shown.message.value


def test_averaging_is_over_the_moments_before():
    shown = explorer()
    healthy, watched = shown.arms["sees nothing"]
    levels, _, _, _ = shown.judged("sees nothing", 0.9, 5)
    mean = lambda row, t: sum(row[max(0, t - 4):t + 1].tolist()) / 5
    limits = [torch.tensor([mean(row, t) for t in range(1500)]).quantile(0.9).item() for row in healthy]
    for t in (0, 3, 4, 700, 2399):
        assert float(levels[t]) == pytest.approx(max(mean(watched[c], t) / limits[c] for c in range(2)), rel=1e-4)


def test_by_kind_counts_each_fault_once_and_late_ones_too():
    rung = torch.zeros(100, dtype=torch.bool)
    rung[[12, 14, 45]] = True
    faults = [("drift", 10, 20), ("drift", 30, 40), ("noise", 60, 70)]
    assert by_kind(rung, faults) == {"drift": (1, 2), "noise": (0, 1)}
    assert by_kind(rung, faults, late=6) == {"drift": (2, 2), "noise": (0, 1)}


def test_a_limit_needs_no_faults():
    """What is watched must not change the limit."""
    shown = explorer()
    before = shown.judged("sees them", 0.99, 3)[0]
    shown.arms["sees them"][1][:, 2000:] *= 50
    assert torch.allclose(shown.judged("sees them", 0.99, 3)[0][:2000], before[:2000])


def test_figures_show_the_numbers_they_are_given():
    figure = plots.horizons({"load": {"forecast": torch.tensor([1.0, 2.0]), "persistence": [2.0, 3.0]}, "current": {"forecast": [0.0, 1.0]}})
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[1, 2], [2, 3]] and list(figure.axes[0].lines[0].get_xdata()) == [1, 2]
    figure = plots.found_by_kind({"a": {"drift": (3, 5), "noise": (0, 5)}, "b": {"drift": (5, 5), "noise": (1, 5)}})
    assert [text.get_text() for text in figure.axes[0].texts] == ["3 of 5", "0 of 5", "5 of 5", "1 of 5"]
    figure = plots.thresholds({"a": [(0.9, 0.2, 1.0), (0.99, 0.5, 0.6)]}, chosen={"a": (0.5, 0.6)})
    assert list(figure.axes[0].lines[0].get_xdata()) == [1.0, 0.6] and list(figure.axes[0].lines[1].get_ydata()) == [0.5]
    with pytest.raises(ValueError, match="at least one"):
        plots.horizons({})
