"""The lens: what it does to pictures, in closed form."""

import pytest
import torch

from sslkit import data


def test_vignetting_falls_with_the_square_of_the_distance():
    white = torch.full((1, 3, 33, 33), 255, dtype=torch.uint8)
    spoilt = data.vignette(white, 0.6)[0, 0].float() / 255
    assert spoilt[16, 16] == 1 and spoilt[0, 0] == pytest.approx(0.4, abs=3e-3)
    for row, column in ((16, 0), (8, 16), (4, 28)):
        distance = ((row - 16) / 16) ** 2 + ((column - 16) / 16) ** 2
        assert spoilt[row, column] == pytest.approx(1 - 0.6 * distance / 2, abs=3e-3)
    assert torch.equal(data.vignette(white, 0), white)


def test_chromatic_aberration_moves_red_out_and_blue_in():
    images = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    images[:, :, 30:34, 56:58] = 255                                   # a white bar right of the middle
    spoilt = data.chromatic_aberration(images, 0.1).float()
    across = torch.arange(64) + 0.5 - 32
    red, green, blue = ((channel.sum(0) * across).sum() / channel.sum() for channel in spoilt[0])
    assert green == pytest.approx(25, abs=0.1) and red == pytest.approx(27.5, abs=0.2) and blue == pytest.approx(22.5, abs=0.2)
    assert torch.equal(data.chromatic_aberration(images, 0), images)


def test_green_is_left_alone_and_shapes_and_types_stay():
    images = data.scenes(3, 32).images
    spoilt = data.chromatic_aberration(images)
    assert torch.equal(spoilt[:, 1], images[:, 1]) and spoilt.dtype == torch.uint8 and spoilt.shape == images.shape
    assert data.vignette(images).dtype == torch.uint8 and not torch.equal(spoilt[:, 0], images[:, 0])


@pytest.mark.parametrize("change, strength", [(data.vignette, -0.1), (data.vignette, 1.1), (data.chromatic_aberration, 0.6)])
def test_senseless_strengths_are_told(change, strength):
    with pytest.raises(ValueError, match=f"strength={strength}: want 0"):
        change(data.scenes(1, 32).images, strength)
