"""One element after another: what a model holds possible next, what is drawn from that, and what becomes of it."""

import math

import torch
from ipywidgets import Button, Dropdown, FloatSlider, HBox, IntSlider, Layout, Play, Text, VBox, link

from .. import plots
from ..data import sound
from ..data.dataset import as_float, seed_for
from ..data.text import Tokenizer
from ..markup import safe
from ..networks import Palette
from ..tasks import Autoregressive
from . import door
from .base import WIDE, Explorer
from .masking import evaluating

VOWELS = ("a", "e", "i", "o", "u")


@door.wants(task=door.one_of(Autoregressive), shape=door.shape)
class AutoregressiveExplorer(Explorer):
    """A sample that an autoregressive model draws, element by element, beside the distribution that each is drawn from.

    task: a trained `sslkit.tasks.Autoregressive`. shape: of a sample, (T,) or (H, W). read(figure, tokens, given, drawn, true):
    draws what there is after `drawn` steps, of the whole sample (total,), beside a true one where there is one. tell(figure,
    probabilities (V,), chosen, true): draws the distribution. given: more controls, by name. known(explorer) → the tokens (K,) that
    they fix, the first in raster order. condition(explorer) → what the network is told besides, a number. truth(explorer) → a true
    sample (total,). heard(explorer, tokens) → HTML to stand under the sentence. what: how an element is called. step: how many are
    drawn at first. `of_text`, `of_pictures` and `of_sound` know all this.

    The whole sample is drawn once for its settings, and again only where these change; the step slider walks through it. Bits are
    those of the distributions that were drawn from, as temperature and top k have made them.
    """

    def __init__(self, task, shape, *, read, tell=None, given=None, known=None, condition=None, truth=None, heard=None,
                 what="element", step=None, figsize=(9.4, 3.4)):
        self.task, self.shape, self.what, self.given = task, tuple(shape), what, given or {}
        self.read, self.tell, self.heard = read, tell or bars(what), heard
        self._known, self._condition, self._truth = known, condition, truth
        self._settings, self._sample = None, None
        most, late = min(task.head.out_features, 100), {"continuous_update": False, **WIDE}
        total = math.prod(self.shape)
        controls = {**self.given,
                    "temperature": FloatSlider(1.0, min=0.1, max=2, step=0.1, description="temperature", **late),
                    "top_k": IntSlider(0, 0, most, description="top k (0: all)", **late),
                    "seed": IntSlider(0, 0, 99, description="random draw", **late),
                    "step": IntSlider(total // 4 if step is None else step, 0, total, description="drawn so far", **WIDE)}
        self.again = Button(description="draw again", icon="random", layout=Layout(width="120px"))
        self.again.on_click(self.guard(self._draw_again))
        self.play = Play(min=0, max=total, value=controls["step"].value, interval=250, step=max(1, total // 200))
        link((self.play, "value"), (controls["step"], "value"))
        super().__init__(controls, figsize)

    @classmethod
    def of_text(cls, task, tokenizer, start="The ", **options):
        """A text that goes on from `start`, as long as the network reads."""
        door.one_of(Autoregressive)(task, "AutoregressiveExplorer.of_text(task=…)")
        door.one_of(Tokenizer, trained=False)(tokenizer, "AutoregressiveExplorer.of_text(tokenizer=…)")
        door.words(start, "AutoregressiveExplorer.of_text(start=…)")
        pieces = tokenizer.pieces(torch.arange(len(tokenizer)))
        given = {"start": Text(start, description="given", continuous_update=False, **WIDE)}

        def known(explorer):
            if not explorer.start:
                return None
            tokens = tokenizer.encode(explorer.start)
            if len(tokens) >= task.encoder.length:
                raise ValueError(f"{len(tokens)} tokens are given, and this network reads {task.encoder.length}: shorten the text, "
                                 f"so that there is room for what comes next.")
            return tokens

        def read(figure, tokens, given, drawn, true):
            plots.written(tokenizer.pieces(tokens), given, drawn, figure=figure)

        return cls(task, (task.encoder.length,), **{"read": read, "tell": bars("token", pieces), "given": given, "known": known,
                                                    "what": "token", **options})

    @classmethod
    def of_pictures(cls, task, palette, pictures, *, number=200, **options):
        """Pictures of a palette, told pixel by pixel: the upper rows are those of a picture that is chosen.

        palette: `sslkit.networks.Palette`. pictures: a Dataset, the size that the network knows; the first `number` can be chosen.
        """
        door.one_of(Autoregressive)(task, "AutoregressiveExplorer.of_pictures(task=…)")
        door.one_of(Palette, trained=False)(palette, "AutoregressiveExplorer.of_pictures(palette=…)")
        door.dataset(pictures, "AutoregressiveExplorer.of_pictures(pictures=…)")
        height, width = pictures.images.shape[-2:]
        late = {"continuous_update": False, **WIDE}
        given = {"number": IntSlider(0, 0, min(number, len(pictures)) - 1, description="picture", **late),
                 "rows": IntSlider(height // 2, 0, height, description="rows given", **late)}

        def truth(explorer):
            return palette(as_float(pictures.images[explorer.number][None].to(palette.colours.device)))[0].flatten().cpu()

        def read(figure, tokens, given, drawn, true):
            both = palette.pictures(torch.stack([tokens, true]).view(2, height, width).to(palette.colours.device))
            plots.so_far(both[0], given, drawn, truth=both[1], figure=figure)

        def tell(figure, probabilities, chosen, true):
            plots.next_token(probabilities, None, chosen, true, 10, colours=palette.colours, title="the next pixel", figure=figure)

        return cls(task, (height, width), **{
            "read": read, "tell": tell, "given": given, "truth": truth, "what": "pixel", "step": 2 * width,
            "known": lambda explorer: truth(explorer)[:explorer.rows * width] if explorer.rows else None, **options})

    @classmethod
    def of_sound(cls, task, vowels=VOWELS, *, samples=800, rate=8000, levels=256, **options):
        """A wave under mu-law, `samples` of it, for the vowel that is chosen. vowels: a name for each condition of the network."""
        door.one_of(Autoregressive)(task, "AutoregressiveExplorer.of_sound(task=…)")
        listed = isinstance(vowels, (str, list, tuple)) and len(vowels) > 0
        if not listed or not all(isinstance(name, str) for name in vowels):
            raise TypeError(f"AutoregressiveExplorer.of_sound(vowels=…): got {door.described(vowels)}, want a name for each "
                            f"condition of the network")
        door.whole(2)(levels, "AutoregressiveExplorer.of_sound(levels=…)")
        door.whole(1)(samples, "AutoregressiveExplorer.of_sound(samples=…)")
        given = {"vowel": Dropdown(options=[(name, index) for index, name in enumerate(vowels)], description="vowel", **WIDE)} \
            if task.encoder.conditions else {}

        def read(figure, tokens, given, drawn, true):
            plots.wave_so_far(sound.inverse_mu_law(tokens, levels), given + drawn, rate, figure=figure)

        def heard(explorer, tokens):
            return plots.listen(sound.inverse_mu_law(tokens, levels), rate).data

        def tell(figure, probabilities, chosen, true):
            plots.next_level(probabilities, chosen, figure=figure)

        return cls(task, (samples,), **{
            "read": read, "tell": tell, "given": given, "condition": (lambda explorer: explorer.vowel) if given else None,
            "heard": heard, "what": "sample", "step": samples // 2, **options})

    def arrange(self, controls):
        given = [controls[name] for name in self.given]
        return [HBox([VBox([*given, controls["seed"]]), VBox([controls["temperature"], controls["top_k"]])]),
                HBox([controls["step"], self.play, self.again])]

    def sample(self):
        """→ tokens (total,), the distributions that they were drawn from (total, V), how many were given. Drawn once a setting."""
        known = None if self._known is None else self._known(self)
        condition = None if self._condition is None else self._condition(self)
        settings = (self.temperature, self.top_k, self.seed, condition, None if known is None else tuple(known.tolist()))
        if settings != self._settings:
            device = next(self.task.parameters()).device
            with evaluating(self.task), torch.random.fork_rng():
                torch.manual_seed(seed_for(self.seed))
                steps = list(self.task.unroll(
                    1, self.shape, known=None if known is None else known[None].to(device), temperature=self.temperature,
                    top_k=self.top_k or None, condition=None if condition is None else torch.tensor([condition], device=device)))
            chances, tokens = (torch.cat(parts).cpu() for parts in zip(*steps))
            self._settings, self._sample = settings, (tokens, chances, 0 if known is None else len(known))
        return self._sample

    def draw(self, figure):
        tokens, chances, given = self.sample()
        free = len(tokens) - given
        self._bound(free)
        drawn = self.step
        left, right = figure.subfigures(1, 2, width_ratios=(1.45, 1))
        truth = None if self._truth is None else self._truth(self)                                 # (total,)
        self.read(left, tokens, given, drawn, truth)
        words = [f"{given} {safe(self.what)}{'s' * (given != 1)} given, <b>{drawn}</b> of {free} drawn."]
        costs = -chances[torch.arange(len(tokens)), tokens].double().log2()[given:given + drawn]      # bits
        if drawn:
            words.append(f"So far <b>{float(costs.sum()):.1f} bits</b>, {float(costs.mean()):.2f} a {safe(self.what)}.")
        if drawn < free:
            place = given + drawn
            chosen = int(tokens[place])
            self.tell(right, chances[place], chosen, None if truth is None else int(truth[place]))
            entropy = float(torch.special.entr(chances[place].double()).sum()) / math.log(2)
            words.append(f"What is drawn next had a probability of <b>{float(chances[place, chosen]):.1%}</b>; how open it was: "
                         f"{entropy:.2f} bits.")
        else:
            axes = right.subplots()
            axes.set_axis_off()
            told = "all is drawn" if free else f"all {self.what}s are given"
            axes.text(0.5, 0.5, told, ha="center", va="center", color=plots.GREY)
        if self.top_k == 1:
            words.append("Always the likeliest: no draw changes anything.")
        return " ".join(words) + ("" if self.heard is None else f"<br>The whole sample: {self.heard(self, tokens)}")

    def _bound(self, free):
        """As many steps as there are elements to draw; this alone draws nothing anew."""
        held, self._held = self._held, True
        try:
            self.controls["step"].max = self.play.max = free
        finally:
            self._held = held

    def _draw_again(self, change=None):
        self.controls["seed"].value = (self.seed + 1) % (self.controls["seed"].max + 1)


def bars(what, names=None):
    """→ how a distribution over tokens is told: as bars, with these names."""
    def tell(figure, probabilities, chosen, truth):
        plots.next_token(probabilities, names, chosen, truth, title=f"the next {what}", figure=figure)
    return tell
