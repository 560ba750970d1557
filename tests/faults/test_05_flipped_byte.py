"""One byte of a checkpoint, of stored weights or of a tokenizer is another one

What the user sees: the file is named and not used. A training goes on from the checkpoint before
it, and never puts the damaged one in the place of the good one; a comparison computes nothing with
damaged weights.
"""

import hashlib

import pytest
from safetensors.torch import save

from small import equal, state
from sslkit import checkpoint, recipes, study, weights
from sslkit.networks import ConvNet


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
        else:  # only the header's own padding may differ
            assert equal(loaded, state(2)), position
    path.write_bytes(sound[:-3] + bytes([sound[-3] ^ 1]) + sound[-2:])
    with pytest.warns(UserWarning, match="does not match the SHA-256.*run.previous.safetensors"):
        assert checkpoint.load_latest(path)["step"] == 1


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_never_takes_the_place_of_the_good_one_before_it(tmp_path):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    checkpoint.save(path, state(2))
    flip(path)
    with pytest.warns(UserWarning, match="Going on from the checkpoint before it"):
        assert checkpoint.load_latest(path)["step"] == 1
    checkpoint.save(path, state(3))
    assert (
        checkpoint.load(path)["step"] == 3
        and checkpoint.load(checkpoint.previous(path))["step"] == 1
    )


def test_a_comparison_refuses_weights_that_are_not_those_it_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "kept", lambda method, tier, data: ConvNet(4))
    path = tmp_path / "study" / "rotation-1x-0.json"
    file = tmp_path / "study-rotation-1x-0-encoder.safetensors"
    file.write_bytes(save(ConvNet(4).state_dict()))
    run = {
        "arm": "rotation",
        "about": {"method": "rotation", "tier": "cpu", "data": "scenes", "pretraining": 0},
        "pretraining": {},
        "weights": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
    }
    assert study._encoder(path, run, tmp_path, print) is not None
    flip(file)
    with pytest.raises(RuntimeError, match="encoder.safetensors is not the file that was measured"):
        study._encoder(path, run, tmp_path, print)


@pytest.mark.parametrize("kind", weights.TOKENIZERS)
def test_a_tokenizer_that_was_changed_is_refused(kind, tmp_path, monkeypatch):
    assert len(weights.tokenizer(kind)) > 50
    changed = tmp_path / f"{kind}.json"
    changed.write_bytes(weights.stored_file(f"{kind}.json").read_bytes().replace(b"e", b"E", 1))
    monkeypatch.setattr(weights, "stored_file", lambda name: changed)
    with pytest.raises(
        RuntimeError, match=f"{kind}.json is not the file that the networks were trained with"
    ):
        weights.tokenizer(kind)
    with pytest.raises(ValueError, match="no tokenizer 'words'.*characters or byte-pairs"):
        weights.tokenizer("words")
