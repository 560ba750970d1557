"""The checks of the contrastive lessons pass what is right, in any way of writing it, and name each mistake."""

import re

import pytest
import torch
from torch.nn import functional as F

from sslkit import checks, losses

unit = lambda x: F.normalize(x, dim=1)


def right(first, second, temperature):
    return losses.info_nce(torch.cat([first, second]), torch.arange(len(first)).repeat(2), temperature)


def by_hand(first, second, temperature, *, mask=True, norm=unit, scale=lambda s, t: s / t, partner=None, rows=slice(None), reduce=torch.mean):
    z = torch.cat([norm(first), norm(second)])
    s = scale(z @ z.T, temperature)
    s = s.masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf) if mask else s
    partner = torch.arange(len(z)).roll(len(first)) if partner is None else partner
    return reduce(F.cross_entropy(s[rows], partner[rows], reduction="none"))


def exponentials(first, second, temperature):
    z = torch.cat([unit(first), unit(second)])
    e = torch.exp(z @ z.T / temperature) * (1 - torch.eye(len(z)))
    return -(e.diagonal(len(first)).repeat(2) / e.sum(1)).log().mean()


def without_positive(first, second, temperature):
    z, n = torch.cat([unit(first), unit(second)]), len(first)
    s = z @ z.T / temperature
    alone = torch.eye(2 * n, dtype=torch.bool)
    return (s.masked_fill(alone | alone.roll(n, 0), -torch.inf).logsumexp(1) - s.diagonal(n).repeat(2)).mean()


def not_written(first, second, temperature):
    raise NotImplementedError


@pytest.mark.parametrize("function", [right, by_hand])
def test_nt_xent_passes_what_is_right(function):
    assert checks.nt_xent(function).right


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"),
    (lambda a, b, t: None, "returns nothing"),
    (lambda a, b, t: a @ b, "raised RuntimeError"),
    (lambda a, b, t: unit(a) @ unit(b).T, r"shape \(5, 5\): a loss is one number"),
    (lambda a, b, t: right(a, b, t).item(), "returns float"),
    (lambda a, b, t: right(a, b, t) * torch.nan, "gives nan"),
    (lambda a, b, t: by_hand(a, b, t, mask=False), "similarity with itself in the denominator"),
    (without_positive, "positive is missing from the denominator"),
    (lambda a, b, t: by_hand(a, b, t, norm=lambda x: x), "not normalised"),
    (lambda a, b, t: by_hand(a, b, t, scale=lambda s, t: s * t), "multiply by the temperature"),
    (lambda a, b, t: by_hand(a, b, t, scale=lambda s, t: s), "temperature is not used"),
    (lambda a, b, t: by_hand(a, b, t, partner=torch.arange(2 * len(a)).view(-1, 2).flip(1).flatten()), "not its neighbour"),
    (lambda a, b, t: by_hand(a, b, t, rows=slice(0, len(a))), "only the first views ask"),
    (lambda a, b, t: F.cross_entropy(unit(a) @ unit(b).T / t, torch.arange(len(a))), "first views with second views only"),
    (lambda a, b, t: by_hand(a, b, t, reduce=torch.sum), "add up over the views"),
    (lambda a, b, t: by_hand(a, b, t, reduce=torch.sum) / len(a), "divide by 2N"),
    (lambda a, b, t: -right(a, b, t), "sign is missing"),
    (lambda a, b, t: right(a, b, t) + 1, "none of the usual mistakes"),
    (exponentials, "temperature 0.01"),
])
def test_nt_xent_names_the_mistake(function, says):
    verdict = checks.nt_xent(function)
    assert not verdict.right
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.says)


def views(images, augment):
    return torch.cat([augment(images), augment(images)]), torch.arange(len(images)).repeat(2)


def interleaved(images, augment):
    return torch.stack([augment(images), augment(images)], 1).flatten(0, 1), torch.arange(len(images)).repeat_interleave(2)


@pytest.mark.parametrize("function, says", [
    (views, "right"),
    (interleaved, "right"),
    (lambda images, augment: (torch.cat([images, augment(images)]), torch.arange(4).repeat(2)), "are the images themselves"),
    (lambda images, augment: (augment(images).repeat(2, 1, 1, 1), torch.arange(4).repeat(2)), "call augment twice"),
    (lambda images, augment: (views(images, augment)[0], torch.arange(4).repeat_interleave(2)), "different orders"),
    (lambda images, augment: (views(images, augment)[0], torch.arange(8)), "nothing belongs together"),
    (lambda images, augment: (views(images, augment)[0], torch.arange(4)), r"source is torch.int64 \(4,\)"),
    (lambda images, augment: (augment(images), torch.arange(4)), "two of every image"),
    (lambda images, augment: (views(images, augment)[0], torch.arange(4.).repeat(2)), "torch.float32"),
    (lambda images, augment: views(images, augment)[0], "return two tensors"),
    (lambda images, augment: (views(images.add_(1), augment)), "images you were given were changed"),
])
def test_two_views(function, says):
    verdict = checks.two_views(function)
    assert verdict.right == (says == "right") and re.search(says, verdict.says), verdict.says


def cosine_loss(p, t):
    return (2 - 2 * F.cosine_similarity(p, t.detach(), dim=1)).mean()


@pytest.mark.parametrize("function, says", [
    (cosine_loss, "right"),
    (lambda p, t: (unit(p) - unit(t.detach())).square().sum(1).mean(), "right"),
    (lambda p, t: F.cosine_similarity(p, t.detach()).mean(), "cosine itself"),
    (lambda p, t: -F.cosine_similarity(p, t.detach()).mean(), "−cosine"),
    (lambda p, t: 1 - F.cosine_similarity(p, t.detach()).mean(), "1 − cosine"),
    (lambda p, t: (p - t.detach()).square().sum(1).mean(), "not normalised"),
    (lambda p, t: F.mse_loss(unit(p), unit(t.detach())), "over the dimensions too"),
    (lambda p, t: 6 * cosine_loss(p, t), "sum over the batch"),
    (lambda p, t: cosine_loss(p, t) + 1, "you get"),
    (lambda p, t: cosine_loss(p.detach(), t), "no gradient reaches the prediction"),
    (lambda p, t: (2 - 2 * F.cosine_similarity(p, t, dim=1)).mean(), "gradients flow into the target"),
])
def test_byol_loss(function, says):
    verdict = checks.byol_loss(function)
    assert verdict.right == (says == "right") and says in verdict.says, verdict.says
