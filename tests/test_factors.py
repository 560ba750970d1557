"""What can be read off features: closed forms, and features that hold a factor by construction."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from sslkit import data, plots
from sslkit.evaluate import factors

WORLD = data.scenes(1000, 24)


def test_features_that_hold_a_factor_score_one_and_noise_about_zero():
    angle = 2 * torch.pi * WORLD.factors["hue"]
    features = torch.cat([torch.nn.functional.one_hot(WORLD.factors["kind"]).float(), WORLD.factors["x"][:, None],
                          angle.cos()[:, None], angle.sin()[:, None]], 1)
    scores = factors(features, WORLD)
    assert list(scores) == ["kind", "x", "y", "size", "hue", "direction", "background", "light"]
    assert min(scores["kind"], scores["x"], scores["hue"]) > 0.99
    assert abs(scores["direction"]) < 0.15 and scores["light"] < 0.15
    noise = factors(torch.randn(1000, 20, generator=torch.Generator().manual_seed(0)), WORLD)
    assert all(-0.25 < score < 0.1 for score in noise.values()), noise


def test_the_hue_is_a_circle():
    """Read as a plain number, hues 0.01 and 0.99 would be far apart; a feature that holds the angle alone reads it whole."""
    turned = (WORLD.factors["hue"] + 0.3) % 1 * 2 * torch.pi
    assert factors(torch.stack([turned.cos(), turned.sin()], 1), WORLD)["hue"] > 0.99


def test_the_regression_is_scikit_learns_ridge():
    features = torch.randn(1000, 30, generator=torch.Generator().manual_seed(1)) + WORLD.factors["x"][:, None] * torch.linspace(-1, 1, 30)
    fit, _, test = torch.randperm(1000, generator=torch.Generator().manual_seed(0)).split([600, 200, 200])
    x = (features - features[fit].mean(0)) / features[fit].std(0, correction=0)
    truth = WORLD.factors["x"]
    model = Ridge(alpha=0.1 * 600).fit(x[fit].numpy(), truth[fit].numpy())
    error = ((model.predict(x[test].numpy()) - truth[test].numpy()) ** 2).sum()
    expected = 1 - error / ((truth[test] - truth[fit].mean()) ** 2).sum().item()
    assert factors(features, WORLD, penalties=(0.1,))["x"] == pytest.approx(expected, abs=1e-4)


def test_choices_are_scored_against_the_largest_class():
    """A feature that is right in half of the cases, and the largest class in the others, is half way between a guess and all."""
    page = int(WORLD.factors["background"].mode().values)
    known = torch.rand(1000, generator=torch.Generator().manual_seed(2)) < 0.5
    said = torch.where(known, WORLD.factors["background"], page)
    score = factors(torch.nn.functional.one_hot(said, 11).float(), WORLD)["background"]
    assert 0.35 < score < 0.65


def test_more_features_than_pictures():
    few = WORLD[:200]
    features = torch.randn(200, 900, generator=torch.Generator().manual_seed(0))
    features[:, :100] += few.factors["x"][:, None] * 3
    assert factors(features, few)["x"] > 0.3


def test_what_has_no_factors_or_does_not_fit_is_told():
    with pytest.raises(ValueError, match="photographs has no factors"):
        factors(torch.rand(6, 4), data.photographs(32))
    with pytest.raises(ValueError, match=r"want \(N, D\)"):
        factors(torch.rand(999, 4), WORLD)
    with pytest.raises(ValueError, match="NaN"):
        factors(torch.full((1000, 4), torch.nan), WORLD)
    with pytest.raises(ValueError, match="no scores"):
        plots.factors({})


def test_the_picture_shows_the_scores():
    scores = {"jigsaw": {"kind": 0.4, "x": -0.1}, "random encoder": {"kind": 0.2, "x": 0.3}}
    figure = plots.factors(scores)
    marks = {line.get_label(): line.get_xdata() for line in figure.axes[0].get_lines() if line.get_label() in scores}
    np.testing.assert_allclose(marks["jigsaw"], [0.4, 0]) and np.testing.assert_allclose(marks["random encoder"], [0.2, 0.3])
    assert figure._repr_png_()[:4] == b"\x89PNG"
