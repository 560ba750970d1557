"""SimCLR, MoCo, BYOL, VICReg: problems and losses of their papers; real views; collapse."""

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from sslkit import data, losses, recipes, train
from sslkit.meters import effective_rank
from sslkit.networks import ConvNet
from sslkit.tasks import BYOL, MoCo, SimCLR, VICReg

unchanged = lambda images: images
quick = dict(steps=3, batch_size=16, lr=1e-3, amp=False, device="cpu", progress=False, log_every=1)


def pictures(number=16):
    return data.scenes(number, 24).images / 255


def brighter(images):
    """An augmentation whose draws can be told: one brightness an image."""
    return images * torch.rand(len(images), 1, 1, 1)


def test_simclr_makes_two_views_of_every_image_and_says_whose_they_are():
    images = pictures(6)
    task = SimCLR(ConvNet(8), brighter)
    torch.manual_seed(0)
    views, source = task.make_problem(images)
    torch.manual_seed(0)
    expected = torch.cat([brighter(images), brighter(images)])
    assert torch.equal(views, expected) and source.tolist() == [0, 1, 2, 3, 4, 5] * 2
    assert not torch.equal(views[:6], views[6:])


def test_simclr_loss_is_nt_xent_of_its_projections():
    task = SimCLR(ConvNet(8), unchanged).eval()
    views, source = task.make_problem(pictures(5))
    z = task(views).detach()
    assert z.shape == (10, 128) and task.represent(pictures(5)).shape == (5, 64)
    loss, logs = task.loss(z, source)
    similarity = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / 0.1
    by_hand = sum(-math.log(math.exp(similarity[i, (i + 5) % 10]) / sum(math.exp(similarity[i, k]) for k in range(10) if k != i))
                  for i in range(10)) / 10
    assert loss.item() == pytest.approx(by_hand, rel=1e-4)
    assert 0 <= logs["spread"].item() <= 1.1


def test_any_contrastive_loss_fits():
    for contrast in (losses.contrastive, losses.triplet, losses.lifted_structured, losses.n_pair, losses.soft_nearest_neighbor):
        torch.manual_seed(0)
        task = SimCLR(ConvNet(8), contrast=contrast)
        before = copy.deepcopy(task.encoder.state_dict())
        history = train(task, data.scenes(32, 24), **quick)
        assert math.isfinite(history[-1]["loss"]) and any(not torch.equal(v, before[k]) for k, v in task.encoder.state_dict().items())


@pytest.mark.parametrize("make", [SimCLR, MoCo, BYOL, VICReg])
def test_two_real_views_of_a_thing_are_taken_as_a_pair(make):
    first, second = pictures(4), pictures(8)[4:]
    inputs, targets = make(ConvNet(8), unchanged).make_problem((first, second))
    if make is MoCo:
        assert torch.equal(inputs, first) and targets.shape == (4, 128)
    else:
        assert torch.equal(inputs, torch.cat([first, second]))
    history = train(make(ConvNet(8)), (data.scenes(32, 24).images, data.scenes(32, 24, seed=1).images), **quick)
    assert math.isfinite(history[-1]["loss"])


def test_embeddings_that_are_not_finite_stop_the_training_before_the_update():
    class Sick(SimCLR):
        seen = 0

        def forward(self, views):
            self.seen += 1
            return super().forward(views) * (float("nan") if self.seen == 3 else 1)

    torch.manual_seed(0)
    task, states = Sick(ConvNet(8)), []
    keep = lambda record: states.append({name: value.clone() for name, value in task.state_dict().items()})
    with pytest.raises(RuntimeError, match=r"became nan in step 2, which was not taken.*Samples"):
        train(task, data.scenes(32, 24), **{**quick, "steps": 9}, on_log=keep)
    assert all(torch.equal(value, states[-1][name]) for name, value in task.state_dict().items())


# ------------------------------------------------------------------------------------------------ MoCo

def test_moco_loss_puts_the_own_key_against_the_queue():
    task = MoCo(ConvNet(8), unchanged, queue=32, temperature=0.3).eval()
    queries, keys = torch.randn(4, 128), F.normalize(torch.randn(4, 128), dim=1)
    loss, logs = task.loss(queries, keys)
    total, right = 0, 0
    for q, k in zip(F.normalize(queries, dim=1), keys):
        own, others = math.exp(q @ k / 0.3), [math.exp(q @ other / 0.3) for other in task.queue]
        total += -math.log(own / (own + sum(others))) / 4
        right += own > max(others)
    assert loss.item() == pytest.approx(total, rel=1e-4) and logs["accuracy"].item() == pytest.approx(right / 4)


def test_moco_queue_forgets_the_oldest_keys_first():
    task = MoCo(ConvNet(8), queue=6, dim=2)
    start = task.queue.clone()
    batches = [F.normalize(torch.randn(4, 2), dim=1) for _ in range(3)]
    task.after_step(batches[0])
    assert torch.equal(task.queue, torch.cat([batches[0], start[4:]])) and task.oldest == 4
    task.after_step(batches[1])
    assert torch.equal(task.queue, torch.cat([batches[1][2:], batches[0][2:], batches[1][:2]])) and task.oldest == 2
    task.after_step(batches[2])
    assert torch.equal(task.queue, torch.cat([batches[1][2:], batches[2]])) and task.oldest == 0


def test_a_queue_shorter_than_the_batch_is_refused():
    with pytest.raises(ValueError, match="batch of 16 does not fit into a queue of 8: want a longer queue"):
        MoCo(ConvNet(8), queue=8).make_problem(pictures())
    with pytest.raises(ValueError, match="temperature=0"):
        MoCo(ConvNet(8), temperature=0)


@pytest.mark.parametrize("make", [MoCo, BYOL])
def test_the_teacher_is_the_moving_average_of_the_student_and_gets_no_gradient(make):
    torch.manual_seed(0)
    task = make(ConvNet(8), momentum=0.9)
    student = lambda: [*task.encoder.parameters(), *task.projector.parameters()]
    expected = [parameter.detach().clone() for parameter in student()]
    for parameter in expected:
        assert any(torch.equal(parameter, own) for own in task.teacher.parameters())
    for _ in range(3):
        history = train(task, data.scenes(16, 24), **{**quick, "steps": 1})
        expected = [0.9 * mine + 0.1 * other.detach() for mine, other in zip(expected, student())]
    for mine, own in zip(expected, task.teacher.parameters()):
        torch.testing.assert_close(own, mine)
        assert not own.requires_grad and own.grad is None
    assert math.isfinite(history[-1]["loss"])


def test_moco_keys_keep_other_company_than_their_queries():
    """Shuffled, and in groups: batch norm sees other neighbours. In order and in one group, the same ones: the leak."""
    seen = []

    class Watched(torch.nn.Identity):
        def forward(self, x):
            seen.append(x[:, 0, 0, 0].long().tolist())
            return x

    images = torch.arange(8.).view(8, 1, 1, 1).expand(8, 3, 24, 24)
    for shuffle, groups in ((True, 4), (False, 1)):
        task = MoCo(ConvNet(8), unchanged, groups=groups, shuffle=shuffle)
        task.teacher.insert(0, Watched())
        seen.clear()
        torch.manual_seed(1)
        _, keys = task.make_problem(images)
        companies = [set(group) for group in seen]
        assert len(companies) == groups and set().union(*companies) == set(range(8))
        assert (companies == [set(range(8))]) if groups == 1 else (companies != [{0, 1}, {2, 3}, {4, 5}, {6, 7}])
    torch.manual_seed(1)                                           # keys come back in the order of their queries
    task = MoCo(ConvNet(8), unchanged)
    task.teacher.eval()
    keys = task.make_problem(pictures(8))[1]
    torch.testing.assert_close(keys, F.normalize(task.teacher(pictures(8)), dim=1))


# ------------------------------------------------------------------------------------------------ BYOL

def test_byol_predicts_what_the_teacher_says_of_the_other_view():
    task = BYOL(ConvNet(8), brighter).eval()
    images = pictures(5)
    torch.manual_seed(0)
    views, targets = task.make_problem(images)
    torch.testing.assert_close(targets, torch.cat([task.teacher(views[5:]), task.teacher(views[:5])]))
    prediction, z = task(views)
    torch.testing.assert_close(prediction, task.predictor(task.projector(task.encoder(views))))
    loss, logs = task.loss((prediction, z), targets)
    by_hand = sum((F.normalize(p, dim=0) - F.normalize(t, dim=0)).square().sum() for p, t in zip(prediction, targets)) / 10
    torch.testing.assert_close(loss, by_hand)


def test_byol_momentum_rises_to_one():
    task = BYOL(ConvNet(8), momentum=0.9, steps=4)
    weight, teacher = next(task.encoder.parameters()), next(task.teacher.parameters())
    for step in range(6):
        with torch.no_grad():
            weight.fill_(1)
            teacher.fill_(0)
            task.after_step(None)
        moved = 0.1 * (math.cos(math.pi * min(1, step / 4)) + 1) / 2
        assert teacher.flatten()[0].item() == pytest.approx(moved, abs=1e-6)


def test_without_stop_gradient_the_target_is_the_students_own_and_learns_too():
    task = BYOL(ConvNet(8), unchanged, stop_gradient=False, predictor=False)
    prediction, z = torch.randn(6, 128), torch.randn(6, 128, requires_grad=True)
    loss, _ = task.loss((prediction, z), torch.zeros(6, 128))
    torch.testing.assert_close(loss, (2 - 2 * F.cosine_similarity(prediction, z[[3, 4, 5, 0, 1, 2]])).mean())
    loss.backward()
    assert z.grad.abs().sum() > 0
    assert isinstance(task.predictor, torch.nn.Identity)


# ------------------------------------------------------------------------------------ VICReg

def test_vicreg_compares_the_two_views_of_each_image():
    task = VICReg(ConvNet(8), brighter, dim=6, hidden=20).eval()
    images = pictures(5)
    torch.manual_seed(0)
    views, targets = task.make_problem(images)
    torch.manual_seed(0)
    assert torch.equal(views, torch.cat([brighter(images), brighter(images)])) and targets is None
    z = task(views)
    assert z.shape == (10, 6) and task.represent(images).shape == (5, 64)
    loss, logs = task.loss(z, targets)
    torch.testing.assert_close(loss, losses.vicreg(z[:5], z[5:]))
    s, v, c = (logs[name] for name in ("invariance", "variance", "covariance"))
    torch.testing.assert_close(loss, 25 * s + 25 * v + c)
    own = VICReg(ConvNet(8), dim=6, invariance=2, variance=3, covariance=4)
    torch.testing.assert_close(own.loss(z)[0], losses.vicreg(z[:5], z[5:], 2, 3, 4))


def test_a_vicreg_training_that_was_killed_goes_on_to_the_same_bits(tmp_path):
    class Killed(Exception):
        pass

    def kill(record):
        if record["step"] == 2:
            raise Killed

    def run(**more):
        torch.manual_seed(0)
        task = VICReg(ConvNet(8), dim=6, hidden=20)
        return task, train(task, data.scenes(32, 24), **{**quick, "steps": 4}, **more)

    whole, expected = run()
    saved = {"checkpoint": tmp_path / "run.safetensors", "checkpoint_every": 0}
    with pytest.raises(Killed):
        run(**saved, on_log=kill)
    again, history = run(**saved)
    numbers = lambda records: [(r["step"], r["loss"], r["covariance"]) for r in records]
    assert numbers(history) == numbers(expected)
    state = again.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in whole.state_dict().items())


def test_vicregs_variance_term_holds_it_up_and_its_covariance_term_parts_its_dimensions():
    """Each term's absence leaves its own collapse: of the standard deviation, and of the rank."""
    found = {}
    without = {"no variance": {"variance": 0}, "no covariance": {"covariance": 0}}
    for name, weights in {"whole": {}, **without}.items():
        torch.manual_seed(0)
        task = VICReg(ConvNet(8), dim=32, hidden=64, **weights)
        train(task, data.scenes(64, 24), **{**quick, "steps": 60, "batch_size": 32, "lr": 3e-3})
        with torch.no_grad():
            z = task.train()(task.make_problem(pictures(64))[0])
        found[name] = z.std(0).mean().item(), effective_rank(z).item()
    assert found["no variance"][0] < 0.1 < 0.5 < found["whole"][0]
    assert found["no covariance"][1] < 0.75 * found["whole"][1] and found["no covariance"][0] > 0.5


# ------------------------------------------------------------------------------------------------ real views

def test_two_views_show_the_same_thing_elsewhere():
    first, second = data.two_views(700, 32)
    assert torch.equal(first.images, data.scenes(700, 32).images) and torch.equal(first.labels, second.labels)
    assert torch.equal(first.factors["hue"], second.factors["hue"])
    for name in ("x", "y", "size"):
        together = torch.corrcoef(torch.stack([first.factors[name], second.factors[name]]))[0, 1]
        assert (first.factors[name] != second.factors[name]).float().mean() > 0.95 and together < 0.6, name
    assert (first.factors["direction"] == second.factors["direction"]).float().mean() < 0.6
    assert not torch.equal(first.images, second.images)
    again = data.two_views(300, 32)
    assert torch.equal(again[1].images, second.images[:300])
    assert not torch.equal(second.images[:300], data.two_views(300, 32, split="validation")[1].images)
    with pytest.raises(ValueError, match="size=8"):
        data.two_views(10, 8)


def test_recipes_know_their_length():
    recipe = recipes.byol("cpu")
    assert recipe.task.steps == recipe.settings["steps"]
    assert recipes.simclr("cpu").task.contrast.keywords == {"temperature": 0.2}
