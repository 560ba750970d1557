"""Small trained networks that come with the kit, so that explorers answer at once. `python bench/weights.py` made them.

Each function gives the task, in evaluation mode, and what is needed to read its answers; with trained=False the same, fresh.
"""

import torch

from .data.text import Tokenizer
from .evaluate import stored_file
from .networks import GPT, ConvNet, Palette, PixelCNN, TextTransformer, ViT, WaveNet
from .recipes import loaded
from .tasks import MAE, VQVAE, Autoregressive, MaskedLM

WINDOW = 96                                                        # tokens a sample of text
SIDE = 16                                                          # pixels of the pictures that are told one by one
COLOURS = 32


def painter(trained=True):
    """→ MAE of the drawn world, 32 pixels, patches of 4, without norm_pix: it paints what can be looked at."""
    task = MAE(ViT(32, 4, dim=128, depth=4, heads=4), dim=128, depth=2)
    return loaded(task, "mae-scenes") if trained else task


def tokenizer(kind):
    """The "characters" or "byte-pairs" of the standard library's help pages."""
    return Tokenizer.load(stored_file(f"{kind}.json"))


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
