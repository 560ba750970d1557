"""What several tasks share: classification as a loss."""

from torch.nn import functional as F


def classification(logits, targets):
    """Logits (B, classes, …), targets (B, …) int64 → cross-entropy, {"accuracy"}."""
    accuracy = (logits.detach().argmax(1) == targets).float().mean()
    return F.cross_entropy(logits, targets), {"accuracy": accuracy}


