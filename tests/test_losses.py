"""Every loss against its paper's formula written as plain loops, against closed forms, libraries and properties."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from sslkit import chunked, losses

LOSSES = {"contrastive": losses.contrastive, "triplet": losses.triplet, "lifted_structured": losses.lifted_structured,
          "n_pair": losses.n_pair, "info_nce": losses.info_nce, "soft_nearest_neighbor": losses.soft_nearest_neighbor}


def batch(seed, labels=None, dim=5, scale=1.0):
    """Random embeddings in float64, and labels: two of each unless told otherwise, in a random order."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(6).repeat(2)[torch.randperm(12, generator=generator)] if labels is None else torch.as_tensor(labels)
    return torch.randn(len(labels), dim, generator=generator, dtype=torch.float64) * scale, labels


MIXED = [0, 1, 0, 2, 2, 0, 1, 3, 2, 4]                             # three of a label, two, and single ones


def contrastive_by_loops(x, y, margin=1.0):
    terms = []
    for i in range(len(x)):
        for j in range(i):
            d = math.dist(x[i], x[j])
            terms.append(0.5 * d ** 2 if y[i] == y[j] else 0.5 * max(0, margin - d) ** 2)
    return sum(terms) / len(terms)


def triplet_by_loops(x, y, margin=0.2, mining="all"):
    terms = []
    for a in range(len(x)):
        for p in range(len(x)):
            for n in range(len(x)):
                if a != p and y[a] == y[p] and y[a] != y[n]:
                    near, far = math.dist(x[a], x[p]) ** 2, math.dist(x[a], x[n]) ** 2
                    if near - far + margin > 0 and (mining == "all" or far > near):
                        terms.append(near - far + margin)
    return sum(terms) / len(terms) if terms else 0.0


def lifted_by_loops(x, y, margin=1.0):
    total, count = 0.0, 0
    for i in range(len(x)):
        for j in range(i):
            if y[i] == y[j]:
                inner = sum(math.exp(margin - math.dist(x[e], x[k])) for e in (i, j) for k in range(len(x)) if y[k] != y[e])
                total += max(0.0, (math.log(inner) if inner else -math.inf) + math.dist(x[i], x[j])) ** 2
                count += 1
    return total / (2 * count)


def n_pair_by_loops(x, y):
    first, second = {}, {}
    for i, label in enumerate(y.tolist()):
        (second if label in first else first)[label] = x[i]
    total = 0.0
    for a in first:
        total += math.log(1 + sum(math.exp(float(first[a] @ second[b] - first[a] @ second[a])) for b in first if b != a))
    return total / len(first)


def info_nce_by_loops(x, y, temperature=0.1):
    s = lambda i, j: math.exp(float(x[i] @ x[j]) / float(x[i].norm() * x[j].norm()) / temperature)
    terms = []
    for i in range(len(x)):
        for p in range(len(x)):
            if i != p and y[i] == y[p]:
                terms.append(-math.log(s(i, p) / (s(i, p) + sum(s(i, n) for n in range(len(x)) if y[n] != y[i]))))
    return sum(terms) / len(terms)


def neighbour_by_loops(x, y, temperature=1.0):
    terms = []
    for i in range(len(x)):
        near = lambda j: math.exp(-math.dist(x[i], x[j]) ** 2 / temperature)
        own = sum(near(j) for j in range(len(x)) if j != i and y[j] == y[i])
        if own:
            terms.append(-math.log(own / sum(near(j) for j in range(len(x)) if j != i)))
    return sum(terms) / len(terms)


BY_LOOPS = {"contrastive": contrastive_by_loops, "triplet": triplet_by_loops, "lifted_structured": lifted_by_loops,
            "n_pair": n_pair_by_loops, "info_nce": info_nce_by_loops, "soft_nearest_neighbor": neighbour_by_loops}
OPTIONS = {"contrastive": {"margin": 1.7}, "triplet": {"margin": 0.5}, "lifted_structured": {"margin": 0.4}, "n_pair": {},
           "info_nce": {"temperature": 0.37}, "soft_nearest_neighbor": {"temperature": 2.5}}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_papers_formula_in_plain_loops(name, seed):
    for labels in (None, MIXED) if name != "n_pair" else (None,):
        x, y = batch(seed, labels)
        assert LOSSES[name](x, y).item() == pytest.approx(BY_LOOPS[name](x, y), rel=1e-9)
        assert LOSSES[name](x, y, **OPTIONS[name]).item() == pytest.approx(BY_LOOPS[name](x, y, **OPTIONS[name]), rel=1e-9)
        assert LOSSES[name](x.float(), y).item() == pytest.approx(BY_LOOPS[name](x.float().double(), y), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("margin", [0.2, 1.5])
def test_semi_hard_triplets(margin):
    for seed in range(4):
        x, y = batch(seed, MIXED, dim=2)
        assert losses.triplet(x, y, margin, mining="semi-hard").item() == pytest.approx(triplet_by_loops(x, y, margin, "semi-hard"), rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    x, y = batch(1, None if name == "n_pair" else MIXED)
    assert torch.autograd.gradcheck(lambda z: LOSSES[name](z, y), x.requires_grad_(), atol=1e-6)


def test_semi_hard_gradient():
    x, y = batch(2, MIXED, dim=2)
    assert torch.autograd.gradcheck(lambda z: losses.triplet(z, y, 0.7, mining="semi-hard"), x.requires_grad_(), atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([name for name in LOSSES if name != "n_pair"]), st.integers(0, 10_000))
def test_the_order_of_the_batch_does_not_matter(seed, name, order):
    x, y = batch(seed, MIXED)
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(order))
    torch.testing.assert_close(LOSSES[name](x[shuffled], 7 - y[shuffled]), LOSSES[name](x, y))


def test_n_pair_takes_the_first_of_a_label_for_the_anchor():
    x, y = batch(4)
    swapped = torch.arange(12)
    first, second = (y == y[0]).nonzero()[:, 0].tolist()
    swapped[[first, second]] = swapped[[second, first]]
    assert losses.n_pair(x[swapped], y).item() != pytest.approx(losses.n_pair(x, y).item(), rel=1e-3)
    order = torch.tensor([i for label in torch.randperm(6).tolist() for i in (y == label).nonzero()[:, 0].tolist()])
    torch.testing.assert_close(losses.n_pair(x[order], y[order]), losses.n_pair(x, y))


def test_at_collapse_each_loss_has_its_closed_form():
    n, x = 8, torch.ones(16, 3)
    y = torch.arange(n).repeat(2)
    assert losses.info_nce(x, y, 0.2).item() == pytest.approx(math.log(2 * n - 1), rel=1e-6)
    assert losses.n_pair(x, y).item() == pytest.approx(math.log(n), rel=1e-6)
    assert losses.soft_nearest_neighbor(x, y).item() == pytest.approx(math.log(2 * n - 1), rel=1e-6)
    assert losses.triplet(x, y, 0.3).item() == pytest.approx(0.3, rel=1e-6)
    assert losses.contrastive(x, y, 2.0).item() == pytest.approx(0.5 * 4 * (2 * n - 2) / (2 * n - 1), rel=1e-6)
    assert losses.lifted_structured(x, y, 1.0).item() == pytest.approx(0.5 * (1 + math.log(2 * (2 * n - 2))) ** 2, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_without_negatives_nothing_pushes(name):
    x = torch.randn(2 if name == "n_pair" else 4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = LOSSES[name](x, torch.zeros(len(x)).long())
    loss.backward()
    assert torch.isfinite(x.grad).all() and loss.item() == pytest.approx(0 if name != "contrastive" else loss.item(), abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_float32_inside_autocast_and_for_half_precision(name, dtype):
    x, y = batch(3)
    low = x.to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        loss = LOSSES[name](low, y)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, LOSSES[name](low.float(), y))
    assert LOSSES[name](x, y).dtype == torch.float64


# ------------------------------------------------------------------------------------------------ nce

def test_nce_equals_plain_loops_and_finds_a_normal_density():
    generator = torch.Generator().manual_seed(0)
    lists = [torch.randn(size, generator=generator).double() for size in (5, 5, 15, 15)]
    md, nd, mn, nn_ = lists
    sigmoid = lambda u: 1 / (1 + math.exp(-u))
    h = lambda model, noise: sigmoid(model - noise - math.log(3))
    by_loops = -(sum(math.log(h(m, n)) for m, n in zip(md, nd)) + sum(math.log(1 - h(m, n)) for m, n in zip(mn, nn_))) / 5
    assert losses.nce(*lists).item() == pytest.approx(by_loops, rel=1e-9)
    # A model that is not normalised, exp(−(x − mean)² / 2 + c): NCE finds the mean and the constant, −½ ln 2π.
    data, noise = torch.randn(20_000, generator=generator) + 1, 3 * torch.randn(20_000, generator=generator)
    noise_log = lambda x: -0.5 * (x / 3) ** 2 - math.log(3 * math.sqrt(2 * math.pi))
    theta = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([theta], max_iter=50)

    def closure():
        optimizer.zero_grad()
        model = lambda x: -0.5 * (x - theta[0]) ** 2 + theta[1]
        loss = losses.nce(model(data), noise_log(data), model(noise), noise_log(noise))
        loss.backward()
        return loss

    optimizer.step(closure)
    assert theta[0].item() == pytest.approx(1, abs=0.03) and theta[1].item() == pytest.approx(-0.5 * math.log(2 * math.pi), abs=0.03)


def test_nce_gradient_and_equal_densities():
    parts = [torch.randn(n, dtype=torch.float64, requires_grad=True) for n in (4, 4, 8, 8)]
    assert torch.autograd.gradcheck(losses.nce, parts)
    zeros = torch.zeros(6)
    assert losses.nce(zeros, zeros, zeros, zeros).item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("change, error, says", [
    ({0: torch.zeros(4, 1)}, ValueError, r"model_data \(4, 1\): want one log density a sample"),
    ({1: torch.zeros(3)}, ValueError, "4 and 3 densities of data"),
    ({3: torch.tensor([0.0, -math.inf] * 3)}, ValueError, "noise_noise holds NaN or infinity.*possible wherever"),
    ({2: torch.zeros(6).long()}, TypeError, "model_noise is torch.int64: want log densities"),
    ({0: torch.zeros(0), 1: torch.zeros(0)}, ValueError, r"model_data \(0,\)"),
])
def test_nce_refuses_bad_input(change, error, says):
    arguments = [torch.zeros(4), torch.zeros(4), torch.zeros(6), torch.zeros(6)]
    for place, value in change.items():
        arguments[place] = value
    with pytest.raises(error, match=says):
        losses.nce(*arguments)


# ------------------------------------------------------------------------------------ vicreg

def vicreg_by_loops(first, second):
    """Bardes et al. 2022, algorithm 1, in plain loops → s, v, c."""
    n, d = len(first), len(first[0])
    s = sum((a - b) ** 2 for x, y in zip(first, second) for a, b in zip(x, y)) / (n * d)
    v = c = 0.0
    for z in (first, second):
        mean = [sum(row[j] for row in z) / n for j in range(d)]
        cov = lambda j, k: sum((row[j] - mean[j]) * (row[k] - mean[k]) for row in z) / (n - 1)
        v += sum(max(0.0, 1 - math.sqrt(cov(j, j) + 1e-4)) for j in range(d)) / d
        c += sum(cov(j, k) ** 2 for j in range(d) for k in range(d) if j != k) / d
    return s, v, c


def two_views(seed, n=7, d=4, scale=0.8):
    generator = torch.Generator().manual_seed(seed)
    first = scale * torch.randn(n, d, generator=generator, dtype=torch.float64) + 3
    return first, first + 0.3 * torch.randn(n, d, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("scale", [0.3, 0.8, 2.0])                 # all hinges active, some, none
@pytest.mark.parametrize("d", [1, 4])
def test_vicreg_equals_the_papers_formula_in_plain_loops(scale, d):
    for seed in range(3):
        views = two_views(seed, d=d, scale=scale)
        s, v, c = vicreg_by_loops(*(view.tolist() for view in views))
        terms = [term.item() for term in losses.vicreg_terms(*views)]
        assert terms == pytest.approx([s, v, c], rel=1e-9)
        assert losses.vicreg(*views).item() == pytest.approx(25 * s + 25 * v + c, rel=1e-9)
        weighted = losses.vicreg(*views, 2, 3, covariance=5).item()
        assert weighted == pytest.approx(2 * s + 3 * v + 5 * c, rel=1e-9)
        low = losses.vicreg(*(view.float() for view in views))
        assert low.item() == pytest.approx(25 * s + 25 * v + c, rel=1e-4)


def test_vicreg_gradients_are_those_of_finite_differences():
    views = tuple(view.requires_grad_() for view in two_views(1, scale=0.6))
    assert torch.autograd.gradcheck(losses.vicreg, views, atol=1e-6)


def test_vicreg_of_collapsed_and_of_white_embeddings_has_its_closed_form():
    same = torch.full((8, 3), 2.0, requires_grad=True)
    loss = losses.vicreg(same, same + 1)                           # s = 1, v = 2 (1 − √ε), c = 0
    loss.backward()
    assert loss.item() == pytest.approx(25 + 25 * 2 * (1 - 0.01), rel=1e-6)
    assert torch.isfinite(same.grad).all()
    # Columns of a Hadamard matrix: mean 0, no two correlated; scaled to an unbiased variance of 1.
    corner = torch.tensor([[1.0, 1], [1, -1]], dtype=torch.float64)
    white = torch.kron(torch.kron(corner, corner), corner)[:, 1:] * math.sqrt(7 / 8)       # (8, 7)
    assert losses.vicreg(white, white).item() == pytest.approx(0, abs=1e-12)
    s, v, c = losses.vicreg_terms(white[:, :1].repeat(1, 5), white[:, :1].repeat(1, 5))
    assert (s.item(), v.item()) == (0, 0), "five copies of one dimension: the variance is content"
    assert c.item() == pytest.approx(2 * (5 * 5 - 5) / 5), "and the covariance is not"


def test_vicreg_does_not_care_for_the_order_of_rows_dimensions_and_views():
    first, second = two_views(5)
    rows, columns = torch.randperm(7), torch.randperm(4)
    expected = losses.vicreg(first, second)
    moved = losses.vicreg(first[rows][:, columns], second[rows][:, columns])
    torch.testing.assert_close(moved, expected)
    torch.testing.assert_close(losses.vicreg(second, first), expected)
    assert losses.vicreg(first, second.roll(1, 0)) > expected + 1, "row i belongs to row i"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_vicreg_computes_in_float32_inside_autocast(dtype):
    views = [view.to(dtype) for view in two_views(3, n=32, d=16)]
    with torch.autocast("cpu", torch.bfloat16):
        loss = losses.vicreg(*views)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, losses.vicreg(*(view.float() for view in views)))


def test_vicreg_is_lightlys_but_for_the_halved_hinges():
    package = pytest.importorskip("lightly.loss", reason="lightly is in the extra `bench`")
    theirs = package.VICRegLoss(lambda_param=25, mu_param=25, nu_param=1)
    for seed in range(3):
        views = [view.float() for view in two_views(seed, n=32, d=16)]
        torch.testing.assert_close(losses.vicreg(*views, variance=12.5), theirs(*views))


@pytest.mark.parametrize("first, second, error, says", [
    (torch.randn(4, 3), torch.randn(5, 3), ValueError, r"\(4, 3\) and \(5, 3\): want two views"),
    (torch.randn(4, 3), torch.randn(4, 2), ValueError, r"\(4, 3\) and \(4, 2\): want two views"),
    (torch.randn(4), torch.randn(4), ValueError, r"\(N, D\) each"),
    (torch.randn(4, 0), torch.randn(4, 0), ValueError, r"\(N, D\) each"),
    (torch.randn(1, 3), torch.randn(1, 3), ValueError, "1 sample: a variance .* at least two"),
    (torch.randn(4, 3), torch.arange(4), TypeError, "second is torch.int64: want a tensor"),
    ([[0.0]], torch.randn(4, 3), TypeError, "first is list: want a tensor of floats"),
    (torch.randn(2, 1), torch.tensor([[0.0], [torch.inf]]), ValueError, r"second holds .*rows 1"),
])
def test_vicreg_refuses_bad_input(first, second, error, says):
    with pytest.raises(error, match=says):
        losses.vicreg(first, second)


# ------------------------------------------------------------------------------------------------ bad input

@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("x, y, error, says", [
    (torch.randn(1, 3), torch.zeros(1).long(), ValueError, "1 sample: a contrast needs at least two"),
    (torch.randn(4, 3), torch.arange(4), ValueError, "all 4 labels differ.*two views"),
    (torch.randn(4, 3), torch.zeros(3).long(), ValueError, r"embeddings \(4, 3\) and labels \(3,\): want \(N, D\) and \(N,\)"),
    (torch.randn(4, 3, 2), torch.zeros(4).long(), ValueError, r"\(4, 3, 2\)"),
    (torch.randn(4), torch.zeros(4).long(), ValueError, r"want \(N, D\)"),
    (torch.randn(4, 3), torch.zeros(4, 1).long(), ValueError, r"labels \(4, 1\)"),
    (torch.randn(4, 3), torch.zeros(4), ValueError, "labels are torch.float32: want whole numbers"),
    (torch.randint(0, 9, (4, 3)), torch.arange(2).repeat(2), TypeError, "embeddings are torch.int64: want floats"),
    (torch.tensor([[0.0], [1], [torch.nan], [2]]), torch.arange(2).repeat(2), ValueError, r"NaN or infinity \(rows 2"),
])
def test_bad_input_is_refused_in_plain_words(name, x, y, error, says):
    with pytest.raises(error, match=says):
        LOSSES[name](x, y)


def test_settings_that_make_no_sense_are_refused():
    x, y = batch(0)
    for loss in (losses.info_nce, losses.soft_nearest_neighbor):
        for temperature in (0, -1.0, math.nan):
            with pytest.raises(ValueError, match="temperature=.*want more than 0"):
                loss(x, y, temperature)
    with pytest.raises(ValueError, match="label 2 comes 3 times: n_pair wants every label exactly twice"):
        losses.n_pair(x, torch.tensor([0, 1, 2, 2, 0, 1, 2, 3, 3, 4, 4, 5]))
    with pytest.raises(ValueError, match='mining="hard": want "all" or "semi-hard"'):
        losses.triplet(x, y, mining="hard")


# ------------------------------------------------------------------------------------------------ InfoNCE without the matrix

@pytest.mark.parametrize("labels", [list(range(20)) * 2, MIXED, [0] * 5 + [1] * 9 + [2], [0] * 6], ids=["views", "mixed", "few", "one"])
@pytest.mark.parametrize("rows", [1, 3, 7, 64])
def test_chunked_equals_plain_in_value_and_gradient(labels, rows, monkeypatch):
    monkeypatch.setattr(chunked, "ROWS", rows)
    x, y = batch(5, labels)
    for temperature in (0.05, 0.5, 0.004):                         # similarities up to 20, 2 and 250
        plain, fast = x.clone().requires_grad_(), x.clone().requires_grad_()
        losses.info_nce(plain, y, temperature).backward()
        z = F.normalize(fast, dim=1) / math.sqrt(temperature)
        loss = chunked.softmax_contrast(z, y)
        loss.backward()
        torch.testing.assert_close(loss.detach(), losses.info_nce(x, y, temperature))
        torch.testing.assert_close(fast.grad, plain.grad, atol=1e-9, rtol=1e-6)


def test_chunked_gradient_is_that_of_finite_differences(monkeypatch):
    monkeypatch.setattr(chunked, "ROWS", 3)
    x, y = batch(6, MIXED)
    assert torch.autograd.gradcheck(lambda z: chunked.softmax_contrast(z, y), x.requires_grad_())


def test_large_batches_take_the_way_without_the_matrix(monkeypatch):
    calls = []
    through = chunked.softmax_contrast
    monkeypatch.setattr(losses, "softmax_contrast", lambda z, y: calls.append(len(z)) or through(z, y))
    for number in (100, 200):
        x, y = torch.randn(2 * number, 16), torch.arange(number).repeat(2)
        losses.info_nce(x, y)
    assert calls == [400]
    x = torch.randn(400, 16)
    similarity = (F.normalize(x, dim=1) @ F.normalize(x, dim=1).T / 0.1).fill_diagonal_(-torch.inf)
    torch.testing.assert_close(losses.info_nce(x, y), F.cross_entropy(similarity, torch.arange(400).roll(200)))
    with torch.no_grad():
        assert losses.info_nce(x, y).isfinite()
    cold = x.clone().requires_grad_()                              # similarities of 1000: exponentials would overflow
    losses.info_nce(cold, y, 0.001).backward()
    assert cold.grad.isfinite().all() and calls == [400] * 3


MEMORY = """
import torch
from sslkit import losses
torch.set_num_threads(2)
def run(n):
    x = torch.randn(2 * n, 128, requires_grad=True)
    losses.{loss}(x, torch.arange(n).repeat(2)).backward()
def highest():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
run(200)
open("/proc/self/clear_refs", "w").write("5")                      # the high-water mark starts afresh
before = highest()
run({n})
print((highest() - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process's high-water mark in /proc")
@pytest.mark.parametrize("loss, n, least, most", [("info_nce", 4096, 8, 60), ("info_nce", 16384, 32, 200), ("triplet", 256, 1, 200)])
def test_peak_memory(loss, n, least, most):
    """In a process of its own: growth of its resident memory, in MiB. The N × N matrix alone would take 256 and 4096."""
    done = subprocess.run([sys.executable, "-c", MEMORY.format(loss=loss, n=n)], capture_output=True, text=True, check=True)
    assert least < float(done.stdout) < most
