"""MoCo (He et al. 2020; v2 Chen et al. 2020): negatives come from a queue of earlier batches, so batches may be small."""

import torch
from torch.nn import functional as F

from ..augment import simclr_views
from ..losses import check_temperature
from ..meters import spread
from ..networks import mlp
from ..task import Task
from .common import follow, follower


class MoCo(Task):
    """A student learns to find its teacher's key of the same picture among `queue` keys of earlier pictures.

    The teacher is the student's own moving average: keys that were made at different times stay comparable.

    Batch norm can give the answer away: it mixes into each output a trace of the pictures beside it, so that a query and its
    key, made from the same pictures, share a trace that the keys of other batches lack. He et al. (section 3.3) part the
    batch among GPUs and shuffle it for the teacher, so that no key keeps its query's company. Here the parts are `groups` on
    one device. shuffle=False, groups=1: the leak, to be looked at.

    symmetric: each of the two views is the query once, and the other's key its positive, as in the authors' own CIFAR-10
    example; the paper's loss has one query an image.
    """

    def __init__(self, encoder, augment=simclr_views, dim=128, *, queue=4096, momentum=0.99, temperature=0.1, groups=4,
                 shuffle=True, symmetric=False):
        super().__init__(encoder)
        check_temperature(temperature)
        self.symmetric = symmetric
        self.augment, self.momentum, self.temperature, self.groups, self.shuffle = augment, momentum, temperature, groups, shuffle
        self.projector = mlp(encoder.dim, encoder.dim, dim)        # thrown away after training
        self.teacher = follower(encoder, self.projector)
        self.register_buffer("queue", F.normalize(torch.randn(queue, dim), dim=1))       # (K, dim)
        self.register_buffer("oldest", torch.tensor(0))

    def make_problem(self, images):
        """(B, 3, H, W), or a pair of real views → query views (B, 3, H, W), the teacher's keys of other views (B, dim).

        Twice as many of each where symmetric. Raises ValueError for a batch that does not fit into the queue.
        """
        first, second = images if isinstance(images, tuple) else (images, images)
        if len(first) * (1 + self.symmetric) > len(self.queue):
            raise ValueError(f"a batch of {len(first)} does not fit into a queue of {len(self.queue)}: want a longer queue")
        second, first = self.augment(second), self.augment(first)
        if self.symmetric:
            first, second = torch.cat([first, second]), torch.cat([second, first])
        order = torch.arange(len(second), device=second.device)
        if self.shuffle:
            order = torch.randperm(len(second), device=second.device)
        keys = self.in_groups(self.teacher, second[order])[order.argsort()]
        return first, F.normalize(keys.float(), dim=1)

    def forward(self, views):
        return self.in_groups(lambda part: self.projector(self.encoder(part)), views)    # (B, dim)

    def in_groups(self, network, views):
        """(B, …) → the network's answers (B, dim), group by group, so that batch norm sees one group at a time, of two at least."""
        return torch.cat([network(part) for part in views.tensor_split(max(1, min(self.groups, len(views) // 2)))])

    def loss(self, queries, keys):
        """He et al. 2020, eq. 1: softmax over [the positive key, the queue], the positive first."""
        queries = F.normalize(queries, dim=1)
        positive = (queries * keys).sum(1, keepdim=True)           # (B, 1)
        logits = torch.cat([positive, queries @ self.queue.T], 1) / self.temperature     # (B, 1 + K)
        first = torch.zeros(len(queries), dtype=torch.long, device=queries.device)
        accuracy = (logits.detach().argmax(1) == 0).float().mean()
        return F.cross_entropy(logits, first), {"accuracy": accuracy, "spread": spread(queries)}

    def after_step(self, keys):
        """The teacher follows; the newest keys take the places of the oldest."""
        follow(self.teacher, (self.encoder, self.projector), self.momentum)
        places = (self.oldest + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[places] = keys
        self.oldest.copy_((self.oldest + len(keys)) % len(self.queue))
