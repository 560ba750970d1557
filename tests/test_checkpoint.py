"""Checkpoints: what goes in comes out, and nothing that can happen to a file goes unnoticed."""

import os
import pickle
import subprocess
import sys
import textwrap

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslkit import checkpoint


def state(number=0):
    return {"task": {"weight": torch.arange(6.).reshape(2, 3) + number, "count": torch.tensor(number)},
            "optimizer": {"state": {0: {"step": torch.tensor(3.), "half": torch.ones(4, dtype=torch.bfloat16)}},
                          "param_groups": [{"lr": 0.1, "betas": [0.9, 0.999], "fused": None}]},
            "history": [{"step": 1, "loss": 2.5}], "step": number, "name": "rotation"}


def equal(first, second):
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(equal, first, second))
    return type(first) is type(second) and first == second


def test_what_goes_in_comes_out(tmp_path):
    path = tmp_path / "deep" / "run.safetensors"
    checkpoint.save(path, state())
    assert equal(checkpoint.load(path), state())
    assert [file.name for file in path.parent.iterdir()] == ["run.safetensors"]


plain = st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.floats(allow_nan=False) | st.text()
trees = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers() | st.text(), inner, max_size=3))


@given(trees)
@settings(max_examples=60, deadline=None)
def test_any_plain_tree_survives(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "run.safetensors"
    checkpoint.save(path, {"tree": tree})
    assert equal(checkpoint.load(path), {"tree": tree})


def test_the_last_two_are_kept(tmp_path):
    path = tmp_path / "run.safetensors"
    for number in range(4):
        checkpoint.save(path, state(number))
    assert checkpoint.load(path)["step"] == 3 and checkpoint.load(checkpoint.previous(path))["step"] == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_flipped_byte_anywhere_is_noticed_and_the_one_before_is_used(tmp_path):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    checkpoint.save(path, state(2))
    sound = path.read_bytes()
    for position in range(0, len(sound), 7):
        broken = bytearray(sound)
        broken[position] ^= 0x10
        path.write_bytes(broken)
        try:
            loaded = checkpoint.load(path)
        except ValueError as error:
            assert str(path) in str(error)
        else:                                                      # only the header's own padding may differ
            assert equal(loaded, state(2)), position
    path.write_bytes(sound[:-3] + bytes([sound[-3] ^ 1]) + sound[-2:])
    with pytest.warns(UserWarning, match="does not match the SHA-256.*run.previous.safetensors"):
        assert checkpoint.load_latest(path)["step"] == 1


@pytest.mark.parametrize("length", [0, 5, 50, -1])
def test_truncated_files_say_so(tmp_path, length):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    checkpoint.save(path, state(2))
    sound = path.read_bytes()
    path.write_bytes(sound[:length])
    with pytest.raises(ValueError, match="empty" if length == 0 else "not a checkpoint|has .* bytes, its own header says"):
        checkpoint.load(path)
    with pytest.warns(UserWarning, match="Going on from the checkpoint before it"):
        assert checkpoint.load_latest(path)["step"] == 1


def test_both_damaged_or_none_there(tmp_path):
    path = tmp_path / "run.safetensors"
    assert checkpoint.load_latest(path) is None
    path.write_bytes(b"garbage that is long enough to be read")
    with pytest.raises(ValueError, match="not a checkpoint.*Delete the file to start afresh"):
        checkpoint.load_latest(path)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_pickles_and_web_pages_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.safetensors"
    torch.save({"weight": torch.ones(2), "evil": Evil()}, path)
    with pytest.raises(ValueError, match="looks like a pickle") as caught:
        checkpoint.load(path)
    assert "weights_only" not in str(caught.value)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a checkpoint of sslkit"):
        checkpoint.load(path)
    path.write_text("<!DOCTYPE html><html>quota exceeded</html>")
    with pytest.raises(ValueError, match="web page"):
        checkpoint.load(path)
    assert not (tmp_path / "evil").exists()
    with pytest.raises(TypeError, match="tensors and plain values, not Evil"):
        checkpoint.save(path, {"evil": Evil()})


def test_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(OSError, match=r"disk full: run.safetensors needs .* MB, .* has 0\.0 MB"):
        checkpoint.save(path, state(2))
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 1


def test_failure_while_writing_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))

    def no_space(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(path, state(2))
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 1 and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_while_saving_always_leaves_one_good_file(tmp_path):
    path = tmp_path / "run.safetensors"
    script = textwrap.dedent(f"""
        import torch
        from sslkit import checkpoint
        for number in range(10_000):
            checkpoint.save({str(path)!r}, {{"weight": torch.full((200_000,), float(number)), "step": number}})
            print(number, flush=True)
    """)
    for stop_at in (0, 3, 6):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if int(line) >= stop_at:
                process.kill()
                break
        process.wait()
        loaded = checkpoint.load_latest(path)
        assert (loaded["weight"] == loaded["step"]).all() and loaded["step"] >= stop_at
