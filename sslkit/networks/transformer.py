"""Transformers (Vaswani et al. 2017): for pictures cut into patches, and for text read in both directions."""

import torch
from torch import nn
from torch.nn import functional as F

from .encoder import Encoder


class Block(nn.Module):
    """Attention, then two linear layers, each normalised before and added to what came in (Xiong et al. 2020: pre-norm).

    causal: every place looks at itself and at those before it.
    """

    def __init__(self, dim, heads, causal=False):
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim={dim}, heads={heads}: want a width that the number of heads divides")
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.queries_keys_values, self.mix = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        for layer in (self.queries_keys_values, self.mix, self.mlp[0], self.mlp[2]):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x, past=None):
        """(B, T, dim) → the same. past: a list that keeps keys and values, where tokens come one at a time."""
        x = x + self.attend(self.norm1(x), past)
        return x + self.mlp(self.norm2(x))

    def attend(self, x, past=None):
        split = self.queries_keys_values(x).unflatten(2, (3, self.heads, -1))                      # (B, T, 3, heads, d)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)                                       # each (B, heads, T, d)
        if past is not None:
            if past:
                keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
            past[:] = keys, values
        mixed = attention(queries, keys, values, self.causal and x.shape[1] > 1)
        return self.mix(mixed.transpose(1, 2).flatten(2))                                          # (B, T, dim)


def attention(queries, keys, values, causal=False):
    """softmax(Q Kᵀ / √d) V (Vaswani et al. 2017, eq. 1), each (…, T, d). causal: no place looks at those after it."""
    if queries.device.type != "cpu" or queries.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=causal)
    # In bfloat16 on a CPU torch's fused kernel (2.15) is slow backwards: 40 ms for 64 × 4 × 64 × 32, 15 in float32, 8 written out.
    with torch.autocast("cpu", enabled=False):
        if causal or keys.shape[-2] > 64:
            floats = (part.float() for part in (queries, keys, values))
            return F.scaled_dot_product_attention(*floats, is_causal=causal).to(values.dtype)
        scores = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5                      # (…, T, T)
        return scores.float().softmax(-1).to(values.dtype) @ values


class ViT(Encoder):
    """A vision transformer (Dosovitskiy et al. 2021) on patches, with no class token: features are averaged over patches.

    size, patch: sides in pixels. Positions are fixed sines and cosines, as in MAE, which can therefore leave patches out.
    """

    takes = "images"

    def __init__(self, size=32, patch=4, dim=192, depth=12, heads=3):
        if size % patch:
            raise ValueError(f"patches of {patch} pixels do not divide pictures of {size}: want a side that the patch divides")
        super().__init__([Block(dim, heads) for _ in range(depth)], [dim] * depth)
        self.size, self.patch, self.grid = size, patch, size // patch
        self.embed, self.norm = nn.Linear(3 * patch ** 2, dim), nn.LayerNorm(dim)
        nn.init.xavier_uniform_(self.embed.weight)
        self.register_buffer("positions", sine_positions(self.grid, dim), persistent=False)       # (N, dim)

    def patches(self, images):
        """Images (B, 3, H, W) → patches (B, N, 3·patch²), row by row, each as (row, column, channel), as in MAE's code.

        Raises ValueError for another size than the encoder's.
        """
        if tuple(images.shape[-2:]) != (self.size, self.size):
            raise ValueError(f"pictures of {images.shape[-2]} × {images.shape[-1]} pixels: this ViT was made for "
                             f"{self.size} × {self.size}; resize them, or make ViT(size=…)")
        return patchify(images, self.patch)

    def start(self, patches, where=None):
        """Patches (B, V, 3·patch²) and their places (B, V), or all of them in order → tokens (B, V, dim)."""
        positions = self.positions if where is None else self.positions[where]
        return self.embed((patches - 0.5) / 0.25) + positions

    def encode(self, patches, where=None):
        """Only the patches that are given, (B, V, 3·patch²) at `where` (B, V) → (B, V, dim). Time falls with their number."""
        x = self.start(patches, where)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def stages(self, images):
        """Images (B, 3, H, W) in [0, 1] → features (B, dim, grid, grid) after each block."""
        x = self.start(self.patches(images))                         # (B, N, dim)
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            y = self.norm(x) if number == len(self.blocks) else x
            yield y.transpose(1, 2).unflatten(2, (self.grid, self.grid))


def patchify(images, patch):
    """Images (B, 3, H, W) → patches (B, N, 3·patch²), row by row; inside each: row, column, channel.

    Raises ValueError where the patch does not divide the picture.
    """
    if images.shape[-2] % patch or images.shape[-1] % patch:
        raise ValueError(f"patches of {patch} pixels do not divide pictures of {images.shape[-2]} × {images.shape[-1]}")
    x = images.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))   # (B, 3, rows, patch, columns, patch)
    return x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)      # (B, N, patch·patch·3)


def unpatchify(patches, patch):
    """Patches (B, N, 3·patch²) of square pictures → images (B, 3, H, W)."""
    grid = round(patches.shape[1] ** 0.5)
    x = patches.unflatten(2, (patch, patch, 3)).unflatten(1, (grid, grid))                        # (B, rows, columns, p, p, 3)
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


def sine_positions(grid, dim):
    """→ (grid², dim): for each place, row by row, sines and cosines of its column in one half of the dims, of its row in the other.

    The two-dimensional form of Vaswani et al. 2017, as in MAE. dim: a multiple of four.
    """
    if dim % 4:
        raise ValueError(f"dim={dim}: positions in two directions want a multiple of 4")
    rates = 10_000 ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))                  # (dim / 4,)
    angles = torch.arange(grid, dtype=torch.float64)[:, None] * rates                              # (grid, dim / 4)
    line = torch.cat([angles.sin(), angles.cos()], 1).float()                                     # (grid, dim / 2)
    return torch.cat([line.repeat(grid, 1), line.repeat_interleave(grid, 0)], 1)


class TextTransformer(Encoder):
    """Tokens (B, T), T ≤ length → features (B, dim, T): each place looks at all others, before and after (BERT, Devlin et al. 2019).

    vocabulary: the number of tokens. length: of the longest sample.
    """

    def __init__(self, vocabulary, length, dim=128, depth=4, heads=4, causal=False):
        super().__init__([Block(dim, heads, causal) for _ in range(depth)], [dim] * depth)
        self.vocabulary, self.length = vocabulary, length
        self.embed, self.norm = nn.Embedding(vocabulary, dim), nn.LayerNorm(dim)
        self.positions = nn.Parameter(0.02 * torch.randn(length, dim))
        nn.init.normal_(self.embed.weight, std=0.02)

    def start(self, tokens):
        """(B, T) → (B, T, dim). Raises ValueError for samples that are too long."""
        return self.embed(tokens) + self.places(tokens)

    def places(self, tokens):
        """→ (T, dim), what is added to tokens for where they stand."""
        if tokens.shape[1] > self.length:
            raise ValueError(f"samples of {tokens.shape[1]} tokens: this network was made for at most {self.length}; cut them "
                             f"into windows, or make it longer")
        return self.positions[:tokens.shape[1]]

    def stages(self, tokens):
        """Tokens (B, …) → features (B, dim, …) after each block. Raises ValueError for tokens outside the vocabulary."""
        check_tokens(tokens, self.vocabulary)
        x = self.start(tokens.long().flatten(1))                     # (B, T, dim)
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            y = self.norm(x) if number == len(self.blocks) else x
            yield y.transpose(1, 2).unflatten(2, tokens.shape[1:])   # (B, dim, …)


def check_tokens(tokens, vocabulary):
    """Raises ValueError naming tokens that are no whole numbers in 0 … vocabulary − 1."""
    if tokens.is_floating_point() or tokens.ndim < 2 or tokens.numel() == 0:
        raise ValueError(f"tokens {tuple(tokens.shape)} of {tokens.dtype}: want whole numbers (B, T), at least one of each")
    low, high = torch.stack(tokens.aminmax()).tolist()
    if low < 0 or high >= vocabulary:
        raise ValueError(f"tokens from {low} to {high}: this network knows 0 to {vocabulary - 1}")
