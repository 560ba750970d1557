"""Checks of the exercises on jigsaw puzzles."""

import torch

from ..tasks.jigsaw import shuffled
from .verdict import Verdict, answer_of


def jigsaw_problem(function):
    """Checks function(tiles (B, n, 3, h, w), permutations (K, n), index (B,)) → shuffled tiles: place k shows tile permutations[index, k]."""
    tiles = torch.rand(5, 4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    permutations = torch.tensor([[1, 2, 3, 0], [2, 0, 3, 1], [3, 2, 0, 1], [0, 1, 2, 3]])
    index = torch.tensor([1, 0, 2, 3, 1])
    kept = tiles.clone()
    answer, verdict = answer_of(function, tiles, permutations, index)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor):
        return Verdict(False, f"return a tensor of tiles (B, n, 3, h, w), not {type(answer).__name__}")
    if not torch.equal(tiles, kept):
        return Verdict(False, "the tiles you were given were changed: make new ones (indexing does), the next epoch needs the originals")
    if answer.shape != tiles.shape:
        hint = "; tiles[:, permutation] takes the same places of every picture, so the batch came in twice" if answer.ndim > 5 else ""
        return Verdict(False, f"the shuffled tiles have shape {tuple(answer.shape)}, want that of the tiles, {tuple(tiles.shape)}{hint}")
    chosen = permutations[index]                                   # (B, n)
    if torch.equal(answer, shuffled(tiles, chosen)):
        return Verdict(True, "right: each picture by its own permutation, and the index is the label")
    if torch.equal(answer, shuffled(tiles, chosen.argsort(1))):
        return Verdict(False, "this is the inverse: you put tile k to place permutation[k], but place k should show tile permutation[k]")
    if torch.equal(answer, tiles):
        return Verdict(False, "nothing was shuffled: every picture lies as it was")
    if any(torch.equal(answer, tiles[:, permutation]) for permutation in permutations):
        return Verdict(False, "every picture was shuffled by the same permutation: picture b needs permutations[index[b]]")
    if torch.equal(answer, shuffled(tiles, permutations[torch.arange(5) % 4])):
        return Verdict(False, "picture b was shuffled by permutation b: the index says which one, permutations[index[b]]")
    same_tiles = [all(any(torch.equal(tile, other) for other in picture) for tile in found) for found, picture in zip(answer, tiles)]
    if not all(same_tiles):
        return Verdict(False, "some tiles are not tiles of their own picture: shuffle the second dimension, and keep the first")
    if any(len({tuple(tile.flatten().tolist()) for tile in picture}) < 4 for picture in answer):
        return Verdict(False, "some tiles come twice and others are missing: a permutation uses each of them once")
    return Verdict(False, "each picture has its own tiles, in a wrong order: place k of picture b should show tile permutations[index[b], k]")
