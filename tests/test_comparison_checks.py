"""The check of lesson 11 passes what is right, in any way of writing it, and names each mistake; and the kit's own answer is right."""

import re

import pytest
import torch
from torch.nn import functional as F

from sslkit import checks
from sslkit.evaluate import nearest_mean


def one_by_one(features, labels, queries):
    found = []
    for query in queries:
        best, score = None, -2.0
        for name in sorted(set(labels.tolist())):
            mine = [feature / feature.norm() for feature, label in zip(features, labels.tolist()) if label == name]
            mean = sum(mine) / len(mine)
            cosine = float(query @ mean / query.norm() / mean.norm())
            best, score = (name, cosine) if cosine > score else (best, score)
        found.append(best)
    return torch.tensor(found)


def short(values):
    return F.normalize(values, dim=1)


def averaged(values, labels):
    return torch.stack([values[labels == name].mean(0) for name in labels.unique()])


def full_table(features, labels, queries):
    """With a row for every class up to the largest, those that are missing left out by −∞."""
    sums = torch.zeros(int(labels.max()) + 1, features.shape[1]).index_add(0, labels, short(features))
    scores = short(queries) @ short(sums).T
    scores[:, torch.bincount(labels) == 0] = -torch.inf
    return scores.argmax(1)


@pytest.mark.parametrize("function", [nearest_mean, one_by_one, full_table])
def test_what_is_right_passes(function):
    assert checks.nearest_mean(function).right, checks.nearest_mean(function)


def not_written(*_):
    raise NotImplementedError


@pytest.mark.parametrize("function, says", [
    (not_written, "not written yet"), (lambda f, l, q: None, "returns nothing"), (lambda f, l, q: [0] * 60, "the answer is list"),
    (lambda f, l, q: torch.zeros(3), r"shape \(3,\), want \(60,\)"),
    (lambda f, l, q: short(q) @ short(averaged(short(f), l)).T, "these are similarities"),
    (lambda f, l, q: (short(q) @ short(averaged(short(f), l)).T).argmax(1), "places in the list of classes"),
    (lambda f, l, q: l.unique()[(short(q) @ short(averaged(short(f), l)).T).argmin(1)], "least alike"),
    (lambda f, l, q: l.unique()[(short(q) @ short(averaged(f, l)).T).argmax(1)], "normalise each feature before you average"),
    (lambda f, l, q: l.unique()[(q @ averaged(f, l).T).argmax(1)], "nothing was normalised"),
    (lambda f, l, q: l.unique()[(q @ averaged(short(f), l).T).argmax(1)], "normalise them, too"),
    (lambda f, l, q: l.unique()[torch.cdist(q, averaged(f, l)).argmin(1)], "Euclidean"),
    (lambda f, l, q: l[(short(q) @ short(f).T).argmax(1)], "1-NN"),
    (lambda f, l, q: l.unique()[(short(q) @ short(averaged(short(q), l)).T).argmax(1)], "those of the queries"),
    (lambda f, l, q: (short(q) @ short(torch.randn(6, 5, generator=torch.Generator().manual_seed(0))).T).argmax(1), "which no label names"),
    (lambda f, l, q: torch.full((60,), 2), "the same class"),
    (lambda f, l, q: l.flip(0), "of 60 answers are right")])
def test_each_mistake_is_named(function, says):
    verdict = checks.nearest_mean(function)
    assert not verdict.right and re.search(says, verdict.says), verdict


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"queries \(2, 3\): want \(M, 4\)"):
        nearest_mean(torch.randn(5, 4), torch.arange(5), torch.randn(2, 3))
    with pytest.raises(ValueError, match="want .N, D. and .N,."):
        nearest_mean(torch.randn(5, 4), torch.arange(4), torch.randn(2, 4))
