"""Checks of the exercises on causality: what a network may see when it tells an element, and what it is to tell."""

import torch

from .verdict import Verdict, answer_of, not_two_tensors, not_whole

ITSELF = "you see the element itself"
FUTURE = "you see the future"
BLIND = "you do not see the one just before"


def causal_mask(function):
    """Checks function(T) → bool (T, T): whether place `row` may see element `column`: those before `row` alone.

    Place `row` is to tell element `row`. The first row is empty: nothing stands before the first element.
    """
    verdicts = [_judge_mask(function, length) for length in (7, 1, 12)]
    return next((verdict for verdict in verdicts if not verdict.right), verdicts[0])


def _judge_mask(function, length):
    mask, verdict = answer_of(function, length)
    if verdict:
        return verdict
    if not isinstance(mask, torch.Tensor) or mask.shape != (length, length):
        shape = tuple(mask.shape) if isinstance(mask, torch.Tensor) else type(mask).__name__
        return Verdict(False, f"the mask is {shape}, want {(length, length)} for T = {length}: a row for each "
                              f"place, a column for each element")
    if mask.dtype != torch.bool:
        return Verdict(False, f"the mask is {mask.dtype}, want torch.bool: compare, or end with .bool()")
    want = torch.arange(length)[:, None] > torch.arange(length)
    if torch.equal(mask, want):
        return Verdict(True, "right: each place sees all that stand before it, and nothing else")
    if torch.equal(mask, ~want):
        return Verdict(False, f"turned round: {FUTURE} and {ITSELF}, and nothing of the past; True means “may be seen” here")
    if torch.equal(mask, want.T):
        return Verdict(False, f"transposed: {FUTURE} and nothing of the past; the row is the place that tells, the column what it "
                              f"sees")
    return Verdict(False, _leak(mask, want))


def _leak(seen, want):
    """Words for bool maps (T, T) of what each place sees and should see."""
    places = torch.arange(len(want))
    future, itself = (seen & (places > places[:, None])).any(), seen.diagonal().any()
    if future:
        row, column = (seen & (places > places[:, None])).nonzero()[0].tolist()
        steps = "one step too far" if not (seen & (places > places[:, None] + 1)).any() else f"place {row} sees element {column}"
        return f"{FUTURE} ({steps}): what is to come must not be seen, or it is copied and nothing is learnt"
    if itself:
        return f"{ITSELF} (place {int(seen.diagonal().nonzero()[0])}): what is to be told must not be seen; those before it alone"
    if not seen.diagonal(-1).all():
        row = int((~seen.diagonal(-1)).nonzero()[0]) + 1
        return f"{BLIND} (place {row} sees nothing of element {row - 1}): it tells most; shift by one step, not by two"
    row, column = (want & ~seen).nonzero()[0].tolist()
    return f"some of the past is not seen: place {row} should see element {column}"


def next_problem(function):
    """Checks function(tokens (B, T), start) → inputs (B, T), targets (B, T), for a network whose place t sees inputs[:, :t + 1].

    Then inputs are the tokens moved on by one, the token `start` first, and targets the tokens themselves.
    """
    start, number, length = 99, 3, 9
    tokens = torch.arange(1, number * length + 1).view(number, length)
    changed = {0: "the tokens that were given have been changed: work on a copy, or the data are spoilt for the next step"}
    answer, verdict = answer_of(function, tokens, start, changed=changed)
    verdict = verdict or not_two_tensors(answer, "inputs, targets")
    if verdict:
        return verdict
    inputs, targets = (part.long() if not_whole(part) is None else part for part in answer)
    says = _shapes(inputs, targets, tokens) or _targets(inputs, targets, tokens, start) or _inputs(inputs, tokens, start)
    return Verdict(says is None, says or "right: place t sees all before element t, and is asked for element t")


def _shapes(inputs, targets, tokens):
    number, length = tokens.shape
    cut = inputs.shape == targets.shape == (number, length - 1)
    if cut and torch.equal(inputs, tokens[:, :-1]) and torch.equal(targets, tokens[:, 1:]):
        return "nothing leaks, but the first element is never told: put `start` before it, so that all T are"
    for name, part in (("inputs", inputs), ("targets", targets)):
        if not_whole(part):
            return f"{name} are {part.dtype}, want whole numbers: tokens"
        if part.shape != tokens.shape:
            return f"{name} are {tuple(part.shape)}, want {(number, length)}, as the tokens are"
    return None


def _targets(inputs, targets, tokens, start):
    """What is wrong with the targets. Whoever shifts them, and not the inputs, gets the first or the last one wrong."""
    if torch.equal(targets, tokens):
        return None
    if torch.equal(inputs, tokens) and torch.equal(targets, torch.cat([tokens[:, 1:], tokens[:, :1]], 1)):
        return "the last target is the first element (roll goes round): leave the targets, and move the inputs on by one"
    if torch.equal(inputs, tokens) and torch.equal(targets[:, 1:], tokens[:, :-1]):
        return (f"{ITSELF}, and the one after it: targets were moved on in place of inputs, so that each place is asked for what "
                f"it saw a step ago")
    if torch.equal(inputs, tokens) and torch.equal(targets[:, :-1], tokens[:, 1:]):
        return "nothing leaks, but the first element is never told, and the last target is none: move the inputs on by one instead"
    return "targets are not the tokens: whatever the network sees, it is to tell the elements themselves"


def _inputs(inputs, tokens, start):
    """What is wrong with the inputs, targets being the tokens."""
    number, length = tokens.shape
    row = inputs[0].tolist()
    source = [token - 1 if token != start else -1 for token in row]                               # which element each place shows
    if not all(-1 <= element < tokens.numel() for element in source):
        return "inputs hold tokens that were never given"
    if torch.equal(inputs, tokens.roll(1, 1)):
        return f"{FUTURE}: roll goes round, so that the first place sees the last element; put `start` there"
    if torch.equal(inputs.flatten()[1:], tokens.flatten()[:-1]):
        return "texts run into one another: place 0 of a text sees the end of the one before it; shift along the second dimension"
    if torch.equal(inputs[:, 1:], tokens[:, :-1]) and (inputs[:, 0] == inputs[0, 0]).all() and inputs[0, 0] != start:
        return f"the first input is {int(inputs[0, 0])} in every text, want `start`, which is {start} here"
    if torch.equal(inputs, tokens.roll(1, 0)):
        return "each text is shown another text: shift along the second dimension, the places, not along the batch"
    later = next((place for place, element in enumerate(source) if element > place), None)
    if later is not None:
        return f"{FUTURE}: place {later} is shown a later element"
    itself = next((place for place, element in enumerate(source) if element == place), None)
    if itself is not None:
        return f"{ITSELF}: place {itself} is shown what it is asked for; move on by one"
    want = torch.cat([torch.full((number, 1), start), tokens[:, :-1]], 1)
    if torch.equal(inputs, want):
        return None
    if (inputs[:, 0] != start).any():
        return "the first input is no `start`: nothing stands before the first element"
    return f"{BLIND}: place 1 is shown {'`start`' if source[1] < 0 else 'something else'}, want element 0; move on by one step"
