"""The loop: it equals a plain loop written out here, and it survives what happens to real trainings."""

import threading

import pytest
import torch
from torch import nn

import sslkit
from small import QUICK, Line, pictures, rotation, same
from sslkit import train
from sslkit.data import Dataset
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation, Supervised
from sslkit.train import schedule


def test_equals_a_plain_loop_written_out():
    data = torch.randn(20, 4, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    task = Line(nn.Linear(4, 1))
    plain = nn.Linear(4, 1)
    plain.load_state_dict(task.encoder.state_dict())
    history = train(task, data, steps=12, batch_size=5, lr=0.05, weight_decay=0.1, amp=False, progress=False, log_every=3, warmup=0.25)

    optimizer = torch.optim.AdamW([{"params": [plain.weight], "weight_decay": 0.1}, {"params": [plain.bias], "weight_decay": 0.0}])
    stream, losses = sslkit.data.batches(data, 5), []
    for step in range(12):
        _, batch = next(stream)
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * schedule(step, 12, 0.25)
        optimizer.zero_grad()
        loss = ((plain(batch) - 3 * batch[:, :1]) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    torch.testing.assert_close(task.encoder.weight, plain.weight)
    torch.testing.assert_close(task.encoder.bias, plain.bias)
    assert [record["step"] for record in history] == [3, 6, 9, 12]
    assert [record["loss"] for record in history] == pytest.approx([sum(losses[i:i + 3]) / 3 for i in (0, 3, 6, 9)], rel=1e-5)
    assert all({"step", "loss", "size", "lr", "seconds"} == record.keys() for record in history)


def test_schedule_rises_then_falls_to_zero():
    factors = [schedule(step, 100, 0.1) for step in range(100)]
    assert factors[0] == pytest.approx(0.1) and max(factors) == factors[9] == factors[10] == 1
    assert factors[55] == pytest.approx(0.5) and factors[-1] < 0.001
    assert schedule(0, 1, 0.1) == 1


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_learns(optimizer):
    data = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
    history = train(Line(nn.Linear(4, 1)), data, steps=200, batch_size=32, lr=0.1, weight_decay=0, optimizer=optimizer, progress=False)
    assert history[-1]["loss"] < 0.01 * history[0]["loss"]


def test_make_problem_runs_without_gradients_and_after_step_is_called():
    calls = []

    class Watched(Line):
        def make_problem(self, batch):
            calls.append(("problem", torch.is_grad_enabled()))
            return super().make_problem(batch)

        def after_step(self, targets):
            calls.append(("after", torch.is_grad_enabled()))

    train(Watched(nn.Linear(4, 1)), torch.randn(8, 4), steps=2, batch_size=4, progress=False)
    assert calls == [("problem", False), ("after", False)] * 2


def test_another_run_in_the_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(rotation(), pictures(), steps=2, checkpoint=path, **QUICK)
    with pytest.raises(ValueError, match="holds another run: steps was 2, now 3.*checkpoint of its own"):
        train(rotation(), pictures(), steps=3, checkpoint=path, **QUICK)
    with pytest.raises(ValueError, match="holds another run: data was"):
        train(rotation(), pictures(seed=1), steps=2, checkpoint=path, **QUICK)
    with pytest.raises(ValueError, match="network of another shape"):
        train(Rotation(ConvNet(16)), pictures(), steps=2, checkpoint=path, **QUICK)


def test_trains_outside_the_main_thread():
    lengths = []
    thread = threading.Thread(target=lambda: lengths.append(len(train(rotation(), pictures(), steps=2, **QUICK))))
    thread.start()
    thread.join()
    assert lengths == [2]


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ValueError, match="steps=0"):
        train(rotation(), pictures(), steps=0)
    with pytest.raises(ValueError, match='want "adamw" or "sgd"'):
        train(rotation(), pictures(), steps=2, optimizer="adam", **QUICK)
    frozen = rotation().requires_grad_(False)
    with pytest.raises(ValueError, match="no parameters that learn"):
        train(frozen, pictures(), steps=2, **QUICK)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="no CUDA device.*leave device out"):
            train(rotation(), pictures(), steps=2, device="cuda", **QUICK)


def test_dataset_gives_pictures_and_labelled_gives_both():
    data = Dataset(pictures(), torch.arange(48) % 3, ("a", "b", "c"))
    train(rotation(), data, steps=2, **QUICK)
    history = train(Supervised(ConvNet(8), 3), data.labelled, steps=2, **QUICK)
    assert {"loss", "accuracy"} <= history[0].keys()
    with pytest.raises(ValueError, match="has no labels"):
        Dataset(pictures()).labelled


def test_bfloat16_stays_near_float32_and_losses_are_float32():
    seen = []

    class Watched(Rotation):
        def loss(self, logits, turns):
            seen.append(logits.dtype)
            return super().loss(logits, turns)

    torch.manual_seed(0)
    low = train(Watched(ConvNet(8)), pictures(), steps=5, amp=True, **QUICK)
    torch.manual_seed(0)
    full = train(Watched(ConvNet(8)), pictures(), steps=5, amp=False, **QUICK)
    assert set(seen) == {torch.float32}
    assert [r["loss"] for r in low] == pytest.approx([r["loss"] for r in full], abs=0.1)


def test_compile_is_asked_for_once_and_changes_nothing(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda task: compiled.append(task) or (lambda inputs: task(inputs)))
    eager, faster = rotation(), rotation()
    train(eager, pictures(), steps=3, **QUICK)
    train(faster, pictures(), steps=3, compile=True, **QUICK)
    assert compiled == [faster] and same(eager, faster)
