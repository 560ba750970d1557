"""InfoNCE without the N × N matrix: a few rows of it at a time, made once for the loss and once for its gradient.

The gradient by a similarity is a share of a softmax, known as soon as its row has been summed. So the forward pass works out
the gradient too, and nothing waits in memory for backward: O(N·D + ROWS·N) in place of O(N²). The matrix is symmetric, so
only the half right of its diagonal is made.
"""

import torch

ROWS = 128                      # of the matrix at a time
KEPT = 2048                     # up to so many embeddings its half is kept from the first pass to the second: 8 MB at most
LARGEST = 40.0                  # similarities up to here are raised to e in float32, which ends at e^88; larger ones in float64


def softmax_contrast(z, labels):
    """The loss of `losses.info_nce` for embeddings (N, D) scaled so that similarities are dot products, labels (N,) → 0-d.

    Similarities must stay below 600: beyond, exponentials leave the range of float64.
    """
    labels, order = labels.unique(return_inverse=True)[1].sort(stable=True)    # 0 0 1 1 2 2 …: positives lie near the diagonal
    z = z[order]
    return _SoftmaxContrast.apply(z.double() if z.detach().square().sum(1).amax() > LARGEST else z, labels).to(z.dtype)


class _SoftmaxContrast(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, labels):
        """z (N, D), labels (N,) sorted, from 0 on → loss, 0-d; keeps its gradient by z (N, D)."""
        count = labels.bincount()
        spans = _spans(labels, count)
        blocks = list(_negatives(z, labels, spans)) if len(z) <= KEPT else None
        total = z.new_zeros(len(z))                                            # (N,), Σ exp(similarity) over the negatives
        for rows, weight in blocks or _negatives(z, labels, spans):
            total[rows] += weight.sum(1)
            total[rows.stop:] += weight[:, len(weight):].sum(0)

        loss, gradient, share = z.new_zeros(()), torch.zeros_like(z), torch.zeros_like(total)
        for rows, near in spans:
            positive = labels[rows, None] == labels[near]                      # (rows, near)
            positive.diagonal(rows.start - near.start).fill_(False)            # nobody is a positive of itself
            similarity = z[rows] @ z[near].T
            both = torch.logaddexp(similarity, total[rows, None].log())        # of a positive and all negatives
            loss += ((both - similarity) * positive).sum()
            pull = (torch.exp(similarity - both) - 1) * positive               # by a positive: its share of the softmax − 1
            share[rows] = (torch.exp(-both) * positive).sum(1)                 # by a negative: exp(similarity) · this
            gradient[rows] += pull @ z[near]
            gradient[near] += pull.T @ z[rows]

        if ctx.needs_input_grad[0]:
            for rows, weight in blocks or _negatives(z, labels, spans):
                weight *= share[rows, None] + share[rows.start:]               # both of (i, j) and (j, i)
                gradient[rows] += weight @ z[rows.start:]
                gradient[rows.stop:].addmm_(weight[:, len(weight):].T, z[rows])
        pairs = (count * (count - 1)).sum()
        ctx.save_for_backward(gradient.div_(pairs))
        return loss / pairs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None


def _negatives(z, labels, spans):
    """Yields slices of rows and exp(similarity) of these rows from their own first column on (rows, N − start), 0 for equal labels."""
    for rows, near in spans:
        weight = (z[rows] @ z[rows.start:].T).exp_()
        beside = slice(rows.start, near.stop)
        weight[:, :beside.stop - beside.start].masked_fill_(labels[rows, None] == labels[beside], 0)
        yield rows, weight


def _spans(labels, count):
    """→ [(slice of rows, slice of the columns in which their labels come)], for labels (N,) that are sorted."""
    ends = count.cumsum(0)
    begin, end = torch.stack([(ends - count)[labels], ends[labels]]).tolist()
    starts = range(0, len(labels), ROWS)
    return [(slice(start, stop), slice(begin[start], end[stop - 1])) for start in starts for stop in [min(start + ROWS, len(labels))]]
