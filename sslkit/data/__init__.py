"""Datasets as byte tensors that live on the device."""

from .dataset import Dataset, Splits, as_float, batches, check_images, labelled_subset, split

__all__ = ["Dataset", "Splits", "as_float", "batches", "check_images", "labelled_subset", "split"]
