"""Trains the small networks that come with the kit (sslkit/weights.py), one after another: about an hour on one CPU core.

    python bench/weights.py                                        # all of them
    python bench/weights.py gpt-text wavenet-vowels                # some

Writes bench/results/NAME.safetensors in half precision (at most 3 MB each), and to bench/results/pretrained.json how each was
trained and how it does on what was held out, beside what counting tells. Interrupted, it goes on from runs/weights-NAME.safetensors.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save

from sslkit import counting, data, evaluate, train, weights
from sslkit.machine import machine
from sslkit.checkpoint import write_whole
from sslkit.data import sound, text
from sslkit.networks import Palette

RESULTS, RUNS, LARGEST = Path(__file__).parent / "results", Path("runs"), 3e6
SIZES = {"train": 20_000, "held out": 2000}                        # pictures of the drawn world
# Steps, samples a step, learning rate.
STEPS = {"mae-scenes": (4000, 128, 2e-3), "masked-text": (2000, 32, 2e-3), "gpt-text": (1500, 32, 2e-3), "pixelcnn-scenes": (1500, 32, 2e-3),
         "igpt-scenes": (1500, 32, 2e-3), "wavenet-vowels": (1500, 8, 3e-3), "vqvae-scenes": (1500, 32, 2e-3), "gpt-codes": (1500, 64, 2e-3)}


def scenes(size, number):
    return data.scenes(SIZES["train"] // number, size).images, data.scenes(SIZES["held out"] // number, size, split="validation").images


def written(kind):
    """Windows of the help pages → (to train on, held out); the tokenizer is stored as well."""
    pages = text.topics_text("train")
    made = text.characters(pages) if kind == "characters" else text.byte_pairs(pages)
    made.save(RESULTS / f"{kind}.json")
    cut = lambda part, stride: text.windows(made.encode(text.topics_text(part)), weights.WINDOW, stride)
    return cut("train", weights.WINDOW // 4), cut("test", None)


def drawn_pixels(task):
    """The drawn world at 16 pixels, each pixel one of 32 colours, which the task keeps with its weights."""
    parts = [data.shrunk(images) for images in scenes(32, 1)]
    task.palette.colours.copy_(Palette.of(parts[0], weights.COLOURS).colours)
    return [torch.cat([task.palette(few / 255) for few in images.split(1000)]).to(torch.int16) for images in parts]


def vowels():
    parts = [sound.vowels(number, split=split) for number, split in ((4000, "train"), (400, "validation"))]
    return [(sound.mu_law(part.images).to(torch.int16), part.labels) for part in parts]


def words_of_pictures():
    book, _ = weights.codes(trained=False)
    book = weights.loaded(book, "vqvae-scenes")
    with torch.no_grad():
        return [torch.cat([book.tokens(few / 255) for few in images.split(200)]).to(torch.int16) for images in scenes(64, 4)]


def problem(name):
    """→ the task, fresh; what it is trained on; what is held out; the settings of its training."""
    steps, batch_size, lr = STEPS[name]
    settings = {"steps": steps, "batch_size": batch_size, "lr": lr, "seed": 0}
    if name == "mae-scenes":
        return weights.painter(trained=False), *scenes(32, 1), settings
    if name in ("masked-text", "gpt-text"):
        parts = written("byte-pairs" if name == "masked-text" else "characters")
        return (weights.masked_text if name == "masked-text" else weights.text)(trained=False)[0], *parts, settings
    if name in ("pixelcnn-scenes", "igpt-scenes"):
        task, _ = weights.pixels(name.split("-")[0], trained=False)
        return task, *drawn_pixels(task), settings
    if name == "wavenet-vowels":
        return weights.sound(trained=False), *vowels(), settings
    if name == "vqvae-scenes":
        return weights.codes(trained=False)[0], *scenes(64, 4), settings
    return weights.codes(trained=False)[1], *words_of_pictures(), settings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(STEPS), metavar="NAME", help=", ".join(STEPS))
    for name in parser.parse_args().names:
        torch.manual_seed(0)
        task, samples, held_out, settings = problem(name)
        history = train(task, samples, checkpoint=RUNS / f"weights-{name}.safetensors", progress=False, **settings)
        found = {"trained on": len(samples[0] if isinstance(samples, tuple) else samples), "settings": settings, "seconds": history[-1]["seconds"],
                 "parameters": sum(parameter.numel() for parameter in task.parameters()), "held out": evaluate.solve(task, held_out),
                 "machine": machine("cpu")}
        if hasattr(task.encoder, "vocabulary") and name != "masked-text":
            tokens, others = (part[0] if isinstance(part, tuple) else part for part in (samples, held_out))
            found["counting"] = {"unigram bits": counting.unigram_bits(tokens, others, task.encoder.vocabulary),
                                 "bigram bits": counting.bigram_bits(tokens, others, task.encoder.vocabulary)}
        halves = {key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in task.state_dict().items()}
        content = save(halves)
        assert len(content) <= LARGEST, f"{name}: {len(content)} bytes, want at most {LARGEST:g}"
        write_whole(RESULTS / f"{name}.safetensors", content)
        path = RESULTS / "pretrained.json"
        stored = json.loads(path.read_text()) if path.exists() else {}
        found = {"file": f"{name}.safetensors", "sha256": hashlib.sha256(content).hexdigest(), **found}
        write_whole(path, (json.dumps(stored | {name: found}, indent=1) + "\n").encode())
        print(f"{name}: {history[-1]['seconds']:.0f} s, {len(content) / 1e6:.2f} MB, {found['held out']} {found.get('counting', '')}", flush=True)


if __name__ == "__main__":
    main()
