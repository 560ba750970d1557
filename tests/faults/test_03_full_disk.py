"""The disk is full, or a file may not grow that large

What the user sees: how much is needed and how much there is, and which file; the old file is as it
was, and training goes on in memory.
"""

import os

import pytest

from small import QUICK, pictures, rotation, state
from sslkit import checkpoint, train


def test_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    monkeypatch.setattr(
        checkpoint.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10})
    )
    with pytest.raises(OSError, match=r"disk full: run.safetensors needs .* MB, .* has 0\.0 MB"):
        checkpoint.save(path, state(2))
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 1


def test_full_disk_does_not_stop_training(tmp_path, monkeypatch):
    monkeypatch.setattr(
        checkpoint.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000})
    )
    task = rotation()
    with pytest.warns(
        UserWarning, match=r"was not saved: disk full: run.safetensors needs \d\.\d MB"
    ):
        history = train(task, pictures(), steps=2, checkpoint=tmp_path / "run.safetensors", **QUICK)
    assert len(history) == 2 and not (tmp_path / "run.safetensors").exists()


@pytest.mark.skipif(os.name != "posix", reason="limits of size are POSIX")
def test_a_file_that_may_not_grow_is_named_and_the_old_one_is_whole(tmp_path):
    import resource

    path, limits = tmp_path / "run.safetensors", resource.getrlimit(resource.RLIMIT_FSIZE)
    checkpoint.save(path, state(1))
    before = path.read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large; it was not written.*run.safetensors"):
            checkpoint.save(path, state(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == [path.name]


def test_no_space_left_while_writing_names_the_file(tmp_path, monkeypatch):
    def no_space(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", no_space)
    with pytest.warns(
        UserWarning, match="step 2 was not saved: .*No space left on device.*run.safetensors"
    ):
        assert (
            len(
                train(
                    rotation(),
                    pictures(),
                    steps=2,
                    checkpoint=tmp_path / "run.safetensors",
                    **QUICK,
                )
            )
            == 2
        )
