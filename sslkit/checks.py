"""Checks of student code that name the mistake. Each takes the student's function and says in one sentence what is wrong."""

from typing import NamedTuple

import torch

from .networks import ConvNet


class Verdict(NamedTuple):
    """What a check found. right: whether the function does what was asked. says: the sentence for the student."""

    right: bool
    says: str

    def __repr__(self):
        return ("✓ " if self.right else "✗ ") + self.says


def _answer(function, *arguments):
    """The function's own answer and None, or None and the verdict on a function that is not written or raises."""
    try:
        answer = function(*arguments)
    except NotImplementedError:
        return None, Verdict(False, "not written yet: replace `raise NotImplementedError` and run both cells again")
    except Exception as error:                                     # a student's own error, told back to them
        return None, Verdict(False, f"your function raised {type(error).__name__}: {error}")
    if answer is None:
        return None, Verdict(False, "your function returns nothing: its last line should be `return …`")
    return answer, None


def rotation_problem(function):
    """Checks function(images (B, 3, H, H)) → the four turns of each image (4B, 3, H, H), quarter turns 0–3 (4B,)."""
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    kept = images.clone()
    answer, verdict = _answer(function, images)
    if verdict:
        return verdict
    if not (isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(part, torch.Tensor) for part in answer)):
        return Verdict(False, "return two tensors: the turned images, and by how many quarter turns each was turned")
    turned, turns = answer
    if not torch.equal(images, kept):
        return Verdict(False, "the images you were given were changed: make new ones (torch.rot90 does), others need the originals")
    if tuple(turned.shape) == (3, 3, 8, 8):
        return Verdict(False, "every image comes once: it should come in all four turns, (4B, 3, H, H); torch.cat joins them")
    if tuple(turned.shape) != (12, 3, 8, 8):
        return Verdict(False, f"the turned images have shape {tuple(turned.shape)}, want (4B, 3, H, H), here (12, 3, 8, 8)")
    if turns.is_floating_point() or turns.ndim != 1 or len(turns) != 12:
        return Verdict(False, f"the turns are {turns.dtype} {tuple(turns.shape)}, want whole numbers (4B,), here int64 (12,)")
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


def frozen_features(function):
    """Checks function(encoder, images uint8 (N, 3, H, W)) → features (N, dim), frozen: a probe must not change the encoder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ConvNet(8)
        images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
        encoder.train()(torch.rand(64, 3, 16, 16))                 # so that the averages of batch norm are its own
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    with torch.no_grad():
        wanted = encoder.eval()(images / 255)                      # (6, dim)
        batch_statistics = encoder.train()(images / 255)
    encoder.load_state_dict(state)
    features, verdict = _answer(function, encoder, images)
    if verdict:
        return verdict
    if not isinstance(features, torch.Tensor):
        return Verdict(False, f"return a tensor (N, dim), not {type(features).__name__}")
    if features.ndim == 4:
        return Verdict(False, f"these are feature maps {tuple(features.shape)}: average them over the picture, .mean((2, 3)), "
                              f"or call the encoder itself")
    if features.shape != wanted.shape:
        return Verdict(False, f"the features have shape {tuple(features.shape)}, want (N, dim), here {tuple(wanted.shape)}")
    if any(not torch.equal(value, state[name]) for name, value in encoder.state_dict().items()):
        return Verdict(False, "the encoder was changed: in training mode batch norm updates its averages; call encoder.eval() first")
    if torch.allclose(features, batch_statistics, atol=1e-4):
        return Verdict(False, "batch norm used the statistics of this batch, so a picture's features depend on its neighbours: "
                              "call encoder.eval() first")
    if features.requires_grad:
        return Verdict(False, "the features still carry gradients, so training the probe would train the encoder as well: "
                              "compute them under torch.no_grad()")
    if not torch.allclose(features, wanted, atol=1e-3):
        with torch.no_grad():
            unscaled = encoder.eval()(images.float())
        return Verdict(False, "the pictures went in as 0–255: the encoder wants [0, 1], images / 255"
                       if torch.allclose(features, unscaled, atol=1e-2) else "these are not the encoder's features of these images")
    return Verdict(True, "right: evaluation mode, no gradients, one row a picture")
