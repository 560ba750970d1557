"""Colour: Lab against scikit-image over the whole cube, bins against brute force, decoding against closed forms."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from sslkit import color, data


def cube(steps=33):
    line = torch.linspace(0, 1, steps)
    return torch.stack(torch.meshgrid(line, line, line, indexing="ij")).flatten(2)[None]           # (1, 3, steps, steps²)


def test_lab_agrees_with_scikit_image_over_the_whole_cube():
    images = cube()
    theirs = rgb2lab(images[0].permute(1, 2, 0).double().numpy())
    np.testing.assert_allclose(color.rgb_to_lab(images)[0].permute(1, 2, 0).numpy(), theirs, atol=2e-3)


def test_the_way_back_agrees_with_scikit_image_and_clips_what_no_screen_shows():
    lab = torch.stack(torch.meshgrid(torch.linspace(0, 100, 21), torch.linspace(-80, 80, 21), torch.linspace(-80, 80, 21), indexing="ij")).flatten(2)[None]
    with warnings.catch_warnings():                               # scikit-image warns of the colours that it clips
        warnings.simplefilter("ignore")
        theirs = lab2rgb(lab[0].permute(1, 2, 0).double().numpy())
    mine = color.lab_to_rgb(lab)
    np.testing.assert_allclose(mine[0].permute(1, 2, 0).numpy(), theirs, atol=2e-3)
    assert mine.min() == 0 and mine.max() == 1


@given(st.integers(0, 2 ** 31))
@settings(max_examples=20, deadline=None)
def test_there_and_back_is_the_same_picture(seed):
    images = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(color.lab_to_rgb(color.rgb_to_lab(images)), images, atol=1e-4, rtol=0)


def test_known_colours():
    """White, black, and sRGB red as every table has them (D65): the wrong white point would tint grey."""
    lab = color.rgb_to_lab(torch.tensor([[1., 1, 1], [0, 0, 0], [1, 0, 0], [0.5, 0.5, 0.5]]).T[None, :, :, None])[0, :, :, 0].T
    expected = torch.tensor([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [53.39, 0, 0]])
    torch.testing.assert_close(lab, expected, atol=0.02, rtol=0)


def test_both_ways_are_differentiable_everywhere():
    images = torch.cat([cube(5), torch.full((1, 3, 5, 25), 0.04045)]).double().requires_grad_()     # black, white and the kink included
    (gradient,) = torch.autograd.grad(color.rgb_to_lab(images).square().sum(), images)
    assert torch.isfinite(gradient).all()
    lab = color.rgb_to_lab(images.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(color.lab_to_rgb(lab).sum(), lab)
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
    inside = torch.rand(1, 3, 2, 2, dtype=torch.double).mul(0.8).add(0.1).requires_grad_()
    assert torch.autograd.gradcheck(color.rgb_to_lab, inside)


def test_precision_is_kept_under_autocast():
    images = torch.rand(1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(color.rgb_to_lab(images), color.rgb_to_lab(images.clone()))
        inside = color.rgb_to_lab(images)
    torch.testing.assert_close(inside, color.rgb_to_lab(images))


def test_bins_are_the_squares_that_hold_a_colour_of_the_cube():
    found = {(round(float(a) / 10) * 10, round(float(b) / 10) * 10) for a, b in color.rgb_to_lab(cube(41))[0, 1:].flatten(1).T.tolist()}
    bins = {tuple(map(int, row)) for row in color.ab_bins().tolist()}
    assert found <= bins and len(bins) == len(color.ab_bins()) and len(bins - found) < 12      # 41 steps miss a few slivers
    assert (0, 0) in bins and (100, 100) not in bins


def test_every_colour_falls_into_the_nearest_bin():
    ab = color.rgb_to_lab(torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))[:, 1:]
    nearest = ((ab[:, None] - color.ab_bins()[:, :, None, None]) ** 2).sum(2).argmin(1)
    assert torch.equal(color.encode(ab), nearest)
    far = color.encode(torch.tensor([200., 200.]).view(1, 2, 1, 1))                            # beyond the gamut: the nearest there is
    assert int(far) == int(((color.ab_bins() - 140) ** 2).sum(1).argmin())


def test_soft_encoding_by_plain_loops():
    ab, bins = torch.tensor([[12., -33.], [60., 50.]]).T.view(1, 2, 1, 2), color.ab_bins()
    soft = color.soft_encode(ab)
    for column in range(2):
        distance = [float((bins[q] - ab[0, :, 0, column]).norm()) for q in range(len(bins))]
        nearest = sorted(range(len(bins)), key=distance.__getitem__)[:5]
        weights = [np.exp(-distance[q] ** 2 / 50) for q in nearest]
        for q, weight in zip(nearest, weights):
            assert float(soft[0, q, 0, column]) == pytest.approx(weight / sum(weights), abs=1e-5)
        assert float(soft[0, :, 0, column].sum()) == pytest.approx(1)


def test_rebalancing_by_plain_loops():
    images, bins = data.scenes(20, 32).images, color.ab_bins()
    counts = np.zeros(len(bins))
    for index in color.encode(color.rgb_to_lab(images / 255)[:, 1:]).flatten().tolist():
        counts[index] += 1
    share = np.zeros(len(bins))
    for centre in range(len(bins)):                                # each bin's share is spread as a Gaussian over all bins
        spread = np.exp(-((bins - bins[centre]) ** 2).sum(1).numpy() / 50)
        share += counts[centre] / counts.sum() * spread / spread.sum()
    weights = 1 / (0.5 * share + 0.5 / len(bins))
    weights /= (weights * share).sum()
    np.testing.assert_allclose(color.rebalancing(images).numpy(), weights, rtol=1e-3)
    assert (weights * share).sum() == pytest.approx(1) and weights.argmin() == share.argmax()


def test_annealed_mean_between_mean_and_mode():
    logits, bins = torch.randn(1, len(color.ab_bins()), 1, 1, generator=torch.Generator().manual_seed(0)), color.ab_bins()
    chances = logits[0, :, 0, 0].softmax(0)
    torch.testing.assert_close(color.annealed_mean(logits, 1.0)[0, :, 0, 0], (chances[:, None] * bins).sum(0))
    torch.testing.assert_close(color.annealed_mean(logits, 1e-3)[0, :, 0, 0], bins[chances.argmax()])
    powered = chances ** (1 / 0.38)
    torch.testing.assert_close(color.annealed_mean(logits)[0, :, 0, 0], (powered[:, None] * bins).sum(0) / powered.sum(), atol=1e-3, rtol=1e-4)
    with pytest.raises(ValueError, match="temperature=0.*want more than 0"):
        color.annealed_mean(logits, 0)


def test_what_is_no_picture_in_colour_is_told():
    with pytest.raises(ValueError, match=r"\(2, 1, 4, 4\): want"):
        color.rgb_to_lab(torch.rand(2, 1, 4, 4))
    with pytest.raises(TypeError, match="as_float"):
        color.rgb_to_lab(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match="grey"):
        color.rebalancing(torch.full((2, 3, 8, 8), 90, dtype=torch.uint8))
    grey = torch.rand(2, 1, 4, 4)
    assert color.lightness(grey) is grey and color.lightness(grey.expand(-1, 3, -1, -1)).shape == (2, 1, 4, 4)
