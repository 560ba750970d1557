"""Two notebooks that write one training, or one data set

What the user sees: the second one is told that the first is at it; no file is ever half of one and
half of the other.
"""

import threading

import pytest
from filelock import FileLock

from small import QUICK, pictures, rotation
from sslkit import train
from sslkit.checkpoint import write_whole
from sslkit.data.download import locked


def test_two_writers_of_one_run(tmp_path):
    path = tmp_path / "run.safetensors"
    with FileLock(f"{path}.lock"):
        with pytest.raises(RuntimeError, match="being written by another notebook"):
            train(rotation(), pictures(), steps=2, checkpoint=path, **QUICK)


def test_a_reader_never_sees_half_a_file_of_two_writers(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in b"ab"]
    write_whole(path, contents[0])
    writers = [
        threading.Thread(
            target=lambda content=content: [write_whole(path, content) for _ in range(20)]
        )
        for content in contents
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in contents
    for writer in writers:
        writer.join()
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_who_waits_says_for_what(tmp_path, capsys):
    held, entered = FileLock(tmp_path / "lock"), threading.Event()

    def wait():
        with locked(tmp_path / "lock", "unpacking set.tgz"):
            entered.set()

    held.acquire()
    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not entered.wait(0.2)
    held.release()
    waiting.join(timeout=30)
    assert (
        entered.is_set()
        and "Another process is unpacking set.tgz: waiting for it." in capsys.readouterr().out
    )
