"""Datasets as byte tensors that live on the device."""

from .cifar10 import cifar10
from .dataset import Dataset, Splits, as_float, batches, check_images, labelled_subset, split
from .folders import folder, imagenette, stl10
from .scenes import scenes

__all__ = ["Dataset", "Splits", "as_float", "batches", "check_images", "cifar10", "folder", "imagenette", "labelled_subset",
           "scenes", "split", "stl10"]
