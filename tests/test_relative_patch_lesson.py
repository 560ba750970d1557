"""The lesson on relative patches: its explorer, its pictures, its check."""

import re

import numpy as np
import pytest
import torch
from ipywidgets import Button, FileUpload
from sweep import sweep

from sslkit import checks, data, plots, widgets
from sslkit.networks import ConvNet
from sslkit.plots.relative_patch import ARROWS
from sslkit.tasks import RelativePatch

pytestmark = pytest.mark.usefixtures("sketched")
WHERE = {0: (-1, -1), 1: (-1, 0), 2: (-1, 1), 3: (0, -1), 4: (0, 1), 5: (1, -1), 6: (1, 0), 7: (1, 1)}     # 0 1 2 / 3 . 4 / 5 6 7


def explorer():
    torch.manual_seed(0)
    task = RelativePatch(ConvNet(8))
    task.head[-1].weight.data.mul_(20)                                # decided answers
    return widgets.PatchPositionExplorer(task, {"drawn world": data.scenes(12, 48), "noise": data.Dataset(
        torch.randint(0, 256, (5, 3, 48, 48), dtype=torch.uint8), name="noise")}, number=8)


def revealed():
    """With the answer and the picture in view, so that every control shows."""
    made = explorer()
    made.controls["direction"].value = 4
    return made


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made, but not painted: that takes most of the time."""
    monkeypatch.setattr(plots, "png", lambda figure: b"")


CONTROLS = [name for name, control in explorer().controls.items() if not isinstance(control, (FileUpload, Button))]


@pytest.mark.parametrize("name", CONTROLS)
def test_each_control_over_its_whole_range(name):
    assert sweep(explorer if name == "shown" else revealed, name) > 1, f"{name} changes nothing"


@pytest.mark.parametrize("direction", range(8))
def test_the_pair_lies_as_the_direction_says_wherever_the_sliders_stand(direction, undrawn):
    made = explorer()
    made.controls["direction"].value = direction
    patch, gap, _ = made.task.sizes((48, 48))
    places = set()
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.35)):
        with made.at_once():
            made.controls["normalized"].value, made.controls["down"].value, made.controls["across"].value = False, down, across
        centre, corners = made.corners()
        assert made.error is None and len(corners) == 8
        neighbour = centre + (patch + gap) * torch.tensor(WHERE[direction])
        assert torch.equal(corners[direction], neighbour)
        both = torch.stack([centre, neighbour])
        assert both.min() >= 0 and both.max() + patch <= 48, "both lie inside the picture"
        places.add(tuple(centre.tolist()))
        picture = made.picture / 255
        for image, (row, column) in zip(made.figure.axes[0].images, both.tolist()):
            cut = picture[:, row:row + patch, column:column + patch].permute(1, 2, 0)
            assert np.allclose(image.get_array(), cut, atol=1e-6)
    assert len(places) == 5, "the sliders reach both ends of the room"


def test_the_probabilities_are_those_of_the_network_for_this_pair(undrawn):
    made = revealed()
    centre, corners = made.corners()
    pair = made.task.patches(made.picture[None] / 255, centre[None], corners[None, 4])
    with torch.no_grad():
        wanted = made.task.eval()(pair).softmax(1)[0]
    torch.testing.assert_close(made.probabilities(), wanted)
    said = int(wanted.argmax())
    verdict = "right" if said == 4 else "wrong, it is →"
    assert f"The network says <b>{ARROWS[said]} with {100 * wanted[said]:.0f} %</b>: {verdict}" in made.message.value
    made.controls["normalized"].value = False
    torch.testing.assert_close(made.probabilities(), wanted, msg="how patches are shown is no matter of the network's")
    made.controls["grey"].value = True
    assert not torch.allclose(made.probabilities(), wanted, atol=1e-4), "without colour the network is asked anew"
    assert made.task.normalize and not made.task.training


def texts(made):
    return [text.get_text() for text in made.figure.axes[1].texts]


def test_nothing_is_told_before_the_guess():
    made = explorer()
    assert texts(made) == ["?"] and "Click an arrow" in made.message.value and "The network" not in made.message.value
    assert made.picture.permute(1, 2, 0).numpy().tolist() != made.figure.axes[1].images[0].get_array().tolist()
    kind = made.dataset.classes[int(made.dataset.labels[0])]
    assert kind not in made.message.value, "the kind is a hint"
    made.controls["shown"].value = True
    assert texts(made) == [] and kind in made.message.value and "The network" not in made.message.value
    assert np.allclose(made.figure.axes[1].images[0].get_array(), made.picture.permute(1, 2, 0) / 255, atol=1e-6)
    assert len(made.figure.axes[1].patches) == 2, "the rim of the picture and the centre's frame, no place around it"


def test_a_guess_reveals_and_counts_once(undrawn):
    made, right, asked, networks = explorer(), 0, 0, 0
    for turn in range(8):
        made.controls["another"].click()
        assert not made.revealed and texts(made) == ["?"]
        guess = made.truth if turn % 3 else (made.truth + 1) % 8
        networks += int(made.probabilities().argmax()) == made.truth
        made.controls[ARROWS[guess]].click()
        right, asked = right + bool(turn % 3), asked + 1
        assert made.error is None and made.revealed and len(texts(made)) == 8
        verdict = "right" if turn % 3 else f"wrong, it is {ARROWS[made.truth]}"
        assert f"You say <b>{ARROWS[guess]}</b>: {verdict}" in made.message.value
        made.controls[ARROWS[made.truth]].click()                     # too late
        score = f"you <b>{right} of {asked}</b>, the network <b>{networks} of {asked}</b>"
        assert score in made.message.value
    assert right == 5 and 0 < networks < 8


def test_secrets_differ_and_a_chosen_direction_is_none(undrawn):
    made, seen = explorer(), set()
    for _ in range(30):
        made.controls["another"].click()
        seen.add((made.truth, made.down))
    assert {truth for truth, _ in seen} == set(range(8)) and len({down for _, down in seen}) > 5
    made.controls["direction"].value = 6
    made.controls["↑"].click()
    assert made.pairs == 0 and made.truth == 6 and made.revealed
    made.controls["another"].click()
    assert made.controls["direction"].index == 0 and not made.revealed


def test_another_picture_is_another_secret_and_keeps_the_score(undrawn):
    made = explorer()
    made.controls["↑"].click()
    assert made.revealed
    made.controls["number"].value = 3
    assert not made.revealed and made.pairs == 1 and "of 1" in made.message.value
    made.controls["source"].value = "noise"
    assert not made.revealed and made.error is None and made.picture.shape == (3, 48, 48)


def test_a_picture_of_ones_own_stays_when_the_direction_is_chosen(undrawn):
    made = explorer()
    made.own, made.own_name = torch.zeros(3, 48, 48, dtype=torch.uint8), "mine.png"
    made.controls["direction"].value = 2
    assert made.own is not None and "mine.png" in made.message.value


def test_pictures_too_small_are_told():
    with pytest.raises(ValueError, match="within the 10 pixels"):
        widgets.PatchPositionExplorer(RelativePatch(ConvNet(8)), data.Dataset(torch.zeros(3, 3, 10, 10, dtype=torch.uint8)))


def test_one_click_is_one_redraw(undrawn, monkeypatch):
    drawn, draw = [], widgets.PatchPositionExplorer.draw
    monkeypatch.setattr(widgets.PatchPositionExplorer, "draw", lambda self, figure: drawn.append(1) or draw(self, figure))
    made = explorer()
    for name in ("another", "↙", "another"):
        drawn.clear()
        made.controls[name].click()
        assert len(drawn) == 1, name


def squares(axes):
    """{(row, column): colour} of the squares in an axes, by their corners."""
    return {(round(patch.get_y() + 0.5), round(patch.get_x() + 0.5)): patch for patch in axes.patches}


def test_the_darkest_square_is_the_likeliest_and_each_has_its_number():
    image, pair = torch.rand(3, 40, 40), torch.rand(2, 3, 8, 8)
    probabilities, centre = torch.tensor([0.02, 0.08, 0.1, 0.3, 0.25, 0.05, 0.15, 0.05]), torch.tensor([16, 16])
    corners = centre + 12 * torch.tensor(list(WHERE.values()))
    figure = plots.patch_directions(image, pair, probabilities, centre, corners)
    axes = figure.axes[1]
    shade = {corner: patch.get_alpha() for corner, patch in squares(axes).items() if patch.get_alpha()}
    assert [number for _, number in sorted(zip(shade.values(), map(tuple, corners.tolist())))][-1] == tuple(corners[3].tolist())
    assert list(shade) == [tuple(corner) for corner in corners.tolist()]
    assert [text.get_text() for text in axes.texts] == ["2 %", "8 %", "10 %", "30 %", "25 %", "5 %", "15 %", "5 %"]
    assert figure._repr_png_()[:4] == b"\x89PNG"
    framed = plots.patch_directions(image, pair, probabilities, centre, corners, truth=1, guess=6).axes[1].patches[-2:]
    assert [[frame.get_y() + 0.5, frame.get_x() + 0.5] for frame in framed] == corners[[6, 1]].tolist()
    with pytest.raises(ValueError, match="one a direction"):
        plots.patch_directions(image, pair, probabilities[:4], centre, corners)


def test_pairs_are_framed_where_they_were_cut():
    task = RelativePatch(ConvNet(8), normalize=False)
    images = torch.rand(3, 3, 48, 48)
    centre, neighbour = task.places(torch.tensor([0, 4, 6]), (48, 48))
    pairs = task.patches(images, centre, neighbour)
    figure = plots.patch_pairs(images, centre, neighbour, pairs, ["a", "b", "c"])
    assert len(figure.axes) == 6 and [axes.get_title() for axes in figure.axes[:3]] == ["a", "b", "c"]
    for number in range(3):
        corners = list(squares(figure.axes[number]))
        assert corners == [tuple(centre[number].tolist()), tuple(neighbour[number].tolist())]
        assert np.allclose(figure.axes[3 + number].images[1].get_array(), pairs[number, 1].permute(1, 2, 0), atol=1e-6)
    assert figure._repr_png_()[:4] == b"\x89PNG"


def offsets(direction, patch, gap, *, cell=lambda place: place + (place >= 4), order=(0, 1), signs=(1, 1), step=None):
    """The right answer by arithmetic, or one with a mistake in it."""
    nine = cell(direction)
    both = [(nine // 3 - 1) * signs[0], (nine % 3 - 1) * signs[1]]
    step = patch + gap if step is None else step
    return both[order[0]] * step, both[order[1]] * step


def by_table(direction, patch, gap):
    table = torch.tensor([[-1, -1, -1, 0, 0, 1, 1, 1], [-1, 0, 1, -1, 1, -1, 0, 1]]) * (patch + gap)
    return table[0][direction], table[1][direction]


def in_place(direction, patch, gap):
    direction += (direction >= 4).long()
    return (direction // 3 - 1) * (patch + gap), (direction % 3 - 1) * (patch + gap)


RIGHT = [offsets, by_table, lambda *given: list(offsets(*given)),
         lambda d, p, g: tuple(torch.tensor([WHERE[place][axis] * (p + g) for place in d.tolist()]) for axis in (0, 1))]
WRONG = {
    "not written yet": lambda *given: (_ for _ in ()).throw(NotImplementedError),
    "raised ZeroDivisionError": lambda *given: 1 / 0,
    "returns nothing": lambda *given: None,
    "were changed": in_place,
    "return two tensors": lambda *given: offsets(*given)[0],
    r"one tensor \(B, 2\)": lambda *given: torch.stack(offsets(*given), 1),
    r"rows have shape \(10, 1\)": lambda *given: (offsets(*given)[0][:, None], offsets(*given)[1]),
    r"columns have shape \(8,\)": lambda *given: (offsets(*given)[0], torch.arange(8)),
    "rows are torch.float32, want whole numbers": lambda *given: tuple(part.float() for part in offsets(*given)),
    "steps of -1, 0 and 1": lambda *given: offsets(*given, step=1),
    "the gap is forgotten": lambda d, p, g: offsets(d, p, g, step=p),
    "multiples of the gap alone": lambda d, p, g: offsets(d, p, g, step=g),
    "counted as a ninth": lambda *given: offsets(*given, cell=lambda place: place),
    "rows and columns are swapped": lambda *given: offsets(*given, order=(1, 0)),
    "up and down are mirrored": lambda *given: offsets(*given, signs=(-1, 1)),
    "left and right are mirrored": lambda *given: offsets(*given, signs=(1, -1)),
    "all signs are turned round": lambda *given: offsets(*given, signs=(-1, -1)),
    r"direction 4 is right: with patches of 12 and a gap of 5 want \(0, 17\) rows and columns, got \(0, 29\)":
        lambda d, p, g: offsets(d, p, g, step=2 * p + g),
    "with patches of 20 and a gap of 7": lambda d, p, g: offsets(d, p, g, step=17),
}


@pytest.mark.parametrize("function", RIGHT)
def test_right_offsets_pass(function):
    verdict = checks.relative_patch_problem(function)
    assert verdict.right and repr(verdict).startswith("✓"), verdict


@pytest.mark.parametrize("says", WRONG)
def test_each_mistake_in_the_offsets_is_named(says):
    verdict = checks.relative_patch_problem(WRONG[says])
    assert not verdict.right and repr(verdict).startswith("✗")
    assert re.search(says, verdict.says), verdict.says


def test_the_check_agrees_with_the_task():
    task = RelativePatch(ConvNet(8), patch=12, gap=5, jitter=0)

    def of_the_task(direction, patch, gap):
        centre, neighbour = RelativePatch(ConvNet(8), patch=patch, gap=gap, jitter=0).places(direction, (96, 96))
        return (neighbour - centre).unbind(1)

    assert task.sizes((96, 96)) == (12, 5, 0) and checks.relative_patch_problem(of_the_task).right
