"""Encoders: networks that turn pictures into features."""

from .conv import ConvNet, Encoder, ResNet18

__all__ = ["ConvNet", "Encoder", "ResNet18"]
