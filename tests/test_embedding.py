"""Maps of features: projections against their definitions, the explorer over all its controls, the page.

test_browser.py opens the page and the explorer in a browser.
"""

import json
import sys
from html.parser import HTMLParser
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest
import torch
from sweep import sweep

from sslkit import data
from sslkit.data.dataset import Dataset
from sslkit.plots import align, embedding, embedding_html, nearest, neighbourhood, project
from sslkit.plots.look import GREY, RIGHT, WRONG
from sslkit.widgets.embedding import EmbeddingExplorer

pytestmark = pytest.mark.usefixtures("sketched")
SCENES = data.scenes(40)


def features(number=40, width=6, seed=0):
    return torch.randn(number, width, generator=torch.Generator().manual_seed(seed)) * torch.arange(1.0, width + 1)


def snapshots():
    return {"step 0": features(seed=1), "step 400": features(seed=2), "step 800": features() + 5 * torch.nn.functional.one_hot(SCENES.labels, 10)[:, :6]}


def explorer():
    return EmbeddingExplorer(snapshots(), SCENES)


# Projections

@pytest.mark.parametrize("shape", [(40, 6), (12, 30), (9, 9)])
def test_pca_is_that_of_scikit_learn_up_to_its_sign(shape):
    from sklearn.decomposition import PCA

    given = features(*shape) + 3
    ours, theirs = project(given), torch.from_numpy(PCA(2).fit_transform(given.double().numpy())).float()
    assert ours.shape == (shape[0], 2) and ours.dtype == torch.float32
    for column in range(2):
        sign = torch.sign(ours[:, column] @ theirs[:, column])
        torch.testing.assert_close(ours[:, column], sign * theirs[:, column], rtol=1e-3, atol=1e-4)


def test_the_signs_of_pca_are_fixed():
    given = features()
    points = project(given)
    largest = points.gather(0, points.abs().argmax(0, keepdim=True))
    assert bool((largest > 0).all())
    turned = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(3)))[0]
    torch.testing.assert_close(project(given @ turned), points, rtol=1e-3, atol=1e-3)


def test_tsne_is_the_same_again_keeps_groups_together_and_leaves_the_random_state_alone():
    groups = torch.arange(60) % 3
    given = features(60, 5) * 0.1 + 10 * torch.nn.functional.one_hot(groups, 5)
    state = torch.get_rng_state()
    points = project(given, "t-SNE", neighbours=8)
    assert torch.equal(points, project(given, "t-SNE", neighbours=8)) and points.shape == (60, 2)
    assert torch.equal(state, torch.get_rng_state())
    beside = torch.cdist(points, points).fill_diagonal_(torch.inf).argmin(1)
    assert torch.equal(groups[beside], groups)


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
@pytest.mark.parametrize("shape", [(3, 4), (5, 1), (4, 2)])
def test_few_pictures_and_few_features_make_a_map(method, shape):
    points = project(features(*shape), method)
    assert points.shape == (shape[0], 2) and bool(points.isfinite().all())


@pytest.mark.parametrize("method", ["PCA", "t-SNE", "UMAP"])
def test_collapsed_features_lie_in_one_place(method):
    assert torch.equal(project(torch.ones(20, 8), method), torch.zeros(20, 2))


def test_umap_is_asked_for_what_it_should_do(monkeypatch):
    asked = {}

    class Fake:
        def __init__(self, **settings):
            asked.update(settings)

        def fit_transform(self, values):
            return 2 * np.asarray(values)[:, :2]

    module = ModuleType("umap")
    module.UMAP, module.__spec__ = Fake, ModuleSpec("umap", None)
    monkeypatch.setitem(sys.modules, "umap", module)
    torch.testing.assert_close(project(features(), "UMAP", neighbours=7, seed=3), 2 * features()[:, :2])
    assert asked["n_neighbors"] == 7 and asked["random_state"] == 3 and asked["init"].shape == (40, 2)
    assert project(features(9, 2), "UMAP").shape == (9, 2) and asked["n_neighbors"] == 8
    assert EmbeddingExplorer(features(), SCENES).controls["method"].options == ("PCA", "t-SNE", "UMAP")


def test_umap_that_is_not_installed_is_not_offered(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ValueError, match="pip install umap-learn"):
        project(features(), "UMAP")
    assert explorer().controls["method"].options == ("PCA", "t-SNE")
    with pytest.raises(ValueError, match="pip install umap-learn"):
        EmbeddingExplorer(features(), SCENES, methods=["PCA", "UMAP"])


@pytest.mark.parametrize("given, says", [
    (torch.zeros(5), r"shape \(5,\): want \(N, D\)"), (torch.zeros(5, 3, 2, 2), "average or flatten"), (torch.zeros(2, 4), "at least 3"),
    (torch.tensor([[1.0, 2], [3, 4], [float("nan"), 1]]), "NaN or infinity .first in row 2."), (torch.full((4, 2), torch.inf), "NaN or infinity")])
def test_wrong_features_are_named(given, says):
    for function in (project, nearest):
        with pytest.raises(ValueError, match=says):
            function(given)
    with pytest.raises(ValueError, match="PCA, t-SNE, UMAP"):
        project(features(), "LDA")


@pytest.mark.parametrize("mirrored", [False, True])
def test_align_undoes_a_known_turn(mirrored):
    points, angle = features(20, 2), torch.tensor(2.1)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    moved = points @ turn @ torch.diag(torch.tensor([1.0, -1.0 if mirrored else 1.0])) + torch.tensor([3.0, -7.0])
    torch.testing.assert_close(align(moved, points), points, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.cdist(align(moved, 9 * points), align(moved, 9 * points)), torch.cdist(points, points), rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="same shape"):
        align(points, points[:3])


@pytest.mark.parametrize("number", [1, 4, 99])
def test_nearest_against_a_plain_loop(number):
    given = features(13, 4)
    found = nearest(given, number)
    assert found.shape == (13, min(number, 12))
    for one in range(13):
        cosine = {other: float(given[one] @ given[other] / given[one].norm() / given[other].norm()) for other in range(13) if other != one}
        assert found[one].tolist() == sorted(cosine, key=cosine.get, reverse=True)[:number]


def test_nearest_of_more_than_a_chunk():
    given = features(1100, 3)
    directions = torch.nn.functional.normalize(given, dim=1)
    assert torch.equal(nearest(given, 1)[:, 0], (directions @ directions.T - 9 * torch.eye(1100)).argmax(1))


# Figures

def test_the_map_shows_the_points_it_is_given_in_the_colours_of_their_classes():
    points = features(30, 2)
    figure = embedding(points, torch.arange(30) % 3, names=["a", "b", "c"], legend="class", title="PCA")
    dots = figure.axes[0].collections[0]
    np.testing.assert_allclose(dots.get_offsets(), points)
    colours = [tuple(colour) for colour in dots.get_facecolors()]
    assert len(set(colours)) == 3 and colours[:3] * 10 == colours
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"] and figure.axes[0].get_title() == "PCA"


def test_every_class_of_many_has_its_own_look():
    figure = embedding(features(45, 2), torch.arange(45) % 15)
    looks = {(tuple(colour), len(dots.get_paths()[0].vertices)) for dots in figure.axes[0].collections for colour in dots.get_facecolors()[:15]
             if len(dots.get_offsets())}
    assert len(looks) == 15 and len(figure.legends[0].get_texts()) == 15


def test_only_classes_that_keep_together_are_named_on_the_map():
    middle = torch.tensor([[1.0, 1], [6, 2], [3, 7], [0, 0]])
    which = torch.arange(80) % 4
    points = middle[which] + 0.2 * features(80, 2)
    points[which == 3] = 9 * torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    shown = [text.get_text() for text in embedding(points, which, names=["a", "b", "c", "everywhere"]).axes[0].texts]
    assert sorted(shown) == ["a", "b", "c"]


def test_numbers_have_a_colour_bar_and_hue_is_cyclic():
    values = torch.linspace(0, 0.9, 10)
    plain, hue = (embedding(features(10, 2), values, legend="hue", cyclic=cyclic) for cyclic in (False, True))
    assert plain.axes[1].get_ylabel() == "hue" and plain.axes[1].get_ylim() == pytest.approx((0, 0.9)) and hue.axes[1].get_ylim() == (0, 1)
    ends = embedding(features(10, 2), torch.tensor([0.0, 1] * 5), cyclic=True).axes[0].collections[0].get_facecolors()
    np.testing.assert_allclose(ends[0], ends[1], atol=0.1)
    assert len(embedding(features(10, 2), None).axes) == 1
    embedding(features(10, 2), torch.ones(10)).savefig("/dev/null", format="png")      # all the same: a scale without a length


def test_the_chosen_point_is_joined_to_its_neighbours_and_pictures_lie_at_their_points():
    points = features(40, 2)
    axes = embedding(points, SCENES.labels, highlight=4, neighbours=[7, 9], thumbnails=SCENES.images).axes[0]
    for line, other in zip(axes.get_lines(), (7, 9), strict=True):
        np.testing.assert_allclose(line.get_xydata(), points[[4, other]])
    np.testing.assert_allclose(axes.collections[-1].get_offsets(), points[[4]])
    boxes = [artist for artist in axes.artists if hasattr(artist, "offsetbox")]
    assert 5 < len(boxes) <= 24
    for box in boxes:
        (place,) = [index for index, point in enumerate(points.tolist()) if np.allclose(point, box.xy)]
        np.testing.assert_allclose(box.offsetbox.get_data(), SCENES.images[place].permute(1, 2, 0) / 255, atol=1e-6)


def test_neighbours_are_framed_by_their_label():
    figure = neighbourhood(SCENES.images[0], SCENES.images[1:7], same=[True, False, False, True, False, True], names=list("abcdef"), title="fish")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["fish", "nearest in feature space", "✓ a", "✗ b", "✗ c", "✓ d", "✗ e", "✓ f"]
    assert [text.get_color() for text in axes.texts[2:5]] == [RIGHT, WRONG, WRONG]
    np.testing.assert_allclose(axes.images[3].get_array(), SCENES.images[3].permute(1, 2, 0) / 255, atol=1e-6)
    assert neighbourhood(SCENES.images[0], SCENES.images[1:3]).axes[0].texts[-1].get_color() == GREY


@pytest.mark.parametrize("points, colour, names, says", [
    (torch.zeros(5, 3), None, None, r"want \(N, 2\)"), (torch.zeros(5, 2), torch.zeros(4), None, r"want \(5,\)"),
    (torch.zeros(5, 2), torch.full((5,), torch.nan), None, "NaN"), (torch.zeros(5, 2), torch.arange(5), ["a", "b"], "below 2")])
def test_wrong_maps_are_named(points, colour, names, says):
    with pytest.raises(ValueError, match=says):
        embedding(points, colour, names=names)
    with pytest.raises(ValueError, match=says):
        embedding_html(points, SCENES.images[:5], colour, names=names)


# The explorer

@pytest.mark.parametrize("name", list(explorer().controls))
def test_each_control_over_its_whole_range(name):
    assert sweep(explorer, name) > 1, f"{name} changes nothing"


def test_what_can_be_chosen_depends_on_what_there_is():
    assert explorer().controls["colour"].options == ("class", "x", "y", "size", "hue", "direction", "background", "light")
    assert explorer().controls["time"].options == ("step 0", "step 400", "step 800") and explorer().time == "step 800"
    bare = EmbeddingExplorer(features(), Dataset(SCENES.images), methods=["PCA"])
    assert "time" not in bare.controls and bare.controls["colour"].options == ("nothing",) and bare.controls["method"].options == ("PCA",)
    assert "no labels" in bare.message.value and payload(inner(bare.hover().data))["labels"] is None
    only = Dataset(SCENES.images, factors={"kind": SCENES.factors["kind"]})
    assert EmbeddingExplorer(features(), only).controls["colour"].options == ("kind",)
    nameless = EmbeddingExplorer(features(), Dataset(SCENES.images, SCENES.labels))
    assert f"(class {int(SCENES.labels[0])})" in nameless.message.value


def test_the_message_counts_neighbours_as_a_plain_loop_does():
    shown, number = explorer(), 11
    given, labels = snapshots()["step 800"], SCENES.labels.tolist()
    counts = []
    for one in range(40):
        cosine = torch.nn.functional.cosine_similarity(given[one][None], given)
        order = [other for other in cosine.argsort(descending=True).tolist() if other != one]
        counts.append(sum(labels[other] == labels[one] for other in order[:10]))
    chance = 10 * sum(labels[one] == labels[other] for one in range(40) for other in range(40) if one != other) / (40 * 39)
    shown.controls["number"].value = number
    assert f"to picture {number}, <b>{counts[number]}</b> share its label ({SCENES.classes[labels[number]]})" in shown.message.value
    assert f"over all pictures <b>{sum(counts) / 40:.1f}</b> do, by chance {chance:.1f}." in shown.message.value


def test_neighbours_are_those_of_feature_space_on_every_map():
    shown = explorer()
    before = shown.figure.subfigs[1].axes[0].images[3].get_array()
    shown.controls["method"].value = "t-SNE"
    np.testing.assert_array_equal(shown.figure.subfigs[1].axes[0].images[3].get_array(), before)
    third = int(nearest(snapshots()["step 800"], 3)[0, 2])
    np.testing.assert_allclose(before, SCENES.images[third].permute(1, 2, 0) / 255, atol=1e-6)


def test_the_share_of_the_variance_is_pcas_own():
    from sklearn.decomposition import PCA

    share = PCA(2).fit(snapshots()["step 800"].numpy()).explained_variance_ratio_.sum()
    assert f"<b>{share:.0%}</b> of the variance" in explorer().message.value


def test_maps_are_made_once_and_only_when_they_are_looked_at(monkeypatch):
    from sslkit.widgets import embedding as module

    made = []
    monkeypatch.setattr(module, "project", lambda given, method: made.append(method) or project(given, method))
    shown = EmbeddingExplorer(snapshots(), SCENES, methods=["PCA", "t-SNE"])
    assert made == ["PCA"] * 3                                        # each is turned to the one before
    for method in ("t-SNE", "PCA", "t-SNE"):
        shown.controls["method"].value = method
    shown.controls["number"].value = 5
    assert made == ["PCA"] * 3 + ["t-SNE"]


def test_maps_over_time_are_turned_to_one_another():
    """The same features in other axes: the same map."""
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(5)))[0]
    shown = EmbeddingExplorer({"one": features(), "two": -features() @ turn}, SCENES)
    torch.testing.assert_close(shown.points("two", "PCA"), shown.points("one", "PCA"), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("given, says", [
    ({}, "no snapshots"), (torch.zeros(40), r"'features': features have shape \(40,\): want \(N, D\)"),
    ({"step 0": features(), "step 9": features(12)}, "'step 9' has features of 12 pictures, scenes has 40 pictures.*embed these very pictures"),
    ({"step 3": features().index_fill(0, torch.tensor(7), torch.nan)}, "'step 3'.*NaN.*row 7")])
def test_wrong_snapshots_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        EmbeddingExplorer(given, SCENES)


def test_too_few_pictures_and_unknown_methods_are_named():
    with pytest.raises(ValueError, match="at least 3"):
        EmbeddingExplorer(features(2), SCENES[:2])
    assert EmbeddingExplorer(features(3), SCENES[:3]).error is None
    with pytest.raises(ValueError, match="'LDA': want some of"):
        EmbeddingExplorer(features(), SCENES, methods=["LDA"])


# The page

class Page(HTMLParser):
    """Tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def inner(text):
    """The document in the frame."""
    (frame,) = [attributes for tag, attributes in Page(text).tags if tag == "iframe"]
    return frame["srcdoc"]


def payload(document):
    """What the script was given."""
    return json.JSONDecoder().raw_decode(document.partition("const data = ")[2])[0]


def test_the_page_is_whole_and_loads_nothing_from_elsewhere():
    text = embedding_html(features(40, 2), SCENES.images, SCENES.labels, names=SCENES.classes, neighbours=nearest(features(), 6), legend="class")
    document = inner(text)
    page = Page(document)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any(word in text for word in ("http:", "https:", "url(", "@import", "fetch(", "import("))
    assert not any({"src", "href"} & set(attributes) for _, attributes in page.tags)
    assert all("aria-label" in attributes for tag, attributes in page.tags if tag == "canvas")
    assert dict(Page(text).tags)["iframe"]["sandbox"] == "allow-scripts"
    given = payload(document)
    assert given["neighbours"] == nearest(features(), 6).tolist() and given["classes"] == list(SCENES.classes)
    assert given["labels"] == SCENES.labels.tolist()


def test_the_places_on_the_canvas_are_those_of_the_map():
    points = features(40, 2)
    placed = torch.tensor(payload(inner(embedding_html(points, SCENES.images, None, size=(300, 200))))["points"])
    assert bool((placed >= 0).all()) and placed[:, 0].max() <= 300 and placed[:, 1].max() <= 200
    apart, wanted = torch.cdist(placed, placed), torch.cdist(points, points)
    torch.testing.assert_close(apart / apart.max(), wanted / wanted.max(), rtol=0, atol=2e-3)
    assert placed[points[:, 1].argmax(), 1] == placed[:, 1].min(), "what is above on the map is above on the canvas"


def test_the_sprite_holds_the_pictures():
    import base64
    import io

    from PIL import Image

    flat = torch.arange(0, 250, 25, dtype=torch.uint8)[:, None, None, None].expand(10, 3, 8, 8)
    given = payload(inner(embedding_html(features(10, 2), flat, None)))
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(given["sprite"].partition(",")[2]))))
    for index in range(10):
        row, column = divmod(index, given["columns"])
        assert sheet[8 * row:8 * row + 8, 8 * column:8 * column + 8].tolist() == flat[index].permute(1, 2, 0).tolist()
    assert given["side"] == 8 and payload(inner(embedding_html(features(3, 2), torch.rand(3, 3, 96, 96), None)))["side"] == 48


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>", "<!--<script>", '"><img src=x onerror=alert(1)>', "a & b 'c' \u2028", "DATA NUMBER"])
def test_no_name_can_break_the_page(name):
    text = embedding_html(features(40, 2), SCENES.images, SCENES.labels, names=[name] * 10, legend=name)
    document = inner(text)
    tags = [tag for tag, _ in Page(document).tags]
    assert tags.count("script") == 1 and "img" not in tags and [tag for tag, _ in Page(text).tags] == ["div", "div", "iframe"]
    given = payload(document)
    script = document.partition("const data = ")[2].partition(";\nconst right")[0]
    assert not set("<>&\u2028") & set(script), "a browser would look for tags there"
    assert given["entries"][0][1] == name and given["legend"] == name and given["classes"][0] == name


def test_five_hundred_pictures_stay_small():
    noise = torch.randint(0, 256, (500, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()
    for images in (data.scenes(500).images, noise):
        text = embedding_html(features(500, 2), images, torch.arange(500) % 10, names=SCENES.classes, neighbours=nearest(features(500), 6))
        assert len(text.encode()) < 600_000


def test_as_many_pictures_as_points():
    with pytest.raises(ValueError, match="39 pictures for 40 points"):
        embedding_html(features(40, 2), SCENES.images[:39], None)
