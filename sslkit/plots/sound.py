"""Sounds: the wave, its spectrogram, a player; and a wave told sample by sample."""

import base64
import io
import math
import wave

import numpy as np
import torch

from ..markup import safe
from .look import GREY, INK, RIGHT, WRONG, measures, new


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
    axes.set_title(title, fontsize=10)
    measures(axes, "ms", "amplitude")
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
        title = f'<div style="font-size:90%; color:{INK}">{safe(titles[number])}</div>' if number < len(titles) else ""
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
