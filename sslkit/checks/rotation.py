"""Checks of the exercises on rotation."""

import torch

from .verdict import Verdict, answer_of, not_real, not_two_tensors, not_whole


def rotation_problem(function):
    """Checks function(images (B, 3, H, H)) → the four turns of each image (4B, 3, H, H), quarter turns 0–3 (4B,)."""
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = {0: "the images you were given were changed: make new ones (torch.rot90 does), others need the originals"}
    answer, verdict = answer_of(function, images, changed=changed)
    verdict = verdict or not_two_tensors(answer, "the turned images, and by how many quarter turns each was turned")
    if verdict:
        return verdict
    turned, turns = answer
    if tuple(turned.shape) == (3, 3, 8, 8):
        return Verdict(False, "every image comes once: it should come in all four turns, (4B, 3, H, H); torch.cat joins them")
    if tuple(turned.shape) != (12, 3, 8, 8):
        return Verdict(False, f"the turned images have shape {tuple(turned.shape)}, want (4B, 3, H, H), here (12, 3, 8, 8)")
    verdict = not_real(turned, "the tensor of turned images")
    if verdict:
        return verdict
    turned = turned.detach().float()
    if not_whole(turns) or turns.ndim != 1 or len(turns) != 12:
        return Verdict(False, f"the turns are {turns.dtype} {tuple(turns.shape)}, want whole numbers (4B,), here int64 (12,)")
    turns = turns.long()
    if turns.max() > 3:
        return Verdict(False, f"the turns go up to {int(turns.max())}: count quarter turns, 0 to 3, not degrees")
    found = [_which(picture, images) for picture in turned]
    if any(name is None for name in found):
        kinds = [_which(picture.flip(-1), images) is not None for picture, name in zip(turned, found) if name is None]
        return Verdict(False, "some pictures are mirrored, not turned: a mirror image still stands upright, so it asks nothing"
                       if all(kinds) else "some pictures are none of the four turns of the images: turn the last two dimensions, (-2, -1)")
    if len(set(found)) < 12:
        return Verdict(False, "some turns come twice and others are missing: each image should come once at 0, 90, 180 and 270 degrees")
    truth = torch.tensor([turn for _, turn in found])
    if torch.equal(truth, turns):
        return Verdict(True, "right: four turns of every image, and the labels came for free")
    if torch.equal((4 - truth) % 4, turns):
        return Verdict(False, "you turn clockwise: 1 should mean a quarter turn counter-clockwise, torch.rot90(images, 1, (-2, -1))")
    if torch.equal(truth.sort().values, turns.sort().values):
        return Verdict(False, "pictures and labels are in different orders: if the pictures come turn by turn, so must the labels "
                              "(repeat_interleave gives 0 0 0 1 1 1 …, repeat gives 0 1 2 3 0 1 …)")
    return Verdict(False, f"the labels {turns.tolist()} do not belong to the pictures, which are turned by {truth.tolist()}")


def _which(picture, images):
    """(number of the image, quarter turns counter-clockwise) of a picture, or None where it is none of them."""
    for number, image in enumerate(images):
        for turn in range(4):
            if torch.equal(picture, torch.rot90(image, turn, (-2, -1))):
                return number, turn
