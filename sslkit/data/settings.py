"""Eleven settings for the things to be in, drawn from back to front, and the clutter that lies about in them.

x runs from -0.5 to 0.5, y is the height above the horizon, both in units of the picture and (N, H, W). See things.py
for the shapes, the brush and what a `look` holds; here look.s are twelve free numbers in [0, 1].
"""

import torch

from .things import both, box, circle, ellipse, hsv, join, polygon, scatter, stripes


def open_sky(x, y, paint, look):
    paint(None, look.sky_low)
    paint(None, look.sky_top, (y * 1.6).clamp(0, 1))
    t = look.s
    night = (look.light == 2) * 1.0
    sun = circle(x, y, t[0] - 0.5, 0.22 + 0.25 * t[1], 0.06 + 0.03 * t[2])
    paint(sun - 0.05, look.sun_colour, 0.3)
    paint(sun, look.sun_colour)
    paint(circle(x, y, t[0] - 0.47, 0.25 + 0.25 * t[1], 0.06), look.sky_top, night)
    near, chance = scatter(x, y, 7, look.seed)
    paint((near - 0.06 - 0.08 * chance) / 7, look.star, night * (chance > 0.3))
    for n in (0, 1):
        a, b = t[3 + n] * 1.2 - 0.6, 0.17 + 0.3 * t[5 + n]
        cloud = join(ellipse(x, y, a, b, 0.13, 0.035), circle(x, y, a - 0.03, b + 0.03, 0.05),
                     circle(x, y, a + 0.05, b + 0.02, 0.04))
        paint(cloud, look.cloud, 0.85 * (t[7] > 0.3 + 0.3 * n))


def ground(x, y, paint, look, colour, far, rough=0.5):
    """All below y = 0: from `far` at the horizon to `colour` at one's feet, with rough patches."""
    paint(y, far)
    paint(y, colour, (-y * 3).clamp(0, 1))
    paint(y, look.ink, (look.grain - 0.5).clamp(0, 1) * rough)
    paint(y, look.white, (0.5 - look.grain).clamp(0, 1) * rough * 0.7)


def sky(x, y, paint, look):
    open_sky(x, y + 0.25, paint, look)
    for n in (0, 1, 2):
        a, b = look.s[8 + n] - 0.5, -0.5 + 0.22 * n
        paint(join(ellipse(x, y, a, b, 0.24, 0.05), circle(x, y, a + 0.05, b + 0.04, 0.09),
                   circle(x, y, a - 0.1, b + 0.03, 0.06)), look.cloud, 0.8)


def hills(x, y, paint, look, colour):
    wave = 0.05 * ((x * 7 + look.s[8] * 6).sin() + 1) + 0.03 * ((x * 13 + look.s[9] * 6).sin() + 1)
    paint(y - wave * (0.4 + look.s[10]), colour)


def meadow(x, y, paint, look):
    open_sky(x, y, paint, look)
    hills(x, y, paint, look, look.far_green)
    ground(x, y, paint, look, look.green, look.pale_green)
    near, chance = scatter(x, y / 0.6, 9, look.seed)
    bloom = hsv(look.seed[:, 0, 0] * 7 % 1, 0.5, 1.0)
    paint(both((near - 0.17) / 9, y + 0.03), bloom, (chance > 0.55) * (look.s[11] > 0.4))


def forest(x, y, paint, look):
    paint(None, look.far_green)
    paint(None, look.sky_low, (0.7 - y).clamp(0, 1) * 0.6)
    column = (x * 5 + look.s[0]).floor()
    for n, tone in ((0, look.far_green), (1, look.dark_green)):
        across = (x * (6 - n) + look.s[n]) % 1 - 0.5 + 0.2 * (column * 3).sin() * n
        paint(both(across.abs() - 0.12 - 0.05 * n, -y - 0.02) / 5, look.wood, 0.5 + 0.4 * n)
        crown = ((x * 9 + look.s[2 + n] * 6).sin() * 0.06 + (x * 23 + n).sin() * 0.03)
        paint(0.28 + 0.12 * n + crown - y, tone)
    paint(0.2 - y, look.dark_green, (look.grain * 2 - 0.8).clamp(0, 1) * 0.6)
    ground(x, y, paint, look, look.moss, look.dark_green, 0.8)


def street(x, y, paint, look):
    open_sky(x, y, paint, look)
    for n in (0, 1):
        across = x * (5 - n) + look.s[8 + n] * 3
        chance = ((across.floor() * 12.99 + look.seed * 40).sin() * 43.7).frac().abs()
        top = 0.12 + 0.3 * chance * (1 - 0.3 * n)
        tower = both((across % 1 - 0.5).abs() - 0.44, (y - top) * 4) / 4
        paint(tower, look.wall_far if n == 0 else look.wall_near)
        paint(both(tower + 0.015, ((x * 22) % 1 - 0.6) / 22, ((y * 18) % 1 - 0.5) / 18), look.glass, 0.75)
    ground(x, y, paint, look, look.grey, look.pavement, 0.4)
    paint((y + 0.07).abs() - 0.008, look.white, 0.5)
    paint(both((y + 0.25).abs() - 0.018, ((x * 3 + look.s[10]) % 1 - 0.55) / 3), look.white, 0.8)


def water(x, y, paint, look):
    paint(y, look.sea)
    paint(y, look.sea_pale, (1 + y * 4).clamp(0, 1) * 0.6)
    wave = ((-y).clamp(min=0).sqrt_() * 42 + (x * 22 + look.s[8] * 6).sin() * 0.9).sin()
    paint(y, look.sea_pale, (wave * 2 - 1).clamp(0, 1) * 0.6)
    paint(y, look.sea_dark, (-wave * 2 - 1).clamp(0, 1) * 0.4)


def beach(x, y, paint, look):
    open_sky(x, y, paint, look)
    water(x, y, paint, look)
    shore = y + 0.1 + 0.02 * (x * 9 + look.s[9] * 6).sin()
    paint(shore - 0.012, look.white)
    ground(x, shore, paint, look, look.sand, look.sand)
    near, chance = scatter(x, y, 8, look.seed)
    paint(both((near - 0.12 - 0.1 * chance) / 8, shore + 0.02), look.wood, (chance > 0.5) * 0.7)


def sea(x, y, paint, look):
    open_sky(x, y, paint, look)
    water(x, y, paint, look)


def underwater(x, y, paint, look):
    paint(None, look.sea_pale)
    paint(None, look.sea_dark, ((0.5 - y) * look.s[0] * 1.6).clamp(0, 1))
    ray = ((x * 3 + y * 1.2 + look.s[1] * 5) * 3.1).sin()
    paint(None, look.white, (ray * 2 - 1).clamp(0, 1) * 0.16)
    for n in range(3):
        a = look.s[2 + n] - 0.5
        bent = x - a - 0.03 * (y * 16 + 6 * look.s[5 + n]).sin()
        paint(both(bent.abs() - 0.022 + 0.03 * (y - 0.1), y - 0.15 - 0.35 * look.s[8 + n]), look.weed)
    ground(x, y + 0.03 * (x * 8 + look.s[9] * 6).sin(), paint, look, look.sand, look.sand)
    bubble, chance = scatter(x, y, 6, look.seed)
    bubble = (bubble - 0.12 - 0.16 * chance) / 6
    paint(both(bubble, -y), look.white, 0.45 * (chance > 0.6))


def room(x, y, paint, look):
    paint(None, look.wallpaper)
    upright = torch.where(look.s[0] < 0.5, x, y)
    paint(None, look.wallpaper_dark, stripes(upright + 2, 7, 0.5) * 0.5 * (look.s[1] < 0.7))
    near, chance = scatter(x, y, 6, look.seed)
    paint((near - 0.15) / 6, look.white, (look.s[1] > 0.6) * 0.6)
    a, b, w, h = look.s[2] * 0.8 - 0.4, 0.3 + 0.1 * look.s[3], 0.1 + 0.05 * look.s[4], 0.12
    frame = box(x, y, a, b, w, h)
    paint(frame - 0.02, look.wood)
    paint(frame, look.sky_top)
    paint(both(frame, y - b + 0.04 - 0.05 * (x * 20).sin()), look.green)
    paint(both(frame, join((x - a).abs(), (y - b).abs()) - 0.008), look.wood, (look.s[5] > 0.4) * 1.0)
    paint(box(x, y, 0, 0.01, 2, 0.022), look.white)
    paint(y, look.floor)
    board = (x / (0.35 - y).clamp(min=0.05) * 2.2) % 1 - 0.5
    paint(y + 0.01, look.ink, (board.abs() * 12 - 5).clamp(0, 1) * 0.35)
    rug = ellipse(x, y, look.s[6] - 0.5, -0.22, 0.33, 0.09)
    paint(rug, look.rug, (look.s[7] > 0.5) * 0.9)
    paint(rug.abs() - 0.012, look.white, (look.s[7] > 0.5) * 0.7)


def snow(x, y, paint, look):
    open_sky(x, y, paint, look)
    hills(x, y, paint, look, look.cloud)
    for n in range(3):
        a = look.s[8 + n] - 0.5
        fir = polygon(x, y, (a - 0.06, -0.01), (a + 0.06, -0.01), (a, 0.14 + 0.07 * look.s[5 + n]))
        paint(fir, look.dark_green)
    ground(x, y + 0.01 * (x * 11).sin(), paint, look, look.white, look.ice, 0.2)
    near, chance = scatter(x, y, 8, look.seed)
    paint((near - 0.1 - 0.1 * chance) / 8, look.white, (look.s[11] > 0.4) * 0.9)


def moon(x, y, paint, look):
    paint(None, look.space)
    paint(None, look.nebula, (look.grain * 2 - 0.9).clamp(0, 1) * 0.6)
    near, chance = scatter(x, y, 8, look.seed)
    paint((near - 0.05 - 0.1 * chance) / 8, look.star)
    planet = circle(x, y, look.s[0] - 0.5, 0.3 + 0.1 * look.s[1], 0.07 + 0.07 * look.s[2])
    paint(planet, look.accent)
    paint(both(planet, circle(x, y, look.s[0] - 0.42, 0.36, 0.17)), look.ink, 0.35)
    ground(x, y - 0.02 * (x * 6 + look.s[3] * 6).sin(), paint, look, look.dust, look.dust, 0.6)
    near, chance = scatter(x, y * 2.2, 4, look.seed)
    crater = (near - 0.16 - 0.12 * chance) / 4
    paint(both(crater, y + 0.03), look.ink, 0.35)
    paint(both(crater + 0.015, y + 0.04), look.dust, 0.6)


def page(x, y, paint, look):
    """A patterned page of a picture book, which looks alike whichever way up it is held: only the thing tells."""
    s = look.s
    paint(None, look.wallpaper)
    angle = 6.283 * s[0]
    paint(None, look.rug, (0.3 + x * angle.cos() + y * angle.sin()).clamp(0, 0.7) * (s[1] < 0.6))
    along, pattern, fine = torch.where(s[2] < 0.5, x, y), s[3] * 5, 5 + 5 * s[4]
    paint(None, look.wallpaper_dark, stripes(along + 2 + s[5], fine) * 0.6 * (pattern < 1))
    check = ((x * fine + s[5]).floor() + (y * fine + s[6]).floor()) % 2
    paint(None, look.wallpaper_dark, check * 0.5 * ((pattern >= 1) & (pattern < 2)))
    near, chance = scatter(x, y, 6, look.seed)
    paint((near - 0.12 - 0.13 * chance) / 6, look.cloud, 0.7 * ((pattern >= 2) & (pattern < 3)))
    for n in (0, 1, 2):
        blot = circle(x, y, 1.2 * s[7 + n] - 0.6, 1.2 * (s[8 + n] * 7 % 1) - 0.6, 0.1 + 0.25 * s[n + 4])
        paint(blot, (look.floor, look.sea, look.wallpaper_dark)[n], 0.7 * (pattern >= 3))
    paint(None, look.ink, (look.grain - 0.5).clamp(0, 1) * 0.5)


def clutter(x, y, paint, look, pieces):
    """Bushes and blocks on the ground, balls in the air, that belong to nothing. pieces: eight numbers for each.

    On a page there is no ground: balls and blocks lie anywhere.
    """
    paper = look.background == PLACES.index("page")
    for c in pieces:
        radius, hanging = 0.03 + 0.09 * c[0], (c[2] > 0.75) | (paper & (c[5] < 0.6))
        height = torch.where(hanging, 0.15 + 0.4 * c[3], radius * 0.8 - 0.03 - 0.25 * c[3])
        a, b = c[1] - 0.5, torch.where(paper, c[3] - 0.5, height)
        ball = circle(x, y, a, b, radius)
        bush = join(ball, ellipse(x, y, a, b - 0.4 * radius, 1.8 * radius, 0.6 * radius))
        block = box(x, y, a, b, radius, torch.where(paper, radius, radius * (0.5 + c[4])))
        leafy = ~hanging & ~paper & (c[5] > 0.25) & (c[5] < 0.7)
        shape = torch.where(hanging | (c[5] < 0.25), ball, torch.where(leafy, bush, block))
        colour = hsv(torch.where(leafy, 0.22 + 0.14 * c[4], c[4]).flatten(), 0.5, (0.35 + 0.5 * c[6]).flatten())
        shown = (c[7] < 0.4) * 1.0
        paint(shape, colour * 0.6, shown)
        paint(shape + 0.013, colour, shown)


def foot(u, v, half_width, paint, look):
    """What stands in grass, water or snow stands a little way in it. u, v: the thing's own coordinates, but upright."""
    def here(*places):
        return sum(look.background == PLACES.index(place) for place in places) * (1 - look.afloat)

    teeth = ((u * 8 + look.seed * 9) % 1 - 0.5).abs_()
    edge = both(v - 0.02 - 0.09 * teeth, ellipse(u, v, 0, 0, 0.1 + half_width, 0.1))
    colour = torch.where(here("meadow")[:, None] > 0, look.green, look.moss)
    colour = torch.where(here("sea")[:, None] > 0, look.sea, torch.where(here("snow")[:, None] > 0, look.ice, colour))
    paint(edge, colour, 0.9 * here("meadow", "forest", "sea", "snow"))
    paint(edge.abs_() - 0.012, look.white, 0.6 * here("sea"))


SETTINGS = {setting.__name__: setting for setting in (meadow, forest, street, beach, sea, underwater, room, snow,
                                                      moon, sky, page)}
PLACES = tuple(SETTINGS)
