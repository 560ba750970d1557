"""Checks of the exercises on colorization."""

import torch

from ..color import ab_bins
from .verdict import Verdict, answer_of, not_real


def annealed_mean(function):
    """Checks function(probabilities (Q,), bins (Q, 2), temperature) → (2,): the mean of p^(1/T), divided by its sum (Zhang et al. 2016, eq. 5)."""
    bins = ab_bins()                                               # (Q, 2)
    probabilities = torch.rand(len(bins), generator=torch.Generator().manual_seed(0)).pow(6)
    probabilities /= probabilities.sum()
    changed = {0: "the probabilities you were given were changed: make new ones (p ** 2 does, p.pow_(2) does not)"}
    answer, verdict = answer_of(function, probabilities, bins, 0.38, changed=changed)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != (2,):
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        return Verdict(False, f"the answer has shape {shape}, want one colour, (2,): a weighted mean over the bins gives one a and one b")
    verdict = not_real(answer)
    if verdict:
        return verdict
    answer = answer.detach().float()

    def mean(weights, normalise=True):
        return weights @ bins / (weights.sum() if normalise else 1)

    same = lambda other: torch.allclose(answer, other, rtol=2e-3, atol=2e-5)
    if same(mean(probabilities)):
        return Verdict(False, "this is the plain mean: the temperature does nothing yet; raise the probabilities to the power 1 / temperature first")
    if same(mean(probabilities ** 0.38)):
        return Verdict(False, "you raised to the power of the temperature: that flattens the distribution; 1 / temperature sharpens it")
    if same(mean(probabilities ** (1 / 0.38), normalise=False)):
        return Verdict(False, "after sharpening, the probabilities no longer sum to 1: divide them by their sum, else every colour is pulled to grey")
    if same(bins[probabilities.argmax()]):
        return Verdict(False, "this is the mode, the likeliest bin: vivid, but patchy from pixel to pixel; take the mean of the sharpened probabilities")
    if same(mean((probabilities / 0.38).softmax(0))):
        return Verdict(False, "softmax wants logits, and these are probabilities: (p.log() / temperature).softmax(0), or p ** (1 / temperature) and its sum")
    if same(mean(probabilities) / 0.38):
        return Verdict(False, "dividing probabilities by the temperature scales them all alike: the power 1 / temperature sharpens")
    if not same(mean(probabilities ** (1 / 0.38))):
        return Verdict(False, f"got {[round(value, 1) for value in answer.tolist()]}, want the mean of p ** (1 / temperature), divided by its sum, over the bins")
    cold, verdict = answer_of(function, probabilities, bins, 0.005)
    if verdict or not isinstance(cold, torch.Tensor) or not torch.isfinite(cold).all():
        return Verdict(False, "at temperature 0.005 every power underflows to 0, and 0 / 0 is not a number: (p.log() / temperature).softmax(0) is the same and safe")
    return Verdict(True, "right: between the mean (temperature 1) and the mode (towards 0)")
