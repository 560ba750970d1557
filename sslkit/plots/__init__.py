"""Arrays → matplotlib Figures. Pictures know tasks; tasks know no pictures. No widgets here, and no pyplot.

Every function draws into a new Figure, or into the `figure` (or subfigure) it is given, and returns it.
"""

from . import losses
from .augmentation import operations, views
from .budgets import against_compute
from .colorization import ab_plane, colorized
from .comparison import advantage, by_labels, compared, cost, kept
from .curves import bars, choose, factors, grid, label_curve, labels_needed, layers, training
from .diagrams import field_map, field_map_html, pipeline
from .embedding import embedding, neighbourhood, neighbours, side_by_side
from .family import family
from .faults import found_by_kind, horizons, thresholds, timeline
from .hover import embedding_html
from .inpainting import fillings
from .jigsaw import permutation_distances, puzzle
from .language import corruption
from .look import GREY, INK, METHODS, PALE, RIGHT, WRONG, Picture, new, pale, png, style
from .masking import by_ratio, mask_kinds, masked, masked_sentence
from .pictures import attention, contact_sheet, energy, heat, image_grid, rotations
from .projection import align, nearest, project
from .reach import reach, sensitivity
from .relative_patch import patch_directions, patch_pairs
from .series import series, surprise
from .sound import listen, wave_so_far, waves
from .tokens import next_level, next_token, so_far, tokens_map, written

__all__ = ["GREY", "INK", "METHODS", "PALE", "Picture", "RIGHT", "WRONG", "ab_plane", "against_compute", "advantage", "align", "attention", "bars",
           "by_labels", "by_ratio", "choose", "colorized", "compared", "contact_sheet", "corruption", "cost", "embedding",
           "embedding_html", "energy", "factors", "family", "field_map", "field_map_html", "fillings", "found_by_kind", "grid",
           "heat", "horizons", "image_grid", "kept", "label_curve", "labels_needed", "layers", "listen", "losses", "mask_kinds",
           "masked", "masked_sentence", "nearest", "neighbourhood", "neighbours", "new", "next_level", "next_token", "operations",
           "pale", "patch_directions", "patch_pairs", "permutation_distances", "pipeline", "png", "project", "puzzle", "reach",
           "rotations", "sensitivity", "series", "side_by_side", "so_far", "style", "surprise", "thresholds", "timeline",
           "tokens_map", "training", "views", "wave_so_far", "waves", "written"]
