"""The stop button, at any moment of a training

What the user sees: training ends at the next step's end and returns its history; weights, history
and checkpoint are of the same step, and the same call goes on.
"""

import os
import signal

import pytest

from small import QUICK, pictures, rotation, same
from sslkit import checkpoint, train


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_stop_button_ends_at_a_step_boundary(tmp_path, capsys):
    path, before = tmp_path / "run.safetensors", signal.getsignal(signal.SIGINT)

    def press(record):
        if record["step"] == 4:
            os.kill(os.getpid(), signal.SIGINT)

    task = rotation()
    history = train(
        task, pictures(), steps=100, checkpoint=path, on_log=press, **{**QUICK, "log_every": 2}
    )
    assert history[-1]["step"] in (4, 5) and "stopped after step" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    reference = rotation()
    stopped_at = history[-1]["step"]

    def stop_there(record):
        if record["step"] == stopped_at:
            os.kill(os.getpid(), signal.SIGINT)

    train(reference, pictures(), steps=100, on_log=stop_there, **{**QUICK, "log_every": stopped_at})
    assert checkpoint.load(path)["step"] == stopped_at
    assert same(task, reference)  # weights and history tell of the same step
