"""One after another: what a model says of the next element, what it looked at for that, and sounds and series themselves."""

import base64
import colorsys
import copy
import html
import io
import math
import wave

import numpy as np
import torch
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, ScaledTranslation

from ..data.dataset import as_float
from ..data.sound import mu_law
from .look import GREY, INK, PALE, RIGHT, WRONG, bare, new, pale, pixels, quiet

COLUMNS, LETTER, LINE = 56, 10.87, 17                              # letters a line; points: so a letter is ten pixels wide
MONOSPACED = "DejaVu Sans Mono"                                    # it has ␣ and ↵
CHANNELS = ("#0072B2", "#009E73", "#CC79A7", "#B58900", "#8C6BB1", "#56B4E9")


def next_token(probabilities, names=None, chosen=None, truth=None, top=12, *, colours=None, title="the next token", figure=None):
    """Probabilities (V,) → Figure: bars of the `top` likeliest; that which was drawn is blue, the true one has a ✓.

    names: of all tokens (V strings). colours: (V, 3) in [0, 1], where tokens are colours: then each bar has its own.
    What was drawn or is true stands below the others if it is not among the likeliest.
    """
    chances = _chances(probabilities)                              # (V,)
    best = chances.argsort()[::-1][:top].tolist()
    rest = [token for token in dict.fromkeys((chosen, truth)) if token is not None and token not in best]
    rows = [*enumerate(best), *((len(best) + 0.4 + number, token) for number, token in enumerate(rest))]
    last = rows[-1][0]
    figure = new(figure, (3.6, 0.6 + 0.23 * (last + 1)))
    axes = figure.subplots()
    widest = max(0.3, float(chances.max()))
    for place, token in rows:
        drawn = token == chosen
        if colours is None:
            axes.barh(place, chances[token], 0.72, color=RIGHT if drawn else PALE)
        else:
            colour = np.asarray(torch.as_tensor(colours)[token].cpu(), dtype=float).clip(0, 1)
            axes.barh(place, chances[token], 0.72, color=colour, edgecolor=INK if drawn else GREY, linewidth=2 if drawn else 0.5)
            swatch = (-0.09 * widest, place - 0.36), 0.07 * widest, 0.72             # however short the bar
            axes.add_patch(Rectangle(*swatch, facecolor=colour, edgecolor=GREY, linewidth=0.5))
        words = percent(chances[token]) + (" drawn" if drawn else "") + (" ✓" if token == truth else "")
        axes.text(chances[token] + 0.02 * widest, place, words, va="center", fontsize=8, fontweight="bold" if drawn else None, in_layout=False,
                  color=INK if drawn or token == truth else GREY)
    if rest:
        axes.axhline(len(best) - 0.3, color=GREY, linewidth=0.8, linestyle=":")
    labels = ["" if names is None and colours is not None else str(token) if names is None else names[token] for _, token in rows]
    axes.set_yticks([place for place, _ in rows], labels, family=MONOSPACED, fontsize=9)
    axes.set(xlim=(-0.11 * widest if colours is not None else 0, 1.5 * widest), ylim=(max(last, 5) + 0.6, -0.6), xticks=[])
    axes.set_title(title, fontsize=10)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set(color=GREY, visible=colours is None)
    return figure


def next_level(probabilities, chosen=None, truth=None, *, title="the next level", figure=None):
    """Probabilities (V,) of levels in order, such as mu-law's 256 → Figure: a line over them, and the level that was drawn.

    The axis is mu-law's own, on which levels stand evenly; amplitudes are written at it.
    """
    chances = _chances(probabilities)
    figure = new(figure, (3.8, 2.6))
    axes, levels = figure.subplots(), np.arange(len(chances))
    axes.fill_between(levels, chances, step="mid", color=pale(RIGHT, 0.75), linewidth=0)
    axes.step(levels, chances, where="mid", color=RIGHT, linewidth=1.2)
    high = max(0.05, 1.15 * float(chances.max()))
    for level, colour, word in ((truth, INK, "true"), (chosen, WRONG, "drawn")):
        if level is not None:
            axes.axvline(level, color=colour, linewidth=1.2, linestyle="--" if word == "true" else "-")
            left, top = level > len(chances) / 2, high * (0.96 if word == "drawn" else 0.86)
            axes.annotate(f"{word}, {percent(chances[level])}", (level, top), xytext=(-4 if left else 4, 0),
                          textcoords="offset points", ha="right" if left else "left", va="top", fontsize=8, color=colour)
    marks = (-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0)
    axes.set_xticks(mu_law(torch.tensor(marks), len(chances)).tolist(), [f"{mark:g}".replace("-", "−") for mark in marks])
    axes.set(xlim=(-1, len(chances)), ylim=(0, high))
    axes.set_xlabel("amplitude", fontsize=9, color=INK)
    axes.set_ylabel("probability", fontsize=9, color=INK)
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    quiet(axes)
    return figure


def written(pieces, given, drawn, *, title="so far", figure=None):
    """Pieces of a text (T strings), of which the first were given and then some drawn → Figure: what there is so far.

    What was given is grey, the latest piece drawn is marked. Spaces and ends of lines are those of `Tokenizer.pieces`.
    """
    figure = new(figure, (5.4, 2.6))
    axes = bare(figure.subplots())
    axes.set_title(title, fontsize=10)
    runs, column, line, last = {}, 0, 0, given + drawn - 1         # (line, colour): letters at their columns
    for place, piece in enumerate(pieces[:given + drawn]):
        for letter in piece:
            if column == COLUMNS:
                column, line = 0, line + 1
            if place == last and drawn:
                axes.add_patch(Rectangle(*_cell(column, line), facecolor=pale(RIGHT, 0.7), transform=_points(axes)))
            colour = pale(GREY, 0.4) if letter in "␣⇥↵" else GREY if place < given else INK
            if letter != "␣" or place == last:
                runs.setdefault((line, colour), {})[column] = letter
            column += 1
            if letter == "↵":
                column, line = 0, line + 1
    for (line_of_run, colour), letters in runs.items():            # a text for each run: one for each letter would take long
        text = "".join(letters.get(place, " ") for place in range(max(letters) + 1))
        axes.text(0, -LINE * (line_of_run + 0.75), text, fontsize=LETTER, color=colour, family=MONOSPACED, transform=_points(axes),
                  ha="left", va="baseline", in_layout=False)
    if last + 1 < len(pieces):
        (left, low), _, height = _cell(column, line)
        axes.plot([left + 1] * 2, [low, low + height], color=WRONG, linewidth=2, transform=_points(axes))
    return figure


def _points(axes):
    """From points, right and up from the upper left corner of the axes."""
    return Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans + ScaledTranslation(0, 1, axes.transAxes)


def _cell(column, line):
    """Corner, width and height of a letter's place, in points."""
    return (0.602 * LETTER * column, -LINE * (line + 1)), 0.602 * LETTER, LINE                   # 0.602: this font's width


def so_far(picture, given, drawn, *, truth=None, title="so far", figure=None):
    """A picture (3, H, W) told pixel by pixel, of which `given` were given and then `drawn` drawn → Figure; the rest is pale.

    truth: the picture (3, H, W) that the given pixels are from, to stand beside it. A line parts given from drawn, the next
    pixel is framed.
    """
    picture = as_float(torch.as_tensor(picture)).detach().cpu()
    height, width = picture.shape[-2:]
    shown = np.array(pixels(picture[None])[0])                     # (H, W, 3)
    told = np.arange(height * width).reshape(height, width) < given + drawn
    shown[~told] = np.array([0.925, 0.933, 0.945])
    figure = new(figure, (2.8 if truth is None else 5.4, 2.8))
    panels = figure.subplots(1, 1 if truth is None else 2, squeeze=False)[0]
    bare(panels[-1]).imshow(shown, interpolation="nearest")
    if truth is not None:
        bare(panels[0]).imshow(pixels(torch.as_tensor(truth)[None])[0], interpolation="nearest")
        panels[0].set_title("the truth", fontsize=10)
    if 0 < given < height * width:
        row, column = divmod(given, width)
        for axes in panels:
            axes.plot([-0.5, column - 0.5, column - 0.5, width - 0.5], [row + 0.5 if column else row - 0.5] * 2 + [row - 0.5] * 2,
                      color="white", linewidth=1.2)
    if given + drawn < height * width:
        row, column = divmod(given + drawn, width)
        panels[-1].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=WRONG, linewidth=2, zorder=5))
    for axes in panels:
        axes.set(xlim=(-0.7, width - 0.3), ylim=(height - 0.3, -0.7))
    panels[-1].set_title(title, fontsize=10)
    return figure


def wave_so_far(samples, drawn, rate, *, title="so far", figure=None):
    """A wave (T,) in [-1, 1] of which the first `drawn` samples are told → Figure: the rest is left free; the latest is marked."""
    samples = np.asarray(torch.as_tensor(samples).detach().cpu(), dtype=float)
    figure = new(figure, (5.4, 2.6))
    axes, times = figure.subplots(), np.arange(len(samples)) / rate * 1000
    axes.plot(times[:drawn], samples[:drawn], color=INK, linewidth=1)
    if 0 < drawn:
        axes.plot(times[drawn - 1], samples[drawn - 1], "o", color=RIGHT, markersize=5)
    if drawn < len(samples):
        axes.axvline(times[drawn], color=WRONG, linewidth=1.2)
    loudest = max(float(np.abs(samples).max()), 0.05)
    axes.set(xlim=(0, times[-1]), ylim=(-1.05 * loudest, 1.05 * loudest))
    axes.set_xlabel("ms", fontsize=9, color=INK)
    axes.set_ylabel("amplitude", fontsize=9, color=INK)
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    quiet(axes)
    return figure


def waves(waves, rate, titles=(), *, figure=None):
    """Waves (n, T) in [-1, 1], samples a second → Figure: each above its spectrogram, decibels below its loudest."""
    waves = torch.as_tensor(waves).detach().float().cpu()
    if waves.ndim != 2 or waves.shape[1] < 64:
        raise ValueError(f"waves of shape {tuple(waves.shape)}: want (n, T), at least 64 samples each")
    number, long = waves.shape
    size = max(64, min(256, 2 ** int(math.log2(long / 4))))        # samples a window: 32 ms of 8 kHz, fewer of short sounds
    power = torch.stft(waves, size, size // 8, window=torch.hann_window(size), return_complex=True).abs().square()
    level = 10 * (power / power.amax((1, 2), keepdim=True).clamp_min(1e-12) + 1e-8).log10()      # (n, frequencies, frames)
    figure = new(figure, (min(10, 0.6 + 2.3 * number), 3.4))
    panels = figure.subplots(2, number, squeeze=False, sharex="col", sharey="row", height_ratios=(1, 1.7))
    times = np.arange(long) / rate * 1000
    for column, (upper, lower) in enumerate(panels.T):
        upper.plot(times, waves[column].numpy(), color=RIGHT, linewidth=0.6)
        lower.imshow(level[column].numpy(), origin="lower", aspect="auto", cmap="magma", vmin=-60, vmax=0, interpolation="nearest",
                     extent=(0, times[-1], 0, rate / 2000))
        upper.set_title(titles[column] if column < len(titles) else "", fontsize=10)
        upper.tick_params(length=0, labelsize=8)
        upper.spines[["top", "right", "bottom"]].set_visible(False)
        upper.spines["left"].set_color(GREY)
        lower.tick_params(labelsize=8, color=GREY)
        lower.spines[:].set_visible(False)
        lower.set_xlabel("ms", fontsize=9, color=INK)
    loudest = max(float(waves.abs().max()), 1e-3)
    panels[0, 0].set_ylim(-1.05 * loudest, 1.05 * loudest)
    panels[0, 0].set_ylabel("amplitude", fontsize=9, color=INK)
    panels[1, 0].set_ylabel("kHz", fontsize=9, color=INK)
    return figure


def listen(waves, rate, titles=()):
    """Waves (n, T), or one (T,), in [-1, 1] → IPython HTML: a player for each. The sound is within the page, as 16-bit WAV."""
    from IPython.display import HTML

    waves = torch.as_tensor(waves).detach().float().cpu()
    waves = waves[None] if waves.ndim == 1 else waves
    if not torch.isfinite(waves).all():
        raise ValueError("waves hold NaN or infinity: want finite samples in [-1, 1]")
    players = []
    for number, samples in enumerate(waves):
        title = f'<div style="font-size:90%; color:{INK}">{html.escape(titles[number])}</div>' if number < len(titles) else ""
        source = base64.b64encode(_wav(samples, rate)).decode()
        players.append(f'<div style="display:inline-block; margin:2px 10px 2px 0">{title}<audio controls '
                       f'style="width:210px; height:34px" src="data:audio/wav;base64,{source}"></audio></div>')
    return HTML(f'<div>{"".join(players)}</div>')


def _wav(samples, rate):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes((samples.clamp(-1, 1) * 32767).round().to(torch.int16).numpy().astype("<i2").tobytes())
    return stream.getvalue()


def sensitivity(encoder, shape, place, *, number=8, seed=0):
    """How much each element of a sample has a say in the features of one place → float (*shape), 0 where it has none.

    encoder: with an embedding `embed` and `features`, such as PixelCNN, GPT, WaveNet. shape: of one sample, (H, W) or (T,). place:
    (row, column), or a number in raster order. It is the gradient's size at the embedded elements, root mean square over `number`
    random samples, along a random direction of the features each; in double precision, so that 0 is 0. The largest is 1.
    """
    shape = tuple(shape)
    place = tuple(map(int, np.unravel_index(place, shape))) if isinstance(place, int) else tuple(place)
    if len(place) != len(shape) or not all(0 <= index < size for index, size in zip(place, shape)):
        raise ValueError(f"place={place}: no place of samples {shape}")
    network, kept = copy.deepcopy(encoder).cpu().double().eval(), []
    network.embed.register_forward_hook(lambda module, inputs, output: kept.append(output.detach().requires_grad_()) or kept[-1])
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(network.vocabulary, (number, *shape), generator=generator)
    with torch.enable_grad():
        features = network.features(tokens)[(slice(None), slice(None), *place)]                   # (number, dim)
        toward = torch.randn(features.shape, generator=generator, dtype=torch.float64)
        slope, = torch.autograd.grad((features * toward).sum(), kept[0])                           # (number, …, dim)
    sizes = slope.square().sum(-1).mean(0).sqrt().view(shape).float()
    return sizes / sizes.max().clamp_min(1e-30)


def reach(weights, place, *, title="", figure=None):
    """Weights (H, W), or (T,), and a place (row, column), or a number → Figure: which elements have a say in it (`sensitivity`).

    What has a say is blue, the stronger the darker; what came before and yet has none is vermilion: a blind spot, or out of reach.
    What is still to come is hatched, the element itself framed.
    """
    weights = np.asarray(torch.as_tensor(weights).detach().cpu(), dtype=float)
    line = weights.ndim == 1
    place = int(place) if line else tuple(place) if not isinstance(place, int) else divmod(place, weights.shape[1])
    weights, (row, column) = np.atleast_2d(weights), (0, place) if line else place
    height, width = weights.shape
    past = np.arange(height * width).reshape(height, width) < row * width + column
    magnitudes = np.log10(np.maximum(weights / max(weights.max(), 1e-30), 1e-4))                 # (H, W), −4 to 0
    strength = 0.18 + 0.82 * (magnitudes / 4 + 1)
    shown = np.ones((height, width, 3))
    blue, blind = np.array(pale(RIGHT, 0)), np.array(pale(WRONG, 0.45))
    seen = weights > 0
    shown[seen] = 1 - strength[seen][:, None] * (1 - blue)
    shown[past & ~seen] = blind
    figure = new(figure, (9, 1.1) if line else (3.4, 3.7))
    axes = bare(figure.subplots())
    axes.imshow(shown, interpolation="nearest", aspect="auto" if line else "equal")
    look = {"facecolor": "none", "edgecolor": "#C4C9D0", "hatch": "////", "linewidth": 0}
    axes.add_patch(Rectangle((column + 0.5, row - 0.5), width - column - 1, 1, **look))
    axes.add_patch(Rectangle((-0.5, row + 0.5), width, height - row - 1, **look))
    if not line:
        upright = [[(edge - 0.5, -0.5), (edge - 0.5, height - 0.5)] for edge in range(width + 1)]
        level = [[(-0.5, edge - 0.5), (width - 0.5, edge - 0.5)] for edge in range(height + 1)]
        axes.add_collection(LineCollection(upright + level, colors="white", linewidths=0.5))
    inside = "none" if seen[row, column] else "white"
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=inside, edgecolor=INK, linewidth=2, zorder=5))
    axes.set(xlim=(-0.7, width - 0.3), ylim=(height - 0.4, -0.6))
    if title:
        axes.set_title(title, fontsize=10)
    keys = [Rectangle((0, 0), 1, 1, facecolor=RIGHT), *([Rectangle((0, 0), 1, 1, facecolor=blind)] if (past & ~seen).any() else []),
            Rectangle((0, 0), 1, 1, **look)]
    names = ["has a say", *(["none, though before"] if (past & ~seen).any() else []), "to come"]
    figure.legend(keys, names, loc="outside lower center", ncols=len(keys), frameon=False, fontsize=8, handlelength=1.2,
                  handleheight=1, columnspacing=1)
    return figure


def series(values, names=(), *, faults=None, alarms=None, told=None, start=0, figure=None):
    """Values (C, T) → Figure: a panel a channel, one above the other.

    faults: bool (T,), or [(kind, start, stop), …], shaded, the kinds named above. alarms: bool (T,), a band below. told: (C, T),
    what was forecast, NaN where nothing was, drawn over the values. start: the number of the first moment; a list counts from 0.
    """
    values = _rows(values, "values")
    told = None if told is None else _rows(told, "told")
    if told is not None and told.shape != values.shape:
        raise ValueError(f"told {told.shape} and values {values.shape}: want the same, NaN where nothing was forecast")
    figure = new(figure, (9.2, 0.5 + 1.05 * len(values) + 0.3 * (alarms is not None)))
    times, panels, below = _panels(figure, values.shape, start, alarms)
    for channel, (axes, colour) in enumerate(zip(panels, CHANNELS * len(panels))):
        axes.plot(times, values[channel], color=INK if told is not None else colour, linewidth=0.9, label="measured")
        if told is not None:
            axes.plot(times, told[channel], color=WRONG, linewidth=1.1, label="forecast")
        _name(axes, names, channel)
    if told is not None:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    _shade(panels, faults, times)
    _ring(below, alarms, times)
    return figure


def surprise(errors, limits=None, faults=None, *, names=(), alarms=None, start=0, figure=None):
    """Squared errors (C, T) of a forecast, limits (C,) → Figure: a panel a channel, logarithmic, vermilion above the limit.

    faults, alarms, start: as for `series`. Moments of error 0, of which there was no forecast, are left out.
    """
    errors = _rows(errors, "errors")
    figure = new(figure, (9.2, 0.5 + 1.05 * len(errors) + 0.3 * (alarms is not None)))
    times, panels, below = _panels(figure, errors.shape, start, alarms)
    for channel, axes in enumerate(panels):
        row = np.where(errors[channel] > 0, errors[channel], np.nan)
        axes.plot(times, row, color=GREY, linewidth=0.8)
        if limits is not None:
            limit = float(limits[channel])
            axes.plot(times, np.where(row > limit, row, np.nan), ".-", markersize=3, color=WRONG, linewidth=1.2)
            axes.axhline(limit, color=INK, linewidth=0.8, linestyle="--")
        if np.isfinite(row).any():
            low, high = np.nanquantile(row, 0.02), np.nanmax(row)
            axes.set(yscale="log", ylim=(low / 1.5, max(high, 2 * low, 1e-12 if limits is None else limit) * 2))
        _name(axes, names, channel)
        axes.minorticks_off()
    _shade(panels, faults, times)
    _ring(below, alarms, times)
    return figure


def _rows(values, name):
    values = np.asarray(torch.as_tensor(values).detach().cpu(), dtype=float)
    if values.ndim != 2:
        raise ValueError(f"{name} of shape {values.shape}: want (channels, T)")
    return values


def _panels(figure, shape, start, alarms):
    """→ the moments (T,), an axes for each channel, and one for the alarms, or None."""
    channels, long = shape
    ratios = [1] * channels + [0.22] * (alarms is not None)
    every = figure.subplots(len(ratios), 1, squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    for axes in every:
        quiet(axes)
        axes.tick_params(labelsize=8)
        axes.set_xlim(start, start + max(long - 1, 1))
    for axes in every[:-1]:
        axes.tick_params(bottom=False)
        axes.spines["bottom"].set_visible(False)
    every[-1].set_xlabel("moment", fontsize=9, color=INK)
    return start + np.arange(long), every[:channels], every[-1] if alarms is not None else None


def _name(axes, names, channel):
    name = names[channel] if channel < len(names) else f"channel {channel}"
    axes.set_ylabel(name, fontsize=9, color=INK, rotation=0, ha="right", va="center")
    if axes.get_yscale() == "linear":
        axes.locator_params(axis="y", nbins=3)


def _shade(panels, faults, times):
    """Behind every channel; the kinds above the first."""
    if faults is None:
        return
    flags = None if isinstance(faults, (list, tuple)) else np.asarray(torch.as_tensor(faults).cpu(), dtype=bool)
    stretches = faults if flags is None else [("", first + times[0], stop + times[0]) for first, stop in _stretches(flags)]
    for kind, first, stop in stretches:
        if stop <= times[0] or first > times[-1]:
            continue
        for axes in panels:
            axes.axvspan(first, stop, facecolor=pale(WRONG, 0.75), edgecolor="none", zorder=0)
        if kind:
            middle = (max(first, times[0]) + min(stop, times[-1])) / 2
            panels[0].annotate(kind, (middle, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
                               ha="center", va="bottom", fontsize=8, color=WRONG)


def _ring(axes, alarms, times):
    if axes is None:
        return
    for first, stop in _stretches(np.asarray(torch.as_tensor(alarms).cpu(), dtype=bool)):
        axes.axvspan(first + times[0], stop + times[0], facecolor=RIGHT, edgecolor=RIGHT, linewidth=1)
    axes.set(yticks=[], ylim=(0, 1))
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("alarms", fontsize=9, color=RIGHT, rotation=0, ha="right", va="center")


def _stretches(flags):
    """bool (T,) → [(start, stop), …] of those that are True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def tokens_map(tokens, pictures, painted=None, *, titles=("pictures", "their words", "painted from them"), figure=None):
    """Maps of words (B, h, w), the pictures (B, 3, H, W) that they tell, and pictures painted from them → Figure, a column each.

    A word has one colour throughout, which says nothing but which word it is. pictures: None where there are none.
    """
    tokens = torch.as_tensor(tokens).cpu()
    if tokens.ndim != 3:
        raise ValueError(f"tokens of shape {tuple(tokens.shape)}: want maps of words (B, h, w)")
    # Hues a golden section apart: neighbours in the book, and any few words, look different.
    colours = np.array([colorsys.hsv_to_rgb(0.618034 * word % 1, (0.45, 0.75, 0.6)[word % 3], (0.95, 0.85, 0.65)[word // 3 % 3])
                        for word in range(int(tokens.max()) + 1)])
    rows = [(titles[1], colours[tokens.numpy()])]
    if pictures is not None:
        rows.insert(0, (titles[0], pixels(pictures)))
    if painted is not None:
        rows.append((titles[2], pixels(painted)))
    side = min(1.3, 9 / len(tokens))
    figure = new(figure, (side * len(tokens) + 0.5, 1.03 * side * len(rows)))
    for axes, (title, images) in zip(figure.subplots(len(rows), len(tokens), squeeze=False), rows):
        for one, image in zip(axes, images):
            bare(one).imshow(image, interpolation="nearest")
        axes[0].set_ylabel(title, fontsize=9, color=INK)
    return figure


def _chances(probabilities):
    chances = np.asarray(torch.as_tensor(probabilities).detach().cpu(), dtype=float)
    if chances.ndim != 1 or not np.isfinite(chances).all() or abs(chances.sum() - 1) > 1e-3:
        raise ValueError(f"probabilities {chances.shape} with sum {chances.sum():.4g}: want (V,), finite, with sum 1")
    return chances


def percent(chance):
    """A probability in words."""
    if chance >= 0.0995:
        return f"{100 * chance:.0f} %"
    return f"{100 * chance:.1f} %" if chance >= 0.0005 else "< 0.1 %" if chance > 0 else "0"
