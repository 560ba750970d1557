"""Pseudo-labels (Lee 2013; FixMatch, Sohn et al. 2020): what the network is sure of is taken for a label of what it is not."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment import simclr_views, standard
from ..networks.encoder import Encoder
from ..task import Task


class PseudoLabel(Task):
    """Few labelled and many unlabelled images in one training: the semi-supervised baseline of
    every pretraining.

    A lightly augmented image whose most probable class has at least `threshold` gives that class as
    the label of its strongly augmented self. weight: of the unlabelled part of the loss. weak,
    strong: augmentations.
    """

    def __init__(
        self,
        encoder: Encoder,
        classes: int,
        weak=standard,
        strong=simclr_views,
        *,
        threshold: float = 0.95,
        weight: float = 1.0,
    ):
        super().__init__(encoder)
        self.weak, self.strong, self.threshold, self.weight = weak, strong, threshold, weight
        self.head = nn.Linear(encoder.dim, classes)

    def make_problem(self, batch):
        """(unlabelled (B, 3, H, W), labelled (B, 3, H, W), labels (B,)) → images (2B, 3, H, W),
        labels first; labels and pseudo-labels (2B,), how much each counts (2B,): 1 for labels, 1 or
        0 for pseudo-labels."""
        unlabelled, images, labels = batch
        confidence, guess = (
            self.head(self.encoder(self.weak(unlabelled))).float().softmax(1).max(1)
        )  # (B,), (B,)
        counts = torch.cat([torch.ones_like(confidence), (confidence >= self.threshold).float()])
        return torch.cat([self.weak(images), self.strong(unlabelled)]), (
            torch.cat([labels, guess]),
            counts,
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))  # (2B, classes)

    def loss(self, logits, targets):
        """Sohn et al. 2020, eq. 3 and 4: mean cross-entropy of the labelled + weight · mean of the unlabelled that count."""
        labels, counts = targets
        entropy = F.cross_entropy(logits, labels, reduction="none") * counts  # (2B,)
        supervised, unsupervised = entropy.chunk(2)
        correct = (logits.detach().argmax(1) == labels).float().chunk(2)[0]
        return supervised.mean() + self.weight * unsupervised.mean(), {
            "accuracy": correct.mean(),
            "confident": counts.chunk(2)[1].mean(),
        }
