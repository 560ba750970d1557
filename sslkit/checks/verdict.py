"""What a check answers."""

from typing import NamedTuple

import torch


class Verdict(NamedTuple):
    """What a check found. right: whether the function does what was asked. says: the sentence for the student."""

    right: bool
    says: str

    def __repr__(self):
        return ("✓ " if self.right else "✗ ") + self.says


def answer_of(function, *arguments):
    """The function's own answer and None, or None and the verdict on a function that is not written or raises."""
    try:
        answer = function(*arguments)
    except NotImplementedError:
        return None, Verdict(False, "not written yet: replace `raise NotImplementedError` and run both cells again")
    except Exception as error:                                     # a student's own error, told back to them
        return None, Verdict(False, f"your function raised {type(error).__name__}: {error}")
    if answer is None:
        return None, Verdict(False, "your function returns nothing: its last line should be `return …`")
    return answer, None


def not_two_tensors(answer, which):
    """A verdict on anything but a pair of tensors, or None. which: what the two are, for the student."""
    if not (isinstance(answer, (tuple, list)) and len(answer) == 2 and all(isinstance(part, torch.Tensor) for part in answer)):
        return Verdict(False, f"return two tensors: {which}")
    return None
