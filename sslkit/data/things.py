"""Ten kinds of things, each a short list of parts: how the drawn world's things look.

A part is a signed distance (negative inside) on the grid of pixels, and a colour to paint it with. A thing is drawn in
its own coordinates: u runs forwards (to the side it faces), v upwards, it stands on v = 0 and its top is v = 1.
u, v: (N, H, W). Everything that varies from picture to picture is a (N, 1, 1) tensor, every colour (N, 3, 1, 1).
"""

import torch


# --- shapes: signed distances ----------------------------------------------------------------------------------------

def circle(u, v, a, b, radius):
    return ((u - a).square_() + (v - b).square_()).sqrt_() - radius


def ellipse(u, v, a, b, width, height):
    """Half axes `width` and `height`. A distance near the outline, up to the ratio of the axes."""
    return (((u - a) / width).square_() + ((v - b) / height).square_()).sqrt_().sub_(1) * (width * height) ** 0.5


def box(u, v, a, b, width, height):
    """Half sides `width` and `height`, centre (a, b)."""
    return torch.maximum((u - a).abs_() - width, (v - b).abs_() - height)


def polygon(u, v, *corners):
    """A convex polygon, corners counter-clockwise (u to the right, v up)."""
    distance = None
    for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1]):
        length = ((c - a) ** 2 + (d - b) ** 2) ** 0.5
        side = u * ((d - b) / length) - v * ((c - a) / length) - (a * (d - b) - b * (c - a)) / length
        distance = side if distance is None else torch.maximum(distance, side)
    return distance


def line(u, v, a, b, c, d, thickness):
    """A stroke with round ends from (a, b) to (c, d), `thickness` its half width."""
    along, up = c - a, d - b
    t = ((u - a) * along + (v - b) * up).div_(along ** 2 + up ** 2).clamp_(0, 1)
    return circle(u, v, a + t * along, b + t * up, thickness)


def join(*distances):
    """Union."""
    whole = distances[0]
    for distance in distances[1:]:
        whole = torch.minimum(whole, distance)
    return whole


def both(*distances):
    """Intersection."""
    whole = distances[0]
    for distance in distances[1:]:
        whole = torch.maximum(whole, distance)
    return whole


def stripes(w, number, share=0.5):
    """Lines across w, `number` of them to a unit, `share` of it covered: 0 or 1, softened: a texture, no distance."""
    return ((share - (w * number) % 1) * 6).clamp_(0, 1)


def bricks(u, v, rows):
    """The joints of a brick wall, 1 on a joint."""
    row = (v * rows).floor()
    upright = ((u * rows * 0.5 + row * 0.5) % 1 - 0.5).abs_() * 2
    flat = ((v * rows) % 1 - 0.5).abs_()
    return both(flat * 2, upright).sub_(0.8).mul_(6).clamp_(0, 1)


def scatter(u, v, cells, seed):
    """One point somewhere in each square of a grid → distance to it (in squares), a random number for the square."""
    column, row = (u * cells).floor(), (v * cells).floor()
    chance = ((column * 12.9898 + row * 78.233 + seed * 37.719).sin_() * 437.585).frac().abs_()
    across, up = 0.25 + 0.5 * chance, 0.25 + 0.5 * (chance * 17.13).frac()
    return circle(u * cells - column, v * cells - row, across, up, 0), (chance * 31.7).frac()


# --- paint -----------------------------------------------------------------------------------------------------------

def hsv(hue, saturation, value):
    """Hue, saturation, value, each a (N,) tensor or a number → colour (N, 3, 1, 1)."""
    k = (torch.tensor([5.0, 3.0, 1.0]) + 6 * hue[:, None]) % 6
    wide = lambda x: x[:, None] if isinstance(x, torch.Tensor) else x
    return (wide(value) * (1 - wide(saturation) * torch.minimum(k, 4 - k).clamp(0, 1)))[:, :, None, None]


def brush(canvas, scale, outline=None):
    """→ paint(distance, colour, amount), which lays colour over `canvas` (N, 3, H, W) where distance < 0.

    distance: None is everywhere. amount: opacity, a number or a texture in [0, 1]. scale: pixels to a unit of distance:
    an edge is blended over one pixel (anti-aliasing). outline: (N, H, W), kept as the distance to all painted opaque.
    """
    def paint(distance, colour, amount=None):
        mask = 1.0 if distance is None else (0.5 - distance * scale).clamp_(0, 1)     # (N, H, W)
        if amount is not None:
            mask = mask * amount
        elif outline is not None:
            torch.minimum(outline, distance, out=outline)
        canvas.lerp_(colour, mask if isinstance(mask, float) else mask[:, None])
    return paint


def pen(canvas, scale):
    """→ paint(distance, colour, amount) as a `brush` has, for line drawings: the edge in ink, inside hardly more than paper."""
    half = torch.clamp(0.5 / scale, min=0.008)                     # a line is a pixel wide, or a little more in large pictures

    def paint(distance, colour, amount=None):
        tone = 0.78 + 0.2 * colour.mean(1, keepdim=True)           # (N, 1, 1, 1): what is darker stays a little darker
        inside = (0.5 - distance * scale).clamp_(0, 1)             # (N, H, W)
        if amount is not None:
            canvas.lerp_(tone - 0.25, (inside * amount)[:, None])  # a texture: hatched in grey
            return
        canvas.lerp_(tone, inside[:, None])
        line = (0.5 - (distance.abs() - half) * scale).clamp_(0, 1)
        canvas.lerp_(torch.full_like(tone, 0.12), 0.9 * line[:, None])
    return paint


# --- the ten kinds ---------------------------------------------------------------------------------------------------
# look: body, dark, pale (shades of the thing's hue), accent, roof, wood, leaf, glass, ink, white, warm: colours;
#       t: eight free numbers in [0, 1]; grain: smooth noise in [0, 1]; afloat: 1 in air or water, 0 on the ground.

def house(u, v, paint, look):
    t = look.t
    half, eaves = 0.3 + 0.1 * t[0], 0.45 + 0.17 * t[1]
    paint(box(u, v, -0.45 * half, 0.78, 0.055, 0.2), look.roof)
    walls = box(u, v, 0, eaves / 2, half, eaves / 2)
    paint(walls, look.body)
    paint(walls, look.dark, bricks(u, v, 16) * (0.6 * (t[2] > 0.4)))
    roof = polygon(u, v, (-half - 0.07, eaves - 0.01), (half + 0.07, eaves - 0.01), (0, 1.0))
    paint(roof, look.roof)
    paint(roof, look.ink, stripes(v, 16, 0.3) * 0.3)
    paint(circle(u, v, 0, eaves + 0.15, 0.065), look.glass)
    paint(box(u, v, -0.42 * half, 0.15, 0.085, 0.15), look.wood)
    paint(circle(u, v, -0.42 * half + 0.045, 0.15, 0.016), look.warm)
    pane = box(u, v, 0.46 * half, 0.27, 0.1, 0.1)
    paint(pane - 0.022, look.white)
    paint(pane, look.glass)
    paint(both(pane, join((u - 0.46 * half).abs(), (v - 0.27).abs()) - 0.012), look.white)


def tree(u, v, paint, look):
    t = look.t
    lean = (0.02 + 0.1 * t[0]) * v
    trunk = 0.045 + 0.03 * t[1]
    paint(both((u - lean).abs() - trunk * (1.5 - v), -v, v - 0.7), look.wood)
    paint(line(u, v, 0.03, 0.28, 0.27, 0.42, 0.025), look.wood)
    w = u - lean
    round_crown = join(circle(w, v, 0, 0.74, 0.26), circle(w, v, -0.17, 0.55, 0.19), circle(w, v, 0.2, 0.57, 0.2))
    down = (1 - v) / 0.82                                          # a fir: three skirts, each wider at its hem
    skirts = 0.27 * down + 0.3 * ((3 * down).frac() - 0.5) * down.clamp(0, 1) + 0.02
    fir = both((w.abs() - skirts) * 0.8, 0.18 - v, v - 1)
    crown = torch.where(t[2] < 0.6, round_crown, fir)
    paint(crown, look.body)
    paint(crown, look.dark, (look.grain * 2.4 - 0.9).clamp(0, 1) * 0.8)
    paint(crown, look.pale, (1.2 - circle(w, v, look.sun * 0.15, 0.85, 0) * 3).clamp(0, 1) * 0.55)
    near, chance = scatter(u, v, 9, look.seed)
    paint(both(crown + 0.05, (near - 0.3) / 9), look.accent, (chance > 0.45) * (t[3] > 0.55) * (t[2] < 0.6))


def car(u, v, paint, look):
    t = look.t
    back, roof = -0.45 - 0.4 * t[0], 0.4
    cabin = polygon(u, v, (back - 0.1, 0.5), (roof + 0.25, 0.5), (roof - 0.1, 1.0), (back + 0.05, 1.0))
    paint(cabin, look.body)
    glass = polygon(u, v, (back + 0.02, 0.57), (roof + 0.12, 0.57), (roof - 0.14, 0.92), (back + 0.1, 0.92))
    paint(glass, look.glass)
    paint(both(glass, (u - 0.5 * (back + roof)).abs() - 0.05), look.body)
    paint(both(glass, (u - v * 0.7 + 0.45).abs() - 0.06), look.white, 0.5)
    body = box(u, v, 0, 0.4, 0.92, 0.12) - 0.08
    paint(body, look.body)
    paint(both(body, v - 0.33), look.dark)
    paint(both(body, (u + 0.05).abs() - 0.015, 0.34 - v), look.dark)
    paint(box(u, v, 0.03, 0.48, 0.06, 0.018), look.white)
    paint(circle(u, v, 0.9, 0.44, 0.085), look.warm)
    paint(box(u, v, -0.96, 0.45, 0.04, 0.07), look.red)
    for wheel in (-0.55, 0.55):
        paint(circle(u, v, wheel, 0.22, 0.22), look.ink)
        paint(circle(u, v, wheel, 0.22, 0.11), look.white)
        paint(circle(u, v, wheel, 0.22, 0.04), look.ink)


def boat(u, v, paint, look):
    t = look.t
    steam = (t[0] > 0.6) * 1.0
    paint(box(u, v, 0.02, 0.58, 0.022, 0.42), look.wood)
    gone = 9 * steam                                               # a steamer has no sails: they are drawn out of sight
    main = polygon(u - gone, v, (-0.5 - 0.08 * t[1], 0.36), (-0.03, 0.34), (-0.03, 0.96))
    paint(main, look.cloth)
    paint(main, look.accent, stripes(v, 5, 0.4) * (t[2] > 0.4))
    jib = polygon(u - gone, v, (0.07, 0.36), (0.42 + 0.1 * t[3], 0.36), (0.07, 0.8))
    paint(jib, look.pale)
    cabin = box(u - 9 * (1 - steam), v, -0.1, 0.42, 0.3, 0.13)
    paint(cabin, look.cloth)
    paint(both(cabin + 0.05, ((u * 6).frac().abs() - 0.5).abs() / 6 - 0.05), look.glass)
    funnel = box(u - 9 * (1 - steam), v, -0.16, 0.7, 0.11, 0.18)
    paint(funnel, look.accent)
    paint(both(funnel, 0.8 - v), look.ink)
    paint(polygon(u, v, (0.04, 0.9), (0.2, 0.94), (0.04, 0.99)), look.accent)
    hull = polygon(u, v, (-0.42, 0.0), (0.42, 0.0), (0.72, 0.34), (-0.6, 0.3))
    paint(hull, look.body)
    paint(both(hull, 0.22 - v), look.white)
    paint(hull, look.dark, stripes(v, 14, 0.25) * 0.5)
    paint(both(hull, v - 0.06), look.dark)


def fish(u, v, paint, look):
    t = look.t
    upper = polygon(u, v, (-0.5, 0.5), (-0.98, 0.86), (-0.85, 0.5))
    lower = polygon(u, v, (-0.98, 0.14), (-0.5, 0.5), (-0.85, 0.52))
    paint(join(upper, lower), look.accent)
    paint(polygon(u, v, (-0.35, 0.75), (0.3, 0.75), (-0.2 - 0.2 * t[0], 1.0)), look.accent)
    paint(polygon(u, v, (-0.2, 0.0), (0.1, 0.25), (-0.2, 0.25)), look.accent)
    body = both(circle(u, v, 0.1, 0.5 - 0.64, 1.03), circle(u, v, 0.1, 0.5 + 0.64, 1.03))
    paint(body, look.body)
    scales = ((u * 7 + (v * 9).floor() * 0.5) % 1 - 0.5).square() + ((v * 9) % 1 - 0.2).square()
    paint(body, look.dark, (scales * 3 - 0.55).clamp(0, 1) * 0.7)
    paint(both(body, v - 0.33), look.pale, 0.7)
    band = ((u * (2 + 2 * t[1])) % 1 - 0.5).abs() - 0.22
    paint(both(body, band / 3, u - 0.35, -0.55 - u), look.accent, (t[2] > 0.45) * 1.0)
    paint(both(circle(u, v, 0.15, 0.5, 0.4), 0.47 - u, body), look.body)
    paint(both((circle(u, v, 0.05, 0.5, 0.38)).abs() - 0.025, body, 0.2 - u), look.dark)
    paint(polygon(u, v, (-0.14, 0.2), (0.18, 0.42), (-0.1, 0.42)), look.accent)
    paint(circle(u, v, 0.58, 0.6, 0.11), look.white)
    paint(circle(u, v, 0.61, 0.6, 0.06), look.ink)
    paint(line(u, v, 0.75, 0.4, 0.88, 0.43, 0.02), look.ink)


def bird(u, v, paint, look):
    t = look.t
    for leg in (-0.02, 0.14):
        paint(line(u, v, leg, 0.3, leg + 0.02, 0.02, 0.025) + 9 * look.afloat, look.warm)
        paint(line(u, v, leg, 0.02, leg + 0.12, 0.02, 0.02) + 9 * look.afloat, look.warm)
    tail = polygon(u, v, (-0.3, 0.35), (-0.2, 0.55), (-0.78, 0.66), (-0.8, 0.5))
    paint(tail, look.dark)
    paint(both(tail, ((v - 0.55 - (u + 0.5) * 0.2) * 9).frac().abs() / 9 - 0.02), look.body)
    paint(polygon(u, v, (0.6, 0.7), (0.88, 0.76), (0.6, 0.87)), look.warm)
    body = ellipse(u * 0.95 - v * 0.3, v * 0.95 + u * 0.3, -0.08, 0.5, 0.42, 0.27)
    head = circle(u, v, 0.43, 0.78, 0.22)
    paint(join(body, head), look.body)
    paint(both(join(body, head), circle(u, v, 0.4, 0.42, 0.27)), look.pale)
    up = look.afloat
    folded = both(circle(u, v, -0.02, 0.68, 0.3), circle(u, v, -0.2, 0.36, 0.36)) + 9 * up
    raised = polygon(u, v, (-0.22, 0.52), (0.2, 0.56), (-0.28, 1.0), (-0.5, 0.96)) + 9 * (1 - up)
    wing = join(folded, raised)
    paint(wing, look.dark)
    paint(wing, look.accent, stripes(u * 0.6 + v, 9, 0.35) * (t[1] > 0.3))
    paint(circle(u, v, 0.5, 0.83, 0.06), look.white)
    paint(circle(u, v, 0.515, 0.83, 0.038), look.ink)


def flower(u, v, paint, look):
    t = look.t
    bend = 0.12 * (v - 0.2) * (0.3 + t[0])
    stem = both((u - bend).abs() - 0.028, -v, v - 0.7)
    paint(stem, look.leaf)
    for side, low in ((1, 0.12), (-1, 0.24)):
        leaf = both(circle(side * u, v, 0.04, low + 0.18, 0.24), circle(side * u, v, 0.3, low - 0.02, 0.24))
        paint(leaf + (0 if side == 1 else 9) * (t[3] < 0.6), look.leaf)
    a, b = u - 0.12 * 0.52 * (0.3 + t[0]), v - 0.71
    far = (a.square() + b.square()).sqrt_()
    angle = torch.atan2(b, a)
    petals = (5 + 4 * t[1]).floor()
    lobes = (angle * petals).cos()
    round_head = far - 0.215 - 0.075 * lobes
    cup = both(circle(a, b, -0.12, 0.12, 0.32), circle(a, b, 0.12, 0.12, 0.32),
               b - 0.1 - 0.18 * ((a * 7 + 0.5) % 1 - 0.5).abs_() * 2)                                # a tulip
    tulip = t[2] > 0.75
    paint(torch.where(tulip, cup, round_head), look.body)
    paint(torch.where(tulip, cup + 0.05 + a.abs() * 0.6, far - 0.15 - 0.05 * lobes), look.pale, 0.6)
    paint(far - 0.1 + 9 * tulip, look.accent)
    paint(far - 0.06 + 9 * tulip, look.ink, 0.25)


def mushroom(u, v, paint, look):
    t = look.t
    small = box(u, v, 0.34, 0.12, 0.045, 0.12), both(ellipse(u, v, 0.34, 0.2, 0.15, 0.16), 0.2 - v)
    paint(small[0], look.cloth)
    paint(small[1], look.body)
    wide = 0.1 + 0.06 * t[0]
    stem = both((u + 0.05).abs() - wide - 0.12 * (0.35 - v).clamp(0, 1) ** 2 * 5, -v, v - 0.62)
    paint(stem, look.cloth)
    paint(stem, look.wood, stripes(u, 12, 0.3) * 0.3)
    paint(ellipse(u, v, -0.05, 0.54, 0.2, 0.06), look.wood, 0.6)
    tall = 0.3 + 0.2 * t[1]
    cap = both(ellipse(u, v, -0.05, 1 - tall, 0.36 + 0.12 * t[2], tall), 1 - tall - v - 0.05)
    paint(cap, look.body)
    paint(both(cap, v - (1 - tall)), look.dark)
    for a, b, radius in ((-0.22, 0.35, 0.055), (0.0, 0.6, 0.07), (0.17, 0.25, 0.06), (-0.08, 0.18, 0.04)):
        spot = ellipse(u, v, a - 0.05, 1 - tall + tall * b, radius, radius * 0.85)
        paint(both(spot, cap), look.white, (t[3] < 0.75) * 1.0)


def face(u, v, paint, look):
    t = look.t
    paint(both(ellipse(u, v, 0, 0.0, 0.36, 0.3), -v), look.cloth)
    paint(both(ellipse(u, v, 0, 0.0, 0.36, 0.3), -v), look.accent, stripes(v, 9, 0.45))
    paint(box(u, v, 0, 0.28, 0.09, 0.08), look.dark)
    long = (t[0] > 0.5) * 1.0
    paint(both(ellipse(u, v, -0.02, 0.6, 0.38, 0.38 + 0.02 * long), 0.6 - 0.3 * long - v), look.hair)
    for side in (-1, 1):
        paint(circle(u, v, side * 0.32, 0.56, 0.065), look.body)
    head = ellipse(u, v, 0.0, 0.57, 0.31, 0.34)
    paint(head, look.body)
    for side in (-1, 1):
        paint(circle(u, v, side * 0.17 + 0.05, 0.46, 0.065), look.red, 0.35)
        paint(ellipse(u, v, side * 0.125 + 0.06, 0.6, 0.065, 0.075), look.white)
        paint(circle(u, v, side * 0.125 + 0.085, 0.595, 0.042), look.ink)
    paint(circle(u, v, 0.1, 0.5, 0.035), look.dark)
    smile = 0.1 * t[1] - 0.01
    paint(both(circle(u, v, 0.05, 0.45 + smile, 0.125).abs() - 0.022, v - 0.41), look.red)
    fringe = both(head - 0.025, 0.72 + 0.16 * t[2] - v - 0.35 * (u + 0.1).abs() * t[3])
    paint(fringe, look.hair)
    hat = join(both(ellipse(u, v, 0, 0.78, 0.3, 0.22), 0.78 - v), box(u, v, 0.08, 0.78, 0.36, 0.03))
    paint(hat + 9 * (t[4] > 0.4), look.accent)


def rocket(u, v, paint, look):
    t = look.t
    paint(polygon(u, v, (-0.1, 0.2), (0.0, 0.0), (0.1, 0.2)) + 9 * (1 - look.afloat), look.warm)
    paint(polygon(u, v, (-0.05, 0.2), (0.0, 0.08), (0.05, 0.2)) + 9 * (1 - look.afloat), look.white)
    wide, low = 0.16 + 0.06 * t[0], 0.1 * look.afloat
    for side in (-1, 1):
        fin = polygon(side * u, v, (wide + 0.16, low), (wide + 0.12, 0.28), (0.05, 0.5), (0.05, 0.18))
        paint(fin, look.accent)
    paint(ellipse(u, v, -wide - 0.02, 0.46, 0.06, 0.2), look.white)              # a spare tank at its back
    r = (0.45 ** 2 + wide ** 2) / (2 * wide)
    hull = both(circle(u, v, wide - r, 0.55, r), circle(u, v, r - wide, 0.55, r), 0.15 - v)
    paint(hull, look.body)
    paint(both(hull, 0.8 - v), look.accent)
    paint(both(hull, (v - 0.33).abs() - 0.035), look.accent, (t[1] > 0.4) * 1.0)
    paint(both(hull, u + wide * 0.5), look.dark, 0.6)
    paint(circle(u, v, 0.03, 0.62, 0.095), look.dark)
    paint(circle(u, v, 0.03, 0.62, 0.07), look.glass)
    paint(circle(u, v, 0.055, 0.645, 0.02), look.white)
    paint(polygon(u, v, (-0.03, low), (0.03, low), (0.02, 0.3), (-0.02, 0.3)), look.accent)


THINGS = {thing.__name__: thing for thing in (house, tree, car, boat, fish, bird, flower, mushroom, face, rocket)}
