"""Jigsaw: permutations against plain loops, tiles that are where the picture has them, one encoder for all."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkit.networks import ConvNet
from sslkit.tasks import Jigsaw
from sslkit.tasks.jigsaw import hamming, permutation_set, shuffled


def test_greedy_by_plain_loops():
    """Each next permutation has the largest mean distance to those before it (algorithm 1), and of these the largest minimum."""
    found = permutation_set(4, 10, seed=3).tolist()
    distance = lambda one, other: sum(a != b for a, b in zip(one, other))
    for number in range(1, 10):
        before = found[:number]
        score = lambda p: (sum(distance(p, q) for q in before), min(distance(p, q) for q in before))
        left = [p for p in map(list, itertools.permutations(range(4))) if p not in before]
        assert found[number] in left and score(found[number]) == max(map(score, left))


@pytest.mark.parametrize("tiles, number", [(4, 24), (9, 100), (2, 2)])
def test_permutations_are_permutations_all_different_and_the_same_for_a_seed(tiles, number):
    found = permutation_set(tiles, number)
    assert torch.equal(found.sort(1).values, torch.arange(tiles).expand(number, -1)) and len(found.unique(dim=0)) == number
    assert torch.equal(found, permutation_set(tiles, number))


def test_they_differ_in_more_places_than_chance_would_have_it():
    apart = ~torch.eye(100, dtype=torch.bool)
    greedy = hamming(permutation_set(9, 100))[apart]
    random = hamming(torch.stack([torch.randperm(9, generator=torch.Generator().manual_seed(n)) for n in range(100)]))[apart]
    assert greedy.float().mean() > random.float().mean() + 0.03 and greedy.min() >= 2
    assert hamming(torch.tensor([[0, 1, 2], [0, 2, 1]])).tolist() == [[0, 2], [2, 0]]


@given(st.integers(0, 2 ** 31), st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_shuffling_by_plain_loops_and_its_inverse(seed, places):
    generator = torch.Generator().manual_seed(seed)
    tiles = torch.rand(3, places, 2, 2, generator=generator)
    permutations = torch.stack([torch.randperm(places, generator=generator) for _ in range(3)])
    puzzle = shuffled(tiles, permutations)
    for picture, place in itertools.product(range(3), range(places)):
        assert torch.equal(puzzle[picture, place], tiles[picture, permutations[picture, place]])
    assert torch.equal(shuffled(puzzle, permutations.argsort(1)), tiles)


@pytest.mark.parametrize("grid, side", [(2, 32), (3, 48), (3, 96)])
def test_tiles_are_pieces_of_their_cell(grid, side):
    """Every pixel tells where it was: the tile that stands at place k must come from cell permutation[k], with the gap at most."""
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    images = torch.stack([down, across, torch.zeros_like(down)]).float().div(side).expand(16, 3, side, side)
    task = Jigsaw(ConvNet(8), grid, normalize=False, drop_color=0)
    torch.manual_seed(0)
    tiles, index = task.make_problem(images)
    cell, gap = side // grid, round(side // grid * 11 / 75)
    assert tiles.shape == (16, grid ** 2, 3, cell - gap, cell - gap) and index.dtype == torch.int64
    offsets = set()
    for picture, place in itertools.product(range(16), range(grid ** 2)):
        row, column = divmod(int(task.permutations[index[picture], place]), grid)
        corner = (tiles[picture, place, :2, 0, 0] * side).round().int().tolist()
        inside = (corner[0] - row * cell, corner[1] - column * cell)
        assert 0 <= min(inside) and max(inside) <= gap
        assert torch.allclose(tiles[picture, place, 0, :, 0] * side, corner[0] + torch.arange(cell - gap).float(), atol=1e-3)
        offsets.add(inside)
    assert len(offsets) > gap, "tiles lie at random places of their cells"


def test_borders_never_touch_in_the_mean_and_do_without_a_gap():
    images = torch.rand(2, 3, 32, 32)
    whole = Jigsaw(ConvNet(8), 2, gap=0).tiles(images)
    assert torch.equal(whole[:, 1], images[:, :, :16, 16:])
    assert Jigsaw(ConvNet(8), 2, gap=6).tiles(images).shape[-1] == 10


def test_normalised_tiles_have_the_same_light_and_contrast():
    tiles, _ = Jigsaw(ConvNet(8), 2, drop_color=0).make_problem(torch.rand(4, 3, 32, 32) * torch.tensor([0.1, 0.5, 0.9, 1]).view(4, 1, 1, 1))
    torch.testing.assert_close(tiles.mean((2, 3, 4)), torch.full((4, 4), 0.5), atol=1e-3, rtol=0)
    torch.testing.assert_close(tiles.std((2, 3, 4)), torch.full((4, 4), 0.25), atol=1e-3, rtol=0)
    flat, _ = Jigsaw(ConvNet(8), 2).make_problem(torch.full((1, 3, 32, 32), 0.3))
    assert torch.isfinite(flat).all() and torch.allclose(flat, torch.tensor(0.5), atol=1e-3)


def test_colours_are_dropped_from_their_share_of_the_pictures():
    torch.manual_seed(0)
    tiles, _ = Jigsaw(ConvNet(8), 2, drop_color=0.3).make_problem(torch.rand(600, 3, 16, 16))
    grey = (tiles[:, :, 0] == tiles[:, :, 1]).flatten(1).all(1).float().mean()
    assert 0.24 < grey < 0.36


def test_every_tile_goes_through_the_same_encoder():
    task = Jigsaw(ConvNet(8), 2).eval()
    tiles, _ = task.make_problem(torch.rand(2, 3, 32, 32))
    seen = []
    task.head.register_forward_hook(lambda head, inputs, output: seen.append(inputs[0].view(2, 4, -1)))
    with torch.no_grad():
        logits = task(tiles)
        by_hand = torch.stack([task.encoder(tiles[:, place]) for place in range(4)], 1)
        task(tiles[:, [1, 0, 2, 3]])
    torch.testing.assert_close(seen[0], by_hand)
    torch.testing.assert_close(seen[1], by_hand[:, [1, 0, 2, 3]])
    assert logits.shape == (2, 24) and task.represent(torch.rand(2, 3, 32, 32)).shape == (2, 64)


def test_learns_a_tiny_set_of_puzzles():
    from sslkit import data, train

    torch.manual_seed(0)
    task = Jigsaw(ConvNet(8), 2, permutations=2)
    history = train(task, data.scenes(64, 32), steps=60, batch_size=32, lr=3e-3, device="cpu", amp=False, progress=False, log_every=10)
    assert history[-1]["loss"] < 0.9 * history[0]["loss"] and history[-1]["loss"] < math.log(2)


@pytest.mark.parametrize("make, says", [
    (lambda: Jigsaw(ConvNet(8), 3).make_problem(torch.rand(2, 3, 32, 32)), "do not divide into 3 × 3.*30 × 30"),
    (lambda: Jigsaw(ConvNet(8), 2).make_problem(torch.rand(2, 3, 32, 24)), "32 × 24 pixels do not divide"),
    (lambda: Jigsaw(ConvNet(8), 3).make_problem(torch.rand(2, 3, 9, 9)), "at least 4 pixels; give larger pictures"),
    (lambda: Jigsaw(ConvNet(8), 2, gap=14).make_problem(torch.rand(2, 3, 32, 32)), "a gap from 0 to 12"),
    (lambda: Jigsaw(ConvNet(8), 2, permutations=25), "there are 24"),
    (lambda: permutation_set(10, 5), "want 2 to 9"),
    (lambda: permutation_set(9, 1), "want 2 to 362880"),
])
def test_puzzles_that_cannot_be_made_are_told(make, says):
    with pytest.raises(ValueError, match=says):
        make()
