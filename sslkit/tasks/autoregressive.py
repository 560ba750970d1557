"""Autoregressive models: each element is told from those before it. GPT, WaveNet and PixelCNN differ in the encoder alone."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..task import Task


class Autoregressive(Task):
    """encoder: one of `sslkit.networks.causal`, whose features of a place know what stands before it, and no more.

    Samples are tokens: (B, T) of text or sound, (B, H, W) of pictures, in raster order; or (tokens, condition (B,)).
    """

    def __init__(self, encoder):
        super().__init__(encoder)
        self.head = nn.Linear(encoder.dim, encoder.vocabulary)     # thrown away after training

    def make_problem(self, x):
        """x → x, x: the encoder sees to it that no place is told what it should tell. With a condition: (x, condition), x."""
        tokens = x[0] if isinstance(x, tuple) else x
        return x, tokens.long()

    def forward(self, x):
        return self.head(self.encoder.features(x).movedim(1, -1)).movedim(-1, 1)                   # (B, vocabulary, …)

    def loss(self, logits, tokens):
        """Cross-entropy; log: the same in bits per element."""
        loss = F.cross_entropy(logits, tokens)
        return loss, {"bits": loss.detach() / math.log(2)}

    def sample(self, number, shape, *, known=None, temperature=1.0, top_k=None, condition=None):
        """→ tokens (number, *shape), drawn one after another; random draws come from torch's generator.

        known: (number, K), the first K elements in raster order, which stay. temperature, top_k: see `distribution`.
        """
        drawn = [token for _, token in self.unroll(number, shape, known=known, temperature=temperature, top_k=top_k,
                                                   condition=condition)]
        return torch.stack(drawn, 1).unflatten(1, tuple(shape))

    @torch.no_grad()
    def unroll(self, number, shape, *, known=None, temperature=1.0, top_k=None, condition=None):
        """Step by step: yields the distribution over the next element (number, vocabulary), and what was taken (number,)."""
        device, total, fixed = self.head.weight.device, math.prod(shape), 0 if known is None else known.shape[1]
        if fixed > total:
            raise ValueError(f"{fixed} elements are known of samples of {total}: want at most as many")
        tokens, past = torch.zeros(number, total, dtype=torch.long, device=device), {}
        tokens[:, :fixed] = 0 if known is None else known
        given, stepwise = {} if condition is None else {"condition": condition}, hasattr(self.encoder, "step")
        if fixed and not stepwise:                                  # what is known is seen at once
            seen = self.encoder.features(tokens.view(number, *shape)).flatten(2)                  # (number, dim, total)
        for place in range(total):
            if stepwise:
                features = self.encoder.step(tokens[:, max(0, place - 1)], past, **given)         # (number, dim)
            elif place < fixed:
                features = seen[:, :, place]
            else:
                features = self._seen_anew(tokens.view(number, *shape), place)
            chances = distribution(self.head(features).float(), temperature, top_k)               # (number, vocabulary)
            if place >= fixed:
                tokens[:, place] = torch.multinomial(chances, 1)[:, 0]
            yield chances, tokens[:, place].clone()

    def _seen_anew(self, tokens, place):
        """Features (B, dim) of one place of a map, from those rows alone that can have a say in it."""
        row, column = divmod(place, tokens.shape[2])
        top = max(0, row - self.encoder.reach)
        return self.encoder.features(tokens[:, top:row + 1])[:, :, row - top, column]


def distribution(logits, temperature=1.0, top_k=None):
    """Logits (B, vocabulary) → probabilities (B, vocabulary).

    temperature: below 1 the likely becomes likelier, towards 0 only the likeliest is left; above 1 all become more alike. top_k: only
    so many, the likeliest, can be drawn. Raises ValueError for a temperature or top_k that is not positive.
    """
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature={temperature}, top_k={top_k}: want both above 0 (top_k=1 takes the likeliest)")
    if top_k is not None and top_k < logits.shape[1]:
        kept = logits.topk(top_k, 1)
        logits = torch.full_like(logits, -torch.inf).scatter(1, kept.indices, kept.values)
    return (logits / temperature).softmax(1)
