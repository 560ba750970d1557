"""Meters of embeddings: what a loss alone does not tell. All take (N, D) and normalise each row to length 1 first."""

import math

import torch
from torch.nn import functional as F


def spread(z):
    """How widely directions are spread, 0-d: 1 as evenly as can be, 0 all alike, which is collapse.

    The deviation of z / ‖z‖, averaged over dimensions, times √D (Chen & He 2021, figure 2).
    """
    return F.normalize(z.detach().float(), dim=1).std(0).mean() * math.sqrt(z.shape[1])


def alignment(first, second):
    """How far two views of the same thing lie apart, 0-d: mean squared distance, 0 to 4 (Wang & Isola 2020, eq. 8)."""
    return (F.normalize(first.float(), dim=1) - F.normalize(second.float(), dim=1)).square().sum(1).mean()


def uniformity(z):
    """How evenly points cover the sphere, 0-d: log of the mean of exp(−2 D²) over pairs; 0 all alike, near −4 at best (same, eq. 9)."""
    return torch.pdist(F.normalize(z.float(), dim=1)).square().mul(-2).exp().mean().log()


def effective_rank(z):
    """Of how many directions embeddings make use, 0-d: 1 to D. exp of the entropy of the singular values (Roy & Vetterli 2007).

    Of the centred rows. 1 where all points are alike; blind to scale, so that what is left of a collapse, a little noise around
    one point, may fill many directions: read it beside `spread`.
    """
    z = F.normalize(z.float(), dim=1)
    values = torch.linalg.svdvals(z - z.mean(0))                                           # (min(N, D),)
    share = values / values.sum().clamp_min(1e-12)
    return torch.special.entr(share).sum().exp()
