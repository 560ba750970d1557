"""Probes agree with plain loops and with scikit-learn; curves keep to the protocol."""

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from sslkit import evaluate
from sslkit.data import Dataset, Splits
from sslkit.evaluate import Layer, accuracy, embed, fine_tune, knn, label_curve, linear_probe, predict, probed, raw_pixels, trained
from sslkit.networks import ConvNet


def blobs(number=200, dim=6, classes=3, spread=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(classes, dim, generator=torch.Generator().manual_seed(99))
    labels = torch.arange(number) % classes
    return centres[labels] + spread * torch.randn(number, dim, generator=generator), labels


def colours(number=90, seed=0, size=16):
    """Pictures whose class is their colour: easy, so that every arm has something to find."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 3
    images = torch.randint(0, 120, (number, 3, size, size), generator=generator)
    images[torch.arange(number), labels] += 100
    return Dataset(images.to(torch.uint8), labels, ("red", "green", "blue"), name="colours")


def test_knn_equals_a_plain_loop():
    features, labels = blobs(60)
    queries, _ = blobs(20, seed=1, spread=3)
    expected = []
    for query in queries:
        cosines = [(float(query @ feature / query.norm() / feature.norm()), int(label)) for feature, label in zip(features, labels)]
        votes = [0.0, 0.0, 0.0]
        for cosine, label in sorted(cosines, reverse=True)[:7]:
            votes[label] += math.exp(cosine / 0.07)
        expected.append(votes.index(max(votes)))
    assert knn(features, labels, queries, k=7).tolist() == expected
    assert knn(features, labels, features, k=1).tolist() == labels.tolist()
    assert len(knn(features, labels, queries)) == 20                                 # k = 200 is cut to 60
    with pytest.raises(ValueError, match=r"queries \(20, 5\): want \(M, 6\)"):
        knn(features, labels, queries[:, :5])


@pytest.mark.parametrize("dim", [6, 400])                            # fewer features than examples, and more
def test_linear_probe_is_the_minimum_of_what_it_says_it_minimises(dim):
    features, labels = blobs(150, dim=dim, spread=2.5)
    probe = linear_probe(features, labels, *blobs(90, dim=dim, seed=1, spread=2.5), penalties=(0.05,))
    x = ((features - features.mean(0)) / features.std(0, correction=0)).double()
    weight, bias = probe.weight.double().requires_grad_(), probe.bias.double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(x @ weight + bias, labels) + 0.05 / 2 * weight.square().sum()
    loss.backward()
    assert weight.grad.abs().max() < 3e-4 and bias.grad.abs().max() < 3e-4
    reference = LogisticRegression(C=1 / (0.05 * 150), tol=1e-8, max_iter=1000).fit(x.numpy(), labels.numpy())
    assert (probe.predict(features).numpy() == reference.predict(x.numpy())).mean() > 0.99


def test_validation_chooses_the_penalty():
    features, labels = blobs(30, dim=40, spread=3)
    validation = blobs(300, dim=40, spread=3, seed=1)
    each = {penalty: linear_probe(features, labels, *validation, penalties=(penalty,)).validation for penalty in (1.0, 0.01, 1e-4)}
    best = linear_probe(features, labels, *validation, penalties=(1.0, 0.01, 1e-4))
    assert best.validation == pytest.approx(max(each.values()), abs=0.02) and len(set(each.values())) > 1


def test_probe_with_two_classes_and_with_a_class_missing():
    features, labels = blobs(80, classes=2)
    probe = linear_probe(features, labels, features, labels)
    assert probe.validation > 0.9 and probe.weight.shape == (6, 2)
    features, labels = blobs(90, classes=3)
    kept = labels != 1
    probe = linear_probe(features[kept], labels[kept], features, labels)
    assert set(probe.predict(features).tolist()) <= {0, 2} and probe.weight.shape == (6, 3)


@pytest.mark.parametrize("features, labels, says", [
    (torch.ones(4, 2), torch.zeros(4).long(), "all 4 labels are 0"),
    (torch.ones(4), torch.zeros(4).long(), r"want \(N, D\)"),
    (torch.full((4, 2), torch.nan), torch.tensor([0, 1, 0, 1]), "NaN or infinity"),
    (torch.ones(4, 2), torch.tensor([0, -1, 0, 1]), "from 0 on"),
    (torch.ones(4, 2), torch.tensor([0.0, 1, 0, 1]), "whole numbers"),
    (torch.ones(4, 2), torch.tensor([0, 1]), r"features \(4, 2\) and labels \(2,\)"),
])
def test_bad_features_and_labels_are_refused(features, labels, says):
    with pytest.raises(ValueError, match=says):
        linear_probe(features, labels, *blobs(9, dim=2))


def test_embed_is_evaluation_mode_without_gradients_in_any_chunks():
    encoder, data = ConvNet(8), colours()
    encoder.train()
    whole, chunks = embed(encoder, data, amp=False), embed(encoder, data.images, batch_size=7, amp=False)
    assert encoder.training and not whole.requires_grad and whole.shape == (90, 64)
    torch.testing.assert_close(whole, chunks, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(encoder.eval()(data.images / 255), whole, rtol=1e-4, atol=1e-5)
    assert embed(Layer(encoder, 2, grid=2), data).shape == (90, 16 * 4)
    assert torch.equal(embed(raw_pixels, data), data.images.flatten(1) / 255)
    with pytest.raises(ValueError, match=r"want \(N, D\)"):
        embed(encoder.features, data)


def test_fine_tune_leaves_the_encoder_it_was_given():
    encoder, data = ConvNet(8), colours()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    task = fine_tune(encoder, data, 3, steps=40, batch_size=30)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert accuracy(predict(task, colours(seed=1)), colours(seed=1).labels) > 0.8


def test_label_curve_runs_every_arm_on_the_same_labels_and_resumes():
    splits = Splits(colours(90), colours(30, seed=1), colours(60, seed=2))
    seen, calls = {}, []

    def spy(splits, chosen, seed):
        seen.setdefault((len(chosen) // 3, seed), []).append(chosen.tolist())
        return {"accuracy": 0.5}

    def arms():
        return {"pixels": probed(raw_pixels), "spy": spy, "spy again": spy}

    records = label_curve(arms(), splits, budgets=(1, 10), seeds=(0, 1), on_result=calls.append)
    assert len(records) == len(calls) == 2 * 2 * 3
    assert all(first == second for first, second in seen.values()) and len(seen) == 4
    assert {"arm", "budget", "seed", "accuracy", "validation", "penalty", "representation", "probe"} == records[0].keys()
    more = label_curve(arms(), splits, budgets=(1, 10), seeds=(0, 1, 2), done=tuple(records))
    assert more[:12] == records and len(more) == 18
    summary = evaluate.summarise(records)
    pixels = [record["accuracy"] for record in records if record["arm"] == "pixels" and record["budget"] == 10]
    assert summary["pixels"][10] == pytest.approx((sum(pixels) / 2, abs(pixels[0] - pixels[1]) / math.sqrt(2)))
    assert "spy again" in evaluate.table(records) and "50.0 ± 0.0" in evaluate.table(records)


def test_the_largest_budget_learns_from_validation_too_and_the_others_do_not():
    splits = Splits(colours(90), colours(30, seed=1), colours(60, seed=2))
    chosen = {}
    spy = lambda splits, indices, seed: chosen.setdefault(len(indices) // 3, indices) is None or {"accuracy": 0.0}
    label_curve({"spy": spy, "pixels": probed(raw_pixels)}, splits, budgets=(30, 40), seeds=(0,))
    assert chosen[30].max() < 90 and chosen[40].tolist() == list(range(120))
    with pytest.raises(ValueError, match="a budget of 41 labels a class: class 0 has 40"):
        label_curve({"spy": spy}, splits, budgets=(41,), seeds=(0,))


def test_probed_by_nearest_neighbours_equals_knn_on_the_features():
    splits = Splits(colours(90), colours(30, seed=1), colours(60, seed=2))
    chosen = torch.arange(0, 90, 2)
    record = probed(raw_pixels, probe="kNN", layer=7)(splits, chosen, 0)
    features = [embed(raw_pixels, part) for part in splits]
    expected = knn(features[0][chosen], splits.train.labels[chosen], features[2])
    assert record["accuracy"] == accuracy(expected, splits.test.labels) and record["layer"] == 7 and record["probe"] == "kNN"
    judged = knn(features[0][chosen], splits.train.labels[chosen], features[1])
    assert record["validation"] == accuracy(judged, splits.validation.labels)
    with pytest.raises(ValueError, match='want "linear" or "kNN"'):
        probed(raw_pixels, probe="svm")


def test_validation_chooses_the_representation():
    splits = Splits(colours(90), colours(30, seed=1), colours(60, seed=2))
    useless = lambda images: torch.zeros(len(images), 2)
    both = probed(useless, raw_pixels)(splits, torch.arange(60), 0)
    assert both["representation"] == 1 and both["accuracy"] > 0.8


def test_trained_arm_is_repeatable_and_learns():
    splits = Splits(colours(90), colours(30, seed=1), colours(60, seed=2))
    arm = trained(lambda: ConvNet(8), steps=30, batch_size=16)
    chosen = torch.arange(60)
    first, second = arm(splits, chosen, 0), arm(splits, chosen, 0)
    assert first == second and first["accuracy"] > 0.7
