"""Plots: arrays in, Figures out, and the numbers in the picture are those that went in."""

import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from sslkit import data, plots
from sslkit.evaluate import summarise

RECORDS = [{"arm": arm, "budget": budget, "seed": seed, "accuracy": base * budget ** 0.1 + 0.02 * seed, "validation": base}
           for arm, base in (("rotation, linear probe", 0.4), ("from scratch", 0.2)) for budget in (1, 10, 100) for seed in (0, 1)]
HISTORY = [{"step": step, "loss": 1 / step, "accuracy": 1 - 1 / step, "lr": 0.1, "seconds": step} for step in range(1, 9)]
WORLD = data.scenes(30, 24)

FIGURES = {
    "image_grid": lambda: plots.image_grid(WORLD.images[:5], ["a", "b"], columns=3),
    "contact_sheet": lambda: plots.contact_sheet(WORLD, columns=4),
    "rotations": lambda: plots.rotations(WORLD.images[0], [0.1, 0.6, 0.2, 0.1], 2),
    "attention": lambda: plots.attention(WORLD.images[:3], torch.rand(3, 4, 4), ["x"] * 3),
    "training": lambda: plots.training(HISTORY, chance=0.25, title="t"),
    "label_curve": lambda: plots.label_curve(RECORDS, budget=10),
    "layers": lambda: plots.layers({"rotation": [0.3, 0.5, 0.4], "random encoder": [[0.1, 0.2], [0.2, 0.2], [0.1, 0.1]]}, chance=0.1),
    "bars": lambda: plots.bars({"house": 0.9, "tree": 0.4}, chance=0.25),
    "pipeline": plots.pipeline, "field_map": plots.field_map,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_plot_is_a_figure_that_notebooks_show(name):
    figure = FIGURES[name]()
    assert isinstance(figure, Figure) and figure._repr_png_()[:4] == b"\x89PNG"


def test_a_given_figure_is_drawn_into():
    figure = plots.new(None, (4, 3))
    assert plots.label_curve(RECORDS, figure=figure) is figure and figure.axes


def test_the_curve_shows_means_and_one_standard_deviation():
    axes = plots.label_curve(RECORDS).axes[0]
    for line, (arm, row) in zip(axes.get_lines(), summarise(RECORDS).items()):
        assert line.get_label() == arm and list(line.get_xdata()) == [1, 10, 100]
        np.testing.assert_allclose(line.get_ydata(), [100 * mean for mean, _ in row.values()])
    band = axes.collections[0].get_paths()[0].vertices
    mean, spread = summarise(RECORDS)["rotation, linear probe"][1]
    assert band[band[:, 0] == 1][:, 1].min() == pytest.approx(100 * (mean - spread))


def test_the_training_plot_shows_the_history():
    loss, accuracy = plots.training(HISTORY).axes
    assert list(loss.get_lines()[0].get_ydata()) == [record["loss"] for record in HISTORY]
    assert list(accuracy.get_lines()[0].get_ydata()) == [100 * record["accuracy"] for record in HISTORY]


def test_labels_needed_in_closed_form():
    curve = {1: 0.1, 10: 0.3, 100: 0.5}
    assert plots.labels_needed(curve, 0.2) == pytest.approx(math.sqrt(10))
    assert plots.labels_needed(curve, 0.3) == pytest.approx(10) and plots.labels_needed(curve, 0.05) == 1
    assert plots.labels_needed(curve, 0.6) == math.inf
    assert plots.labels_needed({1: 0.1, 10: 0.4, 100: 0.2}, 0.3) < 10                 # where it first reaches it
    with pytest.raises(ValueError, match="no points"):
        plots.labels_needed({}, 0.5)


def test_choosing_probe_and_layer():
    records = [{"arm": "a", "budget": 1, "seed": 0, "accuracy": layer / 10, "validation": -layer, "layer": layer, "probe": probe}
               for layer in (1, 2) for probe in ("linear", "kNN")]
    assert len(plots.choose(records, layer=2, probe="kNN")) == 1
    assert {record["arm"] for record in plots.choose(records)} == {"a, linear, block 1", "a, linear, block 2", "a, kNN, block 1", "a, kNN, block 2"}
    assert plots.choose(records, layer="best", probe="linear")[0]["layer"] == 1       # by validation, not by test
    with pytest.raises(ValueError, match="no accuracy on the validation split"):
        plots.choose([{"arm": "a", "budget": 1, "seed": 0, "accuracy": 1.0}], layer="best")


def test_energy_is_the_mean_power_over_channels():
    features = torch.randn(2, 5, 3, 3)
    by_hand = torch.stack([sum(abs(features[n, c]) ** 2 for c in range(5)) / 5 for n in range(2)])
    maps = plots.energy(features)
    assert maps.min() == 0 and maps.max() == 1
    assert (by_hand.flatten(1).argmax(1) == maps.flatten(1).argmax(1)).all()
    assert (plots.energy(torch.ones(1, 2, 3, 3)) == 0).all()


def test_the_map_links_only_notebooks_that_are_there(tmp_path):
    (tmp_path / "01_rotation.ipynb").write_text("{}")
    html = plots.field_map_html(tmp_path).data
    assert 'href="01_rotation.ipynb"' in html and "08_simclr.ipynb" not in html and "<script" not in html
    assert "SimCLR" in html and "coming" in html


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(ValueError, match="history is empty"):
        plots.training([])
    with pytest.raises(ValueError, match="choose at least one arm"):
        plots.label_curve([])
    with pytest.raises(ValueError, match=r"want \(N, 3, H, W\)"):
        plots.image_grid(torch.zeros(2, 5, 5))
