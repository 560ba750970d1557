"""The loop: it equals a plain loop written out here, and it survives what happens to real trainings."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
import torch
from filelock import FileLock
from torch import nn
from torch.nn import functional as F

import sslkit
from sslkit import Task, checkpoint, train
from sslkit.data import Dataset
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation, Supervised
from sslkit.train import schedule


def pictures(number=48, size=16, seed=0):
    return torch.randint(0, 256, (number, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def rotation(seed=0):
    torch.manual_seed(seed)
    return Rotation(ConvNet(8))


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


QUICK = dict(batch_size=8, progress=False, log_every=1)


class Line(Task):
    """The smallest task there is: a linear map of tabular data onto its own first column."""

    def make_problem(self, batch):
        return batch, batch[:, :1] * 3

    def forward(self, inputs):
        return self.encoder(inputs)

    def loss(self, outputs, targets):
        return F.mse_loss(outputs, targets), {"size": outputs.abs().mean()}


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


def test_same_seed_same_bits_and_the_callers_generator_untouched():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tasks = [rotation(), rotation(), rotation()]
    torch.manual_seed(5)
    for task, seed in zip(tasks, (1, 1, 2)):
        train(task, pictures(), steps=4, seed=seed, **QUICK)
    assert torch.equal(torch.rand(3), expected)
    assert same(tasks[0], tasks[1]) and not same(tasks[0], tasks[2])


def test_random_draws_differ_from_epoch_to_epoch():
    drawn = []

    class Noisy(Line):
        def make_problem(self, batch):
            drawn.append(torch.rand(()).item())
            return super().make_problem(batch)

    train(Noisy(nn.Linear(4, 1)), torch.randn(8, 4), steps=12, batch_size=4, progress=False)
    assert len(set(drawn)) == 12                                   # two steps an epoch: six epochs, no draw twice


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


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    path = tmp_path / "run.safetensors"
    whole = rotation()
    expected = train(whole, pictures(), steps=14, optimizer="adamw", **{**QUICK, "log_every": 4})

    class Stop(Exception):
        pass

    def stop_at_eight(record):
        if record["step"] == 8:
            raise Stop

    broken = rotation()
    with pytest.raises(Stop):
        train(broken, pictures(), steps=14, checkpoint=path, checkpoint_every=0, on_log=stop_at_eight, **{**QUICK, "log_every": 4})
    resumed = rotation(seed=99)                                    # its weights come from the checkpoint
    history = train(resumed, pictures(), steps=14, checkpoint=path, checkpoint_every=0, **{**QUICK, "log_every": 4})
    assert same(whole, resumed)
    without_time = lambda records: [{name: value for name, value in r.items() if name != "seconds"} for r in records]
    assert without_time(history) == without_time(expected)
    again = rotation(seed=98)                                      # a finished run is loaded, not trained again
    assert without_time(train(again, pictures(), steps=14, checkpoint=path, **{**QUICK, "log_every": 4})) == without_time(expected)
    assert same(whole, again)


KILLED = """
    import sys, torch
    sys.path.insert(0, {tests!r})
    from test_train import *
    torch.set_num_threads({threads})
    task = rotation()
    train(task, pictures(), steps=40, checkpoint={path!r}, checkpoint_every=0, on_log=lambda r: print(r["step"], flush=True), **QUICK)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_in_the_middle_then_resumed_to_the_same_bits(tmp_path):
    path = str(tmp_path / "run.safetensors")
    script = textwrap.dedent(KILLED.format(tests=os.path.dirname(__file__), path=path, threads=torch.get_num_threads()))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) >= 7:
            process.kill()                                         # at any moment, also in the middle of saving
            break
    process.wait()
    whole, resumed = rotation(), rotation(seed=3)
    train(whole, pictures(), steps=40, **QUICK)
    assert checkpoint.load_latest(path)["step"] >= 6
    train(resumed, pictures(), steps=40, checkpoint=path, **QUICK)
    assert same(whole, resumed)


def test_another_run_in_the_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(rotation(), pictures(), steps=2, checkpoint=path, **QUICK)
    with pytest.raises(ValueError, match="holds another run: steps was 2, now 3.*checkpoint of its own"):
        train(rotation(), pictures(), steps=3, checkpoint=path, **QUICK)
    with pytest.raises(ValueError, match="holds another run: data was"):
        train(rotation(), pictures(seed=1), steps=2, checkpoint=path, **QUICK)
    with pytest.raises(ValueError, match="network of another shape"):
        train(Rotation(ConvNet(16)), pictures(), steps=2, checkpoint=path, **QUICK)


def test_two_writers_of_one_run(tmp_path):
    path = tmp_path / "run.safetensors"
    with FileLock(f"{path}.lock"):
        with pytest.raises(RuntimeError, match="being written by another notebook"):
            train(rotation(), pictures(), steps=2, checkpoint=path, **QUICK)


def test_full_disk_does_not_stop_training(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    task = rotation()
    with pytest.warns(UserWarning, match=r"was not saved: disk full: run.safetensors needs \d\.\d MB"):
        history = train(task, pictures(), steps=2, checkpoint=tmp_path / "run.safetensors", **QUICK)
    assert len(history) == 2 and not (tmp_path / "run.safetensors").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_stop_button_ends_at_a_step_boundary(tmp_path, capsys):
    path, before = tmp_path / "run.safetensors", signal.getsignal(signal.SIGINT)

    def press(record):
        if record["step"] == 4:
            os.kill(os.getpid(), signal.SIGINT)

    task = rotation()
    history = train(task, pictures(), steps=100, checkpoint=path, on_log=press, **{**QUICK, "log_every": 2})
    assert history[-1]["step"] in (4, 5) and "stopped after step" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    reference = rotation()
    stopped_at = history[-1]["step"]

    def stop_there(record):
        if record["step"] == stopped_at:
            os.kill(os.getpid(), signal.SIGINT)

    train(reference, pictures(), steps=100, on_log=stop_there, **{**QUICK, "log_every": stopped_at})
    assert checkpoint.load(path)["step"] == stopped_at
    assert same(task, reference)                                   # weights and history tell of the same step


def test_trains_outside_the_main_thread():
    lengths = []
    thread = threading.Thread(target=lambda: lengths.append(len(train(rotation(), pictures(), steps=2, **QUICK))))
    thread.start()
    thread.join()
    assert lengths == [2]


class Poisoned(Rotation):
    """Its loss is NaN in the third step, though the picture is sound."""

    def loss(self, logits, turns):
        self.seen = getattr(self, "seen", 0) + 1
        loss, logs = super().loss(logits, turns)
        return loss * (float("nan") if self.seen == 3 else 1), logs


def test_loss_that_is_not_finite_stops_before_the_update():
    torch.manual_seed(0)
    task = Poisoned(ConvNet(8))
    states = []
    with pytest.raises(RuntimeError, match=r"became nan in step 2, .*Samples \d+.*smaller lr"):
        train(task, pictures(), steps=9, on_log=lambda r: states.append({k: v.clone() for k, v in task.state_dict().items()}), **QUICK)
    assert all(torch.equal(value, states[-1][name]) for name, value in task.state_dict().items())   # batch norm's buffers too


def test_samples_that_are_not_finite_are_named():
    data = torch.randn(16, 4)
    data[11, 2] = torch.nan
    task = Line(nn.Linear(4, 1))
    with pytest.raises(RuntimeError, match=r"Samples 11 \(their values are not finite"):
        train(task, data, steps=9, batch_size=8, progress=False)
    assert all(torch.isfinite(parameter).all() for parameter in task.parameters())


@pytest.mark.parametrize("data, error, says", [
    (torch.rand(8, 16, 16, 3), ValueError, r"channels last.*permute\(0, 3, 1, 2\)"),
    (torch.rand(8, 1, 16, 16), ValueError, r"grey.*expand"),
    (torch.rand(8, 4, 16, 16), ValueError, r"RGBA.*:3"),
    (torch.rand(8, 3, 16, 16) * 255, ValueError, r"want \[0, 1\]: images / 255"),
    (torch.full((8, 3, 16, 16), torch.nan), ValueError, r"NaN or infinity in 8 of 8"),
    (torch.randint(0, 9, (8, 3, 16, 16)), TypeError, r"int64, want uint8"),
    (torch.rand(8, 3, 16, 24), ValueError, r"16 × 24.*square"),
    (pictures(1), ValueError, r"batch of 1.*at least 2"),
    ((pictures(8), torch.zeros(7).long()), ValueError, r"7 and 8 examples"),
])
def test_data_that_cannot_work_is_refused_at_the_door(data, error, says):
    task = rotation()
    before = {name: value.clone() for name, value in task.state_dict().items()}
    with pytest.raises(error, match=says):
        train(task, data, steps=2, **QUICK)
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())


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


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_learns_and_its_checkpoint_loads_on_the_cpu(tmp_path):
    path = tmp_path / "run.safetensors"
    history = train(rotation(), pictures(), steps=4, checkpoint=path, **QUICK)
    assert len(history) == 4
    assert all(value.device.type == "cpu" for value in checkpoint.load(path)["task"].values())
