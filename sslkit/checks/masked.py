"""Checks of the exercises on masked autoencoders."""

import torch

from .verdict import Verdict, answer_of, not_real, nothing, with_gradients


def patchify(function):
    """Checks function(images (B, 3, H, W), patch) → patches (B, N, patch·patch·3): row by row, inside each row, column, channel."""
    images, patch = torch.rand(2, 3, 6, 9, generator=torch.Generator().manual_seed(0)), 3
    answer, verdict = answer_of(function, images, patch)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor):
        return Verdict(False, f"got {type(answer).__name__}, want one tensor (B, N, patch·patch·3)")
    verdict = not_real(answer, "the tensor of patches")
    if verdict:
        return verdict
    answer = answer.detach().float()
    cut = images.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))                               # (B, 3, rows, p, columns, p)
    order = lambda *places: cut.permute(*places).reshape(2, 6, 27)
    right = order(0, 2, 4, 3, 5, 1)                                # (2, 6, 27)
    if tuple(answer.shape) != (2, 6, 27):
        if answer.numel() != images.numel():
            return Verdict(False, f"{answer.numel()} numbers came out of {images.numel()}: every pixel belongs to "
                                  f"one patch, and to one only")
        if tuple(answer.shape) == (2, 27, 6):
            return Verdict(False, "the last two dimensions are swapped: want one patch a row, (B, N, patch·patch·3)")
        return Verdict(False, f"2 pictures of 6 × 9 pixels in patches of 3 gave {tuple(answer.shape)}, want (2, 6, 27): "
                              f"6 patches of 3 · 3 · 3 numbers")
    mistakes = (
        (images.reshape(2, 6, 27),
         "this only renames the shape: a patch holds neighbours from several rows, so the dimensions must be split and permuted "
         "before they are joined"),
        (images.permute(0, 2, 3, 1).reshape(2, 6, 27),
         "this cuts rows of pixels into pieces of 9, not squares: split height and width each into (number, patch) first"),
        (order(0, 2, 4, 1, 3, 5),
         "the squares are right, but inside a patch you wrote channel, row, column: MAE's order is row, column, channel"),
        (order(0, 4, 2, 3, 5, 1), "patches are numbered column by column: want row by row, as one reads"),
        (order(0, 2, 4, 5, 3, 1), "inside a patch rows and columns are swapped: every patch came out mirrored at its diagonal"),
        (order(0, 3, 5, 2, 4, 1),
         "the numbers of patches and the pixels inside them are swapped: each of your patches takes every second or third pixel "
         "of the whole picture"))
    for mistaken, says in mistakes:
        if torch.equal(answer, mistaken):
            return Verdict(False, says)
    if not torch.equal(answer, right):
        return Verdict(False, "the shape is right, the numbers are not: try it on torch.arange(…) in the shape (1, 3, 4, 4) "
                              "and look at the first patch")
    return Verdict(True, "right: one row a patch, in MAE's own order")


def random_masking(function):
    """Checks function(number, patches, ratio) → hidden, bool (number, patches): as many True in each picture, drawn anew."""
    number, patches, ratio = 200, 20, 0.8
    answer, verdict = answer_of(function, number, patches, ratio)
    if verdict:
        return verdict
    again, verdict = answer_of(function, number, patches, ratio, seed=1)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != (number, patches):
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        return Verdict(False, f"got {shape} for {number} pictures of {patches} patches, want ({number}, {patches}): one flag a "
                              f"patch of each picture")
    if answer.dtype != torch.bool:
        return Verdict(False, f"flags are {answer.dtype}, want torch.bool: True where a patch is hidden")
    counts, wanted = answer.sum(1), round(ratio * patches)
    if (counts == patches - wanted).all():
        return Verdict(False, f"{patches - wanted} of {patches} patches are hidden and {wanted} visible: ratio={ratio} is the "
                              f"share that is hidden")
    if (counts != counts[0]).any():
        return Verdict(False, f"one picture hides {int(counts.min())} patches, another {int(counts.max())}: want {wanted} in each, "
                              f"else what is visible does not fit into one tensor. Rank random numbers, do not compare them with "
                              f"the ratio")
    if int(counts[0]) != wanted:
        return Verdict(False, f"{int(counts[0])} of {patches} patches are hidden at ratio={ratio}, want {wanted}")
    if (answer == answer[0]).all():
        return Verdict(False, "every picture of the batch hides the same patches: draw for each picture by itself")
    if isinstance(again, torch.Tensor) and again.dtype == answer.dtype and torch.equal(answer, again):
        return Verdict(False, "two calls hide the same patches: draw anew each time, and leave torch's seed alone")
    share = answer.float().mean(0)                                 # 200 draws: 0.8 ± 0.03
    if (share - ratio).abs().max() > 0.2:
        place = int((share - ratio).abs().argmax())
        return Verdict(False, f"patch {place} is hidden in {share[place]:.0%} of the pictures, want about {ratio:.0%}: every patch "
                              f"should be as likely")
    return Verdict(True, f"right: {wanted} of {patches} in every picture, every patch as likely")


def mae_loss(function):
    """Checks function(painted (B, N, P), patches (B, N, P), hidden bool (B, N)) → mean squared error over hidden patches, 0-d."""
    generator = torch.Generator().manual_seed(0)
    painted, patches = torch.rand(2, 3, 5, 12, generator=generator).unbind(0)
    hidden = torch.zeros(3, 5, dtype=torch.bool)
    hidden[0, 1], hidden[1, :4], hidden[2, 2:] = True, True, True
    painted.requires_grad_()
    found, verdict = answer_of(with_gradients, function, painted, patches, hidden)
    answer, gradients = found or (None, None)
    verdict = verdict or nothing(answer)
    if verdict:
        return verdict
    if not isinstance(answer, torch.Tensor) or answer.ndim != 0:
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        return Verdict(False, f"the loss is {shape}, want one number as a 0-d tensor: a mean over all hidden patches")
    verdict = not_real(answer, "the loss")
    if verdict:
        return verdict
    flows, answer = answer.requires_grad and gradients[0] is not None, answer.detach().float()
    square = (painted - patches).detach().square()                 # (B, N, P)
    inside = square[hidden]                                        # (hidden, P)
    centred = lambda x: (x - x.mean(2, keepdim=True)) / (x.var(2, keepdim=True) + 1e-6).sqrt()
    mistakes = (
        (square.mean(), "this is the error over all patches: what was visible needs no guessing, count the hidden ones only"),
        (square[~hidden].mean(), "this is the error on the visible patches: hidden is True where a patch was hidden"),
        (inside.sum() / square.numel(),
         "the sum over hidden patches is divided by all patches: divide by the hidden ones, else the loss falls with the ratio"),
        (inside.sum() / hidden.sum(), "the numbers in a patch are added, not averaged: divide by them too"),
        (inside.sum(), "this is the sum over the hidden patches: divide by its number of values to have a mean"),
        ((painted - patches).detach().abs()[hidden].mean(), "this is the absolute error: square the difference"),
        (inside.mean().sqrt(), "a root was taken: the loss is the mean of the squares itself"),
        (torch.stack([one[gone].mean() for one, gone in zip(square, hidden)]).mean(),
         "every picture counts alike, however few of its patches are hidden: take one mean over all hidden patches"),
        ((painted.detach() - centred(patches)).square()[hidden].mean(),
         "the patches were normalised (norm_pix): a good idea in training, but not asked for here"))
    for mistaken, says in mistakes:
        if torch.allclose(answer, mistaken, atol=1e-6):
            return Verdict(False, says)
    if not torch.allclose(answer, inside.mean(), atol=1e-6):
        return Verdict(False, f"got {float(answer):.4f}, want {float(inside.mean()):.4f}: the mean of "
                              f"(painted - patches)² over the hidden patches")
    if not flows:
        return Verdict(False, "right in value, but no gradient flows back to what was painted: keep .detach(), .item() and "
                              "torch.no_grad() out of a loss")
    return Verdict(True, "right: nothing but the hidden patches counts")
