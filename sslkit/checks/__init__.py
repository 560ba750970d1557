"""Checks of student code that name the mistake. Each takes the student's function and says in one sentence what is wrong."""

import sys

from .causal import causal_mask, next_problem
from .colorization import annealed_mean
from .comparison import nearest_mean
from .contrastive import byol_loss, nt_xent, two_views
from .inpainting import hole_loss
from .jigsaw import hamming_distances, jigsaw_problem
from .language import corruption, unigram_bits
from .masked import mae_loss, patchify, random_masking
from .probe import frozen_features
from .relative_patch import relative_patch_problem
from .rotation import rotation_problem
from .sandbox import Outcome, run, warm
from .series import forecast_windows, standardised
from .verdict import Verdict

__all__ = ["Outcome", "Verdict", "annealed_mean", "byol_loss", "causal_mask", "corruption", "forecast_windows", "frozen_features",
           "hamming_distances", "hole_loss", "jigsaw_problem", "mae_loss", "nearest_mean", "next_problem", "nt_xent", "patchify",
           "random_masking", "relative_patch_problem", "rotation_problem", "run", "standardised", "two_views", "unigram_bits"]

if hasattr(getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)(), "kernel"):
    warm()                                                         # in a notebook: ready before the first check is run
