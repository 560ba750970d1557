"""Checks of student code that name the mistake. Each takes the student's function and says in one sentence what is wrong."""

from .probe import frozen_features
from .rotation import rotation_problem
from .verdict import Verdict

__all__ = ["Verdict", "frozen_features", "rotation_problem"]
