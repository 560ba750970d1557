"""InfoNCE without the N × N matrix: a few rows of it at a time, made once for the loss and once for its gradient.

The gradient by a similarity is a share of a softmax, known as soon as its row has been summed. So the forward pass works out
the gradient too, and nothing waits in memory for backward: O(N·D + ROWS·N) in place of O(N²). The matrix is symmetric, so
only the half right of its diagonal is made.
"""

import torch

ROWS = 128                      # of the matrix at a time
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
        total = z.new_zeros(len(z))                                            # (N,), Σ exp(similarity) over the negatives
        for rows, right, weight in _negatives(z, labels, count):
            total[rows] += weight.sum(1)
            total[right] += weight[:, len(weight):].sum(0)

        loss, gradient, share = z.new_zeros(()), torch.zeros_like(z), torch.zeros_like(total)
        for rows, near, positive in _same(labels, count):
            similarity = z[rows] @ z[near].T                                   # (rows, near)
            both = torch.logaddexp(similarity, total[rows, None].log())        # (rows, near), of a positive and all negatives
            loss += ((both - similarity) * positive).sum()
            pull = (torch.exp(similarity - both) - 1) * positive               # by a positive: its share of the softmax − 1
            share[rows] = (torch.exp(-both) * positive).sum(1)                 # by a negative: exp(similarity) · this
            gradient[rows] += pull @ z[near]
            gradient[near] += pull.T @ z[rows]

        if ctx.needs_input_grad[0]:
            for rows, right, weight in _negatives(z, labels, count):
                weight *= share[rows, None] + share[rows.start:]               # both of (i, j) and (j, i)
                gradient[rows] += weight @ z[rows.start:]
                gradient[right].addmm_(weight[:, len(weight):].T, z[rows])
        pairs = (count * (count - 1)).sum()
        ctx.save_for_backward(gradient.div_(pairs))
        return loss / pairs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None


def _negatives(z, labels, count):
    """Yields a slice of rows, the slice of all columns right of their block, and exp(similarity) of these rows from their own
    first column on (rows, N − start), 0 where labels are equal."""
    for rows, near, same in _same(labels, count, itself=True):
        weight = (z[rows] @ z[rows.start:].T).exp_()
        weight[:, :near.stop - rows.start].masked_fill_(same[:, rows.start - near.start:], 0)
        yield rows, slice(rows.stop, len(z)), weight


def _same(labels, count, itself=False):
    """Yields a slice of rows, the slice of columns in which their labels may come again, and where they do (rows, columns)."""
    ends = count.cumsum(0)
    place = torch.arange(len(labels), device=labels.device)
    edges = torch.stack([(ends - count)[labels], ends[labels]]).tolist()       # where each row's own label begins and ends
    for start in range(0, len(labels), ROWS):
        rows = slice(start, min(start + ROWS, len(labels)))
        near = slice(edges[0][rows.start], edges[1][rows.stop - 1])
        same = labels[rows, None] == labels[near]
        yield rows, near, same if itself else same & (place[rows, None] != place[near])
