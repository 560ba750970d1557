"""The process is killed while it saves

What the user sees: nothing. The last good checkpoint is always there under its name or that of the
one before, and what the dead process left under a temporary name goes with the next save.
"""

import os
import subprocess
import sys
import textwrap
import time

import pytest

from small import state
from sslkit import checkpoint


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
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        for line in process.stdout:
            if int(line) >= stop_at:
                process.kill()
                break
        process.wait()
        loaded = checkpoint.load_latest(path)
        assert (
            len(list(tmp_path.iterdir())) <= 3
        )  # it, the one before, and one temporary file at most
        assert (loaded["weight"] == loaded["step"]).all() and loaded["step"] >= stop_at


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


def test_what_dead_processes_left_goes_and_what_live_ones_write_stays(tmp_path):
    """The names are those that `write_whole` gives; one process has ended, this one lives, others are of other machines."""
    path, host = tmp_path / "run.safetensors", checkpoint._host()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = {
        f".{path.name}.{host}-{ended.pid}-0a0b0c0d.tmp": False,
        f".{path.name}.{host}-{os.getpid()}-0a0b0c0d.tmp": True,
        f".{path.name}.elsewhere-{ended.pid}-0a0b0c0d.tmp": True,
        f".other.{host}-{ended.pid}-0a0b0c0d.tmp": True,
        f".{path.name}.elsewhere-7-0a0b0c0d.tmp": False,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    os.utime(
        tmp_path / f".{path.name}.elsewhere-7-0a0b0c0d.tmp", (0, time.time() - 90_000)
    )  # older than a day
    checkpoint.save(path, state())
    assert {name: (tmp_path / name).exists() for name in names} == names
