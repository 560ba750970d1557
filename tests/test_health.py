"""Meters against closed forms and plain loops; the watch beside a training, and when it speaks."""

import math

import pytest
import torch

from sslkit import data, health, meters, train
from sslkit.evaluate import accuracy, embed, knn
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation, SimCLR

QUICK = dict(steps=4, batch_size=16, amp=False, device="cpu", progress=False, log_every=1)


def sphere(number=2000, dim=16, seed=0):
    return torch.randn(number, dim, generator=torch.Generator().manual_seed(seed))


def test_spread_is_one_on_the_sphere_and_zero_at_a_point():
    assert meters.spread(sphere()).item() == pytest.approx(1, abs=0.02)
    assert meters.spread(torch.ones(50, 16) * torch.rand(50, 1)).item() == pytest.approx(0, abs=1e-4)     # lengths do not count


def test_alignment_is_the_mean_squared_distance_of_unit_vectors():
    first, second = sphere(20), sphere(20, seed=1)
    by_hand = sum(math.dist(a / a.norm(), b / b.norm()) ** 2 for a, b in zip(first, second)) / 20
    assert meters.alignment(first, second).item() == pytest.approx(by_hand, rel=1e-5)
    assert meters.alignment(first, 3 * first).item() == pytest.approx(0, abs=1e-6)
    assert meters.alignment(first, -first).item() == pytest.approx(4, rel=1e-5)


def test_uniformity_is_the_log_of_the_mean_potential_of_pairs():
    z = sphere(15)
    unit = z / z.norm(dim=1, keepdim=True)
    potentials = [math.exp(-2 * math.dist(unit[i], unit[j]) ** 2) for i in range(15) for j in range(i)]
    assert meters.uniformity(z).item() == pytest.approx(math.log(sum(potentials) / len(potentials)), rel=1e-5)
    assert meters.uniformity(torch.ones(9, 4)).item() == pytest.approx(0, abs=1e-6)
    assert meters.uniformity(sphere(dim=128)).item() < -3.8


def test_effective_rank_counts_directions():
    directions = torch.eye(16)[:5].repeat(100, 1) * torch.tensor([1.0, -1]).repeat_interleave(250)[:, None]
    assert meters.effective_rank(directions).item() == pytest.approx(5, rel=1e-3)
    assert meters.effective_rank(torch.ones(50, 16)).item() == pytest.approx(1, abs=0.01)
    assert 15 < meters.effective_rank(sphere()).item() <= 16


def test_watch_adds_what_it_says_and_leaves_the_training_alone():
    pictures = data.scenes(90, 24)
    torch.manual_seed(0)
    watched = SimCLR(ConvNet(8))
    torch.manual_seed(0)
    alone = SimCLR(ConvNet(8))
    seen = []
    history = train(watched, pictures, on_log=health.watch(watched, pictures, every=2, then=seen.append), **QUICK)
    train(alone, pictures, **QUICK)
    assert all(torch.equal(value, alone.state_dict()[name]) for name, value in watched.state_dict().items())
    names = {"kNN accuracy", "spread", "alignment", "uniformity", "effective rank"}
    assert [names <= record.keys() for record in history] == [False, True, False, True] and seen == history
    h = embed(watched.encoder, pictures)
    right = accuracy(knn(h[:60], pictures.labels[:60], h[60:]), pictures.labels[60:])
    assert history[-1]["kNN accuracy"] == pytest.approx(right, abs=1 / 30)
    z = embed(lambda images: watched.projector(watched.encoder(images)), pictures)
    assert 1 <= history[-1]["effective rank"] <= z.shape[1]


def test_watch_takes_tasks_without_a_projector_and_a_twentieth_of_the_time():
    pictures = data.scenes(60, 24)
    task = Rotation(ConvNet(8))
    history = train(task, pictures, on_log=health.watch(task, pictures), **{**QUICK, "steps": 6})
    measured = [record["step"] for record in history if "kNN accuracy" in record]
    assert measured[0] == 1 and len(measured) < 6 and "spread" in history[0]
