"""Hide words of a sentence, and see what a masked language model would put there."""

import math
import re

import torch
from ipywidgets import HTML, HBox, Layout, Text, ToggleButton, VBox

from .. import plots
from ..data.text import Tokenizer
from ..tasks import MaskedLM
from . import door
from .base import Explorer
from .masking import evaluating

WORD = re.compile(r"\[MASK\]|\[([^\[\]]*)\]|\w+")                  # what can be hidden
GUESSES = 5


@door.wants(task=door.one_of(MaskedLM), tokenizer=door.one_of(Tokenizer, trained=False), sentence=door.words)
class MaskedTextExplorer(Explorer):
    """A sentence of the reader's own, some of its words hidden, and the likeliest tokens for each hidden place.

    task: a trained `sslkit.tasks.MaskedLM`. tokenizer: the `sslkit.data.text.Tokenizer` it was trained with, of byte pairs. A word
    in [brackets] is hidden at first, every word's button hides or shows it; of a word of several tokens all are hidden, each by a
    mask of its own. [MASK] hides what nobody knows. `tokens` (T,), `hidden` bool (T,), `chances` (hidden places, V): what is shown.
    """

    handled = ("sentence",)

    def __init__(self, task, tokenizer, sentence="If a class is [defined] within a function, its [name] is local to the function."):
        self.task, self.tokenizer, self.device = task, tokenizer, next(task.parameters()).device
        field = Text(sentence, description="sentence", continuous_update=False, style={"description_width": "90px"},
                     layout=Layout(width="920px", max_width="100%"))
        field.observe(self.guard(self._read), "value")
        self.buttons = HBox(layout=Layout(flex_flow="row wrap", margin="0 0 0 90px", max_width="830px"))
        self._take(sentence)
        super().__init__({"sentence": field}, (9.2, 2.6))

    def arrange(self, controls):
        told = HTML(f'<span style="color:{plots.GREY}; margin-left:90px">click words to hide or show them, or write [brackets] '
                    f'around them and press Enter</span>')
        return [controls["sentence"], VBox([told, self.buttons])]

    def draw(self, figure):
        pieces = self.tokenizer.pieces(self.tokens)
        truths = ["" if token == self.tokenizer.mask else piece for token, piece in zip(self.tokens.tolist(), pieces)]
        self.chances = self._tell()                                                               # (hidden places, V)
        best = self.chances.topk(min(GUESSES, self.chances.shape[1]), 1)
        tops = [list(zip(self.tokenizer.pieces(tokens), chances.tolist())) for tokens, chances in zip(best.indices, best.values)]
        plots.masked_sentence(truths, self.hidden, tops, figure=figure)
        low, high = figure.axes[0].get_ylim()
        figure.set_size_inches(figure.get_figwidth(), 0.24 * abs(high - low) + 0.1)              # as high as what is drawn
        number = int(self.hidden.sum())
        if not number:
            return "Nothing is hidden: click a word, or put it into [brackets]."
        known = self.tokens[self.hidden] != self.tokenizer.mask
        told = f"<b>{number}</b> of {len(self.tokens)} tokens {'is' if number == 1 else 'are'} hidden."
        if not known.any():
            return f"{told} What stood there nobody knows."
        right = self.tokens[self.hidden][known]
        first = int((self.chances[known].argmax(1) == right).sum())
        blind = math.log2(len(self.tokenizer))
        bits = -self.chances[known].gather(1, right[:, None]).double().log2().mean()
        return (f"{told} Of those that are known the network's first guess is right for <b>{first} of {int(known.sum())}</b>; the "
                f"right ones cost it {float(bits):.1f} bits each, where blind guessing costs {blind:.1f}.")

    def _tell(self):
        """Probabilities of all tokens at each hidden place: (hidden places, V)."""
        seen = self.tokens.masked_fill(self.hidden, self.tokenizer.mask)
        with evaluating(self.task):
            logits = self.task(seen[None].to(self.device))[0].float().cpu()                      # (V, T)
        return logits.softmax(0).T[self.hidden]

    def _take(self, sentence):
        """Reads a sentence; where it cannot be read, everything stays as it was."""
        clean, words, place = "", [], 0
        for found in WORD.finditer(sentence):
            clean += sentence[place:found.start()]
            mask, bracketed = found[0] == "[MASK]", found[1] is not None
            if mask:
                clean = clean.removesuffix(" ")                    # as in training: a word's token holds the space before it
            text = found[1] if bracketed else found[0]
            if not text.strip():
                raise ValueError(f"empty brackets after “{clean[-20:]}”: write a word into them, or [MASK].")
            words.append((text, len(clean), len(clean) + len(text), bracketed, mask))
            clean, place = clean + text, found.end()
        clean += sentence[place:]
        if not clean.strip():
            raise ValueError("the sentence is empty: write a few words of English, some in [brackets].")
        whole = self.tokenizer.model.encode(clean)
        if len(whole.ids) > self.task.encoder.length:
            raise ValueError(f"this sentence has {len(whole.ids)} tokens, and the network reads at most "
                             f"{self.task.encoder.length}: shorten it.")
        self.tokens, self.hidden = torch.tensor(whole.ids), torch.zeros(len(whole.ids), dtype=torch.bool)
        # Words as the reader sees them, tokens as the tokenizer cuts them: they meet in the letters they are made of.
        self.places = [[number for number, (start, stop) in enumerate(whole.offsets) if start < last and stop > first]
                       for _, first, last, _, _ in words]
        self.buttons.children = [self._button(*word) for word in words]
        self._set()

    def _button(self, text, first, last, bracketed, mask):
        layout = Layout(width="auto", min_width="28px", height="26px")
        button = ToggleButton(bracketed or mask, description=text, disabled=mask, layout=layout)
        button.observe(self.guard(self._click), "value")
        return button

    def _set(self):
        """What is hidden, by the buttons."""
        self.hidden[:] = self.tokens == self.tokenizer.mask
        for button, places in zip(self.buttons.children, self.places):
            button.button_style = "info" if button.value else ""
            if button.value:
                self.hidden[places] = True

    def _click(self, change=None):
        self._set()
        self.redraw()

    def _read(self, change=None):
        self._take(self.sentence)
        self.redraw()
