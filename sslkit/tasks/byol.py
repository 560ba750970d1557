"""BYOL (Grill et al. 2020): predict what a slow copy of oneself says of another view. No negatives at all."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..augment import simclr_views
from ..meters import spread
from ..networks import mlp
from ..task import Task
from .common import follow, follower


class BYOL(Task):
    """A student and a predictor against a teacher, the student's moving average, which gets no gradient.

    momentum: of the teacher, rising to 1 as half a cosine over `steps` (None: constant). predictor, stop_gradient: take
    either away and see what holds the whole from collapsing; without stop-gradient the target is the student's own z.
    hidden: width of projector and predictor (None: the encoder's; 4096 in the paper).
    """

    def __init__(self, encoder, augment=simclr_views, dim=128, *, momentum=0.99, steps=None, predictor=True,
                 stop_gradient=True, hidden=None):
        super().__init__(encoder)
        self.augment, self.momentum, self.steps, self.stop_gradient = augment, momentum, steps, stop_gradient
        hidden = hidden or encoder.dim
        self.projector = mlp(encoder.dim, hidden, dim)             # thrown away after training, as is the predictor
        self.predictor = mlp(dim, hidden, dim) if predictor else nn.Identity()
        self.teacher = follower(encoder, self.projector)
        self.register_buffer("step", torch.tensor(0))

    def make_problem(self, images):
        """(B, 3, H, W), or a pair of real views → views (2B, 3, H, W), what the teacher says of the OTHER view of each (2B, dim)."""
        first, second = images if isinstance(images, tuple) else (images, images)
        first, second = self.augment(first), self.augment(second)
        return torch.cat([first, second]), self.teacher(torch.cat([second, first]))

    def forward(self, views):
        z = self.projector(self.encoder(views))                    # (2B, dim)
        return self.predictor(z), z

    def loss(self, outputs, targets):
        """Grill et al. 2020, eq. 2: 2 − 2 cos(prediction, target), in [0, 4]."""
        prediction, z = outputs
        if not self.stop_gradient:
            targets = z.roll(len(z) // 2, 0)                       # the other view's z, and gradients flow into it
        cosine = F.cosine_similarity(prediction, targets.float(), dim=1)                 # (2B,)
        return (2 - 2 * cosine).mean(), {"spread": spread(z)}      # spread → 0 is collapse

    def after_step(self, targets):
        """The teacher follows, ever more slowly: 1 − (1 − momentum) · (cos(π k / K) + 1) / 2."""
        done = torch.zeros_like(self.step) if self.steps is None else (self.step / self.steps).clamp(max=1)
        follow(self.teacher, (self.encoder, self.projector), 1 - (1 - self.momentum) * (torch.cos(math.pi * done) + 1) / 2)
        self.step += 1
