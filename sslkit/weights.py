"""Trained networks that come with the kit, so that nobody waits and nothing is downloaded.

`pretrained(name)` gives an encoder, for each name in `listed()`. The functions below give whole tasks that paint, write and speak, in
evaluation mode, with what is needed to read their answers; with trained=False the same, fresh. `python bench/weights.py` made those,
`python -m sslkit compare` the encoders of one method, data and tier.
"""

import torch

from . import networks, recipes
from .checkpoint import verified
from .data.text import Tokenizer
from .evaluate import results_folder, stored, stored_file
from .networks import GPT, ConvNet, LightnessEncoder, Palette, PixelCNN, TextTransformer, ViT, WaveNet
from .tasks import MAE, VQVAE, Autoregressive, Colorization, MaskedLM

WINDOW = 96                                                        # tokens a sample of text
SIDE = 16                                                          # pixels of the pictures that are told one by one
COLOURS = 32
# The SHA-256 of their files, which bench/weights.py writes: with other tokens a network says
# nothing that makes sense.
TOKENIZERS = {
    "characters": "3c1e93c15e9a3e8e4dacd66fecbc6709ab37081d39171a75bd8c88aec4a091d5",
    "byte-pairs": "aef2fe2a2781717ee1a70da7a16ae76165a2caa51bc9e0e6a89789c3715101f5",
}


def listed():
    """What comes with the kit → {name: {"file", "sha256", "parameters", "seconds" of training, how it was trained, what was measured}}."""
    return stored("pretrained")


def pretrained(name):
    """→ the encoder that comes with the kit under this name, such as "simclr-cifar10-cpu", in evaluation mode.

    `listed()[name]` says how it was trained and what it was measured to know. Raises ValueError for a name that is not listed,
    RuntimeError where the file is not the one that was listed.
    """
    if isinstance(name, str) and name in TASKS:
        task = TASKS[name]()
        return (task[0] if isinstance(task, tuple) else task).encoder
    found, recipe = state(name), listed()[name]["recipe"]
    encoder = made(*recipe["encoder"]) if "encoder" in recipe else recipes.kept(recipe["method"], recipe["tier"], recipe["data"])
    encoder.load_state_dict(found)
    return encoder.eval()


def made(name, arguments):
    """The encoder that a recipe names, fresh: one of `sslkit.networks` by its name, and the arguments that it takes, a dict."""
    return getattr(networks, name)(**arguments)


def state(name):
    """→ {parameter: float32 tensor} of what is listed under this name, its file compared with the hash in the list. Raises as `pretrained`."""
    there = listed()
    if not isinstance(name, str) or name not in there:
        raise ValueError(f"nothing called {name!r} comes with the kit; there are: {', '.join(there)}")
    return load_verified(results_folder() / there[name]["file"], there[name]["sha256"])


def load_verified(path, sha256: str) -> dict[str, torch.Tensor]:
    """A safetensors file whose SHA-256 was stored when it was made → {parameter: float32 tensor}.

    Raises RuntimeError where the file is gone or is another one: nothing should be computed with
    it.
    """
    from safetensors.torch import load

    content = verified(path, sha256)
    if content is None:
        raise RuntimeError(
            f"{path} is not the file that was measured: it is gone, or its hash is another one. "
            f"Fetch it "
            f"anew, or install sslkit again; what was trained here must be trained anew"
        )
    return floats(load(content))


def halves(state: dict[str, torch.Tensor]) -> bytes:
    """Weights → the bytes of a safetensors file with them in half precision; vectors (biases, norms) stay as they are. `floats`
    is the way back."""
    from safetensors.torch import save

    return save({key: (value.half() if value.ndim > 1 else value).contiguous().cpu() for key, value in state.items()})


def floats(state):
    """Weights as they are stored, in half precision → {parameter: float32 tensor}, what `load_state_dict` takes; counters stay as they are."""
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def loaded(task, name):
    """A task with the weights that come with the kit under this name, in evaluation mode."""
    task.load_state_dict(state(name))
    return task.eval()


def colorizer():
    """→ a Colorization task, trained on photographs (CIFAR-10, seed 0 of bench/pretext.py)."""
    return loaded(Colorization(LightnessEncoder(ConvNet(32))), "colorizer-cifar10")


def painter(trained=True):
    """→ MAE of the drawn world, 32 pixels, patches of 4, without norm_pix: it paints what can be looked at."""
    task = MAE(ViT(32, 4, dim=128, depth=4, heads=4), dim=128, depth=2)
    return loaded(task, "mae-scenes") if trained else task


def tokenizer(kind: str) -> Tokenizer:
    """The "characters" or "byte-pairs" of the standard library's help pages.

    Raises ValueError for another word, RuntimeError where the file is not the one that the networks
    were trained with.
    """
    if kind not in TOKENIZERS:
        raise ValueError(
            f"no tokenizer {kind!r} comes with the kit: want {' or '.join(TOKENIZERS)}"
        )
    path = stored_file(f"{kind}.json")
    if verified(path, TOKENIZERS[kind]) is None:
        raise RuntimeError(
            f"{path} is not the file that the networks were trained with: its hash is another one. "
            f"Fetch it "
            f"anew, or install sslkit again"
        )
    return Tokenizer.load(path)


def masked_text(trained=True):
    """→ MaskedLM, its tokenizer: byte pairs of the standard library's help pages."""
    words = tokenizer("byte-pairs")
    task = MaskedLM(TextTransformer(len(words), WINDOW, dim=128, depth=4, heads=4), words.mask, words.special)
    return (loaded(task, "masked-text") if trained else task), words


def text(trained=True):
    """→ Autoregressive GPT, its tokenizer: characters of the same pages."""
    letters = tokenizer("characters")
    task = Autoregressive(GPT(len(letters), WINDOW, dim=128, depth=4, heads=4))
    return (loaded(task, "gpt-text") if trained else task), letters


def pixels(kind="pixelcnn", trained=True):
    """→ Autoregressive "pixelcnn" or "igpt" of the drawn world at 16 pixels, its palette of 32 colours."""
    encoder = {"pixelcnn": lambda: PixelCNN(COLOURS, dim=64, depth=5),
               "igpt": lambda: GPT(COLOURS, SIDE * SIDE, dim=96, depth=4, heads=4)}[kind]()
    task, palette = Autoregressive(encoder), Palette(torch.zeros(COLOURS, 3))
    task.palette = palette                                         # saved with the weights
    return (loaded(task, f"{kind}-scenes") if trained else task), palette


def sound(trained=True):
    """→ Autoregressive WaveNet of synthesised vowels at 8 kHz, 256 levels under mu-law, told which vowel (0 to 4)."""
    task = Autoregressive(WaveNet(256, dim=48, conditions=5))
    return loaded(task, "wavenet-vowels") if trained else task


def codes(trained=True):
    """→ VQVAE of the drawn world at 64 pixels, and the Autoregressive GPT that continues its maps of 8 × 8 words."""
    book = VQVAE(ConvNet(16), codes=128)
    writer = Autoregressive(GPT(128, 64, dim=96, depth=4, heads=4))
    return (loaded(book, "vqvae-scenes"), loaded(writer, "gpt-codes")) if trained else (book, writer)


TASKS = {"mae-scenes": painter, "masked-text": masked_text, "gpt-text": text, "pixelcnn-scenes": pixels, "igpt-scenes": lambda: pixels("igpt"),
         "wavenet-vowels": sound, "vqvae-scenes": lambda: codes()[0], "gpt-codes": lambda: codes()[1], "colorizer-cifar10": colorizer}
