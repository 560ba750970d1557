"""Sounds are what they are said to be: measured in their spectra, not in the code that made them."""

import math
import wave as wave_files

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from sslkit.data import sound

MAKERS = (sound.vowels, sound.notes, sound.chirps)


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_seed_gives_the_same_sound_and_splits_differ(make):
    first, again, other, test = make(6), make(6), make(6, seed=1), make(6, split="test")
    assert torch.equal(first.images, again.images) and not torch.equal(first.images, other.images)
    assert not torch.equal(first.images, test.images)
    assert first.images.shape == (6, 2000) and first.images.dtype == torch.float32 and first.images.abs().max() <= 1
    assert first.labels.max() < len(first.classes) and make(3, seconds=0.1, rate=16_000).images.shape == (3, 1600)
    with pytest.raises(ValueError, match='split="dev"'):
        make(3, split="dev")
    with pytest.raises(ValueError, match="number=0"):
        make(0)
    with pytest.raises(ValueError, match="rate=400: .* want at least"):
        make(3, rate=400)
    with pytest.raises(ValueError, match="want at least one sample"):
        make(3, seconds=0)


def spectra(waves, rate=8000, length=16_384):
    """→ frequencies, power (N, F)."""
    power = np.abs(np.fft.rfft(waves.numpy() * np.hanning(waves.shape[1]), length)) ** 2
    return np.fft.rfftfreq(length, 1 / rate), power


def test_notes_sound_at_their_pitch():
    made = sound.notes(40)
    frequencies, power = spectra(made.images)
    for row, pitch in enumerate(made.factors["pitch"].tolist()):
        near = (frequencies > 0.97 * pitch) & (frequencies < 1.03 * pitch)
        lower = (frequencies > 60) & (frequencies < 0.8 * pitch)
        assert power[row][near].max() > 10 * power[row][lower].max()
        assert pitch == pytest.approx(130.81 * 2 ** (int(made.factors["octave"][row]) + int(made.labels[row]) / 12), rel=1e-4)


def test_chirps_go_where_they_say():
    made = sound.chirps(30, seconds=0.5)
    ends = zip(made.factors["start"].tolist(), made.factors["stop"].tolist())
    for wave, way, (start, stop) in zip(made.images, made.labels.tolist(), ends):
        frequencies, power = spectra(torch.stack([wave[200:600], wave[-600:-200]]))
        early, late = frequencies[power.argmax(1)]
        assert (late > 1.15 * early, late < 0.87 * early, 0.98 < late / early < 1.02)[way]
        assert early == pytest.approx(start * (stop / start) ** 0.1, rel=0.03)
        assert late == pytest.approx(start * (stop / start) ** 0.9, rel=0.03)


def test_vowels_have_their_formants():
    """Of each vowel's mean spectrum, taken over speakers, the power in the bands of two formants tells it from the others."""
    made = sound.vowels(400)
    frequencies, power = spectra(made.images)
    power = power / power.sum(1, keepdims=True)
    share = lambda low, high: power[:, (frequencies >= low) & (frequencies < high)].sum(1)
    mean = lambda values, vowel: values[made.labels.numpy() == made.classes.index(vowel)].mean()
    low, high = share(0, 500), share(1700, 3500)
    assert mean(low, "i") > 2 * mean(low, "a") and mean(low, "u") > 2 * mean(low, "a"), "i and u have their first formant low"
    assert mean(high, "i") > 3 * mean(high, "u") and mean(high, "e") > 3 * mean(high, "o"), "i and e have their second one high"


def test_all_that_sounds_in_a_note_is_a_multiple_of_its_pitch():
    """A harmonic beyond half the rate would come back as an alias, between the others."""
    made = sound.notes(60)
    frequencies, power = spectra(made.images)
    pitch = made.factors["pitch"].numpy()[:, None]
    away = np.abs(frequencies / pitch - np.round(frequencies / pitch)) * pitch                      # Hz from the nearest multiple
    assert ((power * (away > 25)).sum(1) < 5e-3 * power.sum(1)).all()


def test_nothing_sounds_beyond_what_the_rate_can_carry():
    made = sound.vowels(20)
    frequencies, power = spectra(made.images)
    pitch = made.factors["pitch"].numpy()
    assert (power[:, frequencies > 3900].sum(1) < 1e-3 * power.sum(1)).all() and (pitch > 70).all() and (pitch < 300).all()


def test_speakers_differ_in_voice():
    made = sound.vowels(600)
    speaker, pitch = made.factors["speaker"], made.factors["pitch"]
    means = torch.stack([pitch[speaker == number].mean() for number in range(8)])
    assert (means.diff() > 0).all() and set(speaker.tolist()) == set(range(8))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), st.sampled_from([16, 64, 256]))
def test_mu_law_comes_back_within_half_a_step(values, levels):
    wave = torch.tensor(values)
    tokens = sound.mu_law(wave, levels)
    assert tokens.min() >= 0 and tokens.max() < levels
    back = sound.inverse_mu_law(tokens, levels)
    steepest = 1 + (levels - 1) * torch.maximum(wave.abs(), back.abs())
    step = 2 / (levels - 1) * math.log(levels) / (levels - 1) * steepest                           # d wave / d token
    assert ((back - wave).abs() <= 0.5 * step + 1e-6).all()
    assert torch.equal(sound.mu_law(back, levels), tokens)


def test_mu_law_is_the_papers_formula():
    for value in (-1.0, -0.3, -0.001, 0.0, 0.02, 0.5, 1.0):
        squeezed = math.copysign(math.log(1 + 255 * abs(value)) / math.log(256), value)
        assert int(sound.mu_law(torch.tensor([value]))[0]) == round((squeezed + 1) / 2 * 255)
    for bad in ([0.0, math.nan], [1.01], [-2.0], [math.inf]):
        with pytest.raises(ValueError, match=r"want finite ones in \[−1, 1\]"):
            sound.mu_law(torch.tensor(bad))
    for bad in ([-1], [256]):
        with pytest.raises(ValueError, match="want 0 to 255"):
            sound.inverse_mu_law(torch.tensor(bad))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_wav_files_of_every_kind(tmp_path, dtype):
    wave = np.sin(np.linspace(0, 30, 800))
    stored = {"uint8": (wave * 127 + 128).round(), "int16": wave * 32767, "int32": wave * 2147483000, "float32": wave}[dtype]
    wavfile.write(tmp_path / "a.wav", 8000, stored.astype(dtype))
    found, rate = sound.wav(tmp_path / "a.wav")
    assert rate == 8000 and found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), wave, atol=0.015 if dtype == "uint8" else 1e-4)


def test_wav_files_of_24_bits(tmp_path):
    whole = [0, 8_388_607, -8_388_608, 4_194_304]
    with wave_files.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 3, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(value.to_bytes(3, "little", signed=True) for value in whole))
    torch.testing.assert_close(sound.wav(tmp_path / "a.wav")[0], torch.tensor(whole) / 2 ** 23)


def test_waves_are_saved_and_read_again(tmp_path):
    wave = sound.notes(1).images[0]
    sound.save_wav(tmp_path / "a.wav", wave, 8000)
    found, _ = sound.wav(tmp_path / "a.wav")
    torch.testing.assert_close(found, wave, atol=1e-4, rtol=0)
    halved, rate = sound.wav(tmp_path / "a.wav", rate=4000)
    assert rate == 4000 and len(halved) == 1000
    with pytest.raises(ValueError, match=r"\(2, 9\): want \(T,\)"):
        sound.save_wav(tmp_path / "b.wav", torch.zeros(2, 9), 8000)


def test_files_that_are_no_sound(tmp_path):
    (tmp_path / "text.wav").write_bytes(b"RIFF of the guitar, and nothing else in this file at all")
    wavfile.write(tmp_path / "stereo.wav", 8000, np.zeros((100, 2), "int16"))
    wavfile.write(tmp_path / "empty.wav", 8000, np.zeros(0, "int16"))
    wavfile.write(tmp_path / "nan.wav", 8000, np.array([0, 0, np.nan], "float32"))
    (tmp_path / "cut.wav").write_bytes((tmp_path / "stereo.wav").read_bytes()[:30])
    said = {"text": "cannot be read as a WAV", "cut": "cannot be read as a WAV", "stereo": "2 channels, want one",
            "empty": "no samples", "nan": "first at 2"}
    for name, words in said.items():
        with pytest.raises(ValueError, match=words):
            sound.wav(tmp_path / f"{name}.wav")
