"""Masked autoencoder (He et al. 2022): hide most of a picture; the encoder sees the rest alone, a small decoder paints what is missing."""

import torch
from torch import nn

from ..networks import Block, sine_positions, unpatchify
from ..task import Task
from . import masks


class MAE(Task):
    """encoder: a `ViT`. ratio: how much is hidden. mask: one of `sslkit.tasks.masks`. norm_pix: each patch is to be told relative
    to its own mean and deviation. augment: of the pictures, before they are cut. everywhere: mark the visible patches too, which
    the paper found to be worse. dim, depth: of the decoder, which is thrown away after training.
    """

    def __init__(self, encoder, ratio=0.75, mask=masks.random, norm_pix=False, augment=None, everywhere=False, dim=96, depth=1):
        super().__init__(encoder)
        self.ratio, self.mask, self.norm_pix, self.everywhere = ratio, mask, norm_pix, everywhere
        self.augment = augment or (lambda images: images)
        self.narrow, self.mask_token = nn.Linear(encoder.dim, dim), nn.Parameter(0.02 * torch.randn(dim))
        self.decoder = nn.Sequential(*(Block(dim, max(1, dim // 32)) for _ in range(depth)), nn.LayerNorm(dim))
        self.to_pixels = nn.Linear(dim, 3 * encoder.patch ** 2)
        self.register_buffer("positions", sine_positions(encoder.grid, dim), persistent=False)    # (N, dim)

    def make_problem(self, images):
        """(B, 3, H, W) → visible patches (B, V, 3·patch²), where they are (B, V), where the hidden
        ones are (B, H); the hidden patches (B, H, 3·patch²)."""
        patches = self.encoder.patches(self.augment(images))       # (B, N, 3·patch²)
        scores = self.mask(len(images), self.encoder.grid, images.device)
        visible, hidden = masks.hide(scores, self.ratio)
        wanted = torch.cat([hidden, visible], 1) if self.everywhere else hidden
        targets = _at(patches, wanted)
        if self.norm_pix:
            mean, variance = targets.mean(2, keepdim=True), targets.var(2, keepdim=True)
            targets = (targets - mean) / (variance + 1e-6).sqrt()
        return (_at(patches, visible), visible, hidden), targets

    def forward(self, inputs):
        """Attention asks for no order: mask tokens first, each told where it stands, then the visible."""
        patches, visible, hidden = inputs
        seen = self.narrow(self.encoder.encode(patches, visible)) + self.positions[visible]
        missing = self.mask_token + self.positions[hidden]         # (B, H, dim)
        painted = self.decoder(torch.cat([missing, seen], 1))      # (B, N, dim)
        asked = painted if self.everywhere else painted[:, :hidden.shape[1]]
        return self.to_pixels(asked)                               # (B, H, 3·patch²)

    def loss(self, painted, patches):
        """Mean squared error over the hidden patches; what was visible counts nothing."""
        return (painted - patches).square().mean(), {}

    def fill(self, images, hidden):
        """Pictures (B, 3, H, W), places to hide (B, H) → the pictures, those patches painted. For tasks without norm_pix."""
        patches = self.encoder.patches(images)
        others = torch.ones(patches.shape[:2], dtype=torch.bool, device=images.device).scatter(1, hidden, False)
        visible = others.nonzero()[:, 1].view(len(images), -1)                                    # (B, V)
        painted = self((_at(patches, visible), visible, hidden))[:, :hidden.shape[1]].to(patches.dtype)
        whole = patches.scatter(1, hidden[:, :, None].expand_as(painted), painted.clamp(0, 1))
        return unpatchify(whole, self.encoder.patch)


def _at(patches, places):
    """Patches (B, N, P), places (B, n) → the patches there, (B, n, P)."""
    return patches.gather(1, places[:, :, None].expand(-1, -1, patches.shape[2]))
