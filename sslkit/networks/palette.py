"""Pictures in few colours: then each pixel is one token, and a picture a text to be read row by row."""

import torch
from torch import nn


class Palette(nn.Module):
    """colours: (K, 3) in [0, 1]. Pictures (B, 3, H, W) → the nearest colour's number for each pixel, (B, H, W)."""

    def __init__(self, colours):
        super().__init__()
        self.register_buffer("colours", torch.as_tensor(colours, dtype=torch.float32))

    @classmethod
    def of(cls, images, number=32, seed=0):
        """The `number` colours that serve these pictures best, by k-means of their pixels, darkest first (Chen et al. 2020, iGPT).

        images: uint8 (N, 3, H, W) or in [0, 1].
        """
        from sklearn.cluster import MiniBatchKMeans               # not at import: scikit-learn costs a second

        scale = 255 if images.dtype == torch.uint8 else 1
        pixels = images.movedim(1, 3).reshape(-1, 3).float().cpu() / scale                         # (N·H·W, 3)
        few = pixels[torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))[:50_000]]
        found = MiniBatchKMeans(number, batch_size=4096, n_init=3, random_state=seed).fit(few.numpy()).cluster_centers_
        colours = torch.from_numpy(found).float().clamp(0, 1)
        return cls(colours[colours.sum(1).argsort()])

    def forward(self, images):
        pixels = images.movedim(1, 3).flatten(1, 2).float()         # (B, H·W, 3)
        distance = self.colours.square().sum(1) - 2 * pixels @ self.colours.T                     # + |pixel|², the same for all
        return distance.argmin(2).unflatten(1, images.shape[-2:])

    def pictures(self, tokens):
        """Tokens (B, H, W) → pictures (B, 3, H, W) in [0, 1]. Raises ValueError for tokens that are no colour of it."""
        if tokens.min() < 0 or tokens.max() >= len(self.colours):
            raise ValueError(f"tokens from {int(tokens.min())} to {int(tokens.max())}: the palette has 0 to {len(self.colours) - 1}")
        return self.colours[tokens.long()].movedim(-1, 1)
