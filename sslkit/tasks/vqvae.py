"""VQ-VAE (van den Oord, Vinyals & Kavukcuoglu 2017): a picture told in a few words of a code book that is learnt meanwhile.

The first half of a hybrid: what it makes of pictures, maps of tokens, an autoregressive transformer learns to continue.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..networks import Upsampler
from ..task import Task


class VQVAE(Task):
    """encoder: maps pictures to feature maps. codes: words of the book. width: of each. beta: how firmly the encoder is held to
    the words it chose (eq. 3). doublings: how often the encoder halves the picture.
    """

    def __init__(self, encoder, codes=64, width=16, beta=0.25, doublings=3, patience=50):
        super().__init__(encoder)
        self.beta, self.patience = beta, patience
        self.to_code, self.decoder = nn.Conv2d(encoder.dim, width, 1), Upsampler(encoder.dim, 3, doublings)
        self.from_code = nn.Conv2d(width, encoder.dim, 1)
        self.book = nn.Parameter(torch.randn(codes, width))
        self.register_buffer("unused", torch.zeros(codes))        # for how many steps no place chose this word
        self.register_buffer("recent", torch.zeros(codes, width))  # features of the last batch, for words to start anew from

    def make_problem(self, images):
        return images, images

    def forward(self, images):
        """→ painted (B, 3, H, W), features z (B, width, h, w), and the words nearest to them, of the same shape."""
        z = self.to_code(self.encoder.features(images)).float()    # (B, width, h, w)
        words = self.book[self._nearest(z)].permute(0, 3, 1, 2)    # (B, width, h, w)
        passed = z + (words - z).detach()                          # gradients go past the choice, straight through
        return self._paint(passed, images.shape[-2:]), z, words

    def loss(self, outputs, images):
        """Squared error of the picture; words move to the features, features are held to the words (eq. 3)."""
        painted, z, words = outputs
        if self.training:
            self._remember(z)
        error = (painted - images).square().mean()
        held = F.mse_loss(words, z.detach()) + self.beta * F.mse_loss(z, words.detach())
        return error / 0.06 + held, {"error": error.detach()}      # 0.06: about the variance of pixels

    def after_step(self, images):
        """Words that no place has chosen for a while start anew, at features of the last batch."""
        idle = self.unused >= self.patience
        self.book.copy_(torch.where(idle[:, None], self.recent, self.book))
        self.unused.masked_fill_(idle, 0)

    def tokens(self, images):
        """Pictures (B, 3, H, W) in [0, 1] → the number of the word at each place, (B, h, w)."""
        return self._nearest(self.to_code(self.encoder.features(images)).float())

    def pictures(self, tokens):
        """Words (B, h, w) → pictures (B, 3, H, W) in [0, 1]. Raises ValueError for numbers that the book does not have."""
        if tokens.min() < 0 or tokens.max() >= len(self.book):
            raise ValueError(f"words from {int(tokens.min())} to {int(tokens.max())}: the book has 0 to {len(self.book) - 1}")
        size = [side * 2 ** len(self.decoder.steps) for side in tokens.shape[-2:]]
        return self._paint(self.book[tokens].permute(0, 3, 1, 2), size).float().clamp(0, 1)

    def _nearest(self, z):
        return torch.cdist(z.permute(0, 2, 3, 1).flatten(1, 2), self.book[None]).argmin(2).unflatten(1, z.shape[-2:])

    def _paint(self, words, size):
        return self.decoder(F.relu(self.from_code(words)), size)

    @torch.no_grad()
    def _remember(self, z):
        """Of the whole batch, which `forward` may have been given in pieces."""
        used = torch.zeros(len(self.book), dtype=torch.bool, device=z.device)
        used.index_fill_(0, self._nearest(z).flatten(), True)       # bincount would make a GPU wait
        self.unused.add_(1).masked_fill_(used, 0)
        rows = z.permute(0, 2, 3, 1).flatten(0, 2)                 # (B·h·w, width)
        self.recent.copy_(rows[torch.randint(len(rows), (len(self.book),), device=rows.device)])
