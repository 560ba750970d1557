"""The checks of the exercises on text: every mistake they must name, several right answers. And the two figures."""

import math
import re

import numpy as np
import pytest
import torch

from sslkit import checks, counting, plots
from sslkit.networks import TextTransformer
from sslkit.tasks import MaskedLM

IGNORE = -100


def chosen_of(tokens, special, share=0.15):
    return (torch.rand(tokens.shape) < share) & ~torch.isin(tokens, torch.tensor(special))


def anything(tokens, vocabulary, low=2):
    return torch.randint(low, vocabulary, tokens.shape)


def right(tokens, mask, special, vocabulary, hide=0.8, other=0.1, share=0.15, low=2):
    chosen, lot = chosen_of(tokens, special, share), torch.rand(tokens.shape)
    corrupted = torch.where(chosen & (lot < hide), mask, tokens)
    corrupted = torch.where(chosen & (lot >= hide) & (lot < hide + other), anything(tokens, vocabulary, low), corrupted)
    return corrupted, torch.where(chosen, tokens, IGNORE)


def two_draws(tokens, mask, special, vocabulary, second=0.5):
    """As Hugging Face's collator does it: half of the fifth that is left."""
    chosen, corrupted = chosen_of(tokens, special), tokens.clone()
    hidden = chosen & (torch.rand(tokens.shape) < 0.8)
    other = chosen & ~hidden & (torch.rand(tokens.shape) < second)
    corrupted[hidden] = mask
    corrupted[other] = torch.randint(2, vocabulary, (int(other.sum()),))
    targets = tokens.clone()
    targets[~chosen] = IGNORE
    return corrupted, targets


def exactly(tokens, mask, special, vocabulary):
    """Exactly 15 % of each text, as BERT's own code."""
    scores = torch.rand(tokens.shape).masked_fill(torch.isin(tokens, torch.tensor(special)), 2)
    order, number = scores.argsort(1), round(0.15 * tokens.shape[1])
    chosen = torch.zeros_like(tokens, dtype=torch.bool).scatter(1, order[:, :number], True)
    lot = torch.rand(tokens.shape)
    corrupted = torch.where(chosen & (lot < 0.8), mask, torch.where(chosen & (lot > 0.9), anything(tokens, vocabulary), tokens))
    return corrupted, torch.where(chosen, tokens, IGNORE)


def as_the_kit(tokens, mask, special, vocabulary):
    return MaskedLM(TextTransformer(vocabulary, 8, 8, 1, 1), mask, special).make_problem(tokens)


def changed(change):
    """A right answer, then one thing about it changed: change(tokens, corrupted, targets) → the answer."""
    return lambda tokens, *others: change(tokens, *right(tokens, *others))


def in_place(tokens, mask, special, vocabulary):
    original = tokens.clone()
    tokens[:], targets = right(original, mask, special, vocabulary)
    return tokens, targets


def twice(tokens, mask, special, vocabulary):
    return right(tokens, mask, special, vocabulary)[0], right(tokens, mask, special, vocabulary)[1]


def same_places(tokens, mask, special, vocabulary):
    chosen = (torch.rand(tokens.shape[1]) < 0.15).expand_as(tokens) & ~torch.isin(tokens, torch.tensor(special))
    lot = torch.rand(tokens.shape)
    corrupted = torch.where(chosen & (lot < 0.8), mask, torch.where(chosen & (lot > 0.9), anything(tokens, vocabulary), tokens))
    return corrupted, torch.where(chosen, tokens, IGNORE)


def by_text(tokens, mask, special, vocabulary):
    chosen, lot = chosen_of(tokens, special), torch.rand(len(tokens), 1).expand_as(tokens)
    corrupted = torch.where(chosen & (lot < 0.8), mask, torch.where(chosen & (lot > 0.9), anything(tokens, vocabulary), tokens))
    return corrupted, torch.where(chosen, tokens, IGNORE)


def seeded(tokens, *others):
    torch.manual_seed(7)
    return right(tokens, *others)


def one_token(tokens, mask, special, vocabulary):
    corrupted, targets = right(tokens, mask, special, vocabulary)
    return torch.where((corrupted != tokens) & (corrupted != mask), 17, corrupted), targets


def few_tokens(tokens, mask, special, vocabulary):
    corrupted, targets = right(tokens, mask, special, vocabulary)
    return torch.where((corrupted != tokens) & (corrupted != mask), 10 + tokens % 5, corrupted), targets


RIGHT = {"one draw": right, "two draws": two_draws, "exactly 15 %": exactly, "the kit's own": as_the_kit,
         "int32": lambda tokens, *others: tuple(part.int() for part in right(tokens, *others))}
WRONG = {
    "not written yet": lambda *arguments: (_ for _ in ()).throw(NotImplementedError),
    "raised TypeError": lambda tokens: tokens,
    "returns nothing": lambda *arguments: None,
    "want two tensors": lambda tokens, *others: right(tokens, *others)[0],
    "targets is": changed(lambda tokens, corrupted, targets: (corrupted, tokens[targets != IGNORE])),
    "whole numbers": changed(lambda tokens, corrupted, targets: (corrupted, (targets != IGNORE))),
    "work on a copy": in_place,
    "ask for every token": changed(lambda tokens, corrupted, targets: (corrupted, tokens)),
    "targets hold 0": changed(lambda tokens, corrupted, targets: (corrupted, targets.clamp_min(0))),
    "nothing is to be told": changed(lambda tokens, corrupted, targets: (corrupted, torch.full_like(tokens, IGNORE))),
    "turned round: −100 stands": changed(lambda tokens, corrupted,
                                         targets: (corrupted, torch.where(corrupted == tokens, tokens, IGNORE))),
    "what the token has become": changed(lambda tokens, corrupted,
                                         targets: (corrupted, torch.where(targets != IGNORE, corrupted, IGNORE))),
    "not the original": changed(lambda tokens, corrupted, targets: (corrupted, torch.where(targets != IGNORE, tokens + 1, IGNORE))),
    "special tokens were chosen": lambda tokens, mask, special, vocabulary: right(tokens, mask, (), vocabulary),
    "do not ask for": twice,
    "12% of the tokens are to be told, want 15 %: 15 %": lambda *arguments: right(*arguments, share=0.12),
    "85% .* rand < 0.15": lambda *arguments: right(*arguments, share=0.85),
    "30% of the tokens": lambda *arguments: right(*arguments, share=0.3),
    "at the same places": same_places,
    "tokens from .* to 2": lambda tokens, mask, special, vocabulary: right(tokens, mask, special, vocabulary + 50),
    "one and the same token": one_token,
    "different tokens": few_tokens,
    "special tokens are put in": lambda *arguments: right(*arguments, low=0),
    "a tenth of the fifth": lambda *arguments: two_draws(*arguments, second=0.1),
    "no token is ever hidden": lambda *arguments: right(*arguments, hide=1.0, other=0.0),
    "none stays": lambda *arguments: right(*arguments, hide=0.9, other=0.1),
    "none becomes another": lambda *arguments: right(*arguments, hide=0.9, other=0.0),
    "in another order": lambda *arguments: right(*arguments, hide=0.1, other=0.8),
    "50% are hidden, 25% are another token, 25% stay": lambda *arguments: right(*arguments, hide=0.5, other=0.25),
    "once for a whole text": by_text,
    "two calls choose": seeded,
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_corruptions_pass(name):
    state = torch.random.get_rng_state()
    verdict = checks.corruption(RIGHT[name])
    assert verdict.right, verdict
    assert torch.equal(state, torch.random.get_rng_state()), "the reader's own random draws stay as they were"


@pytest.mark.parametrize("says", WRONG)
def test_each_mistake_in_the_corruption_is_named(says):
    verdict = checks.corruption(WRONG[says])
    assert not verdict.right and re.search(says, verdict.says), verdict.says


def counts_of(tokens, vocabulary, more=1):
    return torch.bincount(tokens.flatten(), minlength=vocabulary).double() + more


def bits(tokens, held_out, vocabulary, more=1):
    counts = counts_of(tokens, vocabulary, more)
    return -(counts / counts.sum()).log2()[held_out].mean()


RIGHT_BITS = {"a tensor": bits, "a number": lambda *arguments: bits(*arguments).item(), "the kit's own": counting.unigram_bits,
              "float32": lambda tokens, held_out, vocabulary: torch.nn.functional.cross_entropy(
                  counts_of(tokens, vocabulary).float().log().expand(held_out.numel(), -1), held_out.flatten()) / math.log(2)}
WRONG_BITS = {
    "not written yet": lambda *arguments: (_ for _ in ()).throw(NotImplementedError),
    "have been changed": lambda tokens, held_out, vocabulary: (tokens.add_(1), bits(tokens - 1, held_out, vocabulary))[1],
    "want one number: the mean": lambda tokens, held_out, vocabulary: -counts_of(tokens, vocabulary).log2()[held_out],
    "the answer is str": lambda *arguments: "3 bits",
    "add one to every count$": lambda *arguments: bits(*arguments, more=0),
    "nats": lambda *arguments: bits(*arguments) * math.log(2),
    "base ten": lambda *arguments: bits(*arguments) * math.log10(2),
    "sign": lambda *arguments: -bits(*arguments),
    "perplexity": lambda *arguments: 2 ** bits(*arguments),
    "sum over all elements": lambda tokens, held_out, vocabulary: bits(tokens, held_out, vocabulary) * held_out.numel(),
    "sum of a row": lambda tokens, held_out, vocabulary: bits(tokens, held_out, vocabulary) * held_out.shape[1],
    "seen the test": lambda tokens, held_out, vocabulary: bits(held_out, held_out, vocabulary),
    "costs of tokens themselves": lambda tokens, held_out, vocabulary: bits(tokens, tokens, vocabulary),
    "entropy": lambda tokens, held_out, vocabulary: bits(tokens, tokens, vocabulary, more=0),
    "every token alike": lambda tokens, held_out, vocabulary: bits(tokens, torch.arange(vocabulary), vocabulary),
    "not to their sum": lambda tokens, held_out, vocabulary: -(counts_of(tokens,
                                                                         vocabulary) / tokens.numel()).log2()[held_out].mean(),
    "to the probabilities": lambda tokens, held_out, vocabulary: -(counts_of(tokens, vocabulary,
                                                                             0) / tokens.numel() + 1).log2()[held_out].mean(),
    "only counts of 0": lambda tokens, held_out, vocabulary: -(lambda c: c / c.sum())(counts_of(tokens, vocabulary,
            0).clamp_min(1)).log2()[held_out].mean(),
    "mean of the logarithms": lambda tokens, held_out, vocabulary: -(lambda c: c / c.sum())(counts_of(tokens,
            vocabulary))[held_out].mean().log2(),
    "blind guessing": lambda tokens, held_out, vocabulary: math.log2(vocabulary),
    "got .* want": lambda *arguments: bits(*arguments, more=0.5),
}


@pytest.mark.parametrize("name", RIGHT_BITS)
def test_right_counting_passes(name):
    verdict = checks.unigram_bits(RIGHT_BITS[name])
    assert verdict.right, verdict


@pytest.mark.parametrize("says", WRONG_BITS)
def test_each_mistake_in_counting_is_named(says):
    verdict = checks.unigram_bits(WRONG_BITS[says])
    assert not verdict.right and re.search(says, verdict.says), verdict.says


def test_the_figure_counts_what_became_of_each_token():
    before = ["␣if", "␣the", "␣list", "␣is", "␣empty", "↵"] * 20
    after, chosen = list(before), np.zeros(120, dtype=bool)
    chosen[[2, 8, 14, 21, 30]] = True
    after[2] = after[8] = "[MASK]"
    after[14] = "␣else"
    figure = plots.corruption(before, after, torch.from_numpy(chosen))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["hidden: 2", "another token: 1", "left as it is: 2"]
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written.count("?") == 2 and written.count("list") == 3 and "else" in written
    with pytest.raises(ValueError, match="as many of each"):
        plots.corruption(before, after[:-1], chosen)


@pytest.mark.parametrize("kinds", [(), ("masked",), ("temporal", "hybrid")])
def test_the_family_has_a_row_for_each_kind(kinds):
    figure = plots.family(*kinds)
    assert len(figure.axes) == (len(kinds) or 5) and figure._repr_png_()[:4] == b"\x89PNG"
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert set(kinds) <= set(names)


def test_the_family_knows_no_other_kinds():
    with pytest.raises(ValueError, match="'contrastive': want some of masked"):
        plots.family("masked", "contrastive")
