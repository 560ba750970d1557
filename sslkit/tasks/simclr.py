"""SimCLR (Chen et al. 2020): two random views of a picture should be each other's nearest among all views of the batch."""

import torch

from .. import losses
from ..augment import simclr_views
from ..meters import spread
from ..networks import mlp
from ..task import Task


class SimCLR(Task):
    """Encoder and projector; the loss is taken on the projector's output z, what is kept is the encoder's, h."""

    def __init__(self, encoder, augment=simclr_views, dim=128, contrast=losses.info_nce):
        super().__init__(encoder)
        self.augment, self.contrast = augment, contrast
        self.projector = mlp(encoder.dim, encoder.dim, dim)        # thrown away after training

    def make_problem(self, images):
        """(B, 3, H, W) → views (2B, 3, H, W), index of the image each view came from (2B,).

        Or a pair of such batches: two real pictures of each thing, each augmented once.
        """
        first, second = images if isinstance(images, tuple) else (images, images)
        source = torch.arange(len(first), device=first.device)
        return torch.cat([self.augment(first), self.augment(second)]), source.repeat(2)

    def forward(self, views):
        return self.projector(self.encoder(views))                 # (2B, dim)

    def loss(self, z, source):
        return self.contrast(z, source), {"spread": spread(z)}     # spread → 0 is collapse
