"""The explorer of augmentations against plain loops and the recipe that it stands for, and its figures."""

import io

import numpy as np
import pytest
import torch
from ipywidgets import FileUpload
from matplotlib.colors import to_hex
from PIL import Image
from sweep import choose, sweep

from sslkit import augment, data, plots
from sslkit.networks import ConvNet
from sslkit.plots.augmentation import operations, views
from sslkit.tasks import Rotation
from sslkit.widgets.augmentation import OWN, AugmentationExplorer, presets

pytestmark = pytest.mark.usefixtures("sketched")
PICTURES = {"drawn world": data.scenes(12, 32), "photographs": data.photographs(32)}
BATCH = data.as_float(PICTURES["drawn world"].images)


def explorer(encoder=True, pictures=PICTURES, **settings):
    torch.manual_seed(0)
    return AugmentationExplorer(pictures, ConvNet(8) if encoder is True else encoder, **{"number": 10, "draws": 4, **settings})


def eight_draws():
    return explorer(draws=8)


@pytest.fixture
def drawn(monkeypatch):
    """Figures are made, but not turned into PNGs, which takes nearly all of the time. → a list that grows with each."""
    figures = []
    monkeypatch.setattr(plots, "png", lambda figure: figures.append(figure) or b"")
    return figures


def views_of(shown):
    return shown.shown(shown.steps())


@pytest.mark.parametrize("name", [name for name, control in explorer().controls.items() if not isinstance(control, FileUpload)])
def test_each_control_over_its_whole_range(name):
    assert sweep(eight_draws, name) > 1, f"{name} changes nothing"


def test_presets_set_the_sliders_with_one_redraw(drawn):
    shown = explorer()
    assert shown.preset == "SimCLR"
    for name in ("none", "everything strong", "crop only", "colour only", "SimCLR"):
        before = len(drawn)
        choose(shown, preset=name)
        assert shown.strengths == presets(32)[name] and len(drawn) == before + 1, name
    choose(shown, preset=OWN)
    assert shown.strengths == presets(32)["SimCLR"] and len(drawn) == before + 1, "your own: the sliders stay"


def test_a_slider_moved_leaves_the_preset_and_may_reach_another(drawn):
    shown = explorer()
    before = len(drawn)
    choose(shown, colour=0.3)
    assert shown.preset == OWN and len(drawn) == before + 1 and shown.colour == 0.3
    choose(shown, **presets(32)["crop only"])
    assert shown.preset == "crop only"


def test_simclr_blurs_only_larger_pictures(drawn):
    assert explorer(None).blur == 0 and explorer(None, data.scenes(2, 64)).blur == 2.0


def test_same_controls_same_pictures_and_the_readers_own_random_numbers_are_left_alone():
    one, other = explorer(), explorer()
    before = one.still()
    assert other.still() == before
    choose(one, seed=7)
    assert one.still() != before
    choose(one, seed=0)
    assert one.still() == before
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    choose(one, seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_each_view_has_a_draw_of_its_own(drawn):
    for preset in ("SimCLR", "crop only", "colour only", "everything strong"):
        shown = explorer(None, draws=12)
        choose(shown, preset=preset)
        assert len(views_of(shown).flatten(1).unique(dim=0)) > 8, preset


def test_draw_again(drawn):
    shown = explorer()
    seen = {views_of(shown).sum().item()}
    for _ in range(3):
        shown.again.click()
        seen.add(views_of(shown).sum().item())
    assert len(seen) == 4 and shown.seed == 3
    choose(shown, seed=shown.controls["seed"].max)
    shown.again.click()
    assert shown.seed == 0 and shown.error is None


def test_all_off_is_the_picture_unchanged(drawn):
    shown = explorer()
    choose(shown, preset="none", number=3)
    picture = data.as_float(PICTURES["drawn world"].images[3])
    assert torch.equal(views_of(shown), picture.expand(4, -1, -1, -1)) and torch.equal(shown.augment(BATCH), BATCH)
    assert "<b>4 of 4</b>" in shown.message.value and "<b>Nothing</b> is to be ignored" in shown.message.value
    for image in shown.figure.axes[0].images:
        np.testing.assert_array_equal(image.get_array(), picture.permute(1, 2, 0))


def test_one_slider_leaves_alone_what_the_other_operations_drew(drawn):
    shown = explorer(None, draws=8)
    choose(shown, preset="crop only")
    crops = views_of(shown)
    choose(shown, flip=0.5)
    mirrored = views_of(shown)
    flipped = [torch.equal(view, crop.flip(-1)) for view, crop in zip(mirrored, crops)]
    assert 0 < sum(flipped) < 8 and all(torch.equal(view, crop) or was for view, crop, was in zip(mirrored, crops, flipped))
    choose(shown, crop=1)
    picture = data.as_float(shown.picture)
    assert [torch.equal(view, picture.flip(-1)) for view in views_of(shown)] == flipped


def test_operations_draw_independently(drawn):
    """A view that is flipped is not for that reason grey."""
    shown = explorer(None, draws=20)
    choose(shown, preset="none", flip=0.5, grey=0.5)
    left, right = data.as_float(shown.picture).mean(0), data.as_float(shown.picture).mean(0).flip(-1)
    flipped = [bool((view.mean(0) - right).norm() < (view.mean(0) - left).norm()) for view in views_of(shown)]
    grey = [torch.equal(view[0], view[1]) for view in views_of(shown)]
    assert len(set(zip(flipped, grey))) == 4


@pytest.mark.parametrize("size", [32, 64])
def test_augment_at_the_simclr_preset_is_simclr(size, drawn):
    pictures = data.scenes(8, size)
    shown, batch = explorer(None, pictures), data.as_float(pictures.images)
    torch.manual_seed(3)
    expected = augment.simclr_views(batch)
    torch.manual_seed(3)
    assert torch.equal(shown.augment(batch), expected)


@pytest.mark.parametrize("name, value", [("crop", 0.3), ("colour", 0.8), ("grey", 0.5), ("flip", 0.5), ("blur", 2.0)])
def test_each_slider_alone_in_augment(name, value, drawn):
    """One picture again and again: one draw per image, shape and range kept, and the kind of change that was asked for."""
    shown = explorer(None)
    choose(shown, preset="none", **{name: value})
    assert list(shown.steps()) == [name]
    batch = BATCH[:1].repeat(40, 1, 1, 1)
    before = batch.clone()
    torch.manual_seed(0)
    changed = shown.augment(batch)
    assert torch.equal(batch, before) and changed.shape == batch.shape and changed.dtype == batch.dtype
    assert 0 <= changed.min() and changed.max() <= 1
    kinds = len(changed.flatten(1).unique(dim=0))
    assert kinds == 2 if name in ("grey", "flip") else kinds > 15, kinds
    if name == "grey":
        assert 8 < sum(torch.equal(image[0], image[1]) for image in changed) < 32
    if name == "flip":
        assert 8 < sum(torch.equal(image, batch[0].flip(-1)) for image in changed) < 32
    if name == "blur":
        rough = lambda images: images.diff(dim=-1).abs().mean((1, 2, 3))
        assert (rough(changed) <= rough(batch) + 1e-6).all() and 8 < (rough(changed) < 0.9 * rough(batch)).sum() < 36


def test_stronger_changes_more(drawn):
    shown = explorer(None, draws=30)
    for name, values in (("crop", (0.9, 0.5, 0.08)), ("colour", (0.1, 0.5, 1)), ("grey", (0.1, 0.5, 1)), ("blur", (0.4, 1, 2))):
        choose(shown, preset="none")
        off = []
        for value in values:
            choose(shown, **{name: value})
            off.append(float((views_of(shown) - data.as_float(shown.picture)).square().mean()))
        assert 0 < off[0] < off[1] < off[2], (name, off)


def test_augment_does_not_follow_the_sliders_afterwards(drawn):
    shown = explorer(None)
    choose(shown, preset="none")
    nothing = shown.augment
    choose(shown, preset="everything strong")
    assert torch.equal(nothing(BATCH), BATCH) and not torch.equal(shown.augment(BATCH), BATCH)


@pytest.mark.parametrize("preset", ["SimCLR", "crop only", "colour only", "none"])
@pytest.mark.parametrize("source, number", [("drawn world", 0), ("drawn world", 9), ("photographs", 1)])
def test_which_views_match_agrees_with_a_plain_loop(preset, source, number, drawn):
    shown = explorer(draws=8)
    choose(shown, preset=preset, source=source, number=number)
    dataset, encoder = PICTURES[source], shown.encoder.eval()
    embedded = lambda image: encoder(image[None])[0].detach().double()
    cosine = lambda one, other: float(one @ other / one.norm() / other.norm())
    candidates = [embedded(data.as_float(image)) for image in dataset.images[:10]]
    similarity, nearest = [], []
    for view in views_of(shown):
        to = [cosine(embedded(view), candidate) for candidate in candidates]
        similarity.append(to[number])
        nearest.append(max(range(len(to)), key=lambda index: to[index]))
    right = sum(index == number for index in nearest)
    assert f"<b>{right} of 8</b> views still find their own picture among {len(candidates)}" in shown.message.value
    axes = shown.figure.axes[0]
    frames = [to_hex(patch.get_edgecolor()).upper() for patch in axes.patches]
    assert frames == [plots.RIGHT if index == number else plots.WRONG for index in nearest]
    words = [text.get_text() for text in axes.texts][2:]
    told = [f"{value:.3f} {'✓' if index == number else '✗'}" for value, index in zip(similarity, nearest)]
    assert words[::2] == told
    names = [f", {dataset.classes[int(dataset.labels[index])]}" if dataset.labels is not None and dataset.classes else "" for index in nearest]
    assert words[1::2] == ["" if index == number else f"like {index}{name}" for index, name in zip(nearest, names)]


def test_what_a_task_represents_may_be_given_too(drawn):
    network = explorer().encoder
    assert explorer(Rotation(network).represent).message.value == explorer(network).message.value


def test_an_encoder_that_says_the_same_of_everything_finds_nothing(drawn):
    shown = explorer(lambda images: torch.ones(len(images), 5))
    choose(shown, preset="none")
    assert "<b>0 of 4</b> views" in shown.message.value


def test_the_encoder_is_asked_anew_once_it_has_learnt(drawn):
    """Trained in another cell: what was embedded before must not be compared with what it says now."""
    shown = explorer(draws=8)
    torch.manual_seed(9)
    shown.encoder.load_state_dict(ConvNet(8).state_dict())
    choose(shown, seed=1)
    fresh = AugmentationExplorer(PICTURES, shown.encoder, number=10, draws=8)
    choose(fresh, seed=1)
    assert torch.equal(shown.known[1], fresh.known[1]) and shown.message.value == fresh.message.value


def test_the_encoder_keeps_its_mode_and_embeds_the_dataset_once(drawn):
    seen = []
    encoder = ConvNet(8).train()
    encoder.register_forward_pre_hook(lambda module, inputs: seen.append((len(inputs[0]), module.training)))
    shown = explorer(encoder)
    choose(shown, seed=1, colour=0.2)
    assert encoder.training and not any(training for _, training in seen)
    assert [length for length, _ in seen] == [6, 10, 6, 6]


@pytest.mark.parametrize("form", [7, 8])
def test_a_picture_of_the_readers_own(form, drawn):
    shown, stream = explorer(), io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(stream, "PNG")
    content = stream.getvalue()
    value = {"mine.png": {"content": content, "metadata": {}}} if form == 7 else ({"name": "mine.png", "content": memoryview(content)},)
    choose(shown, preset="none")
    shown.guard(shown._take)({"new": value})
    assert shown.error is None and "mine.png" in shown.message.value
    assert "<b>4 of 4</b> views still find their own picture among 11" in shown.message.value
    assert torch.equal(views_of(shown)[0], data.as_float(shown.own))
    choose(shown, number=2)
    assert "among 10" in shown.message.value


@pytest.mark.parametrize("encoder, says", [
    (lambda images: images, r"represent gave shape \(6, 3, 32, 32\), want \(N, D\)"),
    (lambda images: images.flatten(1)[:2], r"made \(2, 3072\) of 6 pictures: want \(6, D\)"),
    (lambda images: images.mean((1, 2, 3)), r"shape \(6,\), want \(N, D\)")])
def test_a_wrong_encoder_is_told(encoder, says):
    with pytest.raises(ValueError, match=says):
        explorer(encoder)


def test_no_views_is_an_error():
    with pytest.raises(ValueError, match="draws=0: want at least one"):
        explorer(draws=0)


def test_without_an_encoder_nothing_is_said_of_matches(drawn):
    shown = explorer(None)
    assert "find their own picture" not in shown.message.value and not shown.figure.axes[0].patches


@pytest.mark.parametrize("strengths, says, not_said", [
    ({"crop": 0.08}, "A shortcut is left: parts of a picture share its colours", "fine texture"),
    ({"crop": 0.08, "colour": 1.0}, "colour, which is made worthless", "shortcut"),
    ({"crop": 0.08, "colour": 0.5}, "colour, which is made unreliable", "shortcut"),
    ({"colour": 0.1}, "the exact shade", "worthless"), ({"flip": 0.5}, "left and right", "Every view is flipped"),
    ({"colour": 0.5, "flip": 0.5}, "outlines stay where they are or are mirrored", "or larger"),
    ({"flip": 1.0}, "Every view is flipped", "To be ignored"), ({"grey": 1.0}, "not ignored but lost", "To be ignored"),
    ({"grey": 1.0, "colour": 0.5}, "how bright the picture is", "worthless"), ({"blur": 1.0}, "fine texture", "colour"),
    ({"crop": 0.9}, "where a thing is and how large<", "how much of it is seen")])
def test_what_is_to_be_ignored(strengths, says, not_said, drawn):
    shown = explorer(None)
    choose(shown, preset="none", **strengths)
    assert says in shown.message.value and not_said not in shown.message.value, shown.message.value


def test_each_operation_by_itself_shows_the_draws_that_the_views_combine(drawn):
    shown = explorer(None)
    choose(shown, preset="crop only", alone=True)
    axes = shown.figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["crop", "flip (off)", "colour jitter (off)", "grayscale (off)", "blur (off)",
                                                        "all together"]
    crop, *off, together = [np.asarray(image.get_array()) for image in axes.images]
    np.testing.assert_array_equal(crop, together)
    np.testing.assert_allclose(crop[:32, :32], views_of(shown)[0].permute(1, 2, 0))
    for row in off:
        np.testing.assert_array_equal(row, off[0])
    np.testing.assert_allclose(off[0][:32, :32], data.as_float(shown.picture).permute(1, 2, 0))


def test_figures_show_what_they_are_given():
    picture, changed = torch.rand(3, 6, 6), torch.rand(5, 3, 4, 4)
    axes = views(picture, changed).axes[0]
    assert len(axes.images) == 6 and not axes.patches
    np.testing.assert_allclose(axes.images[0].get_array(), picture.permute(1, 2, 0))
    for image, view in zip(axes.images[1:], changed):
        np.testing.assert_allclose(image.get_array(), view.permute(1, 2, 0))
    boxes = [image.get_extent() for image in axes.images]
    assert boxes[0][1] - boxes[0][0] > 1.5 * (boxes[1][1] - boxes[1][0]), "the picture is the larger one"
    apart = lambda a, b: a[1] <= b[0] or b[1] <= a[0] or a[2] <= b[3] or b[2] <= a[3]
    assert all(apart(one, other) for index, one in enumerate(boxes) for other in boxes[:index])
    axes = views(picture, changed, similarity=[0.5] * 5, matches=[True, False, True, True, True], titles=list("abcde")).axes[0]
    assert [text.get_text() for text in axes.texts][2:6] == ["0.500 ✓", "a", "0.500 ✗", "b"]
    assert len(axes.patches) == 5
    for name, few in (("similarity", [0.5]), ("matches", [True] * 6), ("titles", ["a"])):
        with pytest.raises(ValueError, match=f"{name} for {len(few)} views, but there are 5"):
            views(picture, changed, **{name: few})
    with pytest.raises(ValueError, match="want"):
        operations({})
    figure = plots.new(None, (4, 3))
    assert operations({"turned": changed, "left": changed[:2]}, figure=figure) is figure
    sheets = [image.get_array() for image in figure.axes[0].images]
    np.testing.assert_allclose(sheets[0][:4, 5:9], changed[1].permute(1, 2, 0))
    assert sheets[1].shape[1] < sheets[0].shape[1]
    assert operations({"turned": changed}).get_figwidth() == 9.2


@pytest.mark.png
def test_both_draw_into_part_of_a_figure():
    left, right = plots.new(None, (8, 3)).subfigures(1, 2)
    assert views(torch.rand(3, 4, 4), torch.rand(2, 3, 4, 4), figure=left) is left
    assert operations({"blur": torch.rand(2, 3, 4, 4)}, figure=right) is right
    assert plots.png(left.figure).startswith(b"\x89PNG")
