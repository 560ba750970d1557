"""Encoders: networks that turn pictures into features; and what is put on them to answer a question."""

from .conv import ConvNet, Encoder, ResNet18
from .heads import Upsampler, mlp
from .norms import group_norm
from .split import ColorEncoder, LightnessEncoder, PartEncoder, SplitEncoder

__all__ = ["ColorEncoder", "ConvNet", "Encoder", "LightnessEncoder", "PartEncoder", "ResNet18", "SplitEncoder", "Upsampler",
           "group_norm", "mlp"]
