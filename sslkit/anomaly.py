"""Faults without labels: a machine is forecast from its past, and where the forecast goes wrong, something has changed."""

import torch
from torch.nn import functional as F

from .train import choose_device


def surprise(task, values, past, *, smooth=1, batch_size=500, device=None):
    """How wrong the forecast is at each moment: series (channels, T) → (channels, T), squared errors, 0 where there was no past yet.

    task: a trained `Forecast` of the future, of which the first step is used. past: how many steps it is shown. smooth: errors
    are averaged over so many moments up to this one. Raises ValueError for series that are shorter than the past.
    """
    if values.shape[1] <= past:
        raise ValueError(f"a series of {values.shape[1]} steps: want more than the {past} that the forecast is shown")
    device = choose_device(device)
    windows = values.unfold(1, past, 1).transpose(0, 1)[:-1]                               # (T − past, channels, past)
    task.to(device).eval()
    with torch.no_grad():
        told = torch.cat([task(few.to(device)).float()[:, :, 0].cpu() for few in windows.split(batch_size)])
    errors = (told.T - values[:, past:]).square()                                          # (channels, T − past)
    errors = F.pad(errors, (past, 0))                                                      # (channels, T)
    return F.avg_pool1d(F.pad(errors, (smooth - 1, 0))[:, None], smooth, 1)[:, 0]


def threshold(healthy, share=0.999):
    """Surprise (channels, T) of a time without faults → (channels,): what only 1 − share of its moments exceed."""
    return healthy.quantile(share, dim=1)


def alarms(surprised, limits, *, hold=1):
    """Surprise (channels, T), limits (channels,) → bool (T,): any channel above its limit, and for `hold` moments afterwards."""
    above = (surprised > limits[:, None]).any(0).float()[None]
    return F.max_pool1d(F.pad(above, (hold - 1, 0)), hold, 1)[0].bool() if hold > 1 else above[0].bool()


def events(flags):
    """bool (T,) → [(start, stop), …], the stretches that are True."""
    edges = torch.diff(F.pad(flags.to(torch.int8), (1, 1)).int()).nonzero().flatten().tolist()
    return list(zip(edges[::2], edges[1::2]))


def precision_recall(alarmed, faults, *, late=0):
    """Alarms and true faults, bool (T,) each → {"precision", "recall", "found", "faults", "alarms"}, counted in events.

    A fault counts as found where an alarm begins or lasts within it, or up to `late` moments after its end; an alarm as right
    where it touches such a stretch. Without an alarm precision is 1: nothing false was said.
    """
    stretches = [(start, stop + late) for start, stop in events(faults)]
    rung = events(alarmed)
    touches = lambda one, other: one[0] < other[1] and other[0] < one[1]
    found = sum(any(touches(fault, alarm) for alarm in rung) for fault in stretches)
    right = sum(any(touches(fault, alarm) for fault in stretches) for alarm in rung)
    return {"precision": right / len(rung) if rung else 1.0, "recall": found / len(stretches) if stretches else 1.0,
            "found": found, "faults": len(stretches), "alarms": len(rung)}
