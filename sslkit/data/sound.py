"""Sound with no download: vowels, notes and chirps that the kit synthesises. And a WAV file of the reader's own.

Each function gives a Dataset whose `images` are waves, float32 (N, T) in [−1, 1]. The same number, seed and split give the same
sounds. ValueErrors: a number below 1, an unknown split, no time at all, a rate too low for the highest frequency.
"""

import math
import struct

import torch

from .dataset import Dataset, seed_for

# Means of the first three formants of men's voices in Hz (Peterson & Barney 1952, table II), and bandwidths as in Klatt 1980.
FORMANTS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410), "u": (300, 870, 2240)}
BANDWIDTHS = (60, 90, 150)
SPEAKERS = 8
NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def vowels(number, seconds=0.25, rate=8000, *, split="train", seed=0):
    """Five vowels of eight speakers → Dataset; labels: the vowel; factors: pitch in Hz, speaker 0–7.

    Source and filter (Fant 1960): a buzz of harmonics, each as loud as three resonances of the mouth let it be. A speaker has a
    length of mouth, by which all formants are scaled, and a range of pitch. The splits differ in their draws, not in who speaks.
    """
    draw = _Draws(number, split, seed, "vowels")
    _check(seconds, rate, "vowels", 304)
    vowel, speaker = draw.whole(len(FORMANTS)), draw.whole(SPEAKERS)
    share = speaker / (SPEAKERS - 1)                                # 0: a long mouth and a low voice, 1: a short one and a high
    pitch = (95 + 135 * share) * draw.between(0.85, 1.2)            # (N,), Hz
    formants = torch.tensor(list(FORMANTS.values()), dtype=torch.float32)[vowel] * (0.9 + 0.3 * share)[:, None]
    formants = formants * (1 + 0.03 * draw.normal(3))               # (N, 3): no one says a vowel twice alike
    glide = pitch[:, None] * (1 + draw.between(-0.1, 0.1)[:, None] * _time(seconds, rate) / seconds)              # (N, T), Hz
    gain = lambda frequency: _resonances(frequency, formants) / frequency * pitch          # −6 dB an octave: lips and throat
    waves = _harmonics(glide, gain, rate, draw.between(0, 1))
    return _dataset(waves, vowel, tuple(FORMANTS), {"pitch": pitch, "speaker": speaker}, "vowels", rate, draw)


def notes(number, seconds=0.25, rate=8000, *, split="train", seed=0):
    """Plucked notes of three octaves → Dataset; labels: which of the twelve; factors: pitch in Hz, octave 0–2."""
    draw = _Draws(number, split, seed, "notes")
    _check(seconds, rate, "notes", 988)
    note, octave = draw.whole(12), draw.whole(3)
    pitch = 130.81 * 2 ** (octave + note / 12)                      # C3 is 130.81 Hz
    slope, time = draw.between(1, 2), _time(seconds, rate)
    gain = lambda frequency: (pitch / frequency) ** slope
    waves = _harmonics(pitch[:, None].expand(-1, len(time)), gain, rate, draw.between(0, 1))
    waves = waves * torch.exp(-draw.between(2, 10)[:, None] * time)
    return _dataset(waves, note, NOTES, {"pitch": pitch, "octave": octave}, "notes", rate, draw)


def chirps(number, seconds=0.25, rate=8000, *, split="train", seed=0):
    """Whistles that rise, fall or stay → Dataset; labels: which; factors: start and stop in Hz."""
    draw = _Draws(number, split, seed, "chirps")
    _check(seconds, rate, "chirps", 3220)
    way, start = draw.whole(3), draw.between(400, 1400)
    rise, fall = 1.3 + draw.between(0, 1), 1.3 + draw.between(0, 1)
    stop = start * torch.where(way == 0, rise, torch.where(way == 1, 1 / fall, torch.ones(number)))
    frequency = start[:, None] * (stop / start)[:, None] ** (_time(seconds, rate) / seconds)       # (N, T), even in octaves
    waves = torch.sin(2 * math.pi * (frequency.cumsum(1) / rate + draw.between(0, 1)[:, None]))
    return _dataset(waves, way, ("up", "down", "steady"), {"start": start, "stop": stop}, "chirps", rate, draw)


def wav(path, rate=None):
    """A WAV file → wave float32 (T,) in [−1, 1], samples a second. rate: what is wanted; another one is converted to it.

    8, 16, 24 or 32 bits, or floats, of which those beyond ±1 are cut off. Raises ValueError for what is no WAV, has several
    channels, nothing in it, or values that are not finite.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    try:
        found, samples = wavfile.read(path)
    except (ValueError, EOFError, struct.error) as error:           # the last for a header that is cut off
        raise ValueError(f"{path} cannot be read as a WAV file: want uncompressed PCM or floats. ({error})") from error
    if samples.ndim != 1:
        raise ValueError(f"{path} has {samples.shape[1]} channels, want one: mix them to mono in an editor of sound, or average "
                         f"the columns and save_wav(path, wave, {found})")
    if len(samples) == 0:
        raise ValueError(f"{path} has no samples in it")
    if samples.dtype.kind == "u":                                   # 8 bits have their silence at 128
        wave = (torch.from_numpy(samples.astype("float64")) - 128) / 128
    else:
        largest = 1.0 if samples.dtype.kind == "f" else 2.0 ** (8 * samples.dtype.itemsize - 1)
        wave = torch.from_numpy(samples.astype("float64")) / largest
    if not torch.isfinite(wave).all():
        raise ValueError(f"{path} has values that are not finite, the first at {int((~torch.isfinite(wave)).nonzero()[0])}")
    if rate is not None and rate != found:
        common = math.gcd(rate, found)
        wave = torch.from_numpy(resample_poly(wave.numpy(), rate // common, found // common))
    return wave.clamp(-1, 1).float(), rate or found


def save_wav(path, wave, rate):
    """A wave (T,) in [−1, 1] → a file of 16 bits a sample. Raises ValueError for other shapes and values."""
    from scipy.io import wavfile

    if wave.ndim != 1:
        raise ValueError(f"a wave {tuple(wave.shape)}: want (T,), one sound a file")
    wavfile.write(path, rate, (_within(wave).cpu() * (2 ** 15 - 1)).round().to(torch.int16).numpy())


def mu_law(waves, levels=256):
    """Waves in [−1, 1] → tokens 0 … levels − 1 of the same shape: quiet sounds in fine steps, loud ones in coarse.

    ITU-T G.711, as in van den Oord et al. 2016, section 2.2. Raises ValueError for values outside [−1, 1] and for NaN.
    """
    most = levels - 1
    squeezed = _within(waves).sign() * torch.log1p(most * waves.abs()) / math.log(levels)          # in [−1, 1]
    return ((squeezed + 1) / 2 * most).round().long()


def inverse_mu_law(tokens, levels=256):
    """Tokens 0 … levels − 1 → waves float32 in [−1, 1]. Raises ValueError for other tokens."""
    if ((tokens < 0) | (tokens >= levels)).any():
        raise ValueError(f"tokens from {int(tokens.min())} to {int(tokens.max())}: want 0 to {levels - 1}")
    most = levels - 1
    squeezed = 2 * tokens.float() / most - 1
    return squeezed.sign() * torch.expm1(squeezed.abs() * math.log(levels)) / most


class _Draws:
    """Random numbers for `number` sounds, from a generator of their own."""

    def __init__(self, number, split, seed, kind):
        if split not in ("train", "validation", "test"):
            raise ValueError(f'split="{split}": want "train", "validation" or "test"')
        if number < 1:
            raise ValueError(f"number={number}: want at least one sound")
        self.number, self.generator = number, torch.Generator().manual_seed(seed_for(seed, kind, split))

    def between(self, low, high):
        return low + (high - low) * torch.rand(self.number, generator=self.generator)

    def whole(self, most):
        return torch.randint(most, (self.number,), generator=self.generator)

    def normal(self, *shape):
        return torch.randn(self.number, *shape, generator=self.generator)


def _check(seconds, rate, name, highest):
    """highest: the greatest frequency in Hz that must be there; it needs a little more than twice as many samples a second."""
    if 0.47 * rate < highest:
        raise ValueError(f"rate={rate}: {name} go up to {highest} Hz, want at least {math.ceil(highest / 0.47)} samples a second")
    if round(seconds * rate) < 1:
        raise ValueError(f"seconds={seconds} at rate={rate}: want at least one sample")


def _time(seconds, rate):
    return torch.arange(round(seconds * rate)) / rate               # (T,), seconds


def _resonances(frequency, formants):
    """Gain (N,) at `frequency` (N,): the product of second-order resonances at formants (N, 3), 1 at frequency 0."""
    f, bandwidths = frequency[:, None], torch.tensor(BANDWIDTHS)
    return (formants ** 2 / ((formants ** 2 - f ** 2) ** 2 + (bandwidths * f) ** 2).sqrt()).prod(1)


def _harmonics(pitch, gain, rate, phase):
    """Pitch (N, T) in Hz → waves (N, T): all its multiples below 0.47 of the rate, as loud as gain(mean frequency (N,)) says."""
    turns, waves = pitch.cumsum(1) / rate, torch.zeros_like(pitch)  # (N, T), in periods
    for harmonic in range(1, int(0.47 * rate / pitch.min()) + 1):
        heard = harmonic * pitch.amax(1) < 0.47 * rate              # none above half the rate, where it would sound as another one
        loud = torch.where(heard, gain(harmonic * pitch.mean(1)), 0.0)
        waves += loud[:, None] * torch.sin(2 * math.pi * harmonic * (turns + phase[:, None]))
    return waves


def _dataset(waves, labels, classes, factors, name, rate, draw):
    """Loudness that varies, a soft beginning and end, and a little noise."""
    waves = waves / waves.abs().amax(1, keepdim=True) * draw.between(0.4, 0.9)[:, None]
    length = waves.shape[1]
    ramp = ((torch.arange(length) + 0.5) / (0.01 * rate)).clamp(max=1)                             # ten milliseconds
    waves = waves * ramp * ramp.flip(0) + 0.003 * draw.normal(length)
    return Dataset(waves.clamp(-1, 1), labels, classes, factors, name)


def _within(waves):
    if not (waves.abs() <= 1).all():                                # NaN is not, either
        raise ValueError(f"waves with values from {float(waves.min()):.3g} to {float(waves.max()):.3g}: want finite ones in "
                         f"[−1, 1]; wave / wave.abs().max() brings them there")
    return waves
