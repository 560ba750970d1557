"""Datasets as byte tensors that live on the device."""

from .cifar10 import cifar10
from .dataset import Dataset, Splits, as_float, batches, check_images, labelled_subset, split
from .folders import folder, imagenette, stl10
from .lens import chromatic_aberration, vignette
from .photographs import photographs
from .scenes import scenes, two_views

__all__ = ["Dataset", "Splits", "as_float", "batches", "check_images", "chromatic_aberration", "cifar10", "folder", "imagenette",
           "labelled_subset", "photographs", "scenes", "split", "stl10", "two_views", "vignette"]
