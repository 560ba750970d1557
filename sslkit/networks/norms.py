"""Normalisation that asks nothing of the rest of the batch."""

import math

from torch import nn


def group_norm(network, groups=8):
    """Replaces, in place, every batch norm by one that looks at each sample alone → the same network.

    Maps (B, C, H, W): group norm over `groups` groups of channels, or fewer where C is not divisible (Wu & He 2018). Vectors
    (B, D): layer norm. For training in parts (`train(..., micro_batch=...)`, several processes), where batch norm would
    normalise each part by itself; and for small batches. Freshly made networks only: what batch norm learnt is lost.
    """
    for name, module in network.named_children():
        if isinstance(module, nn.BatchNorm2d):
            setattr(network, name, nn.GroupNorm(math.gcd(groups, module.num_features), module.num_features))
        elif isinstance(module, nn.BatchNorm1d):
            setattr(network, name, nn.LayerNorm(module.num_features))
        else:
            group_norm(module, groups)
    return network
