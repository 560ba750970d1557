"""What every encoder is: blocks, one after another, and features after each of them."""

from itertools import islice

from torch import nn


class Encoder(nn.Module):
    """A network that turns samples into features, block by block. A subclass writes `stages`.

    blocks: modules applied in turn. channels: how many features each of them ends with; dim is the
    last. takes: "images" where samples are such, which is then asked of data at the door; None:
    other samples, or not known.
    """

    takes = None

    def __init__(self, blocks, channels):
        super().__init__()
        self.blocks, self.channels, self.dim = nn.ModuleList(blocks), tuple(channels), channels[-1]

    def stages(self, x):
        """Samples → the features after each block, one (B, channels, …) at a time."""
        raise NotImplementedError(f"{type(self).__name__} must say what its blocks give: stages(x)")

    def features(self, x, depth=None):
        """Samples → features (B, dim, …) after the first `depth` blocks (None: all), one a place: of a map, of a line of text.

        Raises ValueError for a depth outside 1 … len(blocks).
        """
        depth = len(self.blocks) if depth is None else depth
        if not 1 <= depth <= len(self.blocks):
            raise ValueError(f"depth={depth}: this encoder has blocks 1 to {len(self.blocks)}")
        return next(islice(self.stages(x), depth - 1, None))

    def forward(self, x):
        """Samples → features (B, dim): the last block's, averaged over all places."""
        return self.features(x).flatten(2).mean(2)
