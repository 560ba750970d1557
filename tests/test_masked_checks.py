"""The checks of the lesson on masked autoencoders pass what is right, in any way of writing it, and name each mistake."""

import re

import pytest
import torch
from torch.nn import functional as F

from sslkit import checks, networks
from sslkit.tasks import masks


def cut(images, patch):
    b, c, h, w = images.shape
    return images.reshape(b, c, h // patch, patch, w // patch, patch)          # (B, 3, rows, p, columns, p)


def unfolded(images, patch):
    return F.unfold(images, patch, stride=patch).unflatten(1, (3, patch ** 2)).permute(0, 3, 2, 1).flatten(2)


def one_by_one(images, patch):
    _, _, h, w = images.shape
    corners = [(y, x) for y in range(0, h, patch) for x in range(0, w, patch)]
    return torch.stack([images[:, :, y:y + patch, x:x + patch].permute(0, 2, 3, 1).flatten(1) for y, x in corners], 1)


def not_written(*_):
    raise NotImplementedError


@pytest.mark.parametrize("function", [networks.patchify, unfolded, one_by_one])
def test_patchify_passes_what_is_right(function):
    assert checks.patchify(function).right, checks.patchify(function)


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"),
    (lambda x, p: None, "returns nothing"),
    (lambda x, p: x.nothing, "raised AttributeError"),
    (lambda x, p: [x], "got list"),
    (lambda x, p: x[:, :1], "36 numbers|108 numbers"),
    (lambda x, p: unfolded(x, p).mT, "last two dimensions are swapped"),
    (lambda x, p: F.unfold(x, p, stride=p), "last two dimensions are swapped"),
    (lambda x, p: cut(x, p).permute(0, 2, 4, 3, 5, 1), r"want \(2, 6, 27\)"),
    (lambda x, p: unfolded(x, p).flatten(0, 1), r"gave \(12, 27\)"),
    (lambda x, p: x.reshape(len(x), -1, 3 * p * p), "only renames the shape"),
    (lambda x, p: x.permute(0, 2, 3, 1).reshape(len(x), -1, 3 * p * p), "cuts rows of pixels"),
    (lambda x, p: F.unfold(x, p, stride=p).mT, "channel, row, column"),
    (lambda x, p: cut(x, p).permute(0, 4, 2, 3, 5, 1).flatten(3).flatten(1, 2), "column by column"),
    (lambda x, p: cut(x, p).permute(0, 2, 4, 5, 3, 1).flatten(3).flatten(1, 2), "mirrored at its diagonal"),
    (lambda x, p: cut(x, p).permute(0, 3, 5, 2, 4, 1).reshape(len(x), -1, 3 * p * p), "every second or third"),
    (lambda x, p: unfolded(x, p).flip(1), "numbers are not"),
])
def test_patchify_names_the_mistake(function, says):
    verdict = checks.patchify(function)
    assert not verdict.right and re.search(says, verdict.says), verdict


def ranked(number, patches, ratio):
    return torch.rand(number, patches).argsort(1).argsort(1) >= patches - round(ratio * patches)


def by_the_kit(number, patches, ratio):
    _, hidden = masks.hide(torch.rand(number, patches), ratio)
    return torch.zeros(number, patches, dtype=torch.bool).scatter(1, hidden, True)


def shuffled(number, patches, ratio):
    flags = torch.arange(patches) < round(ratio * patches)
    return torch.stack([flags[torch.randperm(patches)] for _ in range(number)])


def seeded(number, patches, ratio):
    torch.manual_seed(1)
    return ranked(number, patches, ratio)


def first_never(number, patches, ratio):
    numbers = torch.rand(number, patches)
    numbers[:, 0] = -1
    return numbers.argsort(1).argsort(1) >= patches - round(ratio * patches)


@pytest.mark.parametrize("function", [ranked, by_the_kit, shuffled])
def test_random_masking_passes_what_is_right(function):
    before = torch.get_rng_state()
    assert checks.random_masking(function).right, checks.random_masking(function)
    assert torch.equal(before, torch.get_rng_state()), "torch's generator was touched"


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"),
    (lambda n, p, r: None, "returns nothing"),
    (lambda n, p, r: ranked(n, p, r)[0], r"got \(20,\)"),
    (lambda n, p, r: ranked(n, p, r).float(), "torch.float32"),
    (lambda n, p, r: torch.rand(n, p).argsort(1)[:, :round(r * p)], r"got \(200, 16\)"),
    (lambda n, p, r: ~ranked(n, p, r), "share that is hidden"),
    (lambda n, p, r: torch.rand(n, p) < r, "Rank random numbers"),
    (lambda n, p, r: ranked(n, p, 0.5), "10 of 20"),
    (lambda n, p, r: ranked(1, p, r).expand(n, p), "every picture of the batch hides the same"),
    (seeded, "two calls hide the same"),
    (first_never, "patch 0 is hidden in 0%"),
])
def test_random_masking_names_the_mistake(function, says):
    verdict = checks.random_masking(function)
    assert not verdict.right and re.search(says, verdict.says), verdict


def indexed(painted, patches, hidden):
    return F.mse_loss(painted[hidden], patches[hidden])


def weighed(painted, patches, hidden):
    error = (painted - patches).pow(2).mean(-1)
    return (error * hidden).sum() / hidden.sum()


@pytest.mark.parametrize("function", [indexed, weighed])
def test_mae_loss_passes_what_is_right(function):
    assert checks.mae_loss(function).right, checks.mae_loss(function)


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"),
    (lambda a, b, h: None, "returns nothing"),
    (lambda a, b, h: (a - b).square().mean(2), r"the loss is \(3, 5\)"),
    (lambda a, b, h: indexed(a, b, h).item(), "the loss is float"),
    (lambda a, b, h: F.mse_loss(a, b), "over all patches"),
    (lambda a, b, h: indexed(a, b, ~h), "on the visible patches"),
    (lambda a, b, h: ((a - b).square() * h[:, :, None]).mean(), "divided by all patches"),
    (lambda a, b, h: ((a - b).square() * h[:, :, None]).sum() / h.sum(), "added, not averaged"),
    (lambda a, b, h: indexed(a, b, h) * h.sum() * a.shape[2], "this is the sum"),
    (lambda a, b, h: F.l1_loss(a[h], b[h]), "absolute error"),
    (lambda a, b, h: indexed(a, b, h).sqrt(), "a root was taken"),
    (lambda a, b, h: torch.stack([indexed(*one) for one in zip(a, b, h)]).mean(), "every picture counts alike"),
    (lambda a, b, h: indexed(a, (b - b.mean(2, True)) / (b.var(2, keepdim=True) + 1e-6).sqrt(), h), "norm_pix"),
    (lambda a, b, h: 2 * indexed(a, b, h), "want 0\\."),
    (lambda a, b, h: indexed(a.detach(), b, h), "no gradient"),
])
def test_mae_loss_names_the_mistake(function, says):
    verdict = checks.mae_loss(function)
    assert not verdict.right and re.search(says, verdict.says), verdict
