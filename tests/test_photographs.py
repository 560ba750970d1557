"""Photographs that come with other packages."""

import numpy as np
import pytest
import torch
from PIL import Image

from sslkit import data
from sslkit.data import photographs as function


def test_colour_and_grey():
    colour, grey = function(64), function(48, grey=True)
    assert colour.images.shape == (6, 3, 64, 64) and colour.images.dtype == torch.uint8
    assert colour.classes == ("china", "flower", "astronaut", "coffee", "chelsea", "rocket") and colour.labels.tolist() == list(range(6))
    assert grey.classes == ("camera", "coins", "moon") and torch.equal(grey.images[:, 0], grey.images[:, 2])
    assert all(len(image.unique()) > 50 for image in colour.images)
    data.check_images(colour.images)


def test_they_are_cut_square_about_the_middle():
    import skimage.data

    whole = Image.fromarray(skimage.data.coffee())                     # 600 x 400
    middle = whole.crop((100, 0, 500, 400)).resize((40, 40), Image.Resampling.LANCZOS)
    found = function(40).images[3].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(found - np.asarray(middle).astype(int)).mean() < 0.5         # the resizing sees a little beyond the cut


def test_without_scikit_image_there_are_two_in_colour_and_none_in_grey(monkeypatch):
    import sslkit.data.photographs  # noqa: F401
    import sys

    module, real = sys.modules["sslkit.data.photographs"], __import__("importlib.util").util.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "skimage" else real(name))
    assert function(32).classes == ("china", "flower")
    with pytest.raises(ImportError, match="pip install scikit-image"):
        function(32, grey=True)


def test_a_size_too_small_is_told():
    with pytest.raises(ValueError, match="at least 8"):
        function(4)
