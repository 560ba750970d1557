"""What may be chosen by which labels: held to what is written down, on features whose truth is known."""

import pytest
import torch

from sslkit import data, protocol
from sslkit.evaluate import accuracy, linear_probe
from sslkit.networks import ConvNet

CLASSES = 3


def clusters(number, dim, spread, seed):
    """Balanced classes around the first axes → features (N, dim), labels (N,)."""
    labels = torch.arange(number) % CLASSES
    noise = torch.randn(number, dim, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.one_hot(labels, dim).float() * 3 + spread * noise, labels


def blocks(spreads=(3.0, 0.7, 2.0)):
    """Three blocks, the middle one by far the best."""
    parts = [[clusters(number, 6, spread, 10 * place + seed) for seed, number in enumerate((300, 120, 150))]
             for place, spread in enumerate(spreads)]
    return protocol.Blocks([[features for features, _ in block] for block in parts], [labels for _, labels in parts[0]])


def test_the_block_is_chosen_once_and_the_last_stands_beside_it():
    records = list(protocol.probe_method(blocks(), (1, 20), count=lambda budget: 4 if budget == 1 else 2))
    assert len(records) == 2 * (4 + 2)
    assert {record["layer"] for record in records if record["rule"] == "chosen"} == {2}
    assert {record["layer"] for record in records if record["rule"] == "last"} == {3}
    best, last = ([r["accuracy"] for r in records if (r["rule"], r["budget"]) == (rule, 20)] for rule in ("chosen", "last"))
    assert min(best) > max(last)


def test_where_the_last_block_is_chosen_both_rules_have_the_same_numbers():
    records = list(protocol.probe_method(blocks((3.0, 2.0, 0.7)), (5,), count=lambda budget: 2))
    for seed in range(2):
        one, other = ({**record, "rule": None} for record in records if record["seed"] == seed)
        assert one == other and one["layer"] == 3


def test_no_more_validation_labels_judge_than_there_are_training_labels():
    found = blocks()
    for record in protocol.probe_method(found, (1, 20, 100), count=lambda budget: 1):
        assert record["judges"] == min(CLASSES * record["budget"], 120)
    # What validation holds beyond these cannot matter: another validation set that agrees on them gives the same records.
    judges = protocol.judges_of(found.labels[1], CLASSES, 0)
    other = [[part.clone() for part in block] for block in found.features]
    rest = torch.ones(len(found.labels[1]), dtype=torch.bool)
    rest[judges] = False
    other[1][1][rest] = -other[1][1][rest]
    first, second = (protocol._probe(protocol.Blocks(features, found.labels), 2, 1, 0, "linear") for features in (found.features, other))
    assert first == second


def test_features_are_standardised_by_the_unlabelled_images():
    found = blocks()
    train, validation, test = found.features[1]
    few, judges = data.labelled_subset(found.labels[0], 5, seed=0), protocol.judges_of(found.labels[1], 15, 0)
    probe = linear_probe(train[few], found.labels[0][few], validation[judges], found.labels[1][judges],
                         penalties=protocol.PENALTIES, statistics=(train.mean(0), train.std(0, correction=0)))
    record = next(protocol.probe_method(found, (5, 50), count=lambda budget: 1))
    assert record["layer"] == 2 and record["accuracy"] == accuracy(probe.predict(test), found.labels[2]) and record["penalty"] == probe.penalty
    assert torch.equal(probe.mean, train.mean(0)) and not torch.allclose(probe.mean, train[few].mean(0), atol=1e-3)


def test_of_equal_penalties_the_strongest_is_taken():
    found = blocks((0.01, 0.01, 0.01))
    records = list(protocol.probe_method(found, (20,), count=lambda budget: 1))
    assert records[0]["penalty"] == max(protocol.PENALTIES) and records[0]["accuracy"] == 1


@pytest.mark.parametrize("probe", ["linear", "kNN"])
def test_what_was_done_is_not_done_again(probe, monkeypatch):
    found, settings = blocks(), {"probe": probe, "count": lambda budget: 3}
    whole = list(protocol.probe_method(found, (1, 50), **settings))
    stopped, calls, real = whole[:5], [], protocol._probe
    monkeypatch.setattr(protocol, "_probe", lambda *given, **named: (calls.append(given[2:4]), real(*given, **named))[1])
    assert list(protocol.probe_method(found, (1, 50), done=stopped, **settings)) == whole
    assert len(calls) == 7 and (1, 0) not in calls and (1, 1) not in calls


def tiny_splits():
    return data.Splits(*(data.scenes(number, 32, split=split) for number, split in ((60, "train"), (40, "validation"), (40, "test"))))


def test_training_goes_on_as_long_as_it_helps(monkeypatch):
    """Validation accuracy by steps is given: 0.30, 0.40, 0.403, …: the third length gains less than 0.5 points, and is the last."""
    given, lengths = {10: 0.30, 20: 0.40, 40: 0.403, 80: 0.9}, []

    def fake(encoder, labelled, classes, *, steps, lr, **settings):
        lengths.append((steps, lr))
        return steps, lr

    splits = tiny_splits()
    monkeypatch.setattr(protocol, "fine_tune", fake)
    monkeypatch.setattr(protocol, "predict", lambda task, part, device=None: (task, part))
    monkeypatch.setattr(protocol, "accuracy", lambda made, labels: given[made[0][0]] + (made[0][1] == 3e-3) * 0.01 if made[1] is not splits.test else 0.123)
    found = protocol.finetune_method(lambda: None, splits, 1, 0, shortest=10, longest=1000)
    assert lengths == [(10, 1e-3), (10, 3e-3), (20, 3e-3), (40, 3e-3)]
    assert (found["steps"], found["lr"], found["accuracy"], found["cut off"]) == (40, 3e-3, 0.123, False)
    assert found["judges"] == len(splits.train.classes) and [tried["steps"] for tried in found["tried"]] == [10, 10, 20, 40]
    assert protocol.finetune_method(lambda: None, splits, 1, 0, shortest=10, longest=20)["cut off"] is True


def test_a_whole_network_learns_from_labels():
    found = protocol.finetune_method(lambda: ConvNet(8), tiny_splits(), 2, 0, shortest=4, longest=8, batch_size=10, device="cpu")
    assert 0 <= found["accuracy"] <= 1 and found["steps"] in (4, 8) and len(found["tried"]) == 3
