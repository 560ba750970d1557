"""Embeddings that coincide, lie far out, or are no tensors

What the user sees: gradients that are finite wherever the loss is defined; else one sentence that
names the embeddings, how large they are or what they are instead of a tensor.
"""

import numpy as np
import pytest
import torch

from sslkit import losses

LOSSES = {
    name: getattr(losses, name)
    for name in (
        "contrastive",
        "triplet",
        "lifted_structured",
        "n_pair",
        "info_nce",
        "soft_nearest_neighbor",
    )
}
PAIRS = torch.arange(4).repeat(2)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    "x",
    [torch.ones(8, 3), torch.zeros(8, 3), torch.ones(8, 3) * 1e4, torch.eye(8).roll(1, 0) * 100],
    ids=["one point", "zero", "far out", "corners"],
)
def test_gradients_are_finite_at_coincident_and_extreme_points(name, x):
    x = x.clone().requires_grad_()
    loss = LOSSES[name](x, torch.arange(4).repeat(2))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(x.grad).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("power", range(-40, 39, 3))
def test_at_every_scale_gradients_are_finite_or_a_sentence_says_why_not(name, power):
    x = (
        (torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).double() * 10.0**power)
        .float()
        .requires_grad_()
    )
    if power >= 13:
        with pytest.raises(
            ValueError,
            match=r"embeddings reach \d.*their squares leave the range of torch.float32|NaN or infinity",
        ):
            LOSSES[name](x, PAIRS)
        return
    loss = LOSSES[name](x, PAIRS)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(x.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_largest_that_is_taken_is_finite_in_large_batches_too(name):
    x = (
        torch.randn(512, 256, generator=torch.Generator().manual_seed(0)).clamp(-1, 1) * 1e12
    ).requires_grad_()
    loss = LOSSES[name](x, torch.arange(256).repeat(2))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(x.grad).all()


NOT_TENSORS = {
    "list": [[0.0, 1.0]] * 8,
    "array": np.zeros((8, 3)),
    "None": None,
    "text": "embeddings",
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("given", NOT_TENSORS.values(), ids=NOT_TENSORS)
def test_what_is_no_tensor_is_named_in_one_sentence(name, given):
    with pytest.raises(
        TypeError,
        match="^embeddings are (None|of type list|of type ndarray|of type str): want a tensor",
    ):
        LOSSES[name](given, PAIRS)
    with pytest.raises(
        TypeError,
        match="^labels are (None|of type list|of type ndarray|of type str): want a tensor",
    ):
        LOSSES[name](torch.randn(8, 3), given)
    with pytest.raises(
        TypeError,
        match="^model_noise is (None|of type list|of type ndarray|of type str): want a tensor",
    ):
        losses.nce(torch.zeros(4), torch.zeros(4), given, torch.zeros(6))


@pytest.mark.parametrize(
    "name, setting",
    [
        ("contrastive", "margin"),
        ("triplet", "margin"),
        ("lifted_structured", "margin"),
        ("info_nce", "temperature"),
        ("soft_nearest_neighbor", "temperature"),
    ],
)
@pytest.mark.parametrize("value", [None, "0.1", [0.1]], ids=str)
def test_settings_that_are_no_numbers_are_named(name, setting, value):
    with pytest.raises(TypeError, match=f"^{setting} is (None|of type .*): want a number"):
        LOSSES[name](torch.randn(8, 3), PAIRS, value)


def test_densities_that_cannot_be_added_up_are_named():
    far = torch.full((6,), 3e38)
    with pytest.raises(ValueError, match="model_noise reaches 3.0e[+]38: want log densities"):
        losses.nce(torch.zeros(4), torch.zeros(4), far, torch.zeros(6))
