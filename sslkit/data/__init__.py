"""Datasets as byte tensors that live on the device."""

from .cifar10 import cifar10
from .dataset import Dataset, Splits, as_float, batches, check_images, labelled_subset, split
from .scenes import scenes

__all__ = ["Dataset", "Splits", "as_float", "batches", "check_images", "cifar10", "labelled_subset", "scenes", "split"]
