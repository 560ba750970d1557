"""VICReg (Bardes, Ponce & LeCun 2022): views agree, and the loss itself forbids collapse."""

import torch

from .. import losses
from ..augment import simclr_views
from ..meters import spread
from ..networks import mlp
from ..task import Task


class VICReg(Task):
    """Encoder and projector as in SimCLR, but neither negatives nor a teacher.

    Two terms of the loss are about the batch. Variance: every dimension of the projector's output z
    keeps a standard deviation of about 1. Covariance: no two dimensions carry the same information.

    dim, hidden: sizes of the projector's output and of its two hidden layers, 8192 each in the
    paper, which calls it the expander. invariance, variance, covariance: weights of the terms.
    """

    def __init__(self, encoder, augment=simclr_views, dim=256, hidden=512, *,
                 invariance=25, variance=25, covariance=1):
        super().__init__(encoder)
        self.augment, self.weights = augment, (invariance, variance, covariance)
        self.projector = mlp(encoder.dim, hidden, hidden, dim)     # thrown away after training

    def make_problem(self, images):
        """(B, 3, H, W), or a pair of real views → views (2B, 3, H, W), and no targets.

        View i and view B + i are of the same image.
        """
        first, second = images if isinstance(images, tuple) else (images, images)
        return torch.cat([self.augment(first), self.augment(second)]), None

    def forward(self, views):
        return self.projector(self.encoder(views))                 # (2B, dim)

    def loss(self, z, targets=None):
        """Bardes et al. 2022, eq. 6. Logs the three terms, unweighted: `losses.vicreg_terms`."""
        terms = losses.vicreg_terms(*z.chunk(2))                   # 0-d each
        loss = sum(weight * term for weight, term in zip(self.weights, terms))
        logs = dict(zip(("invariance", "variance", "covariance"), terms))
        return loss, {"spread": spread(z), **logs}
