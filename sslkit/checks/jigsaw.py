"""Checks of the exercises on jigsaw puzzles."""

import torch

from ..tasks.jigsaw import hamming, shuffled
from .verdict import Verdict, answer_of


def jigsaw_problem(function):
    """Checks function(tiles (B, n, 3, h, w), permutations (K, n), index (B,)) → shuffled tiles: place k shows tile permutations[index, k]."""
    tiles = torch.rand(5, 4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    permutations = torch.tensor([[1, 2, 3, 0], [2, 0, 3, 1], [3, 2, 0, 1]])
    index = torch.tensor([1, 0, 2, 0, 1])
    changed = {0: "the tiles you were given were changed: make new ones (indexing does), the next epoch needs the originals"}
    answer, verdict = answer_of(function, tiles, permutations, index, changed=changed)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor):
        return Verdict(False, f"return a tensor of tiles (B, n, 3, h, w), not {type(answer).__name__}")
    if answer.shape != tiles.shape:
        hint = "; tiles[:, permutation] takes the same places of every picture, so the batch came in twice" if answer.ndim > 5 else ""
        return Verdict(False, f"the shuffled tiles have shape {tuple(answer.shape)}, want that of the tiles, {tuple(tiles.shape)}{hint}")
    if answer.dtype != tiles.dtype:
        return Verdict(False, f"the tiles came in as {tiles.dtype} and go out as {answer.dtype}: only their places should change")
    chosen = permutations[index]                                   # (B, n)
    if torch.equal(answer, shuffled(tiles, chosen)):
        return Verdict(True, "right: each picture by its own permutation, and the index is the label")
    if torch.equal(answer, shuffled(tiles, chosen.argsort(1))):
        return Verdict(False, "this is the inverse: you put tile k to place permutation[k], but place k should show tile permutation[k]")
    if torch.equal(answer, tiles):
        return Verdict(False, "nothing was shuffled: every picture lies as it was")
    if any(torch.equal(answer, tiles[:, permutation]) for permutation in permutations):
        return Verdict(False, "every picture was shuffled by the same permutation: picture b needs permutations[index[b]]")
    if torch.equal(answer, shuffled(tiles, permutations[torch.arange(5) % 3])):
        return Verdict(False, "picture b was shuffled by permutation b: the index says which one, permutations[index[b]]")
    same_tiles = [all(any(torch.equal(tile, other) for other in picture) for tile in found) for found, picture in zip(answer, tiles)]
    if not all(same_tiles):
        return Verdict(False, "some tiles are not tiles of their own picture: shuffle the second dimension, and keep the first")
    if any(len({tuple(tile.flatten().tolist()) for tile in picture}) < 4 for picture in answer):
        return Verdict(False, "some tiles come twice and others are missing: a permutation uses each of them once")
    return Verdict(False, "each picture has its own tiles, in a wrong order: place k of picture b should show tile permutations[index[b], k]")


def hamming_distances(function):
    """Checks function(permutations (K, n)) → in how many places each two of them differ, (K, K)."""
    permutations = torch.tensor([[0, 1, 2, 3, 4], [4, 1, 2, 3, 0], [1, 2, 3, 4, 0], [0, 1, 2, 4, 3]])
    truth = hamming(permutations)                                  # (4, 4)
    answer, verdict = answer_of(function, permutations)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor):
        return Verdict(False, f"return a tensor (K, K), not {type(answer).__name__}")
    if answer.shape != truth.shape:
        hint = {(4, 4, 5): ": this says where they differ, now count over the last dimension", (4, 5): ": compare each with each; "
                "permutations[:, None] against permutations gives all pairs", (5, 5): ": these are pairs of places, not of "
                "permutations: sum over the last dimension, not over the first"}.get(tuple(answer.shape), "")
        return Verdict(False, f"the distances have shape {tuple(answer.shape)}, want one for each pair, (K, K), here (4, 4){hint}")
    if answer.is_complex():
        return Verdict(False, f"the distances are {answer.dtype}, want whole numbers: counts of places")
    answer, wanted = answer.double(), truth.double()
    steps = (permutations[:, None] - permutations).double()        # (4, 4, 5)
    mistakes = (
        (5 - wanted, "you count the places that are the same: the distance counts those that differ, and is 0 to oneself"),
        (wanted / 5, "this is the share of places that differ: want their number, so sum, not mean"),
        ((wanted > 0).double(), "this says whether they differ at all: want in how many places, so sum, not any"),
        (wanted.triu(), "only half of the pairs are there: the distance from b to a is that from a to b"),
        (wanted.tril(), "only half of the pairs are there: the distance from b to a is that from a to b"),
        (steps.abs().sum(-1), "you add up how far the numbers are apart: a place counts 1 if they differ, however much"),
        (steps.square().sum(-1), "you add up squares of differences: a place counts 1 if they differ, however much"),
        (steps.square().sum(-1).sqrt(), "this is the Euclidean distance: a place counts 1 if they differ, however much"))
    for mistaken, says in ((wanted, None), *mistakes):
        if torch.allclose(answer, mistaken, atol=1e-4):
            return Verdict(True, "right: every pair, and 0 on the diagonal") if says is None else Verdict(False, says)
    one, other = (answer != wanted).nonzero()[0].tolist()
    return Verdict(False, f"{permutations[one].tolist()} and {permutations[other].tolist()} differ in {int(truth[one, other])} places, "
                          f"got {float(answer[one, other]):g}")
