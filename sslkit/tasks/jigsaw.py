"""Jigsaw puzzles (Noroozi & Favaro 2016): to put shuffled tiles back, one must know which parts things are made of."""

import itertools
import math

import torch

from ..augment import grayscale
from ..networks import mlp
from ..task import Task
from .common import classification, cut, normalized, siamese


class Jigsaw(Task):
    """A picture is cut into grid × grid tiles, which are shuffled; the question is by which of a few permutations.

    permutations: how many (None: 100, or all there are of fewer), or a tensor (K, grid²). gap: pixels that a tile is
    smaller than its cell, in which it lies anywhere, so that borders do not run on (None: the paper's 11 of 75).
    normalize: every tile by its own mean and deviation. drop_color: share of pictures shown in grey.
    """

    def __init__(self, encoder, grid=3, permutations=None, gap=None, normalize=True, drop_color=0.3):
        super().__init__(encoder)
        self.grid, self.gap, self.normalize, self.drop_color = grid, gap, normalize, drop_color
        if not isinstance(permutations, torch.Tensor):
            permutations = permutation_set(grid ** 2, permutations or min(100, math.factorial(grid ** 2)))
        self.register_buffer("permutations", permutations)         # (K, grid²): place k shows tile permutations[·, k]
        self.head = mlp(grid ** 2 * encoder.dim, 2 * encoder.dim, len(permutations))

    def make_problem(self, images):
        """(B, 3, H, W) → shuffled tiles (B, grid², 3, h, w), row by row, and the index of the permutation (B,).

        Raises ValueError for pictures that the grid does not divide, or too small for it.
        """
        tiles = self.tiles(grayscale(images, self.drop_color))     # (B, grid², 3, h, w)
        tiles = normalized(tiles) if self.normalize else tiles
        index = torch.randint(len(self.permutations), (len(images),), device=images.device)
        return shuffled(tiles, self.permutations[index]), index

    def forward(self, tiles):
        return siamese(self.encoder, self.head, tiles)             # (B, K)

    def loss(self, logits, index):
        return classification(logits, index)

    def tiles(self, images):
        """(B, 3, H, W) → tiles in their order (B, grid², 3, h, w), each at a random place of its cell."""
        height, width = images.shape[-2:]
        cell = height // self.grid
        gap = round(cell * 11 / 75) if self.gap is None else self.gap
        if height != width or height % self.grid:
            fits = max(1, min(height, width) // self.grid) * self.grid
            raise ValueError(f"pictures of {height} × {width} pixels do not divide into {self.grid} × {self.grid} tiles: crop or "
                             f"resize them to {fits} × {fits}, or choose another grid")
        if cell - gap < 4 or gap < 0:
            raise ValueError(f"pictures of {height} pixels in {self.grid} × {self.grid} cells of {cell}, less a gap of {gap}: tiles need "
                             f"at least 4 pixels; give larger pictures, a smaller grid, or a gap from 0 to {max(0, cell - 4)}")
        corner = torch.arange(self.grid, device=images.device) * cell
        top, left = corner.repeat_interleave(self.grid), corner.repeat(self.grid)                  # (grid²,)
        shift = torch.randint(gap + 1, (2, len(images), self.grid ** 2), device=images.device)
        return cut(images, top + shift[0], left + shift[1], cell - gap)


def shuffled(tiles, permutations):
    """Tiles (B, n, …), permutations (B, n) → place k shows tile permutations[:, k]. `shuffled(·, permutations.argsort(1))` undoes it."""
    return tiles[torch.arange(len(tiles), device=tiles.device)[:, None], permutations]


def permutation_set(tiles, number, *, seed=0):
    """→ `number` permutations of `tiles` that differ in many places, (number, tiles) int64 (Noroozi & Favaro 2016, algorithm 1).

    Greedy: starting anywhere, each next one has the largest mean Hamming distance to those before it; of equals the one
    whose nearest is farthest away, then chance. Raises ValueError where fewer exist, or tiles are too many to list them all.
    """
    if not 2 <= tiles <= 9:
        raise ValueError(f"{tiles} tiles: want 2 to 9 (10 have 3,628,800 permutations, too many to compare them all)")
    if not 2 <= number <= math.factorial(tiles):
        raise ValueError(f"{number} permutations of {tiles} tiles: there are {math.factorial(tiles)}, want 2 to {math.factorial(tiles)}")
    candidates = torch.tensor(list(itertools.permutations(range(tiles))), dtype=torch.uint8)      # (tiles!, tiles)
    candidates = candidates[torch.randperm(len(candidates), generator=torch.Generator().manual_seed(seed))]
    columns, chosen = candidates.T.contiguous(), []                # distances are summed column by column, which is fast
    total, nearest, pick = torch.zeros(len(candidates), dtype=torch.int), torch.full((len(candidates),), tiles), 0
    for _ in range(number):
        chosen.append(pick)
        distance = sum((column != column[pick]).int() for column in columns)                       # (tiles!,)
        total += distance
        nearest = torch.minimum(nearest, distance)
        score = total * (tiles + 1) + nearest
        score[chosen] = -1
        pick = int(score.argmax())
    return candidates[chosen].long()


def hamming(permutations):
    """(K, n) → in how many places each two differ, (K, K)."""
    return (permutations[:, None] != permutations).sum(-1)
