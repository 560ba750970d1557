"""The drawn world: little pictures of things in a setting, drawn by the kit itself, with the truth behind each.

Two pure halves: `sample` draws the parameters of pictures (what is where, how large, in what light), `draw` turns
parameters into pixels. So the same thing can be drawn again from elsewhere: change a parameter, draw again.
"""

from types import SimpleNamespace

import torch
from torch.nn import functional as F

from .dataset import Dataset, seed_for
from .settings import PLACES, SETTINGS, clutter, foot
from .things import THINGS, brush, ellipse, hsv, pen

KINDS = tuple(THINGS)
LIGHTS = ("day", "evening", "night", "overcast")
SPLITS = ("train", "validation", "test")
STYLES = ("paint", "ink")
BLOCK = 500          # pictures are sampled and drawn in blocks of this many: picture i does not depend on their number
STRAY = 0.15         # share of things that may be anywhere at all, so that the setting never gives the kind away
PAGE = 0.7           # share of things on a patterned page: there no horizon, shadow or light tells which way is up, only the thing

# Where a thing is at home; its least and greatest height (of the picture's); half its width (of its height); how often
# it flies or swims; its saturation and brightness; its usual hue and how far it may be from that.
HABITS = {
    "house": ("meadow forest street beach snow", 0.38, 0.85, 0.45, 0.0, 0.3, 0.92, 0.08, 0.06),
    "tree": ("meadow forest street beach snow", 0.42, 0.9, 0.42, 0.0, 0.6, 0.6, 0.3, 0.05),
    "car": ("street meadow beach snow forest room", 0.22, 0.46, 1.0, 0.0, 0.75, 0.85, 0.0, 0.5),
    "boat": ("sea sea beach room snow", 0.34, 0.75, 0.65, 0.0, 0.65, 0.75, 0.02, 0.25),
    "fish": ("underwater underwater sea room beach sky", 0.22, 0.5, 0.95, 1.0, 0.75, 0.92, 0.08, 0.2),
    "bird": ("sky meadow forest street beach snow sea", 0.26, 0.6, 0.8, 0.5, 0.6, 0.85, 0.6, 0.25),
    "flower": ("meadow forest room street beach moon", 0.36, 0.85, 0.4, 0.0, 0.65, 0.95, 0.95, 0.17),
    "mushroom": ("forest forest meadow room snow underwater", 0.3, 0.75, 0.5, 0.0, 0.75, 0.85, 0.02, 0.06),
    "face": ("meadow street room beach snow forest", 0.4, 0.88, 0.38, 0.0, 0.42, 0.85, 0.065, 0.015),
    "rocket": ("moon sky street meadow room sea", 0.4, 0.88, 0.36, 0.6, 0.25, 0.92, 0.6, 0.5),
}
LEAST, GREATEST, HALF_WIDTH, FLOATS, SATURATION, VALUE, HUE, HUE_SPREAD = torch.tensor(
    [habit[1:] for habit in HABITS.values()]).unbind(1)
HOMES = [[PLACES.index(place) for place in habit[0].split()] for habit in HABITS.values()]
HOMES = torch.tensor([[home[i * len(home) // 210] for i in range(210)] for home in HOMES])     # 210 = 2·3·5·7 shares

# One row for each of LIGHTS.
TINT = torch.tensor([[1, 1, 1], [1.0, 0.84, 0.72], [0.58, 0.62, 0.86], [0.86, 0.88, 0.92]])
SKY_TOP = torch.tensor([[0.38, 0.66, 0.95], [0.45, 0.38, 0.66], [0.04, 0.06, 0.2], [0.62, 0.67, 0.73]])
SKY_LOW = torch.tensor([[0.84, 0.93, 0.98], [1.0, 0.7, 0.45], [0.16, 0.2, 0.42], [0.84, 0.86, 0.87]])
SUN = torch.tensor([[1.0, 0.95, 0.55], [1.0, 0.6, 0.3], [0.97, 0.95, 0.82], [0.95, 0.95, 0.9]])

# A sheet of noise in its four turns. Were it always the same way up, it would tell the way up of the picture.
NOISE = torch.rand(256, 256, generator=torch.Generator().manual_seed(0))
NOISE = torch.stack([torch.rot90(NOISE, turns) for turns in range(4)])


def sample(number, generator):
    """→ parameters of `number` pictures, a dict of tensors whose first dimension is `number`.

    kind, background, light: int64, indices into KINDS, PLACES, LIGHTS. x, y: the thing's centre, in [0, 1] from the
    left and from the top. size: its height, of the picture's. hue: of its main part, in [0, 1). direction: 0 faces
    left, 1 right. pose, tilt: turn of the thing and of the camera, in radians. horizon: in [0, 1] from the top.
    afloat: 1 for what flies, swims or is on a page, 0 for what stands. sun: light from the left -1 … 1 right.
    glare: how uneven the light is.
    seed, and the free numbers in [0, 1): "shape" and "thing_tones" (the thing's proportions and colours), "scenery" and
    "place_tones" (the setting's), "clutter" (the last piece stands in front).
    """
    def rand(*more):
        return torch.rand(number, *more, generator=generator)

    kind = torch.randperm(number, generator=generator) % len(KINDS)
    at_home = HOMES[kind, (rand() * HOMES.shape[1]).long()]
    page = PLACES.index("page")
    background = torch.where(rand() < STRAY, (rand() * page).long(), at_home)
    paper = rand() < PAGE
    background[paper] = page
    light = torch.multinomial(torch.tensor([0.45, 0.2, 0.2, 0.15]), number, True, generator=generator)
    light[(background == PLACES.index("moon")) & (light == 2)] = 0              # under its black sky the moon has day
    size = LEAST[kind] + (GREATEST - LEAST)[kind] * rand()
    afloat = ((rand() < FLOATS[kind]) | (background == PLACES.index("sky"))).float()
    loose = torch.maximum(afloat, paper.float())                                # neither stands on a ground
    horizon = torch.where(paper, 0.5, 0.42 + 0.26 * rand())
    across = 0.5 + (rand() - 0.5) * (1 - 1.7 * HALF_WIDTH[kind] * size).clamp(min=0.12)
    hanging = 0.5 * size + (1 - size).clamp(min=0.1) * rand()
    feet = horizon + 0.04 + (0.92 - horizon) * rand() ** (1.4 - size)           # what is nearer is larger and lower
    down = torch.where(loose > 0, hanging, torch.maximum(feet, size + 0.03) - 0.5 * size)
    tilt = (rand() - 0.5) * 0.28                                                # at most 8 degrees
    x, y = turn(across - 0.5, down - 0.5, tilt)
    pose = (rand() - 0.5) * torch.where(afloat > 0, 0.9, torch.where(paper, 0.5, 0.12))
    autumn = (kind == KINDS.index("tree")) & (rand() < 0.25)
    unusual = (rand() < 0.2) & (kind != KINDS.index("face"))
    hue = torch.where(autumn, 0.08, HUE[kind]) + HUE_SPREAD[kind] * (2 * rand() - 1)
    return {"kind": kind, "background": background, "light": light, "x": x + 0.5, "y": y + 0.5, "size": size,
            "hue": torch.where(unusual, rand(), hue % 1), "direction": (rand() < 0.5).long(), "pose": pose,
            "tilt": tilt, "horizon": horizon, "afloat": loose, "sun": rand() * 2 - 1, "glare": rand() * 0.5,
            "seed": rand(), "shape": rand(8), "thing_tones": rand(8), "scenery": rand(12), "place_tones": rand(8),
            "clutter": rand(3, 8)}


def turn(x, down, angle):
    """The point (x, down) after a turn by `angle` about (0, 0), clockwise as one sees it."""
    cos, sin = angle.cos(), angle.sin()
    return x * cos - down * sin, x * sin + down * cos


def noise(seed, size):
    """seed (N,) in [0, 1) → (N, size, size) in [0, 1]: for each picture another piece of the sheet, another way up."""
    index = torch.arange(size)
    rows, columns = (seed * 97 % 1 * 128).long(), (seed * 9973 % 1 * 128).long()
    return NOISE[(seed * 7 % 1 * 4).long()[:, None, None], rows[:, None, None] + index[:, None],
                 columns[:, None, None] + index]


def palette(p):
    """→ the colours of each picture by name, each (N, 3, 1, 1), as they are before the light falls on them."""
    kind, light = p["kind"], p["light"]
    a, b = p["thing_tones"].unbind(1), p["place_tones"].unbind(1)
    wide = lambda table: table[light][:, :, None, None]
    flat = lambda *rgb: torch.tensor(rgb)[:, None, None].expand(len(kind), 3, 1, 1)
    green = lambda value, saturation: hsv(0.2 + 0.14 * b[0], saturation, value * (0.8 + 0.4 * b[1]))
    grey = lambda value: hsv(b[2], 0.08, value * (0.8 + 0.4 * b[1]))
    lamp, night = 1 / wide(TINT), (light == 2).float()[:, None, None, None]      # a lamp is not dimmed by the light
    lit = lambda colour: torch.lerp(colour, flat(1.0, 0.85, 0.45) * lamp, night)
    saturation = (SATURATION[kind] * (0.7 + 0.5 * a[0])).clamp(max=0.95)
    skin = kind == KINDS.index("face")
    value = torch.where(skin, 0.45 + 0.53 * a[1], (VALUE[kind] * (0.75 + 0.3 * a[1])).clamp(max=1))
    tiles = torch.where(a[2] < 0.75, (a[3] * 0.1 - 0.03) % 1, a[3])
    blue = 0.5 + 0.12 * b[0]
    return dict(
        body=hsv(p["hue"], saturation, value), dark=hsv(p["hue"], saturation, value * 0.68),
        pale=hsv(p["hue"], saturation * 0.5, (value * 1.25).clamp(max=1)), accent=hsv(a[3], 0.7, 0.75 + 0.25 * a[4]),
        roof=hsv(tiles, 0.6, 0.5 + 0.3 * a[4]), cloth=hsv(a[5], 0.12, 0.97),
        wood=hsv(0.05 + 0.04 * a[5], 0.5, 0.3 + 0.3 * a[6]), leaf=hsv(0.22 + 0.12 * a[5], 0.65, 0.45 + 0.3 * a[6]),
        hair=hsv(0.04 + 0.08 * a[5], 0.6, 0.12 + 0.75 * a[6] ** 2), ink=flat(0.12, 0.11, 0.15),
        white=flat(0.97, 0.97, 0.95), red=flat(0.83, 0.22, 0.22), warm=lit(flat(1.0, 0.72, 0.2)),
        glass=lit(hsv(0.55 + 0.05 * a[5], 0.35, 0.75 + 0.2 * a[6])),
        sky_top=wide(SKY_TOP) * lamp, sky_low=wide(SKY_LOW) * lamp, sun_colour=wide(SUN) * lamp,
        star=flat(0.95, 0.95, 0.85) * lamp, cloud=torch.lerp(flat(0.97, 0.97, 0.98), flat(0.4, 0.45, 0.6), night),
        green=green(0.6, 0.6), pale_green=green(0.75, 0.45), far_green=green(0.5, 0.35), dark_green=green(0.38, 0.5),
        moss=hsv(0.1 + 0.15 * b[3], 0.5, 0.36 + 0.25 * b[4]), grey=grey(0.42), pavement=grey(0.62),
        wall_far=hsv(b[3], 0.2, 0.75), wall_near=hsv(b[5], 0.3, 0.45 + 0.3 * b[4]),
        sea=hsv(blue, 0.6, 0.6 + 0.25 * b[1]), sea_pale=hsv(blue, 0.3, 0.9),
        sea_dark=hsv(blue + 0.04, 0.75, 0.25 + 0.25 * b[1]),
        sand=hsv(0.1 + 0.03 * b[4], 0.35, 0.75 + 0.2 * b[3]), weed=hsv(0.2 + 0.25 * b[3], 0.6, 0.35 + 0.3 * b[4]),
        wallpaper=hsv(b[3], 0.3, 0.45 + 0.5 * b[4]), wallpaper_dark=hsv(b[3], 0.4, 0.35 + 0.4 * b[4]),
        floor=hsv(0.05 + 0.06 * b[5], 0.3 + 0.3 * b[1], 0.35 + 0.5 * b[2]), rug=hsv(b[6], 0.6, 0.8),
        ice=hsv(0.58 + 0 * b[0], 0.15, 0.9), dust=hsv(b[3], 0.1 + 0.25 * b[5], 0.5 + 0.35 * b[4]),
        space=hsv(0.6 + 0.2 * b[3], 0.7, 0.12 + 0.1 * b[4]) * lamp, nebula=hsv(b[5], 0.6, 0.4) * lamp)


def at_a_time(size):
    """How many pictures of `size` pixels are drawn at a time, to spare memory."""
    return max(1, 2 ** 19 // size ** 2)


def draw(parameters, size=32, style="paint"):
    """Parameters (see `sample`) → pictures uint8 (N, 3, size, size). Pure: same parameters, same pictures.

    style: "paint", or "ink": the same thing in the same place as a line drawing on paper, without setting, clutter, colour and
    light. Raises ValueError for another.
    """
    if style not in STYLES:
        raise ValueError(f"style={style!r}: want {' or '.join(map(repr, STYLES))}")
    number, step = len(parameters["kind"]), at_a_time(size)
    if number > step:
        return torch.cat([draw({name: values[first:first + step] for name, values in parameters.items()}, size, style)
                          for first in range(0, number, step)])
    p = {name: values[:, None, None] if values.ndim == 1 else values for name, values in parameters.items()}
    colours = palette(parameters)
    names, colours = list(colours), torch.stack(list(colours.values()), 1)        # (N, colours, 3, 1, 1)
    grain = F.interpolate(noise(parameters["seed"], 16)[:, None], (size, size), mode="bilinear")[:, 0]
    line = (torch.arange(size) + 0.5) / size - 0.5
    x, down = turn(line, line[:, None], -p["tilt"])                             # (N, size, size), as the camera sees
    middle_x, middle_down = turn(p["x"] - 0.5, p["y"] - 0.5, -p["tilt"])         # (N, 1, 1)
    canvas = torch.zeros(number, 3, size, size)

    def look_at(chosen):
        """All that the drawing functions may ask of the chosen pictures, ready to spread over their pixels."""
        free = {name: p[name][chosen][..., None, None].unbind(1) for name in ("shape", "scenery")}
        pieces = [piece.unbind(1) for piece in p["clutter"][chosen][..., None, None].unbind(1)]
        return SimpleNamespace(
            **dict(zip(names, colours[chosen].unbind(1))), t=free["shape"], s=free["scenery"], clutter=pieces,
            grain=grain[chosen], **{name: p[name][chosen] for name in ("light", "background", "afloat", "sun", "seed")})

    if style == "ink":
        canvas += 0.93 + 0.05 * p["seed"][:, None]
    for index, setting in enumerate(SETTINGS.values() if style == "paint" else ()):
        chosen = (parameters["background"] == index).nonzero()[:, 0]
        part, look = canvas[chosen], look_at(chosen)
        here, above = x[chosen], p["horizon"][chosen] - 0.5 - down[chosen]
        setting(here, above, brush(part, size), look)
        clutter(here, above, brush(part, size), look, look.clutter[:-1])
        canvas[chosen] = part

    for index, thing in enumerate(THINGS.values()):
        chosen = (parameters["kind"] == index).nonzero()[:, 0]
        part, look = canvas[chosen], look_at(chosen)
        height, facing = p["size"][chosen], 2.0 * p["direction"][chosen] - 1
        u = (x[chosen] - middle_x[chosen]) / height * facing
        v = (middle_down[chosen] - down[chosen]) / height
        across, up = turn(u, v, -p["pose"][chosen])
        if style == "ink":
            thing(across, up + 0.5, pen(part, size * height), look)
            canvas[chosen] = part
            continue
        paint = brush(part, size * height)
        shadow = ellipse(u, v, -0.25 * look.sun * facing, -0.5, 0.9 * HALF_WIDTH[index], 0.07)
        paint(shadow, look.ink, 0.4 * (1 - look.afloat))
        outline = torch.full_like(u, 9)
        thing(across, up + 0.5, brush(part, size * height, outline), look)
        paper = look.background == PLACES.index("page")                           # lit from any side
        below = torch.where(paper, 0.9 * (look.seed * 6.283).sin(), 0.3)
        shade = (0.45 - 0.9 * u * look.sun * facing - below * v).clamp_(0, 0.9)   # the side away from the sun, and below
        paint(outline, look.ink, shade * 0.45)
        paint(outline.abs_() - 0.012, look.ink, 0.5)
        foot(u, v + 0.5, HALF_WIDTH[index], paint, look)
        front = p["horizon"][chosen] - torch.where(paper, 0.5, 0.4) - down[chosen]
        clutter(x[chosen], front, brush(part, size), look, look.clutter[-1:])
        canvas[chosen] = part

    if style == "paint":
        angle = p["sun"] * torch.pi
        gradient = 1 + p["glare"] * (x * angle.cos() - down * angle.sin())        # from any side
        canvas *= TINT[parameters["light"]][:, :, None, None] * gradient[:, None]
    canvas += (noise(parameters["seed"], size)[:, None] - 0.5) * 0.04
    return canvas.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def scenes(number=10_000, size=32, *, seed=0, split="train", style="paint"):
    """The drawn world → Dataset of `number` pictures, uint8 (number, 3, size, size), with labels and factors.

    labels: the kind of thing, ten kinds in balance. factors: kind, x, y, size, hue, direction, background, light, as
    `sample` tells. "train", "validation" and "test" are separate random streams. Picture i is a function of
    (seed, split, i): how many there are changes nothing, and `size` (in pixels) changes the resolution alone. style: "paint", or
    "ink", line drawings of the same things in the same places: kind, x, y, size and direction can be seen in them, the rest cannot.
    Raises ValueError for a number below 1, a size outside 24–128, an unknown split or style.
    """
    return _dataset([_block(index, seed, split) for index in _blocks(number, size, split)], number, size, style)


def two_views(number=10_000, size=32, *, seed=0, split="train"):
    """The same things met twice in the drawn world → two Datasets of `number` pictures each, `scenes` and another look.

    Row i of both shows one thing: its kind, its hue, its proportions and colours are the same. Where it is, how large, which way it
    faces, the setting, the light, and what stands about are drawn anew. What augmentation pretends (Chen et al. 2020),
    here it is true: `train(task, (first.images, second.images), …)` with SimCLR, MoCo or BYOL. Raises as `scenes`.
    """
    first = [_block(index, seed, split) for index in _blocks(number, size, split)]
    second = [_met_again(block, _block(index, seed, f"{split}, met again")) for index, block in enumerate(first)]
    return _dataset(first, number, size), _dataset(second, number, size)


def _blocks(number, size, split):
    """The numbers of the blocks that hold the first `number` pictures."""
    if number < 1:
        raise ValueError(f"scenes(number={number}): there is nothing to draw, want at least 1 picture")
    if not 24 <= size <= 128:
        raise ValueError(f"scenes(size={size}): want 24 to 128 pixels; draw at the nearest of these and resize with "
                         f"torch.nn.functional.interpolate")
    if split not in SPLITS:
        raise ValueError(f"scenes(split={split!r}): want one of {', '.join(map(repr, SPLITS))}")
    return range(-(-number // BLOCK))


def _block(index, seed, split):
    return sample(BLOCK, torch.Generator().manual_seed(seed_for("scenes", seed, split, index)))


def _met_again(block, other):
    """Parameters of the things of `block`, each in the place of a thing of its kind of `other`."""
    place = torch.empty_like(block["kind"])
    place[block["kind"].argsort(stable=True)] = other["kind"].argsort(stable=True)        # as many of each kind in every block
    return {name: values[place] for name, values in other.items()} | {name: block[name] for name in ("hue", "shape", "thing_tones")}


def _dataset(blocks, number, size, style="paint"):
    images, step = torch.empty(number, 3, size, size, dtype=torch.uint8), at_a_time(size)
    for first, block in zip(range(0, number, BLOCK), blocks):
        wanted = -(-(number - first) // step) * step      # whole steps, for the same bits
        images[first:first + BLOCK] = draw({name: values[:wanted] for name, values in block.items()}, size, style)[:number - first]
    names = ("kind", "x", "y", "size", "hue", "direction", "background", "light")
    factors = {name: torch.cat([block[name] for block in blocks])[:number] for name in names}
    return Dataset(images, factors["kind"].clone(), KINDS, factors, "scenes" if style == "paint" else f"scenes in {style}")
