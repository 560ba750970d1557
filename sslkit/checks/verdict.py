"""What a check answers."""

from typing import NamedTuple

import torch

from . import sandbox

CHANGED = (
    "what your function was given (argument {}) has been changed: work on a copy, others need the "
    "original"
)


class Verdict(NamedTuple):
    """What a check found. right: whether it does what was asked. says: in one sentence."""

    right: bool
    says: str

    def __repr__(self):
        return ("✓ " if self.right else "✗ ") + self.says


def answer_of(function, *arguments, changed: dict[int, str] | None = None, seed: int = 0):
    """The function's own answer and None, or None and the verdict on a function that gives none.

    It runs in a process of its own (`sandbox.run`). changed: what to say where it changed argument
    number …; for others there is a sentence for all. seed: of the random numbers that it draws.
    """
    outcome = sandbox.run(function, *arguments, seed=seed)
    print(outcome.printed[:10_000], end="")  # a student's own print is wanted where it stands
    if outcome.error == "NotImplementedError":
        return None, Verdict(
            False, "not written yet: replace `raise NotImplementedError` and run both cells again"
        )
    if outcome.ended != "answered":
        return None, Verdict(False, outcome.says)
    if outcome.changed:
        first = outcome.changed[0]
        return None, Verdict(False, (changed or {}).get(first, CHANGED.format(first + 1)))
    verdict = nothing(outcome.answer)
    return outcome.answer, verdict


def nothing(answer):
    """A verdict on a function that returned None, or None."""
    return (
        Verdict(False, "your function returns nothing: its last line should be `return …`")
        if answer is None
        else None
    )


def not_two_tensors(answer, which):
    """A verdict on anything but a pair of tensors, or None. which: what the two are, in words."""
    if not (
        isinstance(answer, (tuple, list))
        and len(answer) == 2
        and all(isinstance(part, torch.Tensor) for part in answer)
    ):
        return Verdict(False, f"return two tensors: {which}")
    return None


def not_real(answer, what="the answer"):
    """A verdict on a tensor of anything but floating-point numbers, or None."""
    if not answer.is_floating_point():
        return Verdict(
            False, f"{what} is {answer.dtype}, want floating-point numbers such as torch.float32"
        )
    return None


def not_whole(answer, what="the answer"):
    """A verdict on a tensor of anything but whole numbers, or None."""
    if answer.is_floating_point() or answer.is_complex() or answer.dtype == torch.bool:
        return Verdict(False, f"{what} is {answer.dtype}, want whole numbers, torch.int64")
    return None


def with_gradients(function, *arguments):
    """function(*arguments) → its answer, and its gradient at each argument (None: none flows).

    To be run in the process of the function, since a graph of gradients cannot leave it.
    """
    answer = function(*arguments)
    if not isinstance(answer, torch.Tensor) or answer.ndim or not answer.requires_grad:
        return answer, None
    wanted = [part for part in arguments if isinstance(part, torch.Tensor) and part.requires_grad]
    return answer, list(torch.autograd.grad(answer, wanted, allow_unused=True))
