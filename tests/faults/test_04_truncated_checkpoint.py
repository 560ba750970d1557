"""A checkpoint is cut short, or empty

What the user sees: the file's name, its size and the size that its own header says; the training
goes on from the checkpoint before it.
"""

import pytest

from small import state
from sslkit import checkpoint


@pytest.mark.parametrize("length", [0, 5, 50, -1])
def test_truncated_files_say_so(tmp_path, length):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    checkpoint.save(path, state(2))
    sound = path.read_bytes()
    path.write_bytes(sound[:length])
    with pytest.raises(
        ValueError,
        match="empty" if length == 0 else "not a checkpoint|has .* bytes, its own header says",
    ):
        checkpoint.load(path)
    with pytest.warns(UserWarning, match="Going on from the checkpoint before it"):
        assert checkpoint.load_latest(path)["step"] == 1


def test_both_damaged_or_none_there(tmp_path):
    path = tmp_path / "run.safetensors"
    assert checkpoint.load_latest(path) is None
    path.write_bytes(b"garbage that is long enough to be read")
    with pytest.raises(ValueError, match="not a checkpoint.*Delete the file to start afresh"):
        checkpoint.load_latest(path)
