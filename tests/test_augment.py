"""Augmentations: the applying halves against torchvision and colorsys one by one; the draws by what they promise."""

import colorsys
from functools import partial

import pytest
import torch
import torchvision.transforms.v2.functional as tv
from hypothesis import given, settings, strategies as st
from torchvision.transforms import v2

from sslkit import augment

JITTER = partial(augment.color_jitter, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.4, probability=1)
IN_COLOUR = {"jitter": JITTER, "grayscale": partial(augment.grayscale, probability=0.5), "views": augment.simclr_views,
             "views with blur": partial(augment.simclr_views, blur=True)}
OF_SPACE = {"crop": augment.random_resized_crop, "flip": augment.horizontal_flip, "shift": augment.random_crop,
            "blur": partial(augment.gaussian_blur, probability=0.7), "standard": augment.standard,
            "composed": augment.compose(augment.random_crop, augment.horizontal_flip)}
EVERY = IN_COLOUR | OF_SPACE
every = pytest.mark.parametrize("change", EVERY.values(), ids=EVERY.keys())


def pictures(number=24, height=32, width=32, channels=3, seed=0):
    """Noise with what breaks colour code: black, white, grey, pure colours, and ties between channels."""
    images = torch.rand(number, channels, height, width, generator=torch.Generator().manual_seed(seed))
    if channels == 3 and height >= 2 and width >= 8:
        colours = [(0, 0, 0), (1, 1, 1), (.5, .5, .5), (1, 0, 0), (0, 1, 0), (1, 1, 0), (.2, .7, .7)]
        for column, colour in enumerate(colours):
            images[:, :, 0, column] = torch.tensor(colour, dtype=torch.float32)
    return images


def one_by_one(function, images, *amounts):
    return torch.stack([function(image, *(amount[i].item() for amount in amounts)) for i, image in enumerate(images)])


def close(ours, theirs, tolerance):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


# ---- the applying halves, against torchvision for the same numbers ----------------------------------------------------


# Sizes below the picture's own shrink the larger boxes: only there does antialiasing do anything.
@pytest.mark.parametrize("height, width, size", [(32, 32, None), (20, 31, None), (96, 96, 32), (40, 64, 17), (32, 32, 80)])
def test_crop_is_torchvisions(height, width, size):
    images = pictures(height=height, width=width)
    draw = torch.Generator().manual_seed(1)
    tall, wide = (torch.randint(1, side + 1, (24,), generator=draw) for side in (height, width))
    top = (torch.rand(24, generator=draw) * (height - tall + 1)).long()
    left = (torch.rand(24, generator=draw) * (width - wide + 1)).long()
    target = [size, size] if size else [height, width]
    theirs = one_by_one(lambda *a: tv.resized_crop(*a, size=target, antialias=True), images, top, left, tall, wide)
    close(augment.crop(images, top, left, tall, wide, size), theirs, 1e-6)
    if size and size < min(height, width):                       # the oracle can tell: without antialiasing it differs
        plain = one_by_one(lambda *a: tv.resized_crop(*a, size=target, antialias=False), images, top, left, tall, wide)
        assert (theirs - plain).abs().max() > 0.1


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_factors_are_torchvisions(name):
    images, factor = pictures(), torch.linspace(0, 2.5, 24)
    theirs = one_by_one(getattr(tv, f"adjust_{name}"), images, factor)
    close(getattr(augment, f"adjust_{name}")(images, factor), theirs, 1e-6)


def test_hue_is_torchvisions():
    images, shift = pictures(), torch.linspace(-0.5, 0.5, 24)
    close(augment.adjust_hue(images, shift), one_by_one(tv.adjust_hue, images, shift), 5e-6)


def test_hue_is_the_standard_librarys():
    images, shift = pictures(3, 4, 8).double(), torch.tensor([-0.41, 0.13, 0.5], dtype=torch.float64)
    turned = augment.adjust_hue(images, shift)
    for image, out, turn in zip(images, turned, shift.tolist()):
        for before, after in zip(image.flatten(1).T.tolist(), out.flatten(1).T.tolist()):
            hue, saturation, value = colorsys.rgb_to_hsv(*before)
            assert after == pytest.approx(colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value), abs=1e-9)


def test_grey_is_torchvisions():
    close(augment.grayscale(pictures(), 1), tv.rgb_to_grayscale(pictures(), 3), 1e-6)


@pytest.mark.parametrize("height, width, kernel", [(32, 32, 3), (96, 96, 9), (20, 31, 5)])
def test_blur_is_torchvisions(height, width, kernel):
    images, sigma = pictures(height=height, width=width), torch.linspace(0.1, 2, 24)
    theirs = one_by_one(lambda image, s: tv.gaussian_blur(image, [kernel, kernel], [s, s]), images, sigma)
    close(augment.blur(images, sigma, kernel), theirs, 2e-6)


def test_jitter_is_four_clamped_changes_in_some_order(monkeypatch):
    """Each picture went through torchvision's four changes, once each, in the order and by the amounts drawn."""
    images, steps = pictures(), []

    def watched(name):
        original = getattr(augment, name)

        def change(group, amount):
            out = original(group, amount)
            steps.extend((name, before, x.item(), after) for before, x, after in zip(group, amount, out))
            return out
        return change
    names = ["adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue"]
    for name in names:
        monkeypatch.setattr(augment, name, watched(name))
    torch.manual_seed(0)
    out = JITTER(images)
    assert len(steps) == 4 * len(images)
    orders = set()
    for image, expected in zip(images, out):
        order, left = [], list(steps)
        for _ in names:                                          # follow one picture from step to step
            found = next(step for step in left if torch.equal(step[1], image))
            left = [step for step in left if step is not found]
            close(found[3], getattr(tv, found[0])(image, found[2]), 5e-6)
            order, image = [*order, found[0]], found[3]
        assert sorted(order) == sorted(names) and torch.equal(image, expected)
        orders.add(tuple(order))
    assert len(orders) > 10                                      # of 24: an order for each picture, not for the batch


# ---- what every augmentation promises ---------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(number=st.integers(1, 5), height=st.integers(8, 40), width=st.integers(8, 40), seed=st.integers(0, 2**31),
       name=st.sampled_from(sorted(EVERY)), channels=st.sampled_from([1, 3]), last=st.booleans())
def test_shape_range_and_input(number, height, width, seed, name, channels, last):
    channels = 3 if name in IN_COLOUR else channels
    images = pictures(number, height, width, channels, seed)
    images = images.contiguous(memory_format=torch.channels_last) if last else images
    before = images.clone()
    torch.manual_seed(seed)
    out = EVERY[name](images)
    assert out.shape == images.shape and out.dtype == images.dtype and torch.equal(images, before)
    assert out.min() >= 0 and out.max() <= 1
    torch.manual_seed(seed)
    close(EVERY[name](images.contiguous()), out, 1e-6)           # the memory's layout changes nothing but rounding


@every
def test_one_draw_per_image_and_same_seed_same_bits(change):
    images = pictures(1, seed=3).expand(64, -1, -1, -1)
    torch.manual_seed(0)
    first, second = change(images), change(images)
    torch.manual_seed(0)
    assert torch.equal(first, change(images))
    assert not torch.equal(first, second)
    assert len(torch.unique(first.flatten(1), dim=0)) >= 2       # a flip has only two outcomes


@pytest.mark.parametrize("change", [augment.random_resized_crop, JITTER, augment.simclr_views])
def test_equal_pictures_all_come_out_different(change):
    out = change(pictures(1).expand(32, -1, -1, -1))
    assert len(torch.unique(out.flatten(1), dim=0)) == 32


@pytest.mark.parametrize("change", [
    partial(augment.random_resized_crop, scale=(1, 1), ratio=(1, 1)), partial(augment.random_crop, padding=0),
    partial(augment.color_jitter, brightness=0, contrast=0, saturation=0, hue=0, probability=1), augment.compose(),
    partial(JITTER, probability=0), partial(augment.grayscale, probability=0),
    partial(augment.horizontal_flip, probability=0), partial(augment.gaussian_blur, probability=0)])
def test_zero_strength_is_identity(change):
    assert torch.equal(change(pictures()), pictures())


def test_neutral_amounts_are_identity():
    one = torch.ones(24)
    for adjust in (augment.adjust_brightness, augment.adjust_contrast, augment.adjust_saturation):
        close(adjust(pictures(), one), pictures(), 1e-7)
    close(augment.adjust_hue(pictures(), 0 * one), pictures(), 2e-6)
    close(augment.adjust_hue(augment.adjust_hue(pictures(), 0.3 * one), -0.3 * one), pictures(), 5e-6)


def test_flip_is_an_involution():
    flip = partial(augment.horizontal_flip, probability=1)
    assert torch.equal(flip(flip(pictures())), pictures()) and torch.equal(flip(pictures()), pictures().flip(-1))


def test_random_crop_gives_every_window_of_the_mirrored_picture():
    image = torch.rand(1, 3, 6, 5)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="reflect")[0]
    windows = {tuple(padded[:, i:i + 6, j:j + 5].flatten().tolist()) for i in range(5) for j in range(5)}
    out = augment.random_crop(image.expand(1000, -1, -1, -1), padding=2)
    assert {tuple(one.flatten().tolist()) for one in out} == windows


# ---- the draws --------------------------------------------------------------------------------------------------------


def boxes(monkeypatch, shape, **settings):
    drawn = []
    monkeypatch.setattr(augment, "crop", lambda images, *box: drawn.extend(box[:4]) or images)
    torch.manual_seed(0)
    augment.random_resized_crop(torch.zeros(shape), **settings)
    return drawn


def test_crop_boxes_are_drawn_as_torchvision_draws_them(monkeypatch):
    top, left, height, width = boxes(monkeypatch, (4000, 1, 96, 64))
    assert (top >= 0).all() and (left >= 0).all() and (top + height <= 96).all() and (left + width <= 64).all()
    area = height * width / (96 * 64)
    assert 0.07 < area.min() < 0.1                               # whole pixels: a little off the range of scale
    assert 0.8 < area.max() < 0.9                                # the widest allowed, 3/4, fills 64 x 85 of 64 x 96
    torch.manual_seed(0)
    params = torch.tensor([v2.RandomResizedCrop(96).make_params([torch.zeros(1, 96, 64)])[key]
                           for _ in range(4000) for key in ("top", "left", "height", "width")]).view(4000, 4).float()
    for ours, theirs in zip((top, left, height, width), params.T):
        for q in (0.1, 0.25, 0.5, 0.75, 0.9):                    # ±4 of 96 pixels is four standard errors
            assert abs(ours.quantile(q) - theirs.quantile(q)) <= 4


def test_crop_falls_back_to_a_centred_box_where_nothing_fits(monkeypatch):
    top, left, height, width = boxes(monkeypatch, (5, 1, 10, 100), scale=(1, 1), ratio=(1, 1))
    assert (height == 10).all() and (width == 10).all() and (top == 0).all() and (left == 45).all()


@pytest.mark.parametrize("probability", [0.2, 0.5])
def test_rates(probability):
    images = pictures(1).expand(4000, -1, -1, -1)[..., :8, :8]
    for change in (augment.horizontal_flip, augment.grayscale, partial(JITTER, probability=None), augment.gaussian_blur):
        change = partial(getattr(change, "func", change), **getattr(change, "keywords", {}) | {"probability": probability})
        rate = (change(images) != images).flatten(1).any(1).float().mean().item()
        assert abs(rate - probability) < 0.032                   # four standard errors at 4000 draws


# ---- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, settings, says", [
    ("random_resized_crop", dict(scale=(0.1, 1.5)), "scale"), ("random_resized_crop", dict(scale=(0, 1)), "scale"),
    ("random_resized_crop", dict(ratio=(2, 1)), "ratio"), ("random_crop", dict(padding=32), "padding"),
    ("random_crop", dict(padding=-1), "padding"), ("horizontal_flip", dict(probability=1.5), "probability"),
    ("grayscale", dict(probability=-0.1), "probability"), ("color_jitter", dict(hue=0.6), "hue"),
    ("color_jitter", dict(contrast=-1), "contrast"), ("color_jitter", dict(probability=2), "probability"),
    ("gaussian_blur", dict(sigma=(0, 1)), "sigma"), ("gaussian_blur", dict(sigma=(2, 1)), "sigma")])
def test_senseless_settings_are_refused(name, settings, says):
    with pytest.raises(ValueError, match=says):
        getattr(augment, name)(pictures(2), **settings)


@every
def test_bytes_and_single_pictures_are_refused(change):
    with pytest.raises(TypeError, match="as_float"):
        change(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"images\[None\]"):
        change(pictures()[0])


@pytest.mark.parametrize("change", IN_COLOUR.values(), ids=IN_COLOUR.keys())
def test_colour_wants_three_channels(change):
    with pytest.raises(ValueError, match="1 channels"):
        change(torch.rand(2, 1, 32, 32))


def test_autocast_leaves_pixels_alone():
    torch.manual_seed(0)
    plain = augment.simclr_views(pictures(), blur=True)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment.simclr_views(pictures(), blur=True), plain)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@every
def test_on_cuda(change):
    images = pictures().cuda()
    torch.manual_seed(0)
    out = change(images)
    torch.manual_seed(0)
    assert out.is_cuda and out.shape == images.shape and torch.equal(out, change(images))
    assert out.min() >= 0 and out.max() <= 1
