"""The process is killed in the middle of training, then the same call is made again

What the user sees: it goes on where the last checkpoint stood, and ends with the bits of a training
that was never interrupted: weights, history, everything (on the same machine, with as many
threads).
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from small import QUICK, pictures, rotation, same
from sslkit import checkpoint, train


KILLED = """
    import sys, torch
    sys.path.insert(0, {tests!r})
    from small import *
    from sslkit import train
    torch.set_num_threads({threads})
    task = rotation()
    train(task, pictures(), steps=40, checkpoint={path!r}, checkpoint_every=0, on_log=lambda r: print(r["step"], flush=True), **QUICK)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_in_the_middle_then_resumed_to_the_same_bits(tmp_path):
    path = str(tmp_path / "run.safetensors")
    script = textwrap.dedent(
        KILLED.format(
            tests=str(Path(__file__).parents[1]), path=path, threads=torch.get_num_threads()
        )
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) >= 7:
            process.kill()  # at any moment, also in the middle of saving
            break
    process.wait()
    whole, resumed = rotation(), rotation(seed=3)
    train(whole, pictures(), steps=40, **QUICK)
    assert checkpoint.load_latest(path)["step"] >= 6
    train(resumed, pictures(), steps=40, checkpoint=path, **QUICK)
    assert same(whole, resumed)


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
        train(
            broken,
            pictures(),
            steps=14,
            checkpoint=path,
            checkpoint_every=0,
            on_log=stop_at_eight,
            **{**QUICK, "log_every": 4},
        )
    resumed = rotation(seed=99)  # its weights come from the checkpoint
    history = train(
        resumed,
        pictures(),
        steps=14,
        checkpoint=path,
        checkpoint_every=0,
        **{**QUICK, "log_every": 4},
    )
    assert same(whole, resumed)
    without_time = lambda records: [
        {name: value for name, value in r.items() if name != "seconds"} for r in records
    ]
    assert without_time(history) == without_time(expected)
    again = rotation(seed=98)  # a finished run is loaded, not trained again
    assert without_time(
        train(again, pictures(), steps=14, checkpoint=path, **{**QUICK, "log_every": 4})
    ) == without_time(expected)
    assert same(whole, again)
