"""Datasets as byte tensors that live on the device; text, sound and series in modules of their own."""

from . import series, sound, text
from .cifar10 import cifar10
from .dataset import Dataset, Splits, as_float, batches, check_images, labelled_subset, shrunk, split
from .folders import folder, imagenette, stl10
from .lens import chromatic_aberration, vignette
from .photographs import photographs
from .scenes import scenes, two_views

__all__ = ["Dataset", "Splits", "as_float", "batches", "check_images", "chromatic_aberration", "cifar10", "folder", "imagenette",
           "labelled_subset", "photographs", "scenes", "series", "shrunk", "sound", "split",
           "stl10", "text", "two_views", "vignette"]
