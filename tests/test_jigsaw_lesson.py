"""The lesson on jigsaw puzzles: its explorer against plain loops, its figures, its check."""

import re

import numpy as np
import pytest
import torch
from ipywidgets import FileUpload
from sweep import sweep

from sslkit import checks, data, plots, widgets
from sslkit.networks import ConvNet
from sslkit.tasks import Jigsaw
from sslkit.tasks.jigsaw import hamming, shuffled

pytestmark = pytest.mark.usefixtures("sketched")
PICTURES = {"drawn world": data.scenes(6, 32), "photographs": data.photographs(32)}


def explorer(grid=2):
    torch.manual_seed(0)
    return widgets.JigsawExplorer(Jigsaw(ConvNet(8), grid, gap=1 if grid == 2 else None), PICTURES, number=4)


@pytest.fixture
def undrawn(monkeypatch):
    """Tests of what the explorer does: figures are made, but not turned into PNGs, which takes nearly all of the time."""
    monkeypatch.setattr(plots, "png", lambda figure: b"")


@pytest.mark.parametrize("name", [name for name, control in explorer().controls.items() if not isinstance(control, FileUpload)])
def test_each_control_over_its_whole_range(name):
    assert sweep(explorer, name) > 1, f"{name} changes nothing"


def solve(shown):
    """Swaps by clicks until every tile is in its place, as a person would: place by place. → the number of swaps."""
    swaps = 0
    for place in range(len(shown.lying)):
        while int(shown.lying[place]) != place:
            where = shown.lying.tolist().index(place)
            shown.places[place].click()
            shown.places[where].click()
            swaps += 1
    return swaps


@pytest.mark.parametrize("permutation", [0, 5, 17, 23])
def test_a_puzzle_can_be_solved_by_clicks(permutation, undrawn):
    shown = explorer()
    shown.controls["permutation"].value = permutation
    shuffle = shown.task.permutations[permutation].tolist()
    assert shown.lying.tolist() == shuffle
    assert f"<b>{sum(tile == place for place, tile in enumerate(shuffle))} of 4</b>" in shown.message.value
    swaps = solve(shown)
    assert "<b>4 of 4</b> tiles" in shown.message.value and f"after {swaps} swap" in shown.message.value and shown.error is None
    if swaps:
        right = int(shown.answer().argmax()) == permutation
        assert f"You have solved 1; of these the network solves {int(right)}." in shown.message.value


def test_the_tiles_shown_are_those_of_the_picture(undrawn):
    """Solved, the puzzle is the picture: every tile lies in its own cell."""
    shown = explorer()
    solve(shown)
    picture = PICTURES["drawn world"].images[0] / 255
    for place, tile in enumerate(shown.tiles[shown.lying]):
        row, column = divmod(place, 2)
        cell = picture[:, 16 * row:16 * row + 16, 16 * column:16 * column + 16]
        assert any(torch.equal(cell[:, top:top + 15, left:left + 15], tile) for top in (0, 1) for left in (0, 1))


def test_the_network_sees_the_puzzle_as_it_was_dealt(undrawn):
    shown = explorer()
    shown.controls["permutation"].value = 9
    seen = []
    shown.task.register_forward_pre_hook(lambda task, inputs: seen.append(inputs[0]))
    shown.places[0].click()
    shown.places[3].click()                                            # the reader's swaps are not the network's
    said = shown.answer()
    mean, deviation = shown.tiles.mean((1, 2, 3), keepdim=True), shown.tiles.std((1, 2, 3), keepdim=True)
    even = 0.5 + 0.25 * (shown.tiles - mean) / deviation
    torch.testing.assert_close(seen[-1][0], even[shown.task.permutations[9]])
    assert float(said.sum()) == pytest.approx(1) and len(said) == 24
    shown.buttons["network"].click()
    guess = int(said.argmax())
    off = int((shown.task.permutations[guess] != shown.task.permutations[9]).sum())
    assert f"permutation {guess} with" in shown.message.value and ("right" if off == 0 else f"wrong, {off} tiles lie elsewhere") in shown.message.value
    undone = [shown.task.permutations[9].tolist()[shown.task.permutations[guess].tolist().index(place)] for place in range(4)]
    assert shown.lying.tolist() == undone


def test_a_right_network_solves_the_puzzle(undrawn):
    shown = explorer()
    shown.task.head = torch.nn.Sequential(torch.nn.Flatten(), _Always(6, 24))
    shown.controls["permutation"].value = 6
    shown.buttons["network"].click()
    assert shown.lying.tolist() == [0, 1, 2, 3] and "right." in shown.message.value
    assert "You have solved" not in shown.message.value, "the network's help is not the reader's"


class _Always(torch.nn.Module):
    def __init__(self, answer, classes):
        super().__init__()
        self.answer, self.classes = answer, classes

    def forward(self, features):
        return 9.0 * torch.nn.functional.one_hot(torch.full((len(features),), self.answer), self.classes)


def test_each_puzzle_counts_once_and_not_after_its_solution_was_seen(undrawn):
    shown = explorer()
    solve(shown)
    assert shown.solved == 1
    shown.buttons["again"].click()
    solve(shown)
    assert shown.solved == 1, "the same puzzle again"
    for permutation, button in ((8, "network"), (9, "reveal")):
        shown.controls["permutation"].value = permutation
        shown.buttons[button].click()
        shown.buttons["again"].click()
        solve(shown)
        assert shown.solved == 1, button
    shown.controls["number"].value = 1                                 # the same permutation of another picture
    solve(shown)
    assert shown.solved == 2 and shown.error is None


def test_the_other_buttons(undrawn):
    shown = explorer()
    dealt = shown.lying.tolist()
    shown.places[1].click()
    assert shown.marked == 1
    shown.places[1].click()                                            # put down again
    assert shown.marked is None and shown.swaps == 0
    shown.places[0].click()
    shown.places[2].click()
    shown.buttons["again"].click()
    assert shown.lying.tolist() == dealt and shown.swaps == 0
    shown.buttons["reveal"].click()
    assert shown.lying.tolist() == [0, 1, 2, 3] and shown.solved == 0
    seen = set()
    for _ in range(12):
        before = shown.permutation
        shown.buttons["new"].click()
        assert shown.permutation != before and shown.swaps == 0
        seen.add(shown.permutation)
    assert len(seen) > 4 and shown.error is None


def test_three_by_three(undrawn):
    torch.manual_seed(0)
    shown = widgets.JigsawExplorer(Jigsaw(ConvNet(8), 3, permutations=10), data.scenes(3, 48))
    assert len(shown.places) == 9 and solve(shown) >= 4 and "9 of 9" in shown.message.value


def test_figures_show_what_they_are_given():
    tiles = torch.rand(4, 3, 5, 5)
    axes = plots.puzzle(tiles, in_place=[True, False, True, True], marked=2).axes[0]
    np.testing.assert_allclose(axes.images[2].get_array(), tiles[2].permute(1, 2, 0))
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3", "4"] and len(axes.patches) == 4
    assert [text.get_text() for text in plots.puzzle(tiles, numbers=torch.tensor([3, 1, 4, 2])).axes[0].texts] == ["3", "1", "4", "2"]
    with pytest.raises(ValueError, match="5 tiles do not make a square"):
        plots.puzzle(torch.rand(5, 3, 4, 4))
    distances = hamming(torch.tensor([[0, 1, 2], [1, 0, 2], [1, 2, 0]]))
    matrix, bars = plots.permutation_distances(distances, one=0, other=2).axes
    assert [round(bar.get_height(), 2) for bar in bars.patches] == [0, 0, 66.67, 33.33] and "mean 2.33, least 2" in bars.get_title()
    np.testing.assert_array_equal(matrix.images[0].get_array(), distances)
    lines = lambda **of: [line.get_color() for line in plots.permutation_distances(distances, **of).axes[0].get_lines()]
    assert lines(one=1) == [plots.INK] and lines() == []
    assert set(lines(one=1, other=1)) >= {plots.RIGHT} and set(lines(one=0, other=1)) >= {plots.WRONG}
    assert plots.RIGHT not in lines(one=0, other=1) and plots.WRONG not in lines(one=1, other=1)


def rows(tiles):
    return torch.arange(len(tiles))[:, None]


RIGHT = [lambda t, p, i: shuffled(t, p[i]), lambda t, p, i: torch.stack([tiles[p[k]] for tiles, k in zip(t, i)]),
         lambda t, p, i: t.gather(1, p[i][:, :, None, None, None].expand_as(t))]
WRONG = {
    "not written yet": lambda t, p, i: (_ for _ in ()).throw(NotImplementedError),
    "not tuple": lambda t, p, i: (t, i),
    "were changed": lambda t, p, i: t.copy_(shuffled(t, p[i])),
    "the batch came in twice": lambda t, p, i: t[:, p[i]],
    "want that of the tiles": lambda t, p, i: shuffled(t, p[i]).flatten(0, 1),
    "this is the inverse": lambda t, p, i: shuffled(t, p[i].argsort(1)),
    "nothing was shuffled": lambda t, p, i: t.clone(),
    "by the same permutation": lambda t, p, i: t[:, p[i[0]]],
    "the index says which one": lambda t, p, i: shuffled(t, p[torch.arange(len(t)) % len(p)]),
    "only their places should change": lambda t, p, i: shuffled(t, p[i]).double(),
    "shuffled tiles have shape": lambda t, p, i: t[torch.arange(len(t)), i],
    "not tiles of their own picture": lambda t, p, i: shuffled(t, p[i]).flip(0),
    "come twice": lambda t, p, i: t[rows(t), p[i] // 2],
    "in a wrong order": lambda t, p, i: t[rows(t), p[i].flip(1)],
}


@pytest.mark.parametrize("function", RIGHT)
def test_right_shuffles_pass(function):
    verdict = checks.jigsaw_problem(function)
    assert verdict.right, verdict


@pytest.mark.parametrize("says", WRONG)
def test_each_mistake_in_the_shuffle_is_named(says):
    verdict = checks.jigsaw_problem(WRONG[says])
    assert not verdict.right and re.search(says, verdict.says), verdict.says


def by_loops(permutations):
    return torch.tensor([[sum(int(a != b) for a, b in zip(one, other)) for other in permutations] for one in permutations])


def one_is_wrong(permutations):
    return hamming(permutations) + torch.zeros(len(permutations), len(permutations)).index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(1.0))


RIGHT_DISTANCES = [hamming, by_loops, lambda p: 5 - torch.nn.functional.one_hot(p).flatten(1).float() @ torch.nn.functional.one_hot(p).flatten(1).float().T,
                   lambda p: torch.cdist(torch.nn.functional.one_hot(p).flatten(1).float(), torch.nn.functional.one_hot(p).flatten(1).float(), p=1) / 2]
WRONG_DISTANCES = {
    "not written yet": lambda p: (_ for _ in ()).throw(NotImplementedError),
    "not list": lambda p: hamming(p).tolist(),
    "now count over the last": lambda p: p[:, None] != p,
    "compare each with each": lambda p: p != p[:1],
    "pairs of places": lambda p: (p[:, None] != p).sum(0)[:, :, None].expand(-1, -1, 5)[0].T,
    r"here \(4, 4\)$": lambda p: hamming(p)[off_diagonal(p)],
    "places that are the same": lambda p: (p[:, None] == p).sum(-1),
    "share of places": lambda p: (p[:, None] != p).float().mean(-1),
    "differ at all": lambda p: (p[:, None] != p).any(-1),
    "only half": lambda p: hamming(p).triu(),
    "only half of": lambda p: hamming(p).tril(),
    "how far the numbers are apart": lambda p: (p[:, None] - p).abs().sum(-1),
    "squares of differences": lambda p: (p[:, None] - p).square().sum(-1),
    "Euclidean": lambda p: torch.cdist(p.float(), p.float()),
    r"differ in 4 places, got 5": one_is_wrong,
}


def off_diagonal(permutations):
    return ~torch.eye(len(permutations), dtype=torch.bool)


@pytest.mark.parametrize("function", RIGHT_DISTANCES)
def test_right_distances_pass(function):
    verdict = checks.hamming_distances(function)
    assert verdict.right, verdict


@pytest.mark.parametrize("says", WRONG_DISTANCES)
def test_each_mistake_in_the_distances_is_named(says):
    verdict = checks.hamming_distances(WRONG_DISTANCES[says])
    assert not verdict.right and re.search(says, verdict.says), verdict.says
