"""The explorers of losses against closed forms, finite differences and plain loops."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from ipywidgets import FileUpload
from matplotlib.colors import to_hex
from sweep import choose, sweep
from torch.nn import functional as F

from sslkit import data, losses, plots
from sslkit.networks import ConvNet
from sslkit.plots import losses as pictures
from sslkit.tasks import Rotation
from sslkit.tasks.simclr import SimCLR
from sslkit.widgets.losses import LOSSES, TEMPERATURES, LossExplorer, TemperatureExplorer

pytestmark = pytest.mark.usefixtures("sketched")
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
ALL = [pytest.param(loss, id=name) for name, loss in LOSSES.items()]
SCENES = data.scenes(40, 32)


def plane(seed=0, number=6):
    return torch.randn(number, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def drawn(monkeypatch):
    """Figures are made, but not turned into PNGs, and landscapes left out: they take most of the time. → a list that grows with each."""
    figures = []
    monkeypatch.setattr("sslkit.widgets.losses.landscape", lambda *arguments, **settings: None)
    monkeypatch.setattr(plots, "png", lambda figure: figures.append(figure) or b"")
    return figures


def click(shown, name):
    shown.buttons[name].click()
    assert shown.error is None, shown.error


# ---- pulls and pushes ----

def test_contrastive_pulls_by_distance_and_pushes_by_what_is_missing_to_the_margin():
    places, margin = plane(), 1.2
    forces = pictures.pair_forces(places, LABELS, partial(losses.contrastive, margin=margin))
    beyond = 0
    for i in range(6):
        for j in range(6):
            apart = float((places[i] - places[j]).norm())
            want = 0 if i == j else apart / 15 if LABELS[i] == LABELS[j] else -max(0.0, margin - apart) / 15
            assert float(forces[i, j]) == pytest.approx(want, abs=1e-7), (i, j)
            beyond += want == 0 and i != j
            assert want != 0 or abs(float(forces[i, j])) < 1e-12
    assert 0 < beyond < 24


@pytest.mark.parametrize("mining", ["all", "semi-hard"])
def test_easy_triplets_do_nothing_and_the_others_count_alike(mining):
    places, margin = plane(3), 0.4
    square = (places[:, None] - places).square().sum(2)
    want, active = torch.zeros(6, 6, dtype=torch.float64), 0
    for a in range(6):
        for p in range(6):
            for n in range(6):
                if a == p or LABELS[a] != LABELS[p] or LABELS[a] == LABELS[n]:
                    continue
                ahead = float(square[a, n] - square[a, p])
                if ahead < margin and (mining == "all" or ahead > 0):
                    active += 1
                    for pair, sign in (((a, p), 1), ((p, a), 1), ((a, n), -1), ((n, a), -1)):
                        want[pair] += sign * 2 * square[pair].sqrt()
    assert active
    forces = pictures.pair_forces(places, LABELS, partial(losses.triplet, margin=margin, mining=mining))
    torch.testing.assert_close(forces, want / active, atol=1e-8, rtol=1e-5)
    satisfied = torch.tensor([[0.0, 0], [0, 0.1], [9, 0], [9, 0.1], [0, 9], [0.1, 9]])
    assert not pictures.pair_forces(satisfied, LABELS, partial(losses.triplet, margin=margin, mining=mining)).any()


def test_info_nce_pushes_by_softmax_weight():
    places, temperature = F.normalize(plane(1), dim=1), 0.3
    cosine, apart = places @ places.T, (places[:, None] - places).norm(dim=2)
    slope = torch.zeros(6, 6, dtype=torch.float64)                 # of the loss on the cosine of an ordered pair
    for i in range(6):
        p = i ^ 1
        among = [p] + [n for n in range(6) if LABELS[n] != LABELS[i]]
        weight = (cosine[i, among] / temperature).softmax(0)
        slope[i, among] += weight / temperature / 6
        slope[i, p] -= 1 / temperature / 6
    forces = pictures.pair_forces(places, LABELS, partial(losses.info_nce, temperature=temperature))
    torch.testing.assert_close(forces, -(slope + slope.T) * apart, atol=2e-5, rtol=1e-4)


def test_n_pair_never_compares_two_anchors_nor_two_positives():
    forces = pictures.pair_forces(plane(2), LABELS, losses.n_pair)
    for i in range(6):
        for j in range(6):
            assert (abs(float(forces[i, j])) < 1e-9) == (i == j or (i % 2 == j % 2)), (i, j)


@pytest.mark.parametrize("loss", ALL)
def test_the_forces_on_a_point_add_up_to_its_gradient_but_for_its_own_direction(loss):
    places = plane(5)
    forces, arrows = pictures.pair_forces(places, LABELS, loss), pictures.descent(places, LABELS, loss)
    torch.testing.assert_close(forces, forces.T)
    between = places[None] - places[:, None]                       # [i, j] from i to j
    total = (forces[..., None] * F.normalize(between, dim=2)).sum(1)
    rest = arrows - total
    across = rest[:, 0] * places[:, 1] - rest[:, 1] * places[:, 0]
    assert across.abs().max() < 1e-6 * max(1, arrows.abs().max())
    if loss not in (LOSSES["N-pair"], LOSSES["InfoNCE"]):          # of distances alone
        assert rest.abs().max() < 1e-5


@pytest.mark.parametrize("loss", ALL)
def test_arrows_are_finite_differences(loss):
    places, small = plane(7), 1e-6
    arrows = pictures.descent(places, LABELS, loss)
    for i in range(6):
        for axis in range(2):
            up, down = places.clone(), places.clone()
            up[i, axis] += small
            down[i, axis] -= small
            assert float(arrows[i, axis]) == pytest.approx(-float(loss(up, LABELS) - loss(down, LABELS)) / (2 * small), abs=1e-4)


@pytest.mark.png
def test_points_that_coincide_give_numbers():
    for places in (torch.ones(6, 2), torch.zeros(6, 2)):
        for loss in LOSSES.values():
            assert torch.isfinite(pictures.pair_forces(places, LABELS, loss)).all()
            plots.png(pictures.points(places, LABELS, loss))


# ---- figures ----

def lines_of(figure):
    return {tuple(map(int, line.get_gid().split()[1:])): line for line in figure.axes[0].lines if (line.get_gid() or "").startswith("pair")}


def test_lines_and_arrows_show_the_forces():
    places, loss = plane(), partial(losses.contrastive, margin=1.2)
    figure = pictures.points(places, LABELS, loss, title="a title")
    forces, lines = pictures.pair_forces(places, LABELS, loss), lines_of(figure)
    assert len(lines) == 15 and figure.axes[0].get_title() == "a title" and len(figure.axes[0].patches) == 1
    for (i, j), line in lines.items():
        force = float(forces[i, j])
        want = plots.PALE if abs(force) < 1e-3 * float(forces.abs().max()) else pictures.PULL if force > 0 else pictures.PUSH
        assert to_hex(line.get_color()) == want.lower(), (i, j)
        np.testing.assert_allclose(np.array(line.get_data()).T, places[[i, j]])
    strong = sorted((abs(float(forces[pair])), line.get_linewidth()) for pair, line in lines.items()
                    if line.get_linestyle() == "-")
    assert len(strong) == 5
    assert [width for _, width in strong] == sorted(width for _, width in strong)
    arrows = pictures.descent(places, LABELS, loss)
    shown = [note for note in figure.axes[0].texts if getattr(note, "arrow_patch", None) is not None]
    moving = [arrow for arrow in arrows if arrow.norm() > 0.06 * arrows.norm(dim=1).max()]
    assert len(shown) == len(moving) > 3
    for note, arrow in zip(shown, moving):
        drawn = np.subtract(note.xy, note.xyann)
        np.testing.assert_allclose(drawn / np.hypot(*drawn), F.normalize(arrow, dim=0), atol=1e-9)
    assert not pictures.points(places, LABELS, loss, circle=False).axes[0].patches


def test_a_finished_loss_has_no_arrows():
    places = torch.tensor([[0.0, 0], [0, 0], [9, 0], [9, 0], [0, 9], [0, 9]])
    figure = pictures.points(places, LABELS, losses.contrastive)
    assert not [note for note in figure.axes[0].texts if getattr(note, "arrow_patch", None) is not None]


def test_the_landscape_is_the_loss_at_each_place():
    places, loss = F.normalize(plane(4), dim=1), losses.info_nce
    axes = pictures.landscape(places, LABELS, loss, 2).axes[0]
    curve = next(line for line in axes.lines if len(line.get_xdata()) > 100)
    for angle, value in list(zip(*curve.get_data()))[::40]:
        moved = places.clone()
        moved[2] = torch.tensor([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
        assert value == pytest.approx(float(loss(moved, LABELS)), abs=1e-5)
    now = next(line for line in axes.lines if line.get_marker() == "o")
    assert now.get_xdata()[0] == pytest.approx(math.degrees(math.atan2(*places[2].tolist()[::-1])))
    assert now.get_ydata()[0] == pytest.approx(float(loss(places, LABELS)))
    assert "B1" in axes.get_title()
    values = pictures._values(places, LABELS, loss, 1, torch.tensor([[0.5, 0.1], [2, -1]]))
    for place, value in zip(([0.5, 0.1], [2, -1]), values):
        moved = places.clone()
        moved[1] = torch.tensor(place)
        assert value == pytest.approx(float(loss(moved, LABELS)))
    assert len(pictures.landscape(places, LABELS, loss, 2, circle=False).axes) == 2


def test_the_temperature_figure_draws_plain_softmax():
    cosines = torch.tensor([0.1, 0.9, 0.5, -0.3, 0.7])
    left, right = pictures.temperature(cosines, [0.1, 1.0], positive=1).axes
    for index, value in enumerate((0.1, 1.0)):
        exponentials = [math.exp(cosine / value) for cosine in cosines.tolist()]
        weight = [part / sum(exponentials) for part in exponentials]
        negatives = sorted((weight[0], *weight[2:]), reverse=True)
        np.testing.assert_allclose(left.lines[2 * index].get_ydata(), negatives, rtol=1e-6)
        assert left.lines[2 * index + 1].get_ydata()[0] == pytest.approx(weight[1])
        np.testing.assert_allclose(right.lines[2 * index].get_ydata(), np.cumsum(negatives) / sum(negatives), rtol=1e-6)
        assert f"push {sum(negatives) / value:.2g} in all" in left.lines[2 * index].get_label()


def test_shares():
    cosines = torch.tensor([0.2, 0.4, -0.5], requires_grad=True)
    share = pictures.shares(cosines, 0.2)
    assert float(share.sum()) == pytest.approx(1)
    F.cross_entropy(torch.cat([torch.tensor([0.3]), cosines])[None] / 0.2, torch.tensor([0])).backward()
    torch.testing.assert_close(share.float(), cosines.grad / cosines.grad.sum())
    assert pictures.sharing(torch.full((10,), 0.1)) == 9 and pictures.sharing(torch.tensor([0.05, 0.95])) == 1
    assert pictures.sharing(torch.tensor([0.4, 0.3, 0.3])) == 3


def test_names():
    assert pictures.names(torch.tensor([5, 2, 5, 2])) == ["B1", "A1", "B2", "A2"]
    assert pictures.names(torch.arange(30))[:2] == ["0.1", "1.1"]


@pytest.mark.parametrize("call, says", [
    (lambda: pictures.points(torch.rand(6, 3), LABELS, losses.contrastive), r"\(6, 3\) .* points of the plane"),
    (lambda: pictures.points(torch.rand(5, 2), LABELS, losses.contrastive), "points of the plane"),
    (lambda: pictures.landscape(torch.full((6, 2), torch.nan), LABELS, losses.contrastive, 0), "NaN"),
    (lambda: pictures.temperature([0.1], [0.1]), "at least one negative"),
    (lambda: pictures.temperature([0.1, 0.2], [0.1], positive=2), "positive=2"),
    (lambda: pictures.temperature([0.1, 0.2], [0.1, 0]), "above 0"),
    (lambda: pictures.temperature([0.1, 0.2], []), "one or more"),
    (lambda: LossExplorer(points=5), "even number"), (lambda: LossExplorer(points=2), "from 4 on")])
def test_what_cannot_be_drawn_is_told(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_all_draw_into_part_of_a_figure():
    left, right = plots.new(None, (9, 4)).subfigures(1, 2)
    assert pictures.points(plane(), LABELS, losses.contrastive, figure=left) is left
    assert pictures.landscape(plane(), LABELS, losses.contrastive, 0, circle=False, figure=right) is right
    below = plots.new(None, (9, 4))
    assert pictures.temperature([0.3, 0.2, 0.1], [0.1], figure=below) is below


# ---- the explorer of losses ----

def loose(loss="contrastive"):
    """Off the circle, with this loss."""
    return choose(LossExplorer(), circle=False, loss=loss)


def info_nce():
    return choose(LossExplorer(), loss="InfoNCE")


@pytest.mark.parametrize("name, make", [
    ("loss", LossExplorer), ("circle", LossExplorer), ("which", LossExplorer), ("angle", LossExplorer), ("radius", loose),
    ("margin", LossExplorer), ("temperature", info_nce), ("loss", loose)])
def test_each_control_over_its_whole_range(name, make):
    assert sweep(make, name) > 3 or name == "circle"


@pytest.mark.parametrize("circle", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_steps_lower_the_loss(name, circle, drawn):
    shown = choose(LossExplorer(), circle=circle, loss=name)
    start, places = shown.value(), shown.places
    click(shown, "step")
    assert shown.value() < start and shown.steps == 1
    assert (shown.places - places).norm(dim=1).max() < 0.16
    click(shown, "ten")
    click(shown, "ten")
    assert shown.value() < 0.75 * start and shown.steps == 21
    if circle:
        torch.testing.assert_close(shown.places.norm(dim=1), torch.ones(6, dtype=torch.float64))
    click(shown, "reset")
    assert shown.steps == 0
    torch.testing.assert_close(shown.places, F.normalize(shown.start, dim=1) if circle else shown.start)


def test_a_step_goes_down_the_gradient(drawn):
    shown = loose()
    before, arrows = shown.places, pictures.descent(shown.places, shown.labels, losses.contrastive)
    click(shown, "step")
    moved = shown.places - before
    torch.testing.assert_close(moved / moved.norm(), arrows / arrows.norm())


def test_sliders_move_the_chosen_point_only_and_follow_it(drawn):
    shown = loose()
    before = shown.places
    choose(shown, which=3)
    assert shown.angle == pytest.approx(math.degrees(math.atan2(*before[3].tolist()[::-1])))
    assert shown.radius == pytest.approx(float(before[3].norm())) and torch.equal(shown.places, before)
    choose(shown, angle=90, radius=0.5)
    torch.testing.assert_close(shown.places[3], torch.tensor([0.0, 0.5], dtype=torch.float64))
    others = [0, 1, 2, 4, 5]
    assert torch.equal(shown.places[others], before[others])
    choose(shown, radius=0)
    assert shown.angle == 90
    choose(shown, circle=True)
    torch.testing.assert_close(shown.places[3], torch.tensor([1.0, 0.0], dtype=torch.float64))
    click(shown, "ten")
    assert shown.angle == pytest.approx(math.degrees(math.atan2(*shown.places[3].tolist()[::-1])))


def test_a_point_beyond_the_slider_stays_where_it_is(drawn):
    shown = loose("N-pair")
    for _ in range(6):
        click(shown, "ten")
    far = int(shown.places.norm(dim=1).argmax())
    distance = float(shown.places[far].norm())
    assert distance > 2
    choose(shown, which=far)
    assert shown.radius == 2 and float(shown.places[far].norm()) == distance
    choose(shown, angle=10)
    assert float(shown.places[far].norm()) == pytest.approx(distance)


def test_controls_that_do_not_apply_are_disabled_and_defaults_come_along(drawn):
    shown = LossExplorer()
    want = {"contrastive": (1.0, None), "triplet": (0.2, None), "triplet, semi-hard": (0.2, None), "lifted structured": (1.0, None),
            "N-pair": (None, None), "InfoNCE": (None, 0.1), "soft nearest neighbour": (None, 1.0)}
    for name, (margin, temperature) in want.items():
        before = len(drawn)
        choose(shown, loss=name)
        assert len(drawn) == before + (name != "contrastive"), name
        for control, value in (("margin", margin), ("temperature", temperature)):
            assert shown.controls[control].disabled == (value is None), (name, control)
            assert value is None or shown.controls[control].value == value
    assert shown.controls["radius"].disabled and not choose(shown, circle=False).controls["radius"].disabled


def test_settings_reach_the_loss(drawn):
    shown = choose(LossExplorer(), margin=0.5)
    assert shown.value() == pytest.approx(float(losses.contrastive(F.normalize(shown.places, dim=1), shown.labels, 0.5)))
    assert f"<b>{shown.value():.3f}</b>" in shown.message.value
    choose(shown, loss="InfoNCE", temperature=0.5)
    assert shown.value() == pytest.approx(float(losses.info_nce(shown.places, shown.labels, 0.5)))


def at(shown, *degrees):
    for index, angle in enumerate(degrees):
        choose(shown, which=index, angle=angle)
    return shown


def test_what_the_loss_ignores_is_counted(drawn):
    apart = at(LossExplorer(), 0, 0, 120, 120, -120, -120)
    assert "<b>All 12</b> pairs of different labels are farther apart than the margin: nothing pushes" in apart.message.value
    assert "No point has a gradient" in apart.message.value and "<b>0.000</b>" in apart.message.value
    choose(apart, loss="triplet")
    assert "<b>24 of 24</b> triplets are satisfied" in apart.message.value
    together = at(LossExplorer(), 0, 10, 5, 15, 20, 25)
    assert "ignores no pair: all 12" in together.message.value
    choose(together, loss="triplet")
    assert "<b>0 of 24</b> triplets are satisfied" in together.message.value
    mixed = at(LossExplorer(), 0, 20, 10, 30, 180, 181)
    assert "<b>8 of 12</b>" in mixed.message.value                 # A and B all near each other, C near itself alone
    choose(mixed, loss="N-pair")
    assert "<b>6 of 12</b> pairs of different labels are never compared" in mixed.message.value
    choose(mixed, loss="InfoNCE", temperature=0.07)
    assert "<b>8 of 12</b> pairs of different labels get less than 1 %" in mixed.message.value
    choose(mixed, temperature=2.0)
    assert "<b>8 of 12</b>" not in mixed.message.value


def test_semi_hard_triplets_are_counted(drawn):
    shown = choose(LossExplorer(), loss="triplet, semi-hard", margin=1.0)
    satisfied = hard = 0
    for a in range(6):
        for p in range(6):
            for n in range(6):
                if a != p and shown.labels[a] == shown.labels[p] and shown.labels[a] != shown.labels[n]:
                    ahead = float((shown.places[a] - shown.places[n]).square().sum() - (shown.places[a] - shown.places[p]).square().sum())
                    satisfied, hard = satisfied + (ahead >= 1), hard + (ahead <= 0)
    left = 24 - satisfied - hard
    assert left > 1 and f"<b>{satisfied} of 24</b>" in shown.message.value
    assert f"<b>{hard}</b> are passed over" in shown.message.value and f"; {left} count." in shown.message.value


def test_any_even_number_of_points(drawn):
    shown = LossExplorer(points=10)
    for name in LOSSES:
        choose(shown, loss=name)
    click(shown, "ten")
    assert len(shown.places) == 10 and len(shown.controls["which"].options) == 10


def test_an_error_is_shown_and_the_next_move_mends_it(drawn):
    shown = LossExplorer()
    shown.labels = torch.arange(6)
    shown.controls["margin"].value = 0.5
    assert "nothing belongs together" in shown.message.value and shown.error is not None
    shown.labels = LABELS
    choose(shown, margin=0.6)


# ---- the explorer of the temperature ----

def make_temperature(dataset=SCENES, **settings):
    torch.manual_seed(0)
    return TemperatureExplorer(SimCLR(ConvNet(8)), dataset, **{"number": 30, **settings})


@pytest.mark.parametrize("name", [name for name, control in make_temperature().controls.items() if not isinstance(control, FileUpload)])
def test_each_control_of_the_temperature_over_its_whole_range(name):
    assert sweep(make_temperature, name) > 5, f"{name} changes nothing"


def test_the_share_of_the_push_is_the_gradient_of_info_nce(drawn):
    """Against the loss itself: the anchor, its view and the negatives, each of a label of its own."""
    shown = choose(make_temperature(), number=3, temperature=0.2)
    positive, others, numbers = shown.cosines(shown.other_view())
    assert len(others) == 29 and 3 not in numbers
    task = shown.task.eval()
    with torch.no_grad():
        embed = lambda images: F.normalize(task.projector(task.encoder(data.as_float(images))), dim=1)
        anchor, view = embed(SCENES.images[3:4])[0], embed(shown.other_view()[None])[0]
        cosines = embed(SCENES.images[numbers]) @ anchor
    torch.testing.assert_close(others, cosines, atol=1e-5, rtol=1e-4)
    assert float(positive) == pytest.approx(float(view @ anchor), abs=1e-5)
    logits = (torch.cat([positive[None], others]) / 0.2).requires_grad_()
    F.cross_entropy(logits[None], torch.tensor([0])).backward()
    share = logits.grad[1:] / logits.grad[1:].sum()
    few = int((share.sort(descending=True).values.cumsum(0) < 0.9).sum()) + 1
    same = int((SCENES.labels[numbers[others.topk(10).indices]] == SCENES.labels[3]).sum())
    assert f"<b>{few} of 29</b> negatives share 90 %" in shown.message.value
    assert f"Of the 10 hardest, <b>{same}</b>" in shown.message.value
    texts = [text.get_text() for text in shown.figure.subfigs[0].axes[0].texts]
    assert texts[2:12] == [f"{100 * part:.1f} %" for part in share.topk(10).values.tolist()]
    frames = [to_hex(patch.get_edgecolor()) == plots.WRONG.lower() for patch in shown.figure.subfigs[0].axes[0].patches]
    assert sum(frames) == same and not any(frames[:2])


def test_the_colder_the_fewer_share_the_push(drawn):
    shown, counts = make_temperature(), []
    for temperature in TEMPERATURES:
        choose(shown, temperature=temperature)
        counts.append(int(shown.message.value.split("<b>")[1].split(" of ")[0]))
    assert counts == sorted(counts) and counts[0] < counts[-1] == 27


def test_the_view_is_the_tasks_and_stays_for_its_slider(drawn):
    shown = make_temperature()
    shown.task.augment = lambda images: (images + torch.rand(1)) / 2
    first = shown.other_view()
    assert torch.equal(first, shown.other_view()) and not torch.equal(first, choose(shown, view=1).other_view())


def test_the_task_keeps_its_mode_and_is_asked_anew_once_it_has_learnt(drawn):
    for training in (True, False):
        shown = make_temperature()
        shown.task.train(training)
        choose(shown, number=1)
        assert {module.training for module in shown.task.modules()} == {training}
    known = shown.known
    choose(shown, number=2)
    assert shown.known is known
    torch.manual_seed(9)
    shown.task.load_state_dict(SimCLR(ConvNet(8)).state_dict())
    choose(shown, number=1)
    assert not torch.allclose(shown.known, known)


def test_without_labels_nothing_is_said_of_kinds(drawn):
    shown = make_temperature(data.Dataset(SCENES.images))
    assert "same kind" not in shown.message.value and "90 %" in shown.message.value


def test_a_picture_of_the_readers_own_has_all_as_negatives(drawn):
    shown = make_temperature()
    shown.own, shown.own_name = SCENES.images[35], "mine.png"
    shown.redraw()
    assert "of 30</b>" in shown.message.value and "same kind" not in shown.message.value and "mine.png" in shown.message.value


@pytest.mark.parametrize("make, says", [
    (lambda: TemperatureExplorer(Rotation(ConvNet(8)), SCENES), "Rotation has no projector"),
    (lambda: TemperatureExplorer(ConvNet(8), SCENES), "no encoder and no projector and no augment"),
    (lambda: make_temperature(number=2), "2 pictures: want at least 3"), (lambda: make_temperature(SCENES[:1]), "1 pictures")])
def test_a_task_that_is_not_contrastive_is_told(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_few_pictures_are_enough(drawn):
    shown = make_temperature(SCENES[:4])
    assert "of 3</b>" in shown.message.value and "Of the 3 hardest" in shown.message.value
