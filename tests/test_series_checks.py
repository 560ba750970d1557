"""The checks of the lesson on series pass what is right, in any way of writing it, and name each mistake."""

import re

import pytest
import torch

from sslkit import checks
from sslkit.data import series


def past_only(values, split):
    return series.standardise(values, like=values[:, :split])


def by_population(values, split):
    mean = values[:, :split].mean(1, keepdim=True)
    return (values - mean) / (values[:, :split] - mean).square().mean(1, keepdim=True).sqrt()


def row_by_row(values, split):
    return torch.stack([(row - row[:split].mean()) / row[:split].std() for row in values])


def not_written(*_):
    raise NotImplementedError


@pytest.mark.parametrize("function", [past_only, by_population, row_by_row])
def test_standardised_passes_what_is_right(function):
    assert checks.standardised(function).right, checks.standardised(function)


def scaled(values, part):
    return (values - part.mean(1, keepdim=True)) / part.std(1, keepdim=True)


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"),
    (lambda v, s: None, "returns nothing"),
    (lambda v, s: v.nothing, "raised AttributeError"),
    (lambda v, s: [v], "got list"),
    (lambda v, s: past_only(v, s)[:, :s], "want all moments back"),
    (lambda v, s: series.standardise(v, like=v), "the future leaks"),
    (lambda v, s: (v - v.mean(1, keepdim=True)) / v.std(1, keepdim=True, unbiased=False), "the future leaks"),
    (lambda v, s: scaled(v, v[:, s:]), "after the split"),
    (lambda v, s: torch.cat([scaled(v[:, :s], v[:, :s]), scaled(v[:, s:], v[:, s:])], 1), "each part has its own"),
    (lambda v, s: past_only(v, s + 1), "one moment too many"),
    (lambda v, s: past_only(v, s - 1), "one moment too few"),
    (lambda v, s: (v - v[:, :s].mean()) / v[:, :s].std(), "for all channels"),
    (lambda v, s: (v - v.mean(0)) / v.std(0), "over the channels"),
    (lambda v, s: v - v[:, :s].mean(1, keepdim=True), "nothing is divided"),
    (lambda v, s: v / v[:, :s].std(1, keepdim=True), "mean was not taken away"),
    (lambda v, s: (v - v[:, :s].mean(1, keepdim=True)) / v[:, :s].var(1, keepdim=True), "variance"),
    (lambda v, s: 2 * past_only(v, s), "numbers are not"),
])
def test_standardised_names_the_mistake(function, says):
    verdict = checks.standardised(function)
    assert not verdict.right and re.search(says, verdict.says), verdict


def unfolded(values, past, horizon):
    both = values.unfold(1, past + horizon, 1).transpose(0, 1)
    return both[..., :past], both[..., past:]


def one_by_one(values, past, horizon, *, gap=0, step=1, fewer=0):
    starts = range(0, values.shape[1] - past - horizon + 1 - max(gap, 0) - fewer, step)
    return (torch.stack([values[:, i:i + past] for i in starts]),
            torch.stack([values[:, i + past + gap:i + past + gap + horizon] for i in starts]))


@pytest.mark.parametrize("function", [unfolded, one_by_one, lambda v, p, h: list(unfolded(v, p, h))])
def test_forecast_windows_passes_what_is_right(function):
    assert checks.forecast_windows(function).right, checks.forecast_windows(function)


def changed(known=lambda x: x, told=lambda x: x):
    def function(values, past, horizon):
        first, second = unfolded(values, past, horizon)
        return known(first), told(second)
    return function


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"),
    (lambda v, p, h: unfolded(v, p, h)[0], "return two tensors"),
    (changed(known=lambda x: x[0]), r"want \(N, C, past\)"),
    (changed(told=lambda x: x[1:]), "each needs its other half"),
    (changed(known=lambda x: x.mT, told=lambda x: x.mT), "time and channels are swapped"),
    (lambda v, p, h: unfolded(v, p, h)[::-1], "the two are swapped"),
    (lambda v, p, h: unfolded(v, p + 1, h), r"want \(N, 2, 6\)"),
    (lambda v, p, h: one_by_one(v, p, h, gap=-1), "overlap"),
    (lambda v, p, h: one_by_one(v, p, h, gap=1), "off by one"),
    (changed(told=lambda x: x.flip(2)), "last moment first"),
    (lambda v, p, h: (unfolded(v, p, h)[0], unfolded(v, p, h)[0][..., :h]), "the beginning of what is known"),
    (lambda v, p, h: one_by_one(v, p, h, step=p), "begins where the one before ended"),
    (lambda v, p, h: one_by_one(v, p, h, fewer=1), "the last one is missing"),
    (lambda v, p, h: one_by_one(v, p, h, fewer=3), "9 windows of 20|9 windows"),
    (changed(known=lambda x: x.flip(2)), "numbers are not"),
])
def test_forecast_windows_names_the_mistake(function, says):
    verdict = checks.forecast_windows(function)
    assert not verdict.right and re.search(says, verdict.says), verdict
