"""Encoders: networks that turn samples into features; and what is put on them to answer a question."""

from .causal import GPT, CausalConvNet, MaskedConv2d, PixelCNN, WaveNet
from .conv import ConvNet, ResNet18
from .encoder import Encoder
from .heads import Upsampler, mlp
from .norms import group_norm
from .palette import Palette
from .split import ColorEncoder, LightnessEncoder, PartEncoder, SplitEncoder
from .transformer import Block, TextTransformer, ViT, patchify, sine_positions, unpatchify

__all__ = ["Block", "CausalConvNet", "ColorEncoder", "ConvNet", "Encoder", "GPT", "LightnessEncoder", "MaskedConv2d", "Palette", "PartEncoder",
           "PixelCNN", "ResNet18", "SplitEncoder", "TextTransformer", "Upsampler", "ViT", "WaveNet", "group_norm", "mlp", "patchify",
           "sine_positions", "unpatchify"]
