"""A batch in parts, over time or over processes, gives the loss and the gradient of the whole."""

import os
import subprocess
import sys
import textwrap
from functools import partial

import pytest
import torch
from torch import nn

from sslkit import checkpoint, data, parts, train
from sslkit.memory import peak_memory
from sslkit.networks import ConvNet, ResNet18, group_norm, mlp
from sslkit.tasks import BYOL, Inpainting, Jigsaw, MoCo, RelativePatch, Rotation, SimCLR, VICReg

PLAIN = dict(steps=3, batch_size=16, lr=0.01, optimizer="sgd", amp=False, device="cpu", progress=False, log_every=1)
MAKE = {"SimCLR": SimCLR, "MoCo": lambda encoder: MoCo(encoder, queue=64, groups=1), "BYOL": BYOL, "Rotation": Rotation,
        "Jigsaw": lambda encoder: Jigsaw(encoder, 2), "RelativePatch": RelativePatch,
        "Inpainting": Inpainting, "VICReg": partial(VICReg, dim=32, hidden=64)}


def made(name):
    torch.manual_seed(0)
    return group_norm(MAKE[name](ConvNet(8)))


def furthest(first, second):
    first, second = first.state_dict(), second.state_dict()
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.mark.parametrize("name", MAKE)
# Even pieces: in backward, torch 2.15's convolutions of 8 channels, channels last, on two threads, corrupt memory for odd batches.
@pytest.mark.parametrize("micro_batch", [6, 8])
def test_micro_batches_give_the_gradient_of_the_whole_batch(name, micro_batch):
    pictures = data.scenes(32, 48 if name == "RelativePatch" else 32)
    whole, parted = made(name), made(name)
    expected = train(whole, pictures, **PLAIN)
    history = train(parted, pictures, micro_batch=micro_batch, **PLAIN)
    assert [record["loss"] for record in history] == pytest.approx([record["loss"] for record in expected], rel=1e-4)
    assert furthest(whole, parted) < 1e-4 < 1e-3 < furthest(whole, made(name))


def test_parts_that_were_cut_off_would_be_noticed():
    """The same comparison fails where a contrastive loss sees one part at a time, as plain gradient accumulation does."""
    task, pictures = made("SimCLR"), data.scenes(16, 32).images / 255
    torch.manual_seed(0)
    views, source = task.make_problem(pictures)
    whole, _ = task.loss(task(views), source)
    halves = [task.loss(task(views[which]), source[which])[0] for which in (source < 8, source >= 8)]
    assert abs(sum(halves).item() / 2 - whole.item()) > 0.1


def test_batch_norm_is_the_one_difference_and_its_statistics_move_once():
    views = torch.rand(16, 3, 32, 32)
    torch.manual_seed(0)
    task = SimCLR(ConvNet(8))
    before = task.encoder.blocks[0][0][1].running_mean.clone()
    expected = [mean.clone() for mean in (before,)]
    stem = task.encoder.blocks[0][0][0]
    for piece in views.split(4):
        mean = stem((piece - task.encoder.mean) / task.encoder.std).mean((0, 2, 3))
        expected.append(0.9 * expected[-1] + 0.1 * mean.detach())
    parts.answer(task, task, views, 4).sum().backward()
    torch.testing.assert_close(task.encoder.blocks[0][0][1].running_mean, expected[-1])
    assert task.encoder.blocks[0][0][1].momentum == 0.1


def test_random_draws_in_forward_are_the_same_the_second_time():
    class Noisy(SimCLR):
        def forward(self, views):
            return torch.dropout(super().forward(views), 0.5, train=True)

    torch.manual_seed(0)
    task = group_norm(Noisy(ConvNet(8)))
    views = torch.rand(8, 3, 32, 32)
    torch.manual_seed(1)
    z = parts.answer(task, task, views, 4)
    gradient, = torch.autograd.grad(z.sum(), task.projector[-1].bias)
    scale = (z != 0).float().sum(0) * 2                            # a unit that was dropped has no gradient
    torch.testing.assert_close(gradient, scale)


def test_memory_is_that_of_a_part():
    """Tensors alive at the same time: eight parts need well under half of what the whole batch needs."""
    pictures = data.scenes(64, 32).images / 255
    task = made("SimCLR")
    torch.manual_seed(0)
    views, source = task.make_problem(pictures)

    def step(micro_batch):
        task.loss(parts.answer(task, task, views, micro_batch), source)[0].backward()
        task.zero_grad()

    step(None)
    whole, eighth = peak_memory(lambda: step(None)), peak_memory(lambda: step(16))
    assert eighth < 0.4 * whole, (whole, eighth)


def test_peak_memory_counts_what_lives_at_the_same_time():
    if torch.cuda.is_available():
        pytest.skip("on the CPU, sizes are exact")
    mib = 2 ** 18                                                  # float32 numbers

    def three_one_after_another():
        for _ in range(3):
            torch.ones(mib)

    def three_together():
        return [torch.ones(mib) for _ in range(3)]

    assert peak_memory(three_one_after_another) < 2.5 * 2 ** 20 and peak_memory(three_together) == 3 * 2 ** 20
    x = torch.ones(mib)
    assert peak_memory(lambda: x.view(512, 512).t()[3:]) == 0      # views take nothing


def test_settings_that_make_no_sense_are_refused():
    for wrong in (0, 1, -4, 2.5, "8"):
        with pytest.raises(ValueError, match="micro_batch=.*at least 2, or None"):
            train(made("SimCLR"), data.scenes(16, 32), micro_batch=wrong, **PLAIN)


@pytest.mark.parametrize("make", [lambda: ConvNet(12), ResNet18, lambda: mlp(8, 20, 4)], ids=["ConvNet", "ResNet18", "mlp"])
def test_group_norm_leaves_no_batch_norm_and_each_sample_to_itself(make):
    network = group_norm(make())
    assert not any(isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) for module in network.modules())
    x = torch.rand(4, 8) if isinstance(network, nn.Sequential) else torch.rand(4, 3, 32, 32)
    network.train()
    torch.testing.assert_close(network(x)[:1], network(x[:1]), atol=1e-5, rtol=1e-4)


# ------------------------------------------------------------------------------------------------ several processes

WORKER = """
    import os, sys, torch
    sys.path.insert(0, {tests!r})
    from test_parts import *
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    torch.manual_seed(torch.distributed.get_rank())                # weights differ until they agree
    task = group_norm(MAKE[{name!r}](ConvNet(8)))
    if torch.distributed.get_rank() == 0:
        task.load_state_dict(made({name!r}).state_dict())
    history = train(task, data.scenes(32, 32), checkpoint={path!r}, **{settings!r})
    if torch.distributed.get_rank() == 1:                          # both processes have the same weights and the same history
        checkpoint.save({path!r} + ".second", {{"task": dict(task.state_dict()), "history": history}})
    torch.distributed.destroy_process_group()
"""


def in_two_processes(name, path, settings):
    code = textwrap.dedent(WORKER.format(tests=os.path.dirname(__file__), name=name, path=str(path), settings=settings))
    script = path.parent / "worker.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return checkpoint.load(path), checkpoint.load(f"{path}.second")


@pytest.mark.parametrize("name, more", [("SimCLR", {}), ("SimCLR", {"micro_batch": 6}),
                                        ("MoCo", {}), ("BYOL", {}), ("VICReg", {})],
                         ids=["SimCLR", "SimCLR in micro-batches", "MoCo", "BYOL", "VICReg"])
def test_two_processes_equal_one(name, more, tmp_path):
    """Loss and weights after three steps on the joint batch, to 1e-5; one checkpoint, written by the first process."""
    alone = made(name)
    expected = train(alone, data.scenes(32, 32), **PLAIN)
    first, second = in_two_processes(name, tmp_path / "run.safetensors", {**PLAIN, **more})
    for state in (first, second):
        assert [record["loss"] for record in state["history"]] == pytest.approx([record["loss"] for record in expected], abs=1e-5)
        assert max((state["task"][key] - value).abs().max().item() for key, value in alone.state_dict().items()) < 1e-5


def test_a_run_of_one_process_is_gone_on_with_by_two(tmp_path):
    path = tmp_path / "run.safetensors"
    settings = {**PLAIN, "steps": 6}
    whole = made("SimCLR")
    expected = train(whole, data.scenes(32, 32), **settings)

    class Stop(Exception):
        pass

    def stop(record):
        if record["step"] == 3:
            raise Stop

    with pytest.raises(Stop):
        train(made("SimCLR"), data.scenes(32, 32), checkpoint=path, checkpoint_every=0, on_log=stop, **settings)
    assert checkpoint.load(path)["step"] == 2
    first, _ = in_two_processes("SimCLR", path, settings)
    assert first["step"] == 6 and [r["loss"] for r in first["history"]] == pytest.approx([r["loss"] for r in expected], abs=1e-5)
    assert max((first["task"][key] - value).abs().max().item() for key, value in whole.state_dict().items()) < 1e-5


def test_the_command_line_under_torchrun(tmp_path):
    run = lambda *words: subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m",
                                         "sslkit", *words], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    environment = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.path.dirname(os.path.dirname(__file__)), environment]))
    try:
        done = run("train", "simclr", "--steps", "2", "--batch-size", "16", "--tier", "cpu", "--device", "cpu")
        refused = run("curve", "simclr", "--steps", "2")
        uneven = run("train", "simclr", "--steps", "2", "--batch-size", "15", "--tier", "cpu", "--device", "cpu", "--out", "odd")
    finally:
        os.environ["PYTHONPATH"] = environment
    assert done.returncode == 0 and "2 processes" in done.stdout, done.stderr[-2000:]
    assert done.stdout.count("simclr after 2 steps") == 1          # the first process talks, the other does not
    assert list((tmp_path / "runs").glob("*.safetensors"))
    assert refused.returncode != 0 and "torchrun is for training only" in refused.stderr
    assert uneven.returncode == 0 or "for 2 processes: want a batch_size that 2 divides" in uneven.stderr
