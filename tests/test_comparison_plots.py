"""Pictures of the comparison: the numbers in them against plain loops, and no name on top of another."""

import itertools
import math
import statistics

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from sslkit import data, plots
from sslkit.plots.comparison import apart, floor_of
from sslkit.plots.look import RIGHT, WRONG, style

METHODS = ("rotation", "relative patch", "jigsaw", "colorization", "split brain", "inpainting", "simclr", "moco", "byol", "mae")
FLOORS = {"random encoder": 0.12, "raw pixels": 0.07, "from scratch": 0.22, "random ViT": 0.11, "ViT from scratch": 0.15}
FACTORS = ("kind", "x", "hue")
BUDGETS = (1, 5, 20)


def accuracy(base, budget, seed, pretraining, layer, probe):
    """Known: draws of labels shift every arm alike, pretrainings only the one; block 3 is best, the linear probe is better."""
    shift = 0.02 * (seed - 1) + 0.004 * (pretraining - 1)
    return base + 0.05 * BUDGETS.index(budget) + shift - 0.03 * abs((layer or 3) - 3) - 0.02 * (probe == "kNN")


def records_of(arm, base, pretraining, probes, layers):
    """Validation prefers block 2, and so "best" is not what is best on the test split."""
    found = []
    for budget, seed, probe, layer in itertools.product(BUDGETS, (0, 1, 2), probes, layers):
        record = {"arm": arm, "budget": budget, "seed": seed, "pretraining": pretraining,
                  "accuracy": accuracy(base, budget, seed, pretraining, layer, probe), "validation": 0.5 - abs((layer or 2) - 2) + base}
        record.update({"probe": probe} if probe else {}, **({"layer": layer} if layer else {}))
        found.append(record)
    return found


def runs(methods=METHODS, pretrainings=2, tuned=True, world=True):
    """As many runs as a comparison has: methods ever better in their order, the last far ahead of no one."""
    made = []
    for place, arm in enumerate(methods):
        for pretraining in range(pretrainings):
            base = 0.2 + 0.01 * place
            records = records_of(arm, base, pretraining, ("linear", "kNN"), (1, 2, 3, 4))
            records += records_of(arm + ", fine-tuned", base + 0.1, pretraining, (None,), (None,)) * tuned
            made.append({"arm": arm, "about": {"method": arm.replace(" ", "_"), "pretraining": pretraining, "images": 64_000},
                         "seconds": {"pretraining": 60.0 * (1 + place % 4) + 6 * pretraining}, "records": records,
                         "factors": {name: 0.1 * place + 0.2 * pretraining for name in FACTORS} if world else None})
    for arm, base in FLOORS.items():
        layers, probes = (1, 2, 3, 4) if "random" in arm else (None,), (None,) if "scratch" in arm else ("linear", "kNN")
        made.append({"arm": arm, "about": {"method": None, "pretraining": 0, "images": 0}, "seconds": {},
                     "records": records_of(arm, base, 0, probes, layers),
                     **({"factors": dict(zip(FACTORS, (0.4, 0.5, 0.6) if arm == "random encoder" else (0.1, 0.2, 0.95)))}
                        if world and "random" in arm else {})})
    return made


def line(axes, arm):
    (found,) = [one for one in axes.get_lines() if one.get_label() == arm]
    return dict(zip(found.get_xdata(), found.get_ydata()))


def named(axes):
    """{name: its text} of all names that are written."""
    return {text.get_text(): text for text in axes.texts if text.get_text()}


def no_overlap(figure, texts):
    figure.draw_without_rendering()
    boxes = {name: text.get_window_extent() if not text.arrow_patch else super(type(text), text).get_window_extent()
             for name, text in texts.items()}
    return [(one, other) for one, other in itertools.combinations(boxes, 2) if boxes[one].overlaps(boxes[other])]


# Which records are compared

def test_the_best_block_is_chosen_for_each_pretraining():
    records = [{"arm": "a", "budget": 1, "seed": 0, "pretraining": pretraining, "layer": layer, "accuracy": layer / 10 + pretraining,
                "validation": abs(layer - (1 if pretraining else 3))} for pretraining in (0, 1) for layer in (1, 2, 3, 4)]
    chosen = plots.choose(records, layer="best")
    assert [(record["pretraining"], record["layer"]) for record in chosen] == [(0, 1), (1, 4)]


@pytest.mark.parametrize("probe", ["linear", "kNN"])
@pytest.mark.parametrize("layer", ["best", 1, 4])
def test_compared_keeps_one_way_of_judging(probe, layer):
    found = plots.compared(runs(), methods=("simclr", "byol"), probe=probe, layer=layer)
    assert {record["arm"] for record in found} == {"simclr", "byol", "random encoder", "raw pixels", "from scratch"}
    mine = [record for record in found if record["arm"] == "byol"]
    assert len(mine) == 2 * 3 * 3 and {record["layer"] for record in mine} == {2 if layer == "best" else layer}
    assert {record["probe"] for record in mine} == {probe}
    assert len([record for record in found if record["arm"] == "from scratch"]) == 9


def test_compared_fine_tuned_has_plain_names_and_probed_floors():
    found = plots.compared(runs(), methods=("simclr", "mae"), probe="fine-tuned", layer=4)
    assert {record["arm"] for record in found} == {"simclr", "mae", *FLOORS}, "the ViT's floors come with MAE"
    assert all("probe" not in record for record in found if record["arm"] in METHODS)
    assert {(record["probe"], record["layer"]) for record in found if record["arm"] == "random encoder"} == {("linear", 2)}
    (one,) = [record for record in found if (record["arm"], record["budget"], record["seed"], record["pretraining"]) == ("mae", 5, 1, 1)]
    assert one["accuracy"] == pytest.approx(accuracy(0.2 + 0.09 + 0.1, 5, 1, 1, None, None))


def test_compared_keeps_the_floors_that_are_asked_for():
    kept = lambda methods: {record["arm"] for record in plots.compared(runs(), methods=methods, probe="fine-tuned", floors=("from scratch",))}
    assert kept(("simclr", "mae")) == {"simclr", "mae", "from scratch", "ViT from scratch"} and kept(("simclr",)) == {"simclr", "from scratch"}


def test_floors_of_a_vit_are_for_mae_alone():
    there = {"mae", "simclr", *FLOORS}
    assert floor_of("mae", "from scratch", there) == floor_of("random ViT", "from scratch", there) == "ViT from scratch"
    assert floor_of("simclr", "from scratch", there) == floor_of("mae", "from scratch", {"mae", "from scratch"}) == "from scratch"


# By labels, and above scratch

def test_the_lines_hold_means_and_no_name_hides_another():
    records = plots.compared(runs())
    figure = plots.by_labels(records, budget=5)
    axes = figure.axes[0]
    for arm in (*METHODS, *FLOORS):
        for budget, drawn in line(axes, arm).items():
            assert drawn == pytest.approx(100 * statistics.mean(record["accuracy"] for record in records
                                                                if (record["arm"], record["budget"]) == (arm, budget)))
    assert set(named(axes)) == {*METHODS, *FLOORS} and not no_overlap(figure, named(axes))
    assert to_rgb(named(axes)["simclr"].get_color()) == to_rgb(style("simclr")["color"])
    with pytest.raises(ValueError, match="no records"):
        plots.by_labels([])


def test_where_a_line_ends_early_dots_lead_to_its_name():
    records = [record for record in plots.compared(runs()) if record["arm"] != "moco" or record["budget"] < 20]
    axes = plots.by_labels(records).axes[0]
    (dots,) = [one for one in axes.collections if isinstance(one, LineCollection)]
    (first, last), = dots.get_segments()
    assert first[0] == 5 and first[1] == last[1] == pytest.approx(line(axes, "moco")[5]) and last[0] == pytest.approx(axes.get_xlim()[1])
    assert axes.get_xlim() == pytest.approx(plots.by_labels(plots.compared(runs())).axes[0].get_xlim())
    assert to_rgb(dots.get_color()[0][:3]) == to_rgb(style("moco")["color"])


def test_advantage_is_paired_by_draw():
    records = plots.compared(runs(pretrainings=1))
    figure = plots.advantage(records)
    axes = figure.axes[0]
    level = {(record["arm"], record["budget"], record["seed"]): record["accuracy"] for record in records}
    for arm in set(METHODS) | {"random encoder", "raw pixels", "random ViT"}:
        against = "ViT from scratch" if arm in ("mae", "random ViT") else "from scratch"
        for budget, drawn in line(axes, arm).items():
            by_hand = [level[arm, budget, seed] - level[against, budget, seed] for seed in (0, 1, 2)]
            assert drawn == pytest.approx(100 * statistics.mean(by_hand)), (arm, budget)
    for band in axes.collections:                                     # what shifts all arms alike is no spread of a difference
        heights = band.get_paths()[0].vertices
        assert all(np.ptp(heights[heights[:, 0] == budget, 1]) < 1e-5 for budget in BUDGETS)
    assert not {"from scratch", "ViT from scratch"} & {one.get_label() for one in axes.get_lines()}
    assert "from scratch (ViT: its own)" in named(axes) and not no_overlap(figure, named(axes))


def test_the_band_of_the_advantage_is_the_deviation_of_differences():
    records = [{"arm": arm, "budget": 1, "seed": seed, "accuracy": value} for arm, row in
               {"simclr": (0.5, 0.6, 0.4), "from scratch": (0.3, 0.5, 0.1)}.items() for seed, value in enumerate(row)]
    axes = plots.advantage(records).axes[0]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert line(axes, "simclr") == {1: pytest.approx(20)} and band.min() == pytest.approx(10) and band.max() == pytest.approx(30)
    (zero,) = [one for one in axes.get_lines() if list(one.get_ydata()) == [0, 0]]
    assert to_rgb(zero.get_color()) == to_rgb(WRONG) and "from scratch" in named(axes)


def test_another_reference_can_be_asked_for():
    records = plots.compared(runs(pretrainings=1))
    drawn = line(plots.advantage(records, "random encoder").axes[0], "mae")[1]
    assert drawn == pytest.approx(100 * (0.29 - FLOORS["random ViT"]))


def test_what_cannot_be_compared_is_named():
    records = plots.compared(runs())
    with pytest.raises(ValueError, match="no records of 'supervised'.*there are ViT from scratch, byol, colorization"):
        plots.advantage(records, "supervised")
    with pytest.raises(ValueError, match="simclr: no draw of labels shared with 'from scratch'"):
        plots.advantage([{**record, "seed": record["seed"] + 9 * (record["arm"] == "simclr")} for record in records])
    with pytest.raises(ValueError, match="no other arm"):
        plots.advantage([record for record in records if record["arm"] == "from scratch"])


@pytest.mark.parametrize("places", [[3.0], [0.0, 10.0, 5.0], [1.0, 1.0, 1.0], [4.0, 0.0, 0.5, 0.6, 9.0, 8.8], list(np.sin(np.arange(15.0)))])
def test_names_move_as_little_as_isotonic_regression_says(places):
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(places, kind="stable")
    steps = np.arange(len(places))
    wanted = IsotonicRegression().fit_transform(steps, np.array(places)[order] - steps) + steps
    moved = apart(places, 1.0)
    np.testing.assert_allclose(moved[order], wanted, atol=1e-9)
    assert np.all(np.diff(moved[order]) >= 1 - 1e-9)


# What it costs

def test_cost_puts_each_mark_at_its_minutes_and_accuracy():
    given = runs()
    axes = plots.cost(given, budget=5).axes[0]
    marks = {tuple(np.round([x, y], 6)) for one in axes.get_lines() if one.get_marker() not in ("None", None, "")
             for x, y in zip(one.get_xdata(), one.get_ydata())}
    wanted = set()
    for place, arm in enumerate(METHODS):
        minutes = (1 + place % 4) + 0.05
        frozen = statistics.mean(accuracy(0.2 + 0.01 * place, 5, seed, pretraining, 2, "linear") for seed in (0, 1, 2) for pretraining in (0, 1))
        tuned = statistics.mean(accuracy(0.3 + 0.01 * place, 5, seed, pretraining, None, None) for seed in (0, 1, 2) for pretraining in (0, 1))
        wanted |= {tuple(np.round([minutes, 100 * frozen], 6)), tuple(np.round([minutes, 100 * tuned], 6))}
    assert marks == wanted
    assert axes.get_xscale() == "log" and set(named(axes)) == {*METHODS, *FLOORS}
    levels = {round(float(one.get_ydata()[0]), 6) for one in axes.get_lines() if list(one.get_xdata()) == [0, 1]}
    assert levels == {round(100 * accuracy(base, 5, 1, 0, 2 if "random" in arm else None, None), 6) for arm, base in FLOORS.items()}


def test_fine_tuning_alone_has_one_mark_a_method():
    axes = plots.cost(runs(("simclr",)), budget=20, probe="fine-tuned").axes[0]
    (mark,) = [one for one in axes.get_lines() if one.get_marker() == "o"]
    assert mark.get_ydata()[0] == pytest.approx(100 * (0.3 + 0.1 - 0.002)) and not [one for one in axes.get_lines() if one.get_marker() == "D"]
    assert set(named(axes)) == {"simclr", "random encoder", "raw pixels", "from scratch"}


@pytest.mark.parametrize("seed", range(3))
def test_names_hide_neither_one_another_nor_a_mark(seed):
    """Ten methods whose minutes and accuracies lie as close as they do in a real comparison."""
    generator = torch.Generator().manual_seed(seed)
    given = runs(pretrainings=1)
    for run in given[:10]:
        run["seconds"]["pretraining"] *= float(1 + 0.3 * torch.rand((), generator=generator))
        shift = float(0.1 * torch.rand((), generator=generator))
        run["records"] = [{**record, "accuracy": record["accuracy"] + shift} for record in run["records"]]
    figure = plots.cost(given, budget=5)
    axes, texts = figure.axes[0], named(figure.axes[0])
    assert not no_overlap(figure, texts)
    for name in METHODS:
        box = texts[name].get_window_extent()
        assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1, name
        for one in axes.get_lines():
            if one.get_marker() in ("o", "D"):
                assert not box.contains(*axes.transData.transform((one.get_xdata()[0], one.get_ydata()[0]))), name


def test_a_method_without_time_or_records_is_named():
    given = runs(("simclr", "moco"))
    with pytest.raises(ValueError, match="no method has records with 7 labels a class"):
        plots.cost(given, budget=7)
    given[2]["seconds"] = {"probes": 3.0}
    with pytest.raises(ValueError, match="moco: no seconds of pretraining"):
        plots.cost(given, budget=5)


# What is kept

def test_kept_compares_with_the_untrained_encoder():
    axes = plots.kept(runs()).axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["random encoder", "random ViT", *METHODS] and [label.get_text() for label in axes.get_xticklabels()] == list(FACTORS)
    change = np.asarray(axes.images[0].get_array())
    cells = {}
    for text in axes.texts:
        cells.setdefault((round(text.get_position()[1]), round(text.get_position()[0])), []).append(text.get_text())
    start = {"conv": (0.4, 0.5, 0.6), "vit": (0.1, 0.2, 0.95)}
    for row, arm in enumerate(rows):
        floor = start["vit" if arm in ("mae", "random ViT") else "conv"]
        for column in range(3):
            score = floor[column] if "random" in arm else 0.1 * METHODS.index(arm) + 0.1         # pretrainings add 0 and 0.2
            assert change[row, column] == pytest.approx(score - floor[column])
            moved = score - floor[column]
            mark = "▲" if moved > 0.049 else "▼" if moved < -0.049 else ""
            assert cells[row, column] == [f"{score:.2f}", mark], (arm, column)
    blue, red = axes.images[0].cmap(1.0), axes.images[0].cmap(0.0)
    assert blue[2] > blue[0] and red[0] > red[2], "kept is blue, erased is vermilion"
    assert axes.images[0].norm(0) == pytest.approx(0.5), "no change is white"
    assert "erased" in axes.get_xlabel()


def test_kept_needs_the_drawn_world_and_an_untrained_encoder():
    with pytest.raises(ValueError, match="runs with factors are none; only those on the drawn world"):
        plots.kept(runs(world=False))
    with pytest.raises(ValueError, match="runs with factors are rotation"):
        plots.kept([run for run in runs(("rotation",)) if run["arm"] == "rotation"])


# Neighbours and maps

WORLD = data.scenes(40, 24)


def test_neighbours_are_framed_and_counted():
    found = {"simclr": WORLD.images[1:7], "byol": WORLD.images[10:16]}
    same = {"simclr": torch.tensor([1, 1, 0, 1, 0, 0]).bool(), "byol": torch.zeros(6).bool()}
    names = {method: [WORLD.classes[number] for number in range(6)] for method in found}
    axes = plots.neighbours(WORLD.images[0], found, same=same, names=names, title="a picture").axes[0]
    words = [text.get_text() for text in axes.texts]
    assert words[0] == "a picture" and "3 of 6" in words and "0 of 6" in words and words.count("byol") == 1
    marks = [word[0] for word in words if word[0] in "✓✗"]
    assert marks == list("✓✓✗✓✗✗") + list("✗" * 6) and f"✓ {WORLD.classes[0]}" in words
    frames = [to_rgb(patch.get_edgecolor()) for patch in axes.patches[1:]]
    assert frames == [to_rgb(RIGHT if mark == "✓" else WRONG) for mark in marks]
    np.testing.assert_allclose(axes.images[0].get_array(), WORLD.images[0].permute(1, 2, 0) / 255, atol=1e-6)
    np.testing.assert_allclose(axes.images[8].get_array(), WORLD.images[11].permute(1, 2, 0) / 255, atol=1e-6)


def test_neighbours_without_labels_and_wrong_ones():
    axes = plots.neighbours(WORLD.images[0], {"simclr": WORLD.images[1:4]}).axes[0]
    assert len(axes.images) == 4 and not any("of 3" in text.get_text() for text in axes.texts)
    with pytest.raises(ValueError, match="no neighbours"):
        plots.neighbours(WORLD.images[0], {})
    with pytest.raises(ValueError, match="byol: 3 pictures, 2 values in same"):
        plots.neighbours(WORLD.images[0], {"byol": WORLD.images[1:4]}, same={"byol": [True, False]})


def points(seed):
    return torch.randn(40, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("number, shape", [(1, (1, 1)), (3, (1, 3)), (5, (2, 3)), (8, (2, 4)), (10, (2, 5)), (12, (3, 4))])
def test_a_map_for_each_method(number, shape):
    maps = {f"method {place}": points(place) for place in range(number)}
    figure = plots.side_by_side(maps, WORLD.labels, names=WORLD.classes)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == list(maps)
    assert shown[0].get_gridspec().get_geometry() == shape
    assert len(figure.legends) == 1 and [text.get_text() for text in figure.legends[0].get_texts()] == list(WORLD.classes)
    for axes, given in zip(shown, maps.values()):
        np.testing.assert_allclose(np.concatenate([np.asarray(dots.get_offsets()) for dots in axes.collections if len(dots.get_offsets())]),
                                   given, atol=1e-6)


def test_the_same_picture_is_marked_on_every_map_with_its_own_neighbours():
    maps, near = {"a": points(0), "b": points(1)}, {"a": torch.tensor([3, 4]), "b": torch.tensor([5, 6, 7])}
    figure = plots.side_by_side(maps, WORLD.factors["hue"], legend="hue", cyclic=True, highlight=2, neighbours=near)
    for axes, (method, given) in zip(figure.axes, maps.items()):
        ends = [one.get_xydata() for one in axes.get_lines()]
        assert len(ends) == len(near[method])
        for (start, end), other in zip(ends, near[method]):
            np.testing.assert_allclose(start, given[2], atol=1e-6)
            np.testing.assert_allclose(end, given[other], atol=1e-6)
        np.testing.assert_allclose(axes.collections[-1].get_offsets()[0], given[2], atol=1e-6)
    assert figure.axes[-1].get_xlabel() == "hue", "one scale for all"


@pytest.mark.parametrize("maps, says", [({}, "no maps"), ({"a": points(0), "b": points(0)[:39]}, "b: 39 points, the first map has 40"),
                                        ({"a": points(0)[:, :1]}, "want .N, 2."), ({"a": points(0) / 0}, "finite")])
def test_wrong_maps_are_named(maps, says):
    with pytest.raises(ValueError, match=says):
        plots.side_by_side(maps, None)


@pytest.mark.parametrize("draw", [lambda figure: plots.by_labels(plots.compared(runs(("simclr",))), figure=figure),
                                  lambda figure: plots.advantage(plots.compared(runs(("simclr",))), figure=figure),
                                  lambda figure: plots.cost(runs(("simclr",)), budget=1, figure=figure),
                                  lambda figure: plots.kept(runs(("simclr",)), figure=figure),
                                  lambda figure: plots.neighbours(WORLD.images[0], {"simclr": WORLD.images[1:3]}, figure=figure),
                                  lambda figure: plots.side_by_side({"simclr": points(0)}, None, figure=figure)])
def test_a_given_figure_or_part_of_one_is_drawn_into(draw):
    whole = plots.new(None, (9, 5))
    part = whole.subfigures(1, 2)[1]
    assert draw(part) is part and part.axes and plots.png(whole)[:4] == b"\x89PNG"


def test_one_draw_has_no_spread_and_is_drawn_all_the_same():
    records = [record for record in plots.compared(runs(("simclr",), 1)) if record["seed"] == 0]
    assert not any(math.isnan(value) for value in line(plots.by_labels(records).axes[0], "simclr").values())
    assert plots.png(plots.advantage(records)) and plots.png(plots.cost([{**run, "records": [one for one in run["records"] if one["seed"] == 0]}
                                                                         for run in runs(("simclr",), 1)], budget=1))
