"""Relative patch: pairs that lie where the direction says, by pictures whose pixels tell where they were."""

import pytest
import torch

from sslkit.networks import ConvNet
from sslkit.tasks import RelativePatch


def coordinates(number, side):
    """Pictures whose red is the row of a pixel and whose green its column, in shares of the side."""
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.stack([down, across, torch.zeros_like(down)]).float().div(side).expand(number, 3, side, side)


@pytest.mark.parametrize("side, settings", [(64, {}), (32, {"patch": 12}), (40, {"patch": 8, "gap": 3, "jitter": 2}), (32, {"patch": 12, "gap": 0, "jitter": 0})])
def test_pairs_lie_as_the_direction_says(side, settings):
    torch.manual_seed(0)
    task = RelativePatch(ConvNet(8), normalize=False, drop_color=0, **settings)
    pairs, direction = task.make_problem(coordinates(400, side))
    patch, gap, jitter = task.sizes((side, side))
    assert pairs.shape == (400, 2, 3, patch, patch) and direction.dtype == torch.int64
    corners = (pairs[:, :, :2, 0, 0] * side).round().int()                    # (B, 2, 2): row, column
    assert torch.allclose(pairs[:, :, 0, -1, 0] * side, corners[..., 0] + patch - 1., atol=1e-3), "patches are whole squares"
    places = "0 1 2 / 3 . 4 / 5 6 7".split(" / ")
    where = {int(name): (row - 1, column - 1) for row, line in enumerate(places) for column, name in enumerate(line.split()) if name != "."}
    seen = set()
    for (centre, neighbour), number in zip(corners, direction.tolist()):
        for axis in (0, 1):
            off = int(neighbour[axis] - centre[axis]) - where[number][axis] * (patch + gap)
            assert abs(off) <= jitter
            seen.add((number, off))
        assert min(*centre, *neighbour) >= 0 and max(*centre, *neighbour) + patch <= side
    assert len({number for number, _ in seen}) == 8 and len({off for _, off in seen}) == 2 * jitter + 1
    assert len(corners[:, 0].unique(dim=0)) > 40, "the centre lies anywhere"


def test_jitter_makes_the_gap_vary_but_the_patches_never_overlap():
    patch, gap, jitter = RelativePatch(ConvNet(8)).sizes((64, 64))
    assert (patch, gap, jitter) == (19, 10 - 1, 1) and gap > jitter
    assert RelativePatch(ConvNet(8)).sizes((96, 96))[0] == 29


def test_both_patches_go_through_the_same_encoder():
    task = RelativePatch(ConvNet(8)).eval()
    pairs, _ = task.make_problem(torch.rand(3, 3, 48, 48))
    seen = []
    task.head.register_forward_hook(lambda head, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        logits = task(pairs)
        by_hand = torch.cat([task.encoder(pairs[:, 0]), task.encoder(pairs[:, 1])], 1)
    torch.testing.assert_close(seen[0], by_hand)
    assert logits.shape == (3, 8)


@pytest.mark.parametrize("settings, side", [({"patch": 20}, 32), ({"gap": 30}, 48), ({"patch": 3}, 32), ({"jitter": -1}, 32), ({}, 10)])
def test_pairs_that_do_not_fit_are_told(settings, side):
    with pytest.raises(ValueError, match=rf"two patches of .* within the {side} pixels"):
        RelativePatch(ConvNet(8), **settings).make_problem(torch.rand(2, 3, side, side))
