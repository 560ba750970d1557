"""Checkpoints: what goes in comes out, and nothing that can happen to a file goes unnoticed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from small import equal, state
from sslkit import checkpoint


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
