"""Encoders for pictures: a small ConvNet that a laptop can train, and ResNet-18 with a stem for small pictures."""

import torch
from torch import nn
from torch.nn import functional as F

from .encoder import Encoder


class PictureEncoder(Encoder):
    """Blocks of convolutions on normalised pictures.

    The encoder owns its normalisation: everything outside it sees floats in [0, 1].
    """

    takes = "images"

    def __init__(self, blocks, channels, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)):
        super().__init__(blocks, channels)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def stages(self, images):
        """Images (B, 3, H, W) in [0, 1] → the feature maps after each block, one (B, channels, h, w) at a time.

        Pictures of one channel are taken for grey ones.
        """
        x = (images - self.mean) / self.std                          # (B, 3, H, W)
        for block in self.blocks:
            x = block(x)
            yield x                                                  # (B, channels of that block, h, w)


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2016), halving the image where stride is 2.

    The shortcut, a 1×1 convolution of that stride, is computed as the same convolution of stride 1
    on every stride-th row and column: the same numbers. Asked for stride 2 directly, oneDNN's
    backward pass (seen with torch 2.14 on a CPU with AVX2 alone, channels last, 2 to 7 input
    channels) writes where it must not: processes died, or hung.
    """

    def __init__(self, channels_in, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        same = stride == 1 and channels_in == channels
        self.stride, self.shortcut = (
            stride,
            nn.Identity() if same else nn.Conv2d(channels_in, channels, 1, bias=False),
        )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(
            self.norm2(self.conv2(y)) + self.shortcut(x[:, :, :: self.stride, :: self.stride])
        )


def ConvNet(width: int = 32, dim: int | None = None, stride: int = 2) -> PictureEncoder:
    """A small encoder for two CPU cores: a stem, then four residual blocks, the last of `dim` channels.

    width: channels of the first block; dim: of the last, 8 × width (256) unless told otherwise. stride: of the stem. With 2 the
    blocks' maps are 1/2, 1/4, 1/8 and 1/8 of the image's side; with 1 they are 1, 1/2, 1/4 and 1/8, at about as many
    FLOPs as with 2 and twice the width. Raises ValueError for other strides.
    """
    if stride not in (1, 2):
        raise ValueError(f"stride={stride}: want 1 or 2")
    kernel = {1: 3, 2: 4}[stride]
    stem = nn.Sequential(nn.Conv2d(3, width, kernel, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    dim = dim or 8 * width
    blocks = [nn.Sequential(stem, Residual(width, width)),            # (B, w, H/s, W/s)
              Residual(width, 2 * width, stride=2),                   # (B, 2w, H/2s, W/2s)
              Residual(2 * width, 4 * width, stride=2),               # (B, 4w, H/4s, W/4s)
              Residual(4 * width, dim, stride=3 - stride)]            # (B, dim, H/8, W/8)
    return PictureEncoder(blocks, (width, 2 * width, 4 * width, dim))


def ResNet18():
    """ResNet-18 (He et al. 2016) from torchvision, with the stem of small pictures: 3×3, stride 1, no pooling; dim 512."""
    from torchvision.models import resnet18                          # not at import: torchvision costs a second

    resnet = resnet18()
    stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), resnet.bn1, resnet.relu)
    blocks = [nn.Sequential(stem, resnet.layer1), resnet.layer2, resnet.layer3, resnet.layer4]
    return PictureEncoder(blocks, (64, 128, 256, 512))
