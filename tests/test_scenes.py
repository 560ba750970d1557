"""The drawn world: same seed, same bits; the factors tell the truth; pretty edges; kinds and settings in balance."""

import colorsys
import importlib

import pytest
import torch
from torch.nn import functional as F

from sslkit.data import scenes

world = importlib.import_module("sslkit.data.scenes")
KINDS, PLACES = world.KINDS, world.PLACES


def one_of_each(**same):
    """Parameters of one picture of every kind: upright, in the middle, by day, alone, with some of them replaced."""
    p = world.sample(500, torch.Generator().manual_seed(5))
    chosen = torch.tensor([int((p["kind"] == kind).nonzero()[0]) for kind in range(len(KINDS))])
    p = {name: values[chosen].clone() for name, values in p.items()}
    p["clutter"][..., 7] = 1                                         # none is shown
    still = dict(x=0.5, y=0.5, size=0.4, hue=0.6, direction=1, pose=0, tilt=0, sun=0, glare=0, light=0, afloat=0,
                 background=PLACES.index("room"), horizon=0.5)
    for name, value in {**still, **same}.items():
        p[name] = torch.full_like(p[name], value)
    return p


def thing_alone(size_in_pixels=64, **same):
    """Where the thing is, (kinds, size, size) bool: what differs from the picture without it."""
    here, away = (world.draw(one_of_each(**{"afloat": 1, **same, **gone}), size_in_pixels).int()      # afloat: no shadow
                  for gone in ({}, {"x": 9.0}))
    return (here - away).abs().amax(1) > 6


def test_same_seed_same_bits_and_other_streams_differ():
    first, again = scenes(30, seed=3), scenes(30, seed=3)
    assert torch.equal(first.images, again.images)
    assert all(torch.equal(first.factors[name], again.factors[name]) for name in first.factors)
    others = [scenes(30, seed=4), scenes(30, seed=3, split="validation"), scenes(30, seed=3, split="test")]
    streams = [first, *others]
    for i, one in enumerate(streams):
        for other in streams[:i]:
            assert not any(torch.equal(a, b) for a in one.images for b in other.images)


def test_the_caller_s_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    scenes(2)
    assert torch.equal(torch.rand(3), expected)


def test_a_picture_does_not_depend_on_the_number():
    many = scenes(world.BLOCK + 20, 24)
    for number in (1, 50, world.BLOCK, world.BLOCK + 1):
        few = scenes(number, 24)
        assert torch.equal(few.images, many.images[:number])
        assert all(torch.equal(few.factors[name], many.factors[name][:number]) for name in few.factors)
    assert not torch.equal(many.images[:20], many.images[world.BLOCK:])


@pytest.mark.parametrize("size", [24, 33, 128])
def test_shapes_types_and_ranges(size):
    data = scenes(20, size)
    assert data.images.shape == (20, 3, size, size) and data.images.dtype == torch.uint8
    assert data.labels.dtype == torch.int64 and torch.equal(data.labels, data.factors["kind"])
    assert data.name == "scenes" and data.classes == KINDS and len(KINDS) == 10
    assert all(values.shape == (20,) for values in data.factors.values())


def test_factors_lie_in_their_ranges_and_everything_occurs():
    factors = scenes(2_000, 24).factors
    for name in ("x", "y", "size", "hue"):
        assert 0 <= factors[name].min() and factors[name].max() < 1.0, name
        assert factors[name].std() > 0.08, f"{name} hardly varies"
    assert set(factors["direction"].tolist()) == {0, 1} and 0.4 < factors["direction"].float().mean() < 0.6
    assert torch.bincount(factors["kind"]).tolist() == [200] * 10
    places = torch.bincount(factors["background"], minlength=len(PLACES))
    page = PLACES.index("page")
    assert places[:page].min() > 8 and places[:page].max() < 150          # every setting, none of them the rule
    assert abs(places[page].item() / 2000 - 0.7) < 0.05
    assert torch.bincount(factors["light"], minlength=len(world.LIGHTS)).min() > 150
    table = torch.zeros(len(KINDS), len(PLACES))
    table.index_put_((factors["kind"], factors["background"]), torch.ones(2_000), accumulate=True)
    assert (table > 0).sum(1).min() >= 8, "a kind is bound to few settings"
    assert (table.amax(0) / table.sum(0)).max() < 0.7, "a setting gives the kind away"


def test_sizes_agree():
    """A picture of 128 pixels, averaged down, is the picture of 32 pixels."""
    large, small = scenes(30, 128).images.float(), scenes(30, 32).images.float()
    difference = (F.avg_pool2d(large, 4) - small).abs()
    assert difference.mean() < 8
    shuffled = (F.avg_pool2d(large, 4) - small.roll(1, 0)).abs()
    assert shuffled.mean() > 5 * difference.mean()


@pytest.mark.parametrize("name, axis", [("x", 2), ("y", 1)])
def test_position_is_where_the_thing_is(name, axis):
    line = (torch.arange(64) + 0.5) / 64
    centres = []
    for value in (0.4, 0.6):
        mask = thing_alone(**{name: value}).float()
        along = mask.sum(3 - axis)                                   # (kinds, 64), summed over the other direction
        centres.append((along * line).sum(1) / along.sum(1))
        assert (centres[-1] - value).abs().max() < 0.12
    torch.testing.assert_close(centres[1] - centres[0], torch.full((10,), 0.2), atol=0.04, rtol=0)


@pytest.mark.parametrize("size", [0.3, 0.6])
def test_size_is_the_thing_s_height(size):
    rows = thing_alone(size=size).any(2)                             # (kinds, 64)
    for kind, row in zip(KINDS, rows):
        filled = row.nonzero().flatten()
        assert abs((filled[-1] - filled[0] + 1) / 64 - size) < 0.12 * size + 0.03, kind


def test_direction_mirrors_the_thing():
    for kind, a, b in zip(KINDS, thing_alone(direction=1), thing_alone(direction=0)):
        mirrored, unchanged = (a.flip(1) != b).sum(), (a != b).sum()
        assert unchanged > 0, f"{kind} looks the same both ways"
        assert mirrored <= 0.12 * a.sum(), f"{kind} is not mirrored"


@pytest.mark.parametrize("hue", [0.05, 0.35, 0.6, 0.85])
def test_hue_is_the_hue_of_the_body(hue):
    """Among the coloured pixels that change with the hue, the asked one is the commonest."""
    asked, other = one_of_each(hue=hue, size=0.8), one_of_each(hue=(hue + 0.4) % 1, size=0.8)
    pictures = world.draw(asked, 64)
    changed = (pictures.int() - world.draw(other, 64).int()).abs().amax(1) > 30
    for kind, picture, mask in zip(KINDS, pictures, changed):
        assert mask.sum() > 40, kind
        pixels = (picture.permute(1, 2, 0)[mask].float() / 255).tolist()
        hues = torch.tensor([colorsys.rgb_to_hsv(*pixel)[0] for pixel in pixels])
        assert (((hues - hue + 0.5) % 1 - 0.5).abs() < 0.06).float().mean() > 0.6, kind


def test_light_setting_and_tilt_show():
    day, night = world.draw(one_of_each(light=0)).float(), world.draw(one_of_each(light=2)).float()
    assert (night.mean((1, 2, 3)) < 0.85 * day.mean((1, 2, 3))).all()
    pictures = [world.draw(one_of_each(background=place, x=9.0))[0].float() for place in range(len(PLACES))]
    for place in range(len(PLACES)):
        assert all((pictures[place] - pictures[other]).abs().mean() > 8 for other in range(place)), PLACES[place]
    straight, tilted = world.draw(one_of_each(x=9.0), 64), world.draw(one_of_each(x=9.0, tilt=0.14), 64)
    assert not torch.equal(straight, tilted)
    assert world.sample(2_000, torch.Generator().manual_seed(0))["tilt"].abs().max() <= 0.1401    # 8 degrees


def test_edges_are_anti_aliased():
    """A disc's coverage adds up to its area, whatever its place between the pixels, with soft values at its rim."""
    from sslkit.data.things import brush, circle
    line = torch.arange(32) + 0.5
    for shift in (0.0, 0.3, 0.5):
        canvas = torch.zeros(1, 3, 32, 32)
        disc = circle(line[None, None] + 0 * line[:, None], line[:, None] + torch.zeros(1, 32, 32), 16 + shift, 16, 9.3)
        brush(canvas, 1)(disc, torch.ones(1, 3, 1, 1))
        assert abs(float(canvas[0, 0].sum()) / (torch.pi * 9.3 ** 2) - 1) < 0.01
        assert ((canvas > 0.1) & (canvas < 0.9)).sum() > 60


def test_shapes_against_plain_loops():
    """Signed distances agree with what is inside, point by point, and a line's with its plain formula."""
    from sslkit.data import things
    points = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    u, v = points, points.transpose(1, 2).contiguous()
    triangle = things.polygon(u, v, (-0.5, -0.4), (0.6, -0.4), (0.0, 0.7)) < 0
    square, stroke = things.box(u, v, 0.1, 0.2, 0.3, 0.4) < 0, things.line(u, v, -0.4, -0.2, 0.5, 0.3, 0.1)
    for i in range(20):
        for j in range(20):
            a, b = float(u[0, i, j]), float(v[0, i, j])
            assert bool(square[0, i, j]) == (-0.2 < a < 0.4 and -0.2 < b < 0.6)
            assert bool(triangle[0, i, j]) == (b > -0.4 and 1.1 * (a + 0.5) > 0.5 * (b + 0.4) and
                                               1.1 * (0.6 - a) > 0.6 * (b + 0.4))
            t = min(1, max(0, ((a + 0.4) * 0.9 + (b + 0.2) * 0.5) / 1.06))
            expected = ((a + 0.4 - 0.9 * t) ** 2 + (b + 0.2 - 0.5 * t) ** 2) ** 0.5 - 0.1
            assert abs(float(stroke[0, i, j]) - expected) < 1e-5


def test_hsv_is_colorsys():
    from sslkit.data.things import hsv
    h, s, v = torch.rand(3, 50, generator=torch.Generator().manual_seed(0))
    expected = torch.tensor([colorsys.hsv_to_rgb(*map(float, colour)) for colour in zip(h, s, v)])
    torch.testing.assert_close(hsv(h, s, v)[:, :, 0, 0], expected)


@pytest.mark.parametrize("wrong, hint", [(dict(number=0), "at least 1"), (dict(size=23), "24 to 128"),
                                         (dict(size=129), "interpolate"), (dict(split="dev"), "validation")])
def test_errors_say_what_to_do(wrong, hint):
    with pytest.raises(ValueError, match=hint):
        scenes(**{"number": 10, **wrong})


def test_a_page_tells_nothing_of_the_way_up():
    """Without its thing, a page is as bright and as structured above as below, across as down."""
    parameters = world.sample(4_000, torch.Generator().manual_seed(0))
    pages = {name: values[parameters["background"] == PLACES.index("page")] for name, values in parameters.items()}
    pages["x"] = pages["x"] + 9
    images = world.draw(pages, 24).float().mean(1)                                           # (N, 24, 24)
    down, across = images[:, 12:].mean((1, 2)) - images[:, :12].mean((1, 2)), images[:, :, 12:].mean((1, 2)) - images[:, :, :12].mean((1, 2))
    error = down.std() / len(down) ** 0.5
    assert down.mean().abs() < 4 * error and across.mean().abs() < 4 * error
    assert 0.9 < down.std() / across.std() < 1.1
    vertical, horizontal = images.diff(dim=1).abs().mean(), images.diff(dim=2).abs().mean()
    assert 0.95 < vertical / horizontal < 1.05
    meadows = {name: values[parameters["background"] == PLACES.index("meadow")] for name, values in parameters.items()}
    ground = world.draw(meadows, 24).float().mean(1)
    assert (ground[:, 12:].mean((1, 2)) - ground[:, :12].mean((1, 2))).mean().abs() > 10     # elsewhere it tells a lot


def test_ink_shows_the_same_things_in_the_same_places_without_colour_or_setting():
    painted, ink = scenes(200, 48, split="test"), scenes(200, 48, split="test", style="ink")
    assert all(torch.equal(values, ink.factors[name]) for name, values in painted.factors.items()) and ink.name == "scenes in ink"
    pictures = ink.images.float() / 255
    assert (pictures.amax(1) - pictures.amin(1)).max() < 0.02                                     # grey
    lines = (pictures.mean(1) < 0.5).float()                                                      # (N, 48, 48)
    assert (lines.sum((1, 2)) > 20).all() and (pictures.mean(1) > 0.8).float().mean() > 0.6
    place = (torch.arange(48) + 0.5) / 48
    across, down = ((lines * grid).sum((1, 2)) / lines.sum((1, 2)) for grid in (place, place[:, None]))
    inside = (painted.factors["x"] - 0.5).abs().maximum((painted.factors["y"] - 0.5).abs()) < 0.2
    for found, truth in ((across, "x"), (down, "y")):
        assert (found - painted.factors[truth])[inside].abs().mean() < 0.05
    tall = torch.tensor([picture.any(1).sum() for picture in lines.bool()]) / 48
    assert torch.corrcoef(torch.stack([tall, painted.factors["size"]]))[0, 1] > 0.8
    again = scenes(30, 48, split="test", style="ink")
    assert torch.equal(again.images, ink.images[:30])                                             # picture i does not depend on their number


def test_ink_faces_the_way_the_thing_faces_and_lines_are_a_pixel_wide_at_any_size():
    one = world.sample(40, torch.Generator().manual_seed(3)) | {"direction": torch.ones(40).long(), "pose": torch.zeros(40), "tilt": torch.zeros(40)}
    one |= {"x": torch.full((40,), 0.5), "size": torch.full((40,), 0.6), "y": torch.full((40,), 0.5), "seed": torch.zeros(40)}
    right, left = (world.draw({**one, "direction": torch.full((40,), way)}, 48, "ink").float() for way in (1, 0))
    quiet = lambda pictures: torch.nn.functional.avg_pool2d(pictures, 3, 1, 1)                    # the grain of the paper does not turn
    assert (quiet(right.flip(-1)) - quiet(left)).abs().mean() < 0.25 * (quiet(right) - quiet(left)).abs().mean() + 2
    dark = [float((world.draw(one, size, "ink").float().mean(1) < 110).float().mean() * size) for size in (48, 96)]
    assert 0.5 < dark[1] / dark[0] < 1.6                                                          # lines: their area over the side, not the area


def test_an_unknown_style_is_refused():
    with pytest.raises(ValueError, match="style='oil': want 'paint' or 'ink'"):
        scenes(10, style="oil")
