"""Checks of the exercise on relative patches."""

import torch

from ..tasks.relative_patch import DIRECTIONS
from .verdict import Verdict, answer_of, not_two_tensors

NAMES = ("up left", "up", "up right", "left", "right", "down left", "down", "down right")


def relative_patch_problem(function):
    """Checks function(direction (B,), patch, gap) → rows (B,), columns (B,): from the centre's corner to its neighbour's."""
    for patch, gap in ((12, 5), (20, 7)):                          # twice, so that numbers of the first do not pass
        direction = torch.tensor([4, 0, 7, 2, 5, 1, 6, 3, 0, 5])
        changed = {0: "the directions you were given were changed: make new tensors, the directions are the labels"}
        answer, verdict = answer_of(function, direction, patch, gap, changed=changed)
        verdict = verdict or _wrong_form(answer, len(direction))
        verdict = verdict or _wrong_numbers(torch.stack(list(answer), 1), direction, patch, gap)
        if verdict:
            return verdict
    return Verdict(True, "right: eight directions, row by row, and a label that came for free")


def _wrong_form(answer, number):
    """A verdict on anything but two tensors int64 (B,), or None."""
    if isinstance(answer, torch.Tensor) and tuple(answer.shape) == (number, 2):
        return Verdict(False, "rows and columns come as one tensor (B, 2): return two of shape (B,), rows first; "
                              "offsets.unbind(1) parts them")
    verdict = not_two_tensors(answer, "by how many rows, and by how many columns, the neighbour lies from the centre")
    if verdict:
        return verdict
    for name, part in zip(("rows", "columns"), answer):
        if tuple(part.shape) != (number,):
            return Verdict(False, f"the {name} have shape {tuple(part.shape)}, want one number a direction, (B,), here ({number},)")
        if part.dtype != torch.int64:
            return Verdict(False, f"the {name} are {part.dtype}, want whole numbers, int64: they count pixels")
    return None


def _wrong_numbers(found, direction, patch, gap):
    """Found (B, 2) → a verdict that names the mistake, or None where there is none."""
    step = patch + gap
    truth = DIRECTIONS[direction] * step                           # (B, 2)
    if torch.equal(found, truth):
        return None
    cells = torch.stack([direction // 3 - 1, direction % 3 - 1], 1)        # where a ninth, the centre itself, is counted
    mistakes = (
        (truth // step, "these are steps of -1, 0 and 1: want pixels, and one step is a patch and a gap, patch + gap"),
        (truth // step * patch, "the gap is forgotten: where patches touch, lines that run on tell the direction"),
        (truth // step * gap, "these are multiples of the gap alone: from corner to corner it is a patch and a gap, patch + gap"),
        (cells * step, "from direction 4 on you are one place off: the centre was counted as a ninth, but in "
                       "0 1 2 / 3 · 4 / 5 6 7 it has no number"),
        (truth.flip(1), "rows and columns are swapped: directions are numbered row by row, so 1 is up (rows change), not left"),
        (truth * torch.tensor([-1, 1]), "up and down are mirrored: rows count from the top, so up is a negative number"),
        (truth * torch.tensor([1, -1]), "left and right are mirrored: columns count from the left, so left is a negative number"),
        (-truth, "all signs are turned round: this is where the centre lies, seen from its neighbour"))
    for mistaken, says in mistakes:
        if torch.equal(found, mistaken):
            return Verdict(False, says)
    first = int((found != truth).any(1).nonzero()[0])
    place = int(direction[first])
    return Verdict(False, f"direction {place} is {NAMES[place]}: with patches of {patch} and a gap of {gap} want "
                          f"{tuple(truth[first].tolist())} rows and columns, got {tuple(found[first].tolist())}")
