"""Inpainting: holes that are where they say, a loss that counts nothing else."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkit.networks import ConvNet, Upsampler
from sslkit.tasks import Inpainting, holes


def test_the_hole_is_grey_and_the_rest_is_the_picture():
    torch.manual_seed(0)
    images = torch.rand(6, 3, 32, 32)
    shown, (pictures, hole) = Inpainting(ConvNet(8)).make_problem(images)
    assert torch.equal(pictures, images) and hole.dtype == torch.bool and hole.shape == (6, 1, 32, 32)
    everywhere = hole.expand(-1, 3, -1, -1)
    assert (shown[everywhere] == 0.5).all() and torch.equal(shown[~everywhere], images[~everywhere])


def test_the_loss_by_plain_loops_and_blind_to_what_lies_outside():
    torch.manual_seed(0)
    task = Inpainting(ConvNet(8))
    images, painted = torch.rand(2, 3, 6, 5), torch.rand(2, 3, 6, 5)
    hole = torch.rand(2, 1, 6, 5) < 0.3
    squares = [float((painted[b, c, r, k] - images[b, c, r, k]) ** 2) for b in range(2) for c in range(3) for r in range(6) for k in range(5)
               if hole[b, 0, r, k]]
    loss, _ = task.loss(painted, (images, hole))
    assert float(loss) == pytest.approx(sum(squares) / len(squares), rel=1e-5)
    assert torch.equal(task.loss(torch.where(hole, painted, torch.rand(())), (images, hole))[0], loss)
    assert float(task.loss(painted, (images, torch.zeros_like(hole)))[0]) == 0


def test_filling_changes_the_hole_alone():
    task = Inpainting(ConvNet(8)).eval()
    images, hole = torch.rand(2, 3, 32, 32), holes.centre(torch.rand(2, 3, 32, 32))
    with torch.no_grad():
        filled = task.fill(images, hole)
        again = task.fill(torch.where(hole, torch.rand(()), images), hole)
    outside = ~hole.expand_as(images)
    assert torch.equal(filled[outside], images[outside]) and 0 <= filled.min() and filled.max() <= 1
    assert torch.equal(filled, again), "what was in the hole must not be seen"


def test_gradients_come_from_the_hole_alone():
    task = Inpainting(ConvNet(8))
    images, hole = torch.rand(2, 3, 16, 16), holes.half(torch.rand(2, 3, 16, 16), "top")
    painted = torch.rand(2, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(task.loss(painted, (images, hole))[0], painted)
    assert (gradient[:, :, 8:] == 0).all() and (gradient[:, :, :8] != 0).all()


def test_halves_are_spatial_prediction():
    images = torch.rand(3, 3, 8, 10)
    assert holes.top_half(images)[:, :, :4].all() and not holes.top_half(images)[:, :, 4:].any()
    assert torch.equal(holes.bottom_half(images), ~holes.top_half(images))
    assert torch.equal(holes.half(images, "left"), ~holes.half(images, "right")) and holes.half(images, "left")[..., :5].all()


def test_the_centre_is_in_the_middle():
    hole = holes.centre(torch.rand(2, 3, 32, 32))
    assert hole[0, 0, 8:24, 8:24].all() and int(hole[0].sum()) == 256 and torch.equal(hole, hole.flip(-1)) and torch.equal(hole, hole.flip(-2))


@given(st.integers(0, 2 ** 31), st.sampled_from([(32, 32), (24, 40), (9, 7)]), st.floats(0.1, 0.5), st.floats(0.5, 1.0))
@settings(max_examples=30, deadline=None)
def test_blocks_are_boxes_of_the_size_asked_for(seed, shape, low, high):
    torch.manual_seed(seed)
    hole = holes.block(torch.rand(4, 3, *shape), low, high)[:, 0]
    for one in hole:
        rows, columns = one.any(1).nonzero()[:, 0], one.any(0).nonzero()[:, 0]
        height, width = len(rows), len(columns)
        assert int(one.sum()) == height * width and int(rows[-1] - rows[0]) == height - 1 and int(columns[-1] - columns[0]) == width - 1
        assert max(1, int(low * shape[0])) <= height <= max(1, int(high * shape[0])) and max(1, int(low * shape[1])) <= width <= max(1, int(high * shape[1]))


def test_blocks_differ_from_picture_to_picture_and_reach_every_pixel():
    torch.manual_seed(0)
    hole = holes.block(torch.rand(500, 3, 16, 16))
    assert len(hole.flatten(1).unique(dim=0)) > 200 and hole.any(0).all()


def test_strokes_are_connected_thick_and_different():
    from scipy.ndimage import label

    torch.manual_seed(0)
    hole = holes.strokes(torch.rand(20, 3, 64, 64), number=1, width=0.15)[:, 0]
    assert all(label(one.numpy())[1] == 1 for one in hole), "one stroke is one piece"
    assert len(hole.flatten(1).unique(dim=0)) == 20 and all(int(one.sum()) > 70 for one in hole)
    many = holes.strokes(torch.rand(50, 3, 32, 32), number=4)
    assert 0.1 < many.float().mean() < 0.6


def test_the_decoder_reaches_any_size():
    for shape in ((32, 32), (40, 24), (64, 64), (30, 30)):
        images = torch.rand(2, 3, *shape)
        assert Inpainting(ConvNet(8))(images).shape == images.shape
    assert Upsampler(64, 5)(torch.rand(2, 64, 4, 4), (32, 32)).shape == (2, 5, 32, 32)


@pytest.mark.parametrize("make, says", [
    (lambda images: holes.centre(images, 1.5), "size=1.5: a hole must not be larger than the picture"),
    (lambda images: holes.block(images, 0.5, 2), "high=2: a hole must not be larger"),
    (lambda images: holes.block(images, 0.5, 0.2), "0 < low <= high"),
    (lambda images: holes.strokes(images, width=0), "width=0"),
    (lambda images: holes.half(images, "middle"), 'side="middle"'),
    (lambda images: holes.box(images, *torch.tensor([[0, 0], [0, 0], [4, 20], [4, 4]])), "a hole of 20 × 4 pixels in pictures of 16 × 16"),
])
def test_holes_that_cannot_be_are_told(make, says):
    with pytest.raises(ValueError, match=says):
        make(torch.rand(2, 3, 16, 16))
