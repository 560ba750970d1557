"""Series with no download: a machine that the kit makes up, with faults planted in it. And a CSV file of the reader's own."""

import csv as tables
import math
import warnings
from typing import NamedTuple

import torch

from .dataset import seed_for

KINDS = ("frozen sensor", "noise burst", "drift", "cooling failure", "worn bearing")
SENSORS = ("load (%)", "temperature (°C)", "vibration (mm/s)", "current (A)")


class Series(NamedTuple):
    """values: float32 (channels, T). names: of the channels. faults: bool (T,). kinds: [(kind, start, stop), …] of the faults."""

    values: torch.Tensor
    names: tuple
    faults: torch.Tensor
    kinds: list


def machine(steps=8000, faults=0, *, seed=0):
    """Four sensors of a machine, one reading a minute → Series. faults: how many stretches of it are not as they should be.

    Load follows the shift and the jobs; temperature follows load, slowly; vibration and current follow it at once. Faults are
    of the five `KINDS`, in turn, 60 to 160 minutes long, at least 200 apart. Raises ValueError where so many do not fit, and for
    fewer than one step.
    """
    if steps < 1 or faults < 0:
        raise ValueError(f"steps={steps}, faults={faults}: want at least one step, and no fewer than no faults")
    generator = torch.Generator().manual_seed(seed_for(seed, "machine"))
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    time = torch.arange(steps, dtype=torch.float64)
    day = torch.sin(2 * math.pi * time / 480)                                              # a shift of eight hours
    jobs = torch.repeat_interleave(normal(steps // 40 + 1).double(), 40)[:steps]           # a new job every forty minutes
    load = _lag(55 + 18 * day + 10 * jobs, 6.0).clamp(5, 100) + 0.5 * normal(steps)
    planted = _plant(steps, faults, generator)
    cooling, wear = torch.ones_like(time), torch.zeros_like(time)
    for kind, start, stop in planted:
        if kind == "cooling failure":
            cooling[start:stop] = 0.45
        if kind == "worn bearing":
            wear[start:stop] = 1.0
    heat = _lag(load / cooling, 45.0)                              # minutes until two thirds of a change are there
    temperature = 22 + 3 * torch.sin(2 * math.pi * time / 1440) + 0.6 * heat + 0.25 * normal(steps)
    vibration = 1.2 + 0.025 * load + 0.15 * normal(steps) + 0.6 * wear * torch.sin(2 * math.pi * time / 7).clamp_min(-0.2)
    current = 4 + 0.11 * load + 0.25 * normal(steps)
    values = torch.stack([load, temperature, vibration, current])                          # (4, T)
    for number, (kind, start, stop) in enumerate(planted):
        row, length = number % 4, stop - start
        if kind == "frozen sensor":
            values[row, start:stop] = values[row, start]
        if kind == "noise burst":
            values[row, start:stop] += 2.5 * _step(values[row]) * normal(length)
        if kind == "drift":
            values[row, start:stop] += torch.linspace(0, 1, length) * 1.2 * values[row].std()
    flags = torch.zeros(steps, dtype=torch.bool)
    for _, start, stop in planted:
        flags[start:stop] = True
    return Series(values.float(), SENSORS, flags, planted)


def csv(path):
    """A table of the reader's own, one row a moment, with a header → Series.

    Columns of numbers are channels; a first column that holds none (dates, say) is left out, with a warning; a column "fault" or
    "anomaly" of 0 and 1 says where something is known to be wrong. Raises ValueError for what is missing or no number, naming line
    and column.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = tables.reader(file)
            rows = [(reader.line_num, row) for row in reader if row]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 (byte {error.start}): export the table as CSV in UTF-8") from error
    if len(rows) < 3:
        raise ValueError(f"{path} has {max(0, len(rows) - 1)} rows under its header, want at least 2")
    header, rows = [name.strip() for name in rows[0][1]], rows[1:]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise ValueError(f"{path} has no commas in its header {header[0]!r}: want columns divided by commas, and decimal points")
    first = int(all(_number(row[0]) is None for _, row in rows))
    if first:
        warnings.warn(f"{path}: left out the first column, {header[0]!r}, which holds no numbers", stacklevel=2)
    columns = []
    for number, row in rows:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {number}: {len(row)} values, want {len(header)} as in the header")
        found = [_number(cell) for cell in row[first:]]
        if None in found:
            column = found.index(None) + first
            raise ValueError(f"{path}, line {number}, column {header[column]}: {row[column]!r} is no finite number; fill the gap, "
                             f"or leave the row or the column out")
        columns.append(found)
    values, names = torch.tensor(columns).T, header[first:]                                # (columns, T)
    known = next((index for index, name in enumerate(names) if name.lower() in ("fault", "anomaly")), None)
    if known is not None and not ((values[known] == 0) | (values[known] == 1)).all():
        raise ValueError(f"{path}, column {names[known]}: want 0 where all is well, and 1 where something is wrong")
    flags = torch.zeros(values.shape[1], dtype=torch.bool) if known is None else values[known] == 1
    kept = [index for index in range(len(names)) if index != known]
    if not kept:
        raise ValueError(f"{path} has no column of numbers to look at, only {', '.join(header)}")
    return Series(values[kept].contiguous(), tuple(names[index] for index in kept), flags, [])


def standardise(values, like):
    """Series (channels, T) → less the mean of `like` (channels, T), divided by its deviation, channel by channel.

    Raises ValueError for channels of `like` that never change.
    """
    mean, deviation = like.mean(1, keepdim=True), like.std(1, keepdim=True)
    still = (like.amax(1) == like.amin(1)).nonzero().flatten().tolist()        # a deviation has errors of rounding
    if still:
        raise ValueError(f"channels {still} never change: leave them out")
    return (values - mean) / deviation


def windows(values, length, stride=1):
    """Series (channels, T) → (N, channels, length), each `stride` after the one before.

    Raises ValueError where the series is shorter than a window, and for NaN, naming channel and time.
    """
    if values.ndim != 2 or values.shape[1] < length:
        raise ValueError(f"a series {tuple(values.shape)}: want (channels, T) with T at least {length}, the length of a window")
    bad = (~torch.isfinite(values)).nonzero()
    if len(bad):
        raise ValueError(f"{len(bad)} values are not finite, the first in channel {int(bad[0, 0])} at time {int(bad[0, 1])}: fill "
                         f"the gap, or cut the series there")
    return values.unfold(1, length, stride).transpose(0, 1).contiguous()


def _plant(steps, number, generator, shortest=60, longest=160, apart=200):
    """→ [(kind, start, stop), …], one in each of `number` equal parts of the time after the first 300 minutes."""
    part = (steps - 300) // max(1, number)
    if number and part < longest + apart:
        raise ValueError(f"faults={number} in {steps} minutes: want at least {longest + apart} minutes for each, after the "
                         f"first 300")
    lengths = torch.randint(shortest, longest + 1, (number,), generator=generator).tolist()
    shares = torch.rand(number, generator=generator).tolist()
    starts = [300 + index * part + int(share * (part - length - apart))
              for index, (share, length) in enumerate(zip(shares, lengths))]
    return [(KINDS[index % len(KINDS)], start, start + length) for index, (start, length) in enumerate(zip(starts, lengths))]


def _lag(values, minutes):
    """What follows slowly (T,): y ← y + (x − y) / minutes, as a filter of first order."""
    from scipy.signal import lfilter

    keep = 1 - 1 / minutes
    start = [keep * float(values[0])]
    return torch.from_numpy(lfilter([1 - keep], [1, -keep], values.numpy(), zi=start)[0])


def _step(values):
    """How much a channel usually changes from one reading to the next."""
    return values.diff().std()


def _number(cell):
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
