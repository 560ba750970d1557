"""No GPU, a device that is not there, or a checkpoint from a machine with another device or precision

What the user sees: training runs on what there is; a device that is asked for and not there is
named with what to do; a checkpoint goes on with the precision it was made with, and a warning says
where that is slow.
"""

import pytest
import torch

from small import QUICK, pictures, rotation, same
from sslkit import checkpoint, train

training = __import__("sys").modules["sslkit.train"]


@pytest.mark.parametrize(
    "device, says",
    [
        ("cuda:99", "cuda"),
        ("xpu", "torch cannot use it on this machine"),
        ("meta", "cannot use it"),
        ("tpu", "no such device"),
        (object(), "no such device"),
        ("cpu:x", "no such device"),
    ],
)
def test_a_device_that_is_not_there_is_named(device, says):
    task = rotation()
    with pytest.raises(RuntimeError, match=f"{says}.*leave device out to take the best there is"):
        train(task, pictures(), steps=1, device=device, **QUICK)


class CutOff(Exception):
    pass


def cut_off_at_four(path, **settings):
    def cut(record):
        if record["step"] == 4:
            raise CutOff

    with pytest.raises(CutOff):
        train(
            rotation(),
            pictures(),
            steps=8,
            checkpoint=path,
            checkpoint_every=0,
            on_log=cut,
            **settings,
            **QUICK,
        )


@pytest.mark.parametrize("made_with, fast_here", [(True, False), (False, True)])
def test_the_precision_is_that_of_the_checkpoint(tmp_path, monkeypatch, made_with, fast_here):
    path, whole, resumed = tmp_path / "run.safetensors", rotation(), rotation(seed=5)
    train(whole, pictures(), steps=8, amp=made_with, **QUICK)
    cut_off_at_four(path, amp=made_with)
    monkeypatch.setattr(training, "has_bfloat16", lambda device: fast_here)
    if made_with:
        with pytest.warns(
            UserWarning, match="trained with bfloat16, and so it goes on: this machine emulates it"
        ):
            train(resumed, pictures(), steps=8, checkpoint=path, **QUICK)
    else:
        train(resumed, pictures(), steps=8, checkpoint=path, **QUICK)
    assert same(whole, resumed)


def test_another_precision_that_is_asked_for_is_refused_without_advice_to_delete(tmp_path):
    path = tmp_path / "run.safetensors"
    cut_off_at_four(path, amp=True)
    with pytest.raises(
        ValueError, match="amp was True, now False. Give these settings as they were"
    ) as caught:
        train(rotation(), pictures(), steps=8, checkpoint=path, amp=False, **QUICK)
    assert "delete" not in str(caught.value)


def test_what_belongs_to_the_device_of_an_optimizer_is_that_of_this_machine(tmp_path):
    """As a GPU leaves it: fused."""
    path, whole, resumed = tmp_path / "run.safetensors", rotation(), rotation(seed=5)
    train(whole, pictures(), steps=8, **QUICK)
    cut_off_at_four(path)
    state = checkpoint.load(path)
    for group in state["optimizer"]["param_groups"]:
        group["fused"] = True
    checkpoint.save(path, state)
    train(resumed, pictures(), steps=8, checkpoint=path, **QUICK)
    assert same(whole, resumed)
    assert not any(group["fused"] for group in checkpoint.load(path)["optimizer"]["param_groups"])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_learns_and_its_checkpoint_loads_on_the_cpu(tmp_path):
    path = tmp_path / "run.safetensors"
    history = train(rotation(), pictures(), steps=4, checkpoint=path, **QUICK)
    assert len(history) == 4
    assert all(value.device.type == "cpu" for value in checkpoint.load(path)["task"].values())
