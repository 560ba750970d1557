"""Text with no download: the help pages that come with every Python. And a file of the reader's own."""

import json
from pathlib import Path

import torch

from ..checkpoint import write_whole
from .dataset import Dataset, Splits

MASK, UNKNOWN = "[MASK]", "[UNK]"
SHARES = {"train": (0.0, 0.6), "validation": (0.6, 0.75), "test": (0.75, 1.0)}             # of every page, in this order


def topics_text(split=None):
    """The standard library's help pages, half a million characters, as one string.

    split: "train", "validation" or "test": the first 60, the next 15, the last 25 % of every page; None: all of it. Some pages
    repeat parts of others ("try" is in "compound"): about a quarter of "validation" and of "test" stands in "train" as well.
    Raises ValueError for other words.
    """
    return "\n\n".join(_part(page, split) for page in _pages().values())


def read(path):
    """A file of the reader's own → its text. Raises ValueError where it is not UTF-8, or has nothing in it."""
    content = Path(path).read_bytes()
    try:
        whole = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8: byte {error.start} is {content[error.start]:#04x}; save it as UTF-8, or "
                         f"read it with its own encoding") from error
    return _not_empty(whole, str(path))


class Tokenizer:
    """Text to tokens and back, by a model of the `tokenizers` library. Token 0 hides ([MASK]), token 1 is unknown ([UNK]).

    Where a text has the word [MASK], that becomes the token that hides. `characters` and `byte_pairs` make one.
    """

    mask, unknown, special = 0, 1, (0, 1)

    def __init__(self, model):
        self.model = model

    def __len__(self):
        return self.model.get_vocab_size()

    def encode(self, text):
        """→ int64 (T,). Raises ValueError for an empty text."""
        return torch.tensor(self.model.encode(_not_empty(text, "the text", blank=True)).ids)

    def decode(self, tokens):
        """(T,) → text. Raises ValueError for tokens outside the vocabulary, and for other shapes."""
        return self.model.decode(self._known(tokens), skip_special_tokens=False)

    def pieces(self, tokens):
        """(T,) → how each token reads, as labels of a figure: spaces as ␣, ends of lines as ↵."""
        shown = {" ": "␣", "\n": "↵", "\t": "⇥"}
        return ["".join(shown.get(letter, letter) for letter in self.model.decode([token], skip_special_tokens=False))
                for token in self._known(tokens)]

    def _known(self, tokens):
        tokens = torch.as_tensor(tokens)
        if tokens.ndim != 1 or tokens.is_floating_point() and len(tokens):
            raise ValueError(f"tokens {tuple(tokens.shape)} of {tokens.dtype}: want whole numbers (T,), one text at a time")
        tokens = tokens.tolist()
        strange = [token for token in tokens if not 0 <= token < len(self)]
        if strange:
            raise ValueError(f"tokens {', '.join(map(str, strange[:10]))}: this vocabulary has 0 to {len(self) - 1}")
        return tokens

    def save(self, path):
        """As JSON; written whole or not at all."""
        write_whole(Path(path), (json.dumps(json.loads(self.model.to_str()), ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, path):
        """A file that `save` wrote. Raises ValueError for other files."""
        from tokenizers import Tokenizer as Model                 # not at import: only where there is text

        content = Path(path).read_text("utf-8")
        try:
            return cls(Model.from_str(content))
        except Exception as error:                                # the library raises nothing more special
            raise ValueError(f"{path} is no tokenizer ({error}): want a file that Tokenizer.save wrote") from error


def characters(text, least=5):
    """Text → Tokenizer: one token a character; those that occur fewer than `least` times are unknown."""
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Model

    text = _not_empty(text, "the text")
    often = sorted(letter for letter in set(text) if text.count(letter) >= least)
    model = Model(models.WordLevel({token: number for number, token in enumerate([MASK, UNKNOWN, *often])}, unk_token=UNKNOWN))
    model.pre_tokenizer, model.decoder = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"), decoders.Fuse()
    model.add_special_tokens([MASK, UNKNOWN])
    return Tokenizer(model)


def byte_pairs(text, vocabulary=1000):
    """Text → Tokenizer: the pairs of bytes that occur most often are joined, again and again (Sennrich, Haddow & Birch 2016).

    Any text can be written in it, since every byte by itself is a token: nothing is unknown. vocabulary: how many tokens there are
    at most (a short text has fewer pairs to join); at least 258.
    """
    from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
    from tokenizers import Tokenizer as Model

    text = _not_empty(text, "the text")
    if vocabulary < 258:
        raise ValueError(f"vocabulary={vocabulary}: want at least 258, for 256 bytes and two special tokens")
    model = Model(models.BPE())
    model.pre_tokenizer, model.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    hides = AddedToken(MASK, lstrip=True, special=True)             # a word's token holds the space before it: so must this
    model.train_from_iterator(text.splitlines(keepends=True), trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[hides, AddedToken(UNKNOWN, special=True)], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return Tokenizer(model)


def windows(tokens, length, stride=None):
    """Tokens (T,) → (N, length), each `stride` after the one before (None: end to end).

    Raises ValueError where the text is shorter than one window.
    """
    if len(tokens) < length:
        raise ValueError(f"a text of {len(tokens)} tokens: want at least the {length} of one window; give more text, or a "
                         f"shorter length")
    return tokens.unfold(0, length, stride or length)


def topics(tokenizer, length=96, classes=8, stride=None):
    """Which page does a passage come from? → Splits of Datasets: images = tokens (N, length), labels = the page.

    The longest pages that are no parts of one another; the passages of one split share no text with those of another, but overlap
    among themselves (stride: a quarter of the length). As many of every page as of the shortest. Raises ValueError where there are
    not so many pages, or one is shorter than a passage.
    """
    chosen = {}
    for name, page in sorted(_pages().items(), key=lambda item: -len(item[1])):
        lines = {line for line in page.splitlines() if len(line) > 20}
        if all(len(lines & others) < 0.1 * len(lines) for others in chosen.values()):
            chosen[name] = lines
        if len(chosen) == classes:
            break
    if len(chosen) < classes:
        raise ValueError(f"classes={classes}: the help has {len(chosen)} pages that are no parts of one another")
    parts = []
    for split in SHARES:
        found = [windows(tokenizer.encode(_part(_pages()[name], split)), length, stride or length // 4) for name in chosen]
        fewest = min(map(len, found))
        even = [rows[torch.linspace(0, len(rows) - 1, fewest).long()] for rows in found]
        parts.append(Dataset(torch.cat(even), torch.arange(classes).repeat_interleave(fewest), tuple(chosen), name="topics"))
    return Splits(*parts)


def _pages():
    from pydoc_data.topics import topics

    return topics


def _part(page, split):
    if split is None:
        return page
    if split not in SHARES:
        raise ValueError(f'split="{split}": want {", ".join(SHARES)}, or None for all')
    start, stop = (round(share * len(page)) for share in SHARES[split])
    return page[start:stop]


def _not_empty(text, name, blank=False):
    if not (text if blank else text.strip()):
        raise ValueError(f"{name} is empty: want some text")
    return text
