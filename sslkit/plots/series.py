"""Series of several channels over time, with forecasts, surprise, faults and alarms."""

import numpy as np
import torch

from .look import GREY, INK, RIGHT, WRONG, new, pale, quiet

CHANNELS = ("#0072B2", "#009E73", "#CC79A7", "#B58900", "#8C6BB1", "#56B4E9")


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
