"""Learning from labels: what every pretext task is measured against, and the second stage of the pipeline."""

from torch import nn

from ..task import Task
from .common import classification


class Supervised(Task):
    """An encoder and a linear head, trained on labelled pictures: from scratch, or fine-tuning what pretraining left."""

    def __init__(self, encoder, classes, augment=None):
        super().__init__(encoder)
        self.classes = classes  # `train` compares the labels with it
        self.head = nn.Linear(encoder.dim, classes)
        self.augment = augment or (lambda images: images)

    def make_problem(self, batch):
        """(images (B, 3, H, W), labels (B,)) → changed images (B, 3, H, W), the same labels (B,)."""
        images, labels = batch
        return self.augment(images), labels

    def forward(self, images):
        return self.head(self.encoder(images))                     # (B, classes)

    def loss(self, logits, labels):
        return classification(logits, labels)
