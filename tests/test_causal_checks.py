"""The checks of the exercises on causality: every mistake they must name, and several right answers."""

import pytest
import torch
from torch.nn import functional as F

from sslkit import checks


def places(length):
    return torch.arange(length)[:, None], torch.arange(length)


def compared(length):
    row, column = places(length)
    return column < row


MASKS_RIGHT = {
    "compared": compared,
    "tril": lambda length: torch.ones(length, length).tril(-1).bool(),
    "triu, turned round": lambda length: ~torch.ones(length, length, dtype=torch.bool).triu(),
    "a list": lambda length: torch.tensor([[column < row for column in range(length)] for row in range(length)])}
MASKS_WRONG = {
    "itself": (lambda length: torch.ones(length, length).tril().bool(), "you see the element itself"),
    "one ahead": (lambda length: torch.ones(length, length).tril(1).bool(), "you see the future (one step too far)"),
    "everything": (lambda length: torch.ones(length, length).bool(), "you see the future"),
    "all but itself": (lambda length: ~torch.eye(length, dtype=torch.bool), "you see the future"),
    "itself alone": (lambda length: torch.eye(length, dtype=torch.bool), "you see the element itself"),
    "two back": (lambda length: torch.ones(length, length).tril(-2).bool(), "you do not see the one just before"),
    "nothing": (lambda length: torch.zeros(length, length, dtype=torch.bool), "you do not see the one just before"),
    "the nearest alone": (lambda length: torch.ones(length, length).tril(-1).triu(-1).bool(), "some of the past is not seen"),
    "turned round": (lambda length: torch.ones(length, length).triu().bool(), "turned round"),
    "transposed": (lambda length: torch.ones(length, length).triu(1).bool(), "transposed"),
    "numbers": (lambda length: torch.ones(length, length).tril(-1), "torch.bool"),
    "for attention": (lambda length: torch.full((length, length), -torch.inf).triu(), "torch.bool"),
    "a vector": (lambda length: torch.arange(length) > 0, "want (7, 7)"),
    "one length": (lambda length: compared(7), "want (1, 1)"),
    "no tensor": (lambda length: [[False]], "list"),
    "not written": (lambda length: 1 / 0, "raised"),
    "nothing returned": (lambda length: None, "returns nothing")}


def started(tokens, start):
    return torch.cat([torch.full_like(tokens[:, :1], start), tokens[:, :-1]], 1)


def rolled(tokens, start):
    inputs = tokens.roll(1, 1)
    inputs[:, 0] = start
    return inputs, tokens


def changed(tokens, start):
    tokens[:, 0] = start
    return tokens, tokens


def later(tokens, start, by):
    return torch.cat([tokens[:, by:], torch.full_like(tokens[:, :by], start)], 1)


PROBLEMS_RIGHT = {"joined": lambda tokens, start: (started(tokens, start), tokens), "rolled": rolled,
                  "padded": lambda tokens, start: (F.pad(tokens, (1, 0), value=start)[:, :-1], tokens),
                  "a list": lambda tokens, start: [started(tokens, start), tokens.clone()]}
PROBLEMS_WRONG = {
    "itself": (lambda tokens, start: (tokens, tokens), "you see the element itself"),
    "ahead": (lambda tokens, start: (later(tokens, start, 1), tokens), "you see the future"),
    "two ahead": (lambda tokens, start: (later(tokens, start, 2), tokens), "you see the future"),
    "two back": (lambda tokens, start: (started(started(tokens, start), start), tokens), "you do not see the one just before"),
    "goes round": (lambda tokens, start: (tokens.roll(1, 1), tokens), "roll goes round"),
    "run together": (lambda tokens, start: (tokens.flatten().roll(1).view_as(tokens), tokens), "run into one another"),
    "wrong dimension": (lambda tokens, start: (tokens.roll(1, 0), tokens), "along the second dimension"),
    "no start": (lambda tokens, start: (torch.cat([tokens[:, :1], tokens[:, :-1]], 1), tokens), "you see the element itself"),
    "another start": (lambda tokens, start: (started(tokens, 2), tokens), "the first input is 2"),
    "a start of one's own": (lambda tokens, start: (started(tokens, 0), tokens), "the first input is 0"),
    "cut": (lambda tokens, start: (tokens[:, :-1], tokens[:, 1:]), "the first element is never told"),
    "both moved": (lambda tokens, start: (started(tokens, start), later(tokens, start, 1)), "targets are not the tokens"),
    "both the same": (lambda tokens, start: (started(tokens, start),) * 2, "targets are not the tokens"),
    "targets back": (lambda tokens, start: (tokens, started(tokens, start)), "you see the element itself"),
    "targets ahead": (lambda tokens, start: (tokens, later(tokens, start, 1)), "the first element is never told"),
    "targets round": (lambda tokens, start: (tokens, tokens.roll(-1, 1)), "roll goes round"),
    "changed": (changed, "have been changed"),
    "longer": (lambda tokens, start: (F.pad(tokens, (1, 0), value=start), tokens), "want (3, 9)"),
    "floats": (lambda tokens, start: (started(tokens, start).float(), tokens), "whole numbers"),
    "one alone": (lambda tokens, start: started(tokens, start), "inputs, targets"),
    "not written": (lambda tokens, start: 1 / 0, "raised")}


@pytest.mark.parametrize("name", MASKS_RIGHT)
def test_right_masks_pass(name):
    assert checks.causal_mask(MASKS_RIGHT[name]).right


@pytest.mark.parametrize("name", MASKS_WRONG)
def test_mistakes_in_a_mask_are_named(name):
    function, says = MASKS_WRONG[name]
    verdict = checks.causal_mask(function)
    assert not verdict.right and says in verdict.says, verdict


@pytest.mark.parametrize("name", PROBLEMS_RIGHT)
def test_right_shifts_pass(name):
    assert checks.next_problem(PROBLEMS_RIGHT[name]).right


@pytest.mark.parametrize("name", PROBLEMS_WRONG)
def test_mistakes_in_a_shift_are_named(name):
    function, says = PROBLEMS_WRONG[name]
    verdict = checks.next_problem(function)
    assert not verdict.right and says in verdict.says, verdict


@pytest.mark.parametrize("check", [checks.causal_mask, checks.next_problem])
def test_what_is_not_written_yet_is_no_mistake(check):
    def empty(*arguments):
        raise NotImplementedError
    assert "not written yet" in check(empty).says
