"""Causal encoders: what they say of a place depends on the places before it alone, so that they can predict it.

`features(x)[:, :, t]` knows x[:, :t], and not x[:, t]: each encoder sees to that itself, by a shift or by a mask.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .encoder import Encoder
from .transformer import TextTransformer, check_tokens


class GPT(TextTransformer):
    """A transformer that looks back only (Radford et al. 2018): tokens (B, …) → features (B, dim, …), in raster order.

    Given tokens of text (B, T) it is GPT; given pixels (B, H, W), one token each, it is iGPT (Chen et al. 2020, *Generative
    Pretraining from Pixels*). vocabulary: the number of tokens. length: of the longest sample.
    """

    def __init__(self, vocabulary, length, dim=128, depth=4, heads=4):
        super().__init__(vocabulary, length, dim, depth, heads, causal=True)
        self.beginning = nn.Parameter(0.02 * torch.randn(dim))      # stands before the first token

    def start(self, tokens):
        return before(self.embed(tokens).transpose(1, 2), self.beginning).transpose(1, 2) + self.places(tokens)

    def step(self, token, past):
        """The token before, (B,), and the memory of all before that, a dict that is kept here → features (B, dim) of this place.

        For the first place token says how many samples there are, and counts for nothing else: past is empty.
        """
        place = past.setdefault("place", 0)
        if place >= self.length:
            raise ValueError(f"{place + 1} tokens: this network was made for at most {self.length}")
        x = self.embed(token) if place else self.beginning.expand(len(token), -1)
        x = (x + self.positions[place])[:, None]                     # (B, 1, dim)
        for number, block in enumerate(self.blocks):
            x = block(x, past.setdefault(number, []))
        past["place"] += 1
        return self.norm(x)[:, 0]


class WaveNet(Encoder):
    """Dilated causal convolutions (van den Oord et al. 2016): tokens (B, T) → features (B, dim, T).

    vocabulary: the number of tokens, 256 for sound under mu-law. dilations: how far apart the two taps of each block's
    convolution stand; a place sees 1 + their sum of those before it. conditions: where it is not 0, samples may come
    as (tokens, condition): a number from 0 to conditions − 1 each (B,), such as the speaker (section 2.5, global conditioning).
    """

    def __init__(self, vocabulary=256, dim=32, dilations=(1, 2, 4, 8, 16, 32, 64, 128, 256), conditions=0):
        super().__init__([GatedUnit(dim, dilation) for dilation in dilations], [dim] * len(dilations))
        self.vocabulary, self.dilations, self.conditions = vocabulary, tuple(dilations), conditions
        self.embed, self.beginning = nn.Embedding(vocabulary, dim), nn.Parameter(torch.randn(dim))
        self.condition = nn.Embedding(conditions, 2 * dim * len(dilations)) if conditions else None

    def stages(self, x):
        """Tokens (B, T), or (tokens, condition) → features (B, dim, T): what the blocks up to here skip out, added up."""
        tokens, condition = x if isinstance(x, tuple) else (x, None)
        check_tokens(tokens, self.vocabulary)
        x, total = before(self.embed(tokens.long()).transpose(1, 2), self.beginning), 0              # (B, dim, T)
        for number, (block, told) in enumerate(zip(self.blocks, self.told(condition)), 1):
            skip, x = block(F.pad(x, (block.dilation, 0)), x, told)
            total = total + skip
            yield F.relu(total / number ** 0.5)                      # (B, dim, T)

    def told(self, condition):
        """What the condition adds to the two halves of each block's gate: (B, 2·dim, 1) each, or zeros."""
        if condition is None:
            return [0.0] * len(self.blocks)
        if not self.conditions:
            raise ValueError("a condition was given, but this WaveNet knows none: WaveNet(conditions=…) says how many")
        return self.condition(condition.long())[:, :, None].chunk(len(self.blocks), 1)

    def step(self, token, past, condition=None):
        """The token before, (B,), and the memory of all before that, a dict that is kept here → features (B, dim) of this place.

        Each block keeps the inputs that its later tap will need (Paine et al. 2016, *Fast WaveNet Generation*). For the first
        place token says how many samples there are, and counts for nothing else: past is empty.
        """
        x = self.embed(token) if past else self.beginning.expand(len(token), -1)
        x, total = x[:, :, None], 0                                  # (B, dim, 1)
        for number, (block, told) in enumerate(zip(self.blocks, self.told(condition))):
            queue = past.setdefault(number, [torch.zeros_like(x)] * block.dilation)
            old, queue = queue[0], queue[1:] + [x]
            past[number] = queue
            skip, x = block(torch.cat([old, x], 2), x, told, apart=1)
            total = total + skip
        return F.relu(total / len(self.blocks) ** 0.5)[:, :, 0]


class GatedUnit(nn.Module):
    """One block of WaveNet: tanh(filter) · sigmoid(gate) of two taps (eq. 2), what skips out, and what goes on."""

    def __init__(self, dim, dilation):
        super().__init__()
        self.dilation, self.taps = dilation, nn.Conv1d(dim, 2 * dim, 2, dilation=dilation)
        self.skip, self.residual = nn.Conv1d(dim, dim, 1), nn.Conv1d(dim, dim, 1)

    def forward(self, padded, x, told=0.0, apart=None):
        """x (B, dim, T), and the same with the past in front of it → skip, next x. apart: of the taps, where not the dilation."""
        mixed = F.conv1d(padded, self.taps.weight, self.taps.bias, dilation=apart or self.dilation) + told
        filter, gate = mixed.chunk(2, 1)
        gated = filter.tanh() * gate.sigmoid()                       # (B, dim, T)
        return self.skip(gated), x + self.residual(gated)


class PixelCNN(Encoder):
    """Masked convolutions (van den Oord, Kalchbrenner & Kavukcuoglu 2016): tokens (B, H, W) → features (B, dim, H, W).

    The first convolution (mask A) leaves the pixel itself out, the others (mask B) may see it: by then it is only what mask A let
    through. A square under such a mask never sees some pixels above and to the right: the blind spot.
    vocabulary: the number of tokens, such as the colours of a palette. kernel: side of the later masks.
    """

    def __init__(self, vocabulary, dim=64, depth=5, kernel=3):
        first = MaskedConv2d(dim, dim, 7, "A")
        super().__init__([first, *(MaskedResidual(dim, kernel) for _ in range(depth))], [dim] * (depth + 1))
        self.vocabulary, self.embed = vocabulary, nn.Embedding(vocabulary, dim)

    def stages(self, tokens):
        """Tokens (B, H, W) → features (B, dim, H, W) after each block."""
        check_tokens(tokens, self.vocabulary)
        x = self.embed(tokens.long()).permute(0, 3, 1, 2)            # (B, dim, H, W)
        for block in self.blocks:
            x = block(x)
            yield F.relu(x)

    @property
    def reach(self):
        """How many rows above a pixel can have a say in it."""
        return sum(block.padding[0] for block in self.modules() if isinstance(block, MaskedConv2d))


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees the rows above, and of its own row what lies to the left; under mask "B" its own place as well."""

    def __init__(self, channels_in, channels, kernel, mask):
        if mask not in ("A", "B") or kernel % 2 == 0:
            raise ValueError(f'mask="{mask}", kernel={kernel}: want mask "A" or "B", and an odd kernel')
        super().__init__(channels_in, channels, kernel, padding=kernel // 2)
        middle = kernel // 2
        seen = torch.zeros(kernel, kernel)
        seen[:middle] = 1
        seen[middle, :middle + (mask == "B")] = 1
        self.register_buffer("seen", seen, persistent=False)

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.seen, self.bias)


class MaskedResidual(nn.Module):
    """Half as many channels under a mask B, beside a shortcut (figure 5 of the paper)."""

    def __init__(self, dim, kernel):
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(), nn.Conv2d(dim, dim // 2, 1), nn.ReLU(), MaskedConv2d(dim // 2, dim // 2, kernel, "B"),
                                    nn.ReLU(), nn.Conv2d(dim // 2, dim, 1))

    def forward(self, x):
        return x + self.layers(x)


class CausalConvNet(Encoder):
    """Dilated causal convolutions on measured values (Bai, Kolter & Koltun 2018): series (B, channels, T) → features (B, dim, T).

    Features are those of the last moment, which has seen all the others. They tell of the moment itself, too: for forecasting,
    where the future is given apart.
    """

    def __init__(self, channels, dim=48, dilations=(1, 2, 4, 8, 16, 32)):
        super().__init__([GatedUnit(dim, dilation) for dilation in dilations], [dim] * len(dilations))
        self.embed = nn.Conv1d(channels, dim, 1)

    def stages(self, series):
        """Series (B, channels, T) → features (B, dim, T) after each block."""
        x, total = self.embed(series), 0
        for number, block in enumerate(self.blocks, 1):
            skip, x = block(F.pad(x, (block.dilation, 0)), x)
            total = total + skip
            yield F.relu(total / number ** 0.5)

    def forward(self, series):
        return self.features(series)[:, :, -1]                       # (B, dim)


def before(embedded, beginning):
    """(B, dim, T) → what stands before each place: moved on by one, the beginning (dim,) first."""
    return torch.cat([beginning[:, None].expand(len(embedded), -1, 1), embedded[:, :, :-1]], 2)
