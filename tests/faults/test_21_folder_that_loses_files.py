"""The session is cut off, or the folder of the checkpoints does not keep what is written (Colab and its Drive)

What the user sees: the training is saved every minute to the folder of the reader's choice and goes
on from there in a new session. What was written is read back; where it is something else, it is
written again, and if that fails too, a warning says so while the training goes on.
"""

import pytest

from small import QUICK, equal, pictures, rotation, same, state
from sslkit import checkpoint, train


def damaging(monkeypatch, times):
    """Another program changes a byte of each checkpoint right after it got its name, so many times."""
    rename, done = checkpoint.os.replace, []

    def replace(source, target):
        rename(source, target)
        if str(target).endswith("run.safetensors") and len(done) < times:
            done.append(target)
            content = bytearray(target.read_bytes())
            content[-1] ^= 1
            target.write_bytes(content)

    monkeypatch.setattr(checkpoint.os, "replace", replace)
    return done


def test_damage_while_saving_is_noticed_and_mended(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    done = damaging(monkeypatch, 1)
    checkpoint.save(path, state(2))
    assert (
        len(done) == 1
        and equal(checkpoint.load(path), state(2))
        and equal(checkpoint.load(checkpoint.previous(path)), state(1))
    )


def test_a_folder_that_keeps_nothing_is_named_and_the_last_good_checkpoint_stays(
    tmp_path, monkeypatch
):
    path = tmp_path / "run.safetensors"
    checkpoint.save(path, state(1))
    damaging(monkeypatch, 1000)
    for number in (2, 3):
        with pytest.raises(
            OSError,
            match="run.safetensors does not hold what was written to it, twice.*The one before it is ",
        ):
            checkpoint.save(path, state(number))
    assert equal(checkpoint.load(checkpoint.previous(path)), state(1))
    with pytest.warns(UserWarning, match="Going on from the checkpoint before it"):
        assert checkpoint.load_latest(path)["step"] == 1


def test_training_goes_on_and_warns(tmp_path, monkeypatch):
    damaging(monkeypatch, 1000)
    with pytest.warns(UserWarning, match="step 2 was not saved: .*does not hold what was written"):
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


def test_a_new_session_goes_on_from_the_folder(tmp_path):
    path, whole, cut_off, new = (
        tmp_path / "drive" / "run.safetensors",
        rotation(),
        rotation(),
        rotation(seed=7),
    )
    train(whole, pictures(), steps=6, **QUICK)

    class CutOff(Exception):
        pass

    def cut(record):
        if record["step"] == 4:
            raise CutOff

    with pytest.raises(CutOff):
        train(
            cut_off, pictures(), steps=6, checkpoint=path, checkpoint_every=0, on_log=cut, **QUICK
        )
    (tmp_path / "drive" / "run.safetensors.lock").unlink(missing_ok=True)
    assert checkpoint.load(path)["step"] == 3
    train(new, pictures(), steps=6, checkpoint=path, **QUICK)
    assert same(whole, new)
