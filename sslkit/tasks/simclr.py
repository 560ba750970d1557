"""SimCLR (Chen et al. 2020): two random views of a picture should be each other's nearest among all views of the batch."""

import torch

from .. import losses
from ..augment import simclr_views
from ..meters import spread
from ..networks import mlp
from ..task import Task


class SimCLR(Task):
    """Encoder and projector; the loss is taken on the projector's output z, what is kept is the encoder's, h.

    augment: makes a view; it is called twice. small: augmentations for more views of every image, one each, which may be smaller and
    then cost little (multi-crop, Caron et al. 2020): all views of an image are each other's positives. With none it is the paper's.
    """

    def __init__(self, encoder, augment=simclr_views, dim=128, contrast=losses.info_nce, small=(), hidden=None):
        super().__init__(encoder)
        self.augment, self.contrast, self.small = augment, contrast, small
        self.projector = mlp(encoder.dim, hidden or encoder.dim, dim)    # thrown away after training

    def make_problem(self, images):
        """(B, 3, H, W) → views (2B, 3, H, W), index of the image each view came from (2B,).

        Or a pair of such batches: two real pictures of each thing, each augmented once. With `small`, views are a tuple,
        (2B, 3, H, W) and (S·B, 3, h, w), and the index is that of both, one after the other.
        """
        first, second = images if isinstance(images, tuple) else (images, images)
        source = torch.arange(len(first), device=first.device).repeat(2 + len(self.small))
        views = torch.cat([self.augment(first), self.augment(second)])
        if self.small:
            views = views, torch.cat([augment(first) for augment in self.small])
        return views, source

    def forward(self, views):
        if isinstance(views, tuple):                               # one pass for each size
            return tuple(self.projector(self.encoder(same_size)) for same_size in views)
        return self.projector(self.encoder(views))                 # (2B, dim)

    def loss(self, z, source):
        z = torch.cat(z) if isinstance(z, tuple) else z
        return self.contrast(z, source), {"spread": spread(z)}     # spread → 0 is collapse
