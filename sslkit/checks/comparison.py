"""Checks of the exercise on classes told by their means."""

import torch
from torch.nn import functional as F

from .verdict import Verdict, answer_of, not_real, not_whole


def nearest_mean(function):
    """Checks function(features (N, D), labels (N,), queries (M, D)) → the class whose mean is nearest by cosine, (M,)."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.tensor([0, 2, 5]).repeat(20)                    # classes 1, 3 and 4 are missing
    ways = torch.randn(6, 5, generator=generator)
    length = 10 ** (3 * torch.rand(60, 1, generator=generator))    # very long and very short features
    features = length * F.normalize(ways[labels] + 1.2 * torch.randn(60, 5, generator=generator), dim=1) + 0.5
    queries = F.normalize(ways[labels] + torch.randn(60, 5, generator=generator), dim=1) * length.flip(0)
    answer, verdict = answer_of(function, features, labels, queries)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor):
        return Verdict(False, f"the answer is {type(answer).__name__}, want a tensor of predicted labels, (M,)")
    verdict = not_real(answer) and not_whole(answer)               # classes may come as 2.0: they are looked up as 2
    if verdict:
        return verdict
    if not torch.isfinite(answer).all():
        return Verdict(False, "the answer holds NaN or infinity, want labels: was something divided by a length of 0?")
    if answer.shape == (60, 3) or answer.shape == (60, 60):
        return Verdict(False, f"the answer has shape {tuple(answer.shape)}: these are similarities; take the best of each row, .argmax(1), and look up its class")
    if answer.shape != (60,):
        return Verdict(False, f"the answer has shape {tuple(answer.shape)}, want (60,): one label for each query")
    classes, long, short = labels.unique(), features, F.normalize(features, dim=1)
    mean = lambda values, names: torch.stack([values[names == name].mean(0) for name in classes])
    cosine = lambda means, asked=queries: F.normalize(asked, dim=1) @ F.normalize(means, dim=1).T      # (M, classes)
    right = classes[cosine(mean(short, labels)).argmax(1)]
    same = lambda other: torch.equal(answer.long(), other)
    mistakes = (
        (cosine(mean(short, labels)).argmax(1), "these are places in the list of classes, 0, 1, 2, not classes: labels here are 0, 2 and 5; look them up, classes[…]"),
        (classes[cosine(mean(short, labels)).argmin(1)], "this is the class that is least alike: take the largest cosine, .argmax"),
        (classes[cosine(mean(long, labels)).argmax(1)], "long features outweigh short ones in the means: normalise each feature before you average"),
        (classes[(queries @ mean(long, labels).T).argmax(1)], "nothing was normalised: with plain products the class of the longest features wins; divide by the lengths"),
        (classes[(queries @ mean(short, labels).T).argmax(1)], "the means are shorter where a class is spread out: normalise them, too, or the tightest class wins"),
        (classes[torch.cdist(queries, mean(long, labels)).argmin(1)], "this is the nearest by Euclidean distance; the question was for the cosine: normalise features, means and queries"),
        (labels[(F.normalize(queries, dim=1) @ short.T).argmax(1)], "this is the nearest single picture (1-NN): average the features of each class first"),
        (classes[cosine(mean(F.normalize(queries, dim=1), labels)).argmax(1)], "the means are those of the queries: they must come from the features whose labels are known"))
    if same(right):
        return Verdict(True, "right: one mean a class, and the nearest direction wins")
    for mistaken, says in mistakes:
        if same(mistaken):
            return Verdict(False, says)
    if not torch.isin(answer.long(), classes).all():
        return Verdict(False, f"the answer holds class {int(answer[~torch.isin(answer.long(), classes)][0])}, which no label names: labels here are 0, 2 and 5")
    if len(answer.unique()) == 1:
        return Verdict(False, "every query gets the same class: is there one mean for each class, or one of everything?")
    return Verdict(False, f"{int((answer.long() == right).sum())} of 60 answers are right: the largest cosine between a query and the mean of a class's normalised features")
