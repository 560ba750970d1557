"""The contract of the whole kit: construct a supervised problem from unlabelled data, then solve it."""

from torch import nn


class Task(nn.Module):
    """A way of learning without labels, told by three verbs: make a problem, answer it, mark the answer.

    A subclass writes `make_problem`, `forward` and `loss`; `sslkit.train` does the rest. Whatever `make_problem`
    returns as targets came for free: from the data itself, or from a teacher network (MoCo, BYOL), which is why
    `make_problem` runs without gradients and stop-gradient needs no special case.

    `encoder` is the network that is kept. It is given, never built inside, so that every task can train the same one.
    """

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def make_problem(self, batch):
        """Batch as `sslkit.data.batches` gives it → inputs, targets. Labels for free; runs without gradients."""
        raise NotImplementedError(f"{type(self).__name__} must say how a batch becomes a problem: make_problem(batch)")

    def forward(self, inputs):
        """Inputs → outputs: an ordinary network."""
        raise NotImplementedError(f"{type(self).__name__} must say how it answers: forward(inputs)")

    def loss(self, outputs, targets):
        """Outputs, targets → loss (0-d tensor), {name: 0-d tensor} to be logged beside it."""
        raise NotImplementedError(f"{type(self).__name__} must say how an answer is marked: loss(outputs, targets)")

    def after_step(self, targets):
        """Called after each update, without gradients. Only teacher–student tasks need it."""

    def represent(self, batch):
        """What downstream work sees: images (B, 3, H, W) in [0, 1] → features (B, D)."""
        return self.encoder(batch)
