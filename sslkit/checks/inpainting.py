"""Checks of the exercise on inpainting."""

import torch

from .verdict import Verdict, answer_of, not_real, nothing, with_gradients


def hole_loss(function):
    """Checks function(painted (B, 3, H, W), images, hole bool (B, 1, H, W)) → mean squared error over the holes' pixels, 0-d."""
    generator = torch.Generator().manual_seed(0)
    painted, images = torch.rand(2, 2, 3, 6, 6, generator=generator).unbind(0)
    hole = torch.zeros(2, 1, 6, 6, dtype=torch.bool)
    hole[0, :, 1:4, 1:3], hole[1, :, 2:6, 3:6] = True, True
    painted.requires_grad_()
    found, verdict = answer_of(with_gradients, function, painted, images, hole)
    answer, gradients = found or (None, None)
    verdict = verdict or nothing(answer)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor) or answer.ndim != 0:
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        return Verdict(False, f"the loss is {shape}, want one number as a 0-d tensor: a mean over all pixels of all holes")
    verdict = not_real(answer, "the loss")
    if verdict:
        return verdict
    flows, answer = answer.requires_grad and gradients[0] is not None, answer.detach().float()
    difference, everywhere = (painted - images).detach(), hole.expand(-1, 3, -1, -1)
    inside, outside, square = difference[everywhere], difference[~everywhere], difference.square()
    same = lambda other: torch.allclose(answer, other, atol=1e-6)
    mistakes = (
        (square.mean(), "this is the error over the whole picture: what was visible needs no guessing, count the hole only"),
        (outside.square().mean(), "this is the error outside the hole: hole is True where pixels were taken away"),
        (inside.square().sum() / square.numel(), "the sum over the hole is divided by all pixels: divide by the pixels of the hole, "
                                                 "else a small hole counts little"),
        (inside.square().sum() / hole.sum(), "the three channels are added but not counted: divide by three times the hole's pixels"),
        (inside.square().sum(), "this is the sum over the hole: divide by its number of values to have a mean"),
        (inside.abs().mean(), "this is the absolute error: square the difference"),
        (inside.square().mean().sqrt(), "a root was taken: the loss is the mean of the squares itself"),
        (torch.stack([square[b][everywhere[b]].mean() for b in range(2)]).mean(),
         "every picture counts alike, however small its hole: take one mean over the pixels of all holes"))
    for mistaken, says in mistakes:
        if same(mistaken):
            return Verdict(False, says)
    if not same(inside.square().mean()):
        return Verdict(False, f"got {float(answer):.4f}, want {float(inside.square().mean()):.4f}: the mean of (painted - images)² "
                              f"over the hole's pixels and channels")
    if not flows:
        return Verdict(False, "right in value, but no gradient flows back to what was painted: keep .detach(), .item() and "
                              "torch.no_grad() out of a loss")
    empty, verdict = answer_of(function, painted, images, torch.zeros_like(hole))
    if verdict or not isinstance(empty, torch.Tensor) or empty.ndim or float(empty.detach()) != 0:      # NaN is not 0 either
        return Verdict(False, "without any hole there is nothing to fill, and the loss should be 0 (a 0-d tensor), not 0 / 0: "
                              "clamp the number of pixels at 1")
    return Verdict(True, "right: nothing but the hole counts")
