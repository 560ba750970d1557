"""What counting alone can tell of the next element, in bits: the floor under every autoregressive model.

Shannon 1948, sections 2 and 3: a text told by the frequency of its letters, and of its pairs of letters.
"""

import math

import torch


def unigram_bits(tokens, held_out, vocabulary):
    """Tokens (N, …) to count in → mean bits an element of `held_out`, each told by how frequent it is, whatever came before.

    One is added to every count, so that what was never seen is not impossible.
    """
    counts = torch.bincount(tokens.flatten().long(), minlength=vocabulary) + 1.0
    return -(counts / counts.sum()).log()[held_out.long()].mean().item() / math.log(2)


def bigram_bits(tokens, held_out, vocabulary):
    """The same, each element told by the one before it in raster order; the first of a sample by its frequency.

    To the count of each pair is added as much of the element's own frequency as makes one observation.
    """
    tokens, held_out = tokens.flatten(1).long(), held_out.flatten(1).long()
    alone = torch.bincount(tokens.flatten(), minlength=vocabulary) + 1.0
    alone = alone / alone.sum()                                     # (vocabulary,)
    pairs = torch.bincount((tokens[:, :-1] * vocabulary + tokens[:, 1:]).flatten(), minlength=vocabulary ** 2).view(vocabulary, -1)
    after = (pairs + alone) / (pairs.sum(1, keepdim=True) + 1)      # (before, after)
    log = torch.cat([alone[held_out[:, :1]], after[held_out[:, :-1], held_out[:, 1:]]], 1).log()
    return -log.mean().item() / math.log(2)
