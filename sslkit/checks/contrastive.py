"""Checks of the exercises on contrastive learning."""

import math

import torch
from torch.nn import functional as F

from .. import losses
from .verdict import Verdict, answer_of, not_real, not_two_tensors, not_whole, nothing, with_gradients


def nt_xent(function):
    """Checks function(first (N, D), second (N, D), temperature) → NT-Xent of N pictures in two views, 0-d."""
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(5, 6, generator=generator, dtype=torch.float64) * 2 for _ in range(2))
    for temperature in (0.5, 0.2):                                 # twice, so that a number by heart does not pass
        answer, verdict = answer_of(function, first.clone(), second.clone(), temperature)
        verdict = verdict or _not_a_number(answer)
        if verdict:
            return verdict
        value, right = answer.item(), losses.info_nce(torch.cat([first, second]), torch.arange(5).repeat(2), temperature).item()
        if not math.isclose(value, right, rel_tol=1e-5):
            mistakes = _nt_xent_mistakes(first, second, temperature)
            named = next((says for says, wrong in mistakes.items() if math.isclose(value, wrong, rel_tol=1e-5)), None)
            return Verdict(False, named or f"you get {value:.4f}, right is {right:.4f}, and it is none of the usual mistakes: compare one "
                                           f"row by hand, −log(exp(s₀ₚ) / Σ exp(s₀ₖ)), k every view but view 0 itself")
    points = torch.ones(4, 3, requires_grad=True)
    collapsed, verdict = answer_of(function, points, points, 0.01)
    if verdict or _not_a_number(collapsed) or not math.isclose(collapsed.item(), math.log(7), rel_tol=1e-4):
        return Verdict(False, "right on ordinary numbers, but not at temperature 0.01: exp(100) is too large for float32. Stay with "
                              "logarithms: torch.logsumexp, or F.cross_entropy, which does it for you")
    return Verdict(True, f"right: every view finds its other half among all the others, and at collapse the loss is ln(2N − 1), here {math.log(7):.3f}")


def _nt_xent_mistakes(first, second, temperature):
    """{what is wrong: the number that it gives}."""
    n = len(first)
    unit = lambda x: F.normalize(x, dim=1)
    z, raw = torch.cat([unit(first), unit(second)]), torch.cat([first, second])
    partner, alone = torch.arange(2 * n).roll(n), torch.eye(2 * n, dtype=torch.bool)

    def loss(similarity, keep_self=False, target=partner):
        return F.cross_entropy(similarity if keep_self else similarity.masked_fill(alone, -torch.inf), target).item()

    s = z @ z.T / temperature
    positive = s[torch.arange(2 * n), partner]
    negatives = s.masked_fill(alone | alone[partner], -torch.inf).logsumexp(1)
    neighbour = torch.arange(2 * n).view(-1, 2).flip(1).flatten()
    return {
        "you left each view's similarity with itself in the denominator: it is always the largest; mask the diagonal with -inf":
            loss(s, keep_self=True),
        "the positive is missing from the denominator: it is one of the 2N − 1 that compete": (negatives - positive).mean().item(),
        "the views are not normalised: divide each by its length, so that the similarity is the cosine": loss(raw @ raw.T / temperature),
        "you multiply by the temperature: divide the cosines by it": loss(z @ z.T * temperature),
        "the temperature is not used: divide the cosines by it": loss(z @ z.T),
        "the positive of view i is view i + N (and the other way round), not its neighbour i ± 1": loss(s, target=neighbour),
        "only the first views ask: the second ones ask too, so that there are 2N terms": F.cross_entropy(
            s.masked_fill(alone, -torch.inf)[:n], partner[:n]).item(),
        "you compare first views with second views only: other first views are negatives too": F.cross_entropy(s[:n, n:], torch.arange(n)).item(),
        "you add up over the views: take the mean, so that the size of the batch does not matter": 2 * n * loss(s),
        "you divide the sum over all 2N views by N: divide by 2N": 2 * loss(s),
        "the sign is missing: a loss is −log of the share": -loss(s)}


def two_views(function):
    """Checks function(images (B, 3, H, W), augment) → views (2B, 3, H, W), source (2B,): whose view each is."""
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    calls = []

    def augment(batch):                                            # tells whose picture it changed, and in which call
        calls.append(len(batch))
        return batch + len(calls)

    changed = {0: "the images you were given were changed: augment returns new ones"}
    answer, verdict = answer_of(function, images, augment, changed=changed)
    verdict = verdict or not_two_tensors(answer, "the views, and from which image each was made")
    if verdict:
        return verdict
    views, source = answer
    if tuple(views.shape) != (8, 3, 8, 8):
        return Verdict(False, f"the views have shape {tuple(views.shape)}, want (2B, 3, H, W), here (8, 3, 8, 8): two of every image")
    verdict = not_real(views, "the tensor of views")
    if verdict:
        return verdict
    if not_whole(source) or tuple(source.shape) != (8,):
        return Verdict(False, f"source is {source.dtype} {tuple(source.shape)}, want whole numbers (2B,), here int64 (8,)")
    views, source = views.detach().float(), source.long()
    truth = torch.stack([(views[:, None] - images - call).abs().flatten(2).amax(2).argmin(1) for call in (0, 1, 2)])   # (3, 8)
    fits = torch.stack([(views - images[row] - call).abs().flatten(1).amax(1) < 1e-4 for call, row in enumerate(truth)])
    if fits[0].any():
        return Verdict(False, "some views are the images themselves: both views must be changed, or one half of all pairs has seen no augmentation")
    if fits[1].all():
        return Verdict(False, "both views of an image are the same: call augment twice, so that each gets draws of its own")
    whose = torch.where(fits[1], truth[1], truth[2])
    if torch.equal(source, torch.arange(8)):
        return Verdict(False, "every view has a source of its own, so nothing belongs together: the two views of an image share its number")
    if not torch.equal(whose, source):
        return Verdict(False, "views and sources are in different orders: torch.cat of two batches goes with source.repeat(2), 0 1 2 3 0 1 2 3, "
                              "not with repeat_interleave, 0 0 1 1 2 2 3 3")
    return Verdict(True, "right: two views of every image, and the number of the image is the label that came for free")


def byol_loss(function):
    """Checks function(prediction (2N, D), target (2N, D)) → mean of 2 − 2 cos, 0-d, with no gradient into the target."""
    generator = torch.Generator().manual_seed(0)
    prediction, target = (torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    found, verdict = answer_of(with_gradients, function, prediction, target)
    answer, gradients = found or (None, None)
    verdict = verdict or nothing(answer) or _not_a_number(answer)
    if verdict:
        return verdict
    cosine, value = F.cosine_similarity(prediction, target, dim=1), answer.item()
    right = (2 - 2 * cosine).mean().item()
    mistakes = {"that is the cosine itself, which should grow: the loss is 2 − 2 · cosine": cosine.mean().item(),
                "that is −cosine: the same minimum, but the paper's loss is 2 − 2 · cosine, from 0 to 4": -cosine.mean().item(),
                "that is 1 − cosine: twice that is the squared distance of unit vectors": (1 - cosine).mean().item(),
                "that is the squared distance of vectors that were not normalised: lengths must not matter":
                    (prediction - target).square().sum(1).mean().item(),
                "that is the mean over the dimensions too: sum over them, then take the mean over the batch":
                    (2 - 2 * cosine).mean().item() / prediction.shape[1],
                "that is the sum over the batch: take the mean": (2 - 2 * cosine).sum().item()}
    if not math.isclose(value, right, rel_tol=1e-6):
        named = next((says for says, wrong in mistakes.items() if math.isclose(value, wrong, rel_tol=1e-6)), None)
        return Verdict(False, named or f"you get {value:.4f}, right is {right:.4f}: the mean over rows of 2 − 2 · cosine(prediction, target)")
    if not answer.requires_grad:
        return Verdict(False, "no gradient reaches the prediction: it is the target alone that must be detached")
    _, into_target = gradients
    if into_target is not None and into_target.abs().sum() > 0:
        return Verdict(False, "the number is right, but gradients flow into the target: both sides could then meet in one point. Use target.detach()")
    return Verdict(True, "right: the prediction goes to the target, and the target stays where it is")


def _not_a_number(answer):
    """A verdict on anything but a 0-d tensor that is finite, or None."""
    if not isinstance(answer, torch.Tensor) or answer.ndim != 0:
        shape = f"a tensor of shape {tuple(answer.shape)}" if isinstance(answer, torch.Tensor) else type(answer).__name__
        return Verdict(False, f"your function returns {shape}: a loss is one number, a tensor without dimensions; .mean() makes it")
    if answer.dtype == torch.bool or answer.is_complex():
        return Verdict(False, f"your function returns {answer.dtype}: a loss is a floating-point number, such as torch.float32")
    if not torch.isfinite(answer):
        return Verdict(False, f"your function gives {answer.item()} on ordinary numbers: a logarithm of 0, or exp of something too large?")
