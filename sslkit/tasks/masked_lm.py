"""Masked language modelling (BERT, Devlin et al. 2019): hide a few tokens of a text, tell them from what stands on both sides."""

import torch
from torch import nn
from torch.nn import functional as F

from ..task import Task

IGNORE = -100                                                      # the target where there is nothing to tell


class MaskedLM(Task):
    """encoder: a `TextTransformer`. mask: the token that hides. special: tokens that are never hidden, the mask among them.
    share: of the other tokens, how many are to be told: of these 80 % are hidden, 10 % become any token, 10 % stay (section 3.1).
    """

    def __init__(self, encoder, mask=0, special=(0, 1), share=0.15):
        super().__init__(encoder)
        if not 0 < share < 1:
            raise ValueError(f"share={share}: of the tokens, want more than 0 and less than 1")
        self.mask, self.share = mask, share
        ordinary = torch.tensor([token for token in range(encoder.vocabulary) if token not in {mask, *special}])
        self.register_buffer("ordinary", ordinary, persistent=False)
        can_hide = torch.zeros(encoder.vocabulary, dtype=torch.bool).index_fill(0, ordinary, True)
        self.register_buffer("can_hide", can_hide, persistent=False)   # (vocabulary,)
        self.head = nn.Linear(encoder.dim, encoder.vocabulary)     # thrown away after training

    def make_problem(self, tokens):
        """(B, T) → corrupted tokens (B, T); the originals, IGNORE where none was chosen (B, T)."""
        tokens = tokens.long()
        known = tokens.clamp(0, len(self.can_hide) - 1)            # the encoder refuses others
        drawn = torch.rand(tokens.shape, device=tokens.device) < self.share
        chosen = drawn & self.can_hide[known]
        lot = torch.rand(tokens.shape, device=tokens.device)
        others = self.ordinary[torch.randint(len(self.ordinary), tokens.shape, device=tokens.device)]
        corrupted = torch.where(chosen & (lot < 0.8), self.mask, tokens)
        corrupted = torch.where(chosen & (lot >= 0.8) & (lot < 0.9), others, corrupted)
        return corrupted, torch.where(chosen, tokens, IGNORE)

    def forward(self, tokens):
        return self.head(self.encoder.features(tokens).transpose(1, 2)).transpose(1, 2)            # (B, vocabulary, T)

    def loss(self, logits, originals):
        """Cross-entropy over the chosen places; a batch without any costs nothing."""
        number = (originals != IGNORE).sum().clamp_min(1)
        loss = F.cross_entropy(logits, originals, ignore_index=IGNORE, reduction="sum") / number
        return loss, {"accuracy": (logits.detach().argmax(1) == originals).sum() / number}
