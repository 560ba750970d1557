"""Datasets: the cut is fair and repeatable, batches cover every example, the door lets only pictures in."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkit.data import Dataset, as_float, batches, labelled_subset, split


def dataset(number=60, classes=3):
    images = torch.arange(number, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4).contiguous()
    return Dataset(images, torch.arange(number) % classes, tuple("abc"[:classes]), {"x": torch.arange(number) / number})


@given(st.integers(10, 80), st.integers(1, 9), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_split_loses_and_repeats_nothing(number, held_out, seed):
    rest, held = split(dataset(number), held_out, seed=seed)
    again = split(dataset(number), held_out, seed=seed)[1]
    ids = sorted(rest.images[:, 0, 0, 0].tolist() + held.images[:, 0, 0, 0].tolist())
    assert ids == list(range(number)) and len(held) == held_out
    assert torch.equal(held.images, again.images)
    assert torch.equal(held.images[:, 0, 0, 0] % 3, held.labels)                    # labels and factors stay with their picture
    assert torch.equal(held.factors["x"], held.images[:, 0, 0, 0].float() / number)


def test_split_keeps_the_classes_in_proportion():
    _, held = split(dataset(60), 0.25)
    assert torch.bincount(held.labels).tolist() == [5, 5, 5]
    assert not torch.equal(split(dataset(60), 15, seed=1)[1].images, held.images)
    for wrong in (0, 60, 1.0):
        with pytest.raises(ValueError, match="cannot hold out"):
            split(dataset(60), wrong)


def test_labelled_subset_is_balanced_nested_and_names_the_class_that_is_short():
    labels = torch.randint(0, 4, (400,), generator=torch.Generator().manual_seed(0))
    few, more = labelled_subset(labels, 5, seed=2), labelled_subset(labels, 20, seed=2)
    assert torch.bincount(labels[few]).tolist() == [5] * 4 and set(few.tolist()) < set(more.tolist())
    assert not torch.equal(few, labelled_subset(labels, 5, seed=3))
    labels[labels == 2] = 0
    labels[:3] = 2
    with pytest.raises(ValueError, match="class 2 has 3 examples, 5 are needed"):
        labelled_subset(labels, 5)


def test_batches_cover_an_epoch_once_and_resume_where_they_stopped():
    data = torch.arange(23)
    stream = batches((data, data * 2), 5, seed=1)
    seen = [next(stream) for _ in range(12)]                                         # three epochs of four batches
    for epoch in range(3):
        indices = torch.cat([chosen for chosen, _ in seen[4 * epoch:4 * epoch + 4]])
        assert len(indices.unique()) == 20
    assert all(torch.equal(first, chosen) and torch.equal(second, 2 * first) for chosen, (first, second) in seen)
    assert not torch.equal(seen[0][0], seen[4][0])
    resumed = batches((data, data * 2), 5, seed=1, start=6)
    assert all(torch.equal(next(resumed)[0], seen[step][0]) for step in range(6, 12))
    assert not torch.equal(next(batches(data, 5, seed=2))[0], seen[0][0])
    with pytest.raises(ValueError, match="use at most 23"):
        next(batches(data, 24))


def test_bytes_become_floats_in_zero_one_and_tokens_stay():
    _, images = next(batches(dataset().images, 4))
    assert images.dtype == torch.float32 and 0 <= images.min() and images.max() <= 1
    assert as_float(torch.tensor([0, 128, 255], dtype=torch.uint8)).tolist() == pytest.approx([0, 128 / 255, 1])
    assert next(batches(torch.arange(8), 4))[1].dtype == torch.int64
