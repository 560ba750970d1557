"""Checks of the exercises on series."""

import torch

from .verdict import Verdict, answer_of, not_real, not_two_tensors


def standardised(function):
    """Checks function(values (C, T), split) → (C, T): each channel less its mean and divided by its deviation, both taken of the
    moments before `split` alone."""
    values, split = _series(3, 40), 25
    values[:, split:] = 3 * values[:, split:] + 5                  # the future differs, so that whoever looks at it is seen
    answer, verdict = answer_of(function, values, split)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor):
        return Verdict(False, f"got {type(answer).__name__}, want one tensor (C, T)")
    if tuple(answer.shape) != tuple(values.shape):
        return Verdict(False, f"a series (3, 40) gave {tuple(answer.shape)}: want all moments back, those from `split` on too")
    verdict = not_real(answer, "the series that came back")
    if verdict:
        return verdict
    answer = answer.detach().float()
    past, future = values[:, :split], values[:, split:]
    of = lambda part, values=values: (values - part.mean(1, keepdim=True)) / part.std(1, keepdim=True)
    mean, deviation = past.mean(1, keepdim=True), past.std(1, keepdim=True)
    population = lambda part: (values - part.mean(1, keepdim=True)) / part.std(1, keepdim=True, unbiased=False)
    mistakes = (
        (of(values), "mean and deviation are those of the whole series: the future leaks into what you train on. Take them of values[:, :split]"),
        (population(values), "mean and deviation are those of the whole series: the future leaks into what you train on. Take them of "
                             "values[:, :split]"),
        (of(future), "mean and deviation are those of the moments after the split: it is the past that is known"),
        (torch.cat([of(past, past), of(future, future)], 1), "each part has its own mean and deviation: a level that is new in the future is "
                                                             "removed by that, and a fault with it. Use those of the past for both"),
        (of(values[:, :split + 1]), "one moment too many: values[:, :split] ends before `split`, you took the moment itself too"),
        (of(values[:, :split - 1]), "one moment too few: values[:, :split] has `split` moments"),
        ((values - past.mean()) / past.std(), "one mean and one deviation for all channels: take them channel by channel (dim=1, keepdim=True)"),
        ((values - values.mean(0)) / values.std(0), "mean and deviation run over the channels (dim=0): take them over time (dim=1)"),
        (values - mean, "the mean is taken away, but nothing is divided by the deviation"),
        (values / deviation, "the deviation is right, but the mean was not taken away"),
        ((values - mean) / past.var(1, keepdim=True), "divided by the variance: take its root, the standard deviation"))
    for mistaken, says in mistakes:
        if torch.allclose(answer, mistaken, rtol=1e-4, atol=1e-5):
            return Verdict(False, says)
    if not any(torch.allclose(answer, right, rtol=1e-4, atol=1e-5) for right in (of(past), population(past))):
        return Verdict(False, "the shape is right, the numbers are not: the moments before `split` should come out with mean 0 and deviation 1 in "
                              "each channel")
    return Verdict(True, "right: nothing of the future is in it")


def forecast_windows(function):
    """Checks function(values (C, T), past, horizon) → known (N, C, past), told (N, C, horizon): a window at each moment that has both."""
    values, past, horizon = _series(2, 20), 6, 3
    answer, verdict = answer_of(function, values, past, horizon)
    verdict = verdict or not_two_tensors(answer, "known (N, C, past) and told (N, C, horizon)")
    if verdict:
        return verdict
    verdict = not_real(answer[0], "what is known") or not_real(answer[1], "what is to be told")
    if verdict:
        return verdict
    known, told = (part.detach().float() for part in answer)
    number = values.shape[1] - past - horizon + 1                  # 12
    sizes = tuple(known.shape), tuple(told.shape)
    cut = lambda start, length, many=number: torch.stack([values[:, index + start:index + start + length] for index in range(many)])
    if known.ndim != 3 or told.ndim != 3:
        return Verdict(False, f"shapes {sizes[0]} and {sizes[1]}: want (N, C, past) and (N, C, horizon)")
    if len(known) != len(told):
        return Verdict(False, f"{len(known)} windows are known and {len(told)} are to be told: each needs its other half")
    if sizes[0][1:] == (past, 2) or sizes[1][1:] == (horizon, 2):
        return Verdict(False, "time and channels are swapped: want (N, C, past), channels first, as Conv1d takes them")
    if sizes[0][1:] == (2, horizon) and sizes[1][1:] == (2, past):
        return Verdict(False, "the two are swapped: return what is known first, and then what is to be told")
    if sizes[0][1:] != (2, past) or sizes[1][1:] != (2, horizon):
        return Verdict(False, f"shapes {sizes[0]} and {sizes[1]}: want (N, 2, {past}) and (N, 2, {horizon})")
    many = min(len(known), number)
    if many and torch.equal(known[:many], cut(0, past, many)):
        for shift, says in ((-1, "overlap: the first moment to be told is the last one known, so that repeating it looks like a forecast. Start at "
                                 "index + past"),
                            (1, "a moment is left out between what is known and what is to be told: off by one. Start at index + past")):
            try:
                if torch.equal(told[:many - 1], cut(past + shift, horizon, many - 1)):
                    return Verdict(False, says)
            except RuntimeError:                                   # such windows would run over the end
                continue
        if torch.equal(told[:many], cut(past, horizon, many).flip(2)):
            return Verdict(False, "what is to be told comes last moment first")
        if torch.equal(told[:many], cut(0, horizon, many)):
            return Verdict(False, "what is to be told is the beginning of what is known: it should begin where that ends, at index + past")
    if len(known) < number and many and torch.equal(known, cut(0, past, number)[::past][:len(known)]):
        return Verdict(False, f"each window begins where the one before ended: {len(known)} windows, want {number}, one at each moment")
    if len(known) == number - 1:
        return Verdict(False, f"{len(known)} windows, want {number}: the last one is missing, T − past − horizon + 1 have both halves")
    if len(known) != number:
        return Verdict(False, f"{len(known)} windows of 20 moments, 6 known and 3 to be told: want {number}, T − past − horizon + 1")
    if not torch.equal(known, cut(0, past)) or not torch.equal(told, cut(past, horizon)):
        return Verdict(False, "the shapes are right, the numbers are not: window i knows values[:, i:i + past] and is asked for the `horizon` after")
    return Verdict(True, f"right: {number} windows, and what is asked for begins just where what is known ends")


def _series(channels, moments):
    return torch.randn(channels, moments, generator=torch.Generator().manual_seed(0)) * torch.arange(1, channels + 1)[:, None]
