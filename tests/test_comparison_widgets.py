"""Explorers of the comparison: every control over its whole range, and the sentences against plain computations."""

import math
import re
import statistics

import numpy as np
import pytest
import torch
from sweep import choose, sweep
from test_comparison_plots import BUDGETS, METHODS, accuracy, runs

from sslkit import data
from sslkit.data.dataset import Dataset
from sslkit.plots import nearest
from sslkit.widgets import ComparisonExplorer, EmbeddingComparison
from sslkit.widgets.comparison import leading

pytestmark = pytest.mark.usefixtures("sketched")
FEW = ("rotation", "simclr", "mae")
SCENES = data.scenes(40, 24)


def comparison():
    return ComparisonExplorer({"CIFAR-10, CPU": runs(FEW, world=False), "drawn world, CPU": runs(FEW[:2])})


def features():
    generator = torch.Generator().manual_seed(0)
    return {method: torch.randn(40, 6, generator=generator) + strength * torch.nn.functional.one_hot(SCENES.labels, 10)[:, :6]
            for method, strength in (("rotation", 0.0), ("simclr", 4.0), ("mae", 1.0))}


def maps():
    return EmbeddingComparison(features(), SCENES)


MAKERS = {"comparison": comparison, "maps": maps}
CONTROLS = [("comparison", name) for name in ("data", "methods", "judged", "layer", "budget", "axis")] + \
    [("maps", name) for name in ("methods", "map", "colour", "number")]


@pytest.mark.parametrize("maker, name", CONTROLS)
def test_each_control_over_its_whole_range(maker, name):
    assert sweep(MAKERS[maker], name) > 1, f"{name} changes nothing"


def test_no_control_is_forgotten():
    assert {(maker, name) for maker, make in MAKERS.items() for name in make().controls} == set(CONTROLS)


# The comparison

@pytest.mark.parametrize("judged", ["linear probe", "kNN", "fine-tuned"])
@pytest.mark.parametrize("axis", ["labels", "advantage", "cost"])
def test_all_ways_to_judge_on_all_axes(judged, axis):
    shown = comparison()
    seen = set()
    for layer in (1, "best"):
        with shown.at_once():
            choose(shown, layer=layer, judged=judged, axis=axis)
        seen.add(shown.still())
    assert shown.controls["layer"].disabled == (judged == "fine-tuned")
    assert len(seen) == (1 if judged == "fine-tuned" else 2), "to fine-tune is to change all blocks"


def by_hand(base, budget, layer, probe):
    values = [accuracy(base, budget, seed, pretraining, layer, probe) for seed in (0, 1, 2) for pretraining in (0, 1)]
    return statistics.mean(values), statistics.stdev(values)


@pytest.mark.parametrize("judged, layer, probe, extra", [("linear probe", "best", "linear", 0.0), ("kNN", 1, "kNN", 0.0),
                                                         ("fine-tuned", "best", None, 0.1)])
def test_the_sentence_says_who_leads_and_by_how_much(judged, layer, probe, extra):
    shown = choose(comparison(), judged=judged, layer=layer, methods=("rotation", "mae"), budget=20)
    block = {"best": 2 if probe else None}.get(layer, layer)
    (first, spread), (second, other) = (by_hand(base + extra, 20, block, probe) for base in (0.22, 0.20))        # mae is the last of the three
    said = shown.message.value
    assert (f"With 20 labels a class <b>mae</b> leads with {100 * first:.1f} ± {100 * spread:.1f} %; rotation follows with "
            f"{100 * second:.1f} ± {100 * other:.1f} %, {100 * (first - second):.1f} points less, <b>within the spread</b> of "
            f"{100 * math.hypot(spread, other):.1f}: which is better cannot be told.") in said
    assert "Pretraining mae took 183 s (mean of 2) and saw 64,000 pictures" in said
    scratch = statistics.mean(accuracy(0.15, 20, seed, 0, None, None) for seed in (0, 1, 2))
    assert f"ViT from scratch reaches {100 * scratch:.1f} ± 2.0 %" in said, "what MAE is compared with"


@pytest.mark.parametrize("lead, told", [(0.03, False), (0.031, True)])
def test_a_lead_counts_from_the_spread_of_a_difference_on(lead, told):
    level = {"simclr": (0.5, 0.018), "byol": (0.5 - lead, 0.0245), "from scratch": (0.6, 0.001)}     # √(1.8² + 2.45²) = 3.04
    said = leading(level, ["simclr", "byol"], 1)
    assert ("within the spread</b> of 3.0: which is better cannot be told" in said) != told
    assert ("points less, more than the spread of 3.0" in said) == told
    assert "With 1 label a class <b>simclr</b>" in said and "From scratch reaches 60.0 ± 0.1 %, 10.0 points more" in said


def test_single_draws_and_single_methods_in_words():
    level = {"simclr": (0.5, math.nan), "byol": (0.4, math.nan)}
    assert "simclr</b> leads with 50.0 %; byol follows with 40.0 %, 10.0 points less, with a single draw of labels" in leading(level, ["simclr", "byol"], 5)
    assert leading(level, ["byol"], 5) == "With 5 labels a class <b>byol</b> reaches 40.0 %."
    assert "<script>" not in leading({"<script>": (0.5, 0.1)}, ["<script>"], 5)


def test_floors_are_always_drawn():
    shown = choose(comparison(), methods=("simclr",))
    for axis in ("labels", "cost"):
        for judged in ("linear probe", "kNN", "fine-tuned"):
            with shown.at_once():
                choose(shown, axis=axis, judged=judged)
            written = {text.get_text() for text in shown.figure.axes[0].texts} - {""}
            assert written == {"simclr", "random encoder", "raw pixels", "from scratch"}, (axis, judged)


def test_choices_without_records_are_told_in_words():
    shown = comparison()
    shown.controls["methods"].value = ()
    assert "No method is chosen" in shown.message.value and "sslkit-error" in shown.message.value
    shown.controls["methods"].value = ("mae",)
    shown.controls["data"].value = "drawn world, CPU"
    assert "no records of “linear probe” on these data" in shown.message.value
    shown.controls["methods"].value = ("mae", "simclr")
    assert shown.error is None and "No such records of mae" in shown.message.value


def test_tables_with_other_budgets_and_ways_to_judge():
    short = [{**run, "records": [record for record in run["records"] if record["budget"] < 20]} for run in runs(FEW, tuned=False)]
    shown = ComparisonExplorer({"long": runs(FEW), "short": short})
    choose(shown, budget=20).controls["data"].value = "short"
    assert "not judged with 20 labels a class on these data: choose one of 1, 5." in shown.message.value
    choose(shown, budget=5).controls["judged"].value = "fine-tuned"
    assert "no records of “fine-tuned” on these data" in shown.message.value and isinstance(shown.error, ValueError)


def test_runs_alone_and_runs_of_nothing():
    shown = ComparisonExplorer(runs(FEW, tuned=False))
    assert "data" not in shown.controls and shown.controls["judged"].options == ("linear probe", "kNN")
    assert shown.controls["methods"].options == FEW and shown.controls["budget"].options == BUDGETS
    with pytest.raises(ValueError, match="floors: no run of a method holds records"):
        ComparisonExplorer({"floors": [run for run in runs() if run["arm"] not in METHODS]})


def test_a_time_that_was_not_kept_is_no_error():
    given = runs(("simclr",), 1)
    given[0]["seconds"] = {}
    shown = ComparisonExplorer(given)
    assert "took a time that was not kept" in shown.message.value
    shown.controls["axis"].value = "cost"
    assert "simclr: no seconds of pretraining" in shown.message.value and isinstance(shown.error, ValueError)


@pytest.mark.png
@pytest.mark.parametrize("make", MAKERS.values())
def test_a_still_is_left_for_readers_without_a_kernel(make):
    shown = make()
    assert shown.still()[:4] == b"\x89PNG" and "image/png" in shown._repr_mimebundle_()


# The maps

def test_the_message_counts_neighbours_as_a_plain_loop_does():
    shown, number, labels = choose(maps(), number=11), 11, SCENES.labels.tolist()
    said = shown.message.value
    for method, given in features().items():
        counts = []
        for one in range(40):
            cosine = torch.nn.functional.cosine_similarity(given[one][None], given)
            order = [other for other in cosine.argsort(descending=True).tolist() if other != one]
            counts.append(sum(labels[other] == labels[one] for other in order[:10]))
        assert f"{method} <b>{counts[number]}</b> ({sum(counts) / 40:.1f})" in said
    chance = 10 * sum(labels[other] == labels[number] for other in range(40) if other != number) / 39
    assert f"label of picture 11 ({SCENES.classes[labels[number]]})" in said and f"By chance {chance:.1f}." in said


def test_the_same_picture_is_marked_under_every_method():
    shown = maps()
    with shown.at_once():
        choose(shown, number=7, methods=("simclr", "mae"))
    picture, panels = shown.figure.subfigs
    np.testing.assert_allclose(np.asarray(picture.axes[0].images[0].get_array())[-24:], SCENES.images[7].permute(1, 2, 0) / 255, atol=1e-6)
    assert [axes.get_title() for axes in panels.axes] == ["simclr", "mae"]
    for axes, method in zip(panels.axes, ("simclr", "mae")):
        points = shown.points(method, "PCA").numpy()
        ends = np.array([one.get_xydata()[1] for one in axes.get_lines()])
        np.testing.assert_allclose(ends, points[nearest(features()[method], 10)[7]], atol=1e-5)
        np.testing.assert_allclose(axes.collections[-1].get_offsets()[0], points[7], atol=1e-5)


def test_maps_are_turned_to_the_first_and_made_once(monkeypatch):
    from sslkit.widgets import comparison as module

    made, project = [], module.project
    monkeypatch.setattr(module, "project", lambda given, method: made.append(method) or project(given, method))
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(5)))[0]
    given = features()["simclr"]
    shown = EmbeddingComparison({"one": given, "turned": -given @ turn}, SCENES, methods=["PCA", "t-SNE"])
    torch.testing.assert_close(shown.points("turned", "PCA"), shown.points("one", "PCA"), rtol=1e-3, atol=1e-3)
    choose(shown, number=5, map="t-SNE", methods=("turned",), colour="hue")
    choose(shown, map="PCA", number=2)
    assert made == ["PCA", "PCA", "t-SNE", "t-SNE"]


def test_the_share_of_the_variance_is_pcas_own():
    from sklearn.decomposition import PCA

    shares = [PCA(2).fit(given.numpy()).explained_variance_ratio_.sum() for given in features().values()]
    assert f"hold {min(shares):.0%} to {max(shares):.0%} of the variance" in maps().message.value
    assert "t-SNE keeps neighbours together" in choose(maps(), map="t-SNE").message.value


def test_pictures_without_labels_have_maps():
    bare = EmbeddingComparison(features(), Dataset(SCENES.images), methods=["PCA"])
    assert bare.controls["colour"].options == ("nothing",) and "no labels to judge" in bare.message.value
    nameless = EmbeddingComparison(features(), Dataset(SCENES.images, SCENES.labels), methods=["PCA"])
    assert re.search(r"picture 0 \(class \d\)", nameless.message.value)


def test_no_method_chosen_is_told_in_words():
    shown = maps()
    shown.controls["methods"].value = ()
    assert "No method is chosen" in shown.message.value


@pytest.mark.parametrize("given, says", [
    ({}, "no features"), ({"simclr": torch.zeros(40)}, r"'simclr': features have shape \(40,\): want \(N, D\)"),
    ({"rotation": torch.rand(40, 4), "byol": torch.rand(12, 4)}, "'byol' has features of 12 pictures, scenes has 40.*embed these very pictures"),
    ({"mae": torch.full((40, 3), torch.nan)}, "'mae'.*NaN.*row 0")])
def test_wrong_features_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        EmbeddingComparison(given, SCENES)


def test_unknown_projections_are_named():
    with pytest.raises(ValueError, match="'LDA': want some of"):
        EmbeddingComparison(features(), SCENES, methods=["LDA"])
