"""Self-prediction in text, sound, pictures told pixel by pixel, and series: what the features know, what forecasts find, and real files.

    python bench/self_prediction.py                                # topics, vowels, pixels, faults: no download; about 15 minutes on one core
    python bench/self_prediction.py --text FILE.txt --sound FILE.npz --series FILE.npz      # files of one's own: half an hour more

Writes bench/results/self-prediction.json, a part at a time. Probes use the networks that come with the kit (one training each,
bench/weights.py), three draws of labels, the block chosen on the validation split; the test split is used once. A sound file
holds samples (int16), offsets, labels, speakers, is_test, rate; a series file one array (T, channels) of the name ETTh1.
"""

import argparse
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from sslkit import anomaly, counting, data, evaluate, train, weights
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.data import series, sound, text
from sslkit.networks import GPT, CausalConvNet, PartEncoder, WaveNet
from sslkit.tasks import Autoregressive, Forecast

PATH = Path(__file__).parent / "results" / "self-prediction.json"
SEEDS, BUDGETS = (0, 1, 2), (1, 5, 20)


def store(part, found):
    stored = json.loads(PATH.read_text()) if PATH.exists() else {"command": "python bench/self_prediction.py"}
    write_whole(PATH, (json.dumps(stored | {"machine": machine("cpu"), part: found}, indent=1) + "\n").encode())
    print(f"\n{part}\n{evaluate.table(found['records']) if 'records' in found else json.dumps(found, indent=1)}", flush=True)


def layers(encoder, grid=1, step=1):
    """An arm: the validation split chooses among the blocks, or every `step`-th of them, counted from the last."""
    return evaluate.probed(*(evaluate.Layer(encoder, depth, grid) for depth in range(len(encoder.blocks), 0, -step)))


def every_layer(name, encoder, splits, grid=1):
    """Records of each block by itself."""
    arms = {f"{name}, block {depth}": evaluate.probed(evaluate.Layer(encoder, depth, grid), layer=depth)
            for depth in range(1, len(encoder.blocks) + 1)}
    return evaluate.label_curve(arms, splits, budgets=(BUDGETS[-1],), seeds=SEEDS)


def counts(vocabulary):
    """The floor for text: how often each token occurs in the window, whatever its place."""
    return lambda tokens: F.one_hot(tokens.long(), vocabulary).sum(1).float().log1p()


def spectrum(waves):
    """The floor for sound that knows what ears do: (B, T) → log of the mean power in 64 bands."""
    power = torch.stft(waves.float(), 256, window=torch.hann_window(256), return_complex=True).abs().square().mean(2)
    return F.adaptive_avg_pool1d(power[:, None], 64)[:, 0].add(1e-6).log()


def topics():
    found = {}
    for kind, (task, reader) in {"byte pairs": weights.masked_text(), "characters": weights.text()}.items():
        splits = text.topics(reader, length=weights.WINDOW)
        name = "masked LM" if kind == "byte pairs" else "GPT"
        torch.manual_seed(1)
        fresh = (weights.masked_text if name == "masked LM" else weights.text)(trained=False)[0]
        arms = {name: layers(task.encoder), f"random encoder, {kind}": layers(fresh.encoder),
                f"counts of {kind}": evaluate.probed(counts(len(reader)))}
        found[kind] = evaluate.label_curve(arms, splits, budgets=BUDGETS, seeds=SEEDS) + every_layer(name, task.encoder, splits)
    store("topics", {"classes": splits.train.classes, "window": weights.WINDOW, "records": [record for records in found.values() for record in records]})


def vowels():
    parts = [sound.vowels(number, split=name) for number, name in ((400, "train"), (200, "validation"), (400, "test"))]
    task = weights.sound()
    torch.manual_seed(1)
    fresh = weights.sound(trained=False)
    for asked in ("vowel", "speaker"):
        relabel = lambda part: part if asked == "vowel" else dataclasses.replace(part, labels=part.factors["speaker"], classes=tuple(map(str, range(8))))
        waves = data.Splits(*map(relabel, parts))
        tokens = data.Splits(*(dataclasses.replace(part, images=sound.mu_law(part.images)) for part in waves))
        records = evaluate.label_curve({"WaveNet": layers(task.encoder), "random encoder": layers(fresh.encoder)}, tokens, budgets=BUDGETS, seeds=SEEDS)
        records += evaluate.label_curve({"raw samples": evaluate.probed(torch.Tensor.float), "log spectrum": evaluate.probed(spectrum)}, waves,
                                        budgets=BUDGETS, seeds=SEEDS)
        store(f"vowels, which {asked}", {"records": records + every_layer("WaveNet", task.encoder, tokens)})


def pixels():
    parts = data.Splits(*(data.scenes(number, 32, split=name) for number, name in ((1000, "train"), (500, "validation"), (1000, "test"))))
    parts = data.Splits(*(dataclasses.replace(part, images=data.shrunk(part.images)) for part in parts))
    arms, records = {"raw pixels": evaluate.probed(evaluate.raw_pixels)}, []
    for kind, name in (("igpt", "iGPT"), ("pixelcnn", "PixelCNN")):
        task, palette = weights.pixels(kind)
        torch.manual_seed(1)
        fresh, _ = weights.pixels(kind, trained=False)
        arms[name] = layers(PartEncoder(task.encoder, palette), 2)
        arms[f"random {name}"] = layers(PartEncoder(fresh.encoder, palette), 2)
        records += every_layer(name, PartEncoder(task.encoder, palette), parts, 2)
    store("pixels", {"size": weights.SIDE, "records": evaluate.label_curve(arms, parts, budgets=BUDGETS, seeds=SEEDS) + records})


def forecaster(values, past, horizon, steps, seed, predict="future"):
    torch.manual_seed(seed)
    task = Forecast(CausalConvNet(len(values)), len(values), horizon, predict)
    train(task, series.windows(values, past + horizon), steps=steps, batch_size=64, lr=2e-3, seed=seed, progress=False)
    return task


def faults():
    found, past, smooth, hold = [], 64, 5, 30
    for seed in SEEDS:
        healthy, other, broken = series.machine(8000, seed=100 + seed), series.machine(8000, seed=200 + seed), series.machine(16_000, faults=25, seed=300 + seed)
        values = [series.standardise(part.values, healthy.values) for part in (healthy, other, broken)]
        task = forecaster(values[0], past, 1, 1500, seed)
        errors = [anomaly.surprise(task, part, past, smooth=smooth) for part in values[1:]]
        levels = [part.square() for part in values[1:]]            # the floor: how far from the mean a value itself is
        still = [F.avg_pool1d(F.pad(F.pad(part.diff(dim=1).square(), (1, 0)), (smooth - 1, 0))[:, None], smooth, 1)[:, 0] for part in values[1:]]
        for name, (calm, test) in {"forecast": errors, "distance from the mean": levels, "no change expected": still}.items():
            rung = anomaly.alarms(test, anomaly.threshold(calm), hold=hold)
            kinds = {}
            for kind, start, stop in broken.kinds:
                hit, of = kinds.get(kind, (0, 0))
                kinds[kind] = hit + bool(rung[start:stop + hold].any()), of + 1
            found.append({"arm": name, "seed": seed, **anomaly.precision_recall(rung, broken.faults, late=hold), "by kind": kinds})
    summary = {name: {key: [round(record[key], 3) for record in found if record["arm"] == name] for key in ("precision", "recall")}
               for name in dict.fromkeys(record["arm"] for record in found)}
    store("faults", {"past": past, "smooth": smooth, "hold": hold, "summary": summary, "runs": found})


def text_file(path):
    whole = text.read(path)
    letters = text.characters(whole)
    windows = text.windows(letters.encode(whole), 128)
    learn, held_out = windows[:-len(windows) // 10], windows[-len(windows) // 10:]
    found = []
    for seed in SEEDS[:1]:
        torch.manual_seed(seed)
        task = Autoregressive(GPT(len(letters), 128, dim=128, depth=4, heads=4))
        history = train(task, learn, steps=600, batch_size=32, lr=2e-3, seed=seed, progress=False)
        torch.manual_seed(0)
        found.append({"seed": seed, "seconds": history[-1]["seconds"], "bits": evaluate.solve(task, held_out)["bits"],
                      "sample": letters.decode(task.sample(1, (128,), temperature=0.8)[0])})
    store("text file", {"characters": len(whole), "vocabulary": len(letters), "unigram bits": counting.unigram_bits(learn, held_out, len(letters)),
                        "bigram bits": counting.bigram_bits(learn, held_out, len(letters)), "runs": found})


def sound_file(path, length=2048):
    file = np.load(path)
    offsets, tests = file["offsets"], file["is_test"]
    samples = torch.from_numpy(file["samples"].astype(np.float32) / 2 ** 15)
    piece = lambda start, stop: F.pad(samples[start:stop], (0, max(0, length - (stop - start))))[:length]
    waves = torch.stack([piece(start, stop) for start, stop in zip(offsets, offsets[1:])])        # the first quarter of a second of each
    waves = waves / waves.abs().amax(1, keepdim=True).clamp_min(1e-3)
    tokens, tests = sound.mu_law(waves).to(torch.int16), torch.from_numpy(tests)
    order = torch.randperm(int((~tests).sum()), generator=torch.Generator().manual_seed(0))
    rows = (~tests).nonzero().flatten()[order]
    torch.manual_seed(0)
    task = Autoregressive(WaveNet(256, dim=48))
    history = train(task, tokens[rows], steps=600, batch_size=8, lr=3e-3, seed=0, progress=False)
    torch.manual_seed(1)
    fresh = WaveNet(256, dim=48)
    found = {"seconds": history[-1]["seconds"], "bits": evaluate.solve(task, tokens[tests], batch_size=20)["bits"],
             "unigram bits": counting.unigram_bits(tokens[rows], tokens[tests], 256), "bigram bits": counting.bigram_bits(tokens[rows], tokens[tests], 256)}
    store("sound file", found)                                      # the probes below take longer than the training
    records = []
    for asked, labels in (("digit", torch.from_numpy(file["labels"])), ("speaker", torch.from_numpy(np.unique(file["speakers"], return_inverse=True)[1]))):
        make = lambda images: data.Splits(*(data.Dataset(images[part], labels[part], tuple(map(str, range(int(labels.max()) + 1))), name=asked)
                                            for part in (rows[:1500], rows[1500:1900], tests)))
        arms = {f"{asked}: WaveNet": layers(task.encoder, 4, 3), f"{asked}: random encoder": layers(fresh, 4, 3)}
        floors = {f"{asked}: raw samples": evaluate.probed(torch.Tensor.float), f"{asked}: log spectrum": evaluate.probed(spectrum)}
        records += evaluate.label_curve(arms, make(tokens), budgets=BUDGETS, seeds=SEEDS) + evaluate.label_curve(floors, make(waves), budgets=BUDGETS, seeds=SEEDS)
    store("sound file", found | {"records": records})


def series_file(path, past=96, horizon=24):
    values = torch.from_numpy(np.load(path)["ETTh1"]).T.contiguous()  # (channels, T)
    months = 30 * 24                                                # the usual cut: 12 months, 4, 4
    parts = [series.standardise(values[:, start * months:stop * months], values[:, :12 * months]) for start, stop in ((0, 12), (12, 16), (16, 20))]
    found = []
    for seed in SEEDS:
        task = forecaster(parts[0], past, horizon, 1500, seed)
        windows = series.windows(parts[2], past + horizon)
        told = evaluate.solve(task, windows, amp=False)["loss"]
        persistence = (windows[..., past - 1:past] - windows[..., past:]).square().mean().item()
        yesterday = (windows[..., past - 24:past] - windows[..., past:]).square().mean().item() if horizon == 24 else math.nan
        found.append({"seed": seed, "squared error": told, "nothing changes": persistence, "as the day before": yesterday})
    store("series file", {"past": past, "horizon": horizon, "runs": found})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    files = {"series": series_file, "text": text_file, "sound": sound_file}
    for name in files:
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--parts", nargs="*", choices=("topics", "vowels", "pixels", "faults"), default=None)
    arguments = parser.parse_args()
    given = {name: getattr(arguments, name) for name in files if getattr(arguments, name)}
    for part in arguments.parts if arguments.parts is not None else () if given else ("topics", "vowels", "pixels", "faults"):
        {"topics": topics, "vowels": vowels, "pixels": pixels, "faults": faults}[part]()
    for name, path in given.items():
        files[name](path)


if __name__ == "__main__":
    main()
