"""Arrays → matplotlib Figures. Pictures know tasks; tasks know no pictures. No widgets here, and no pyplot.

Every function draws into a new Figure, or into the `figure` (or subfigure) it is given, and returns it.
"""

from . import losses
from .augmentation import operations, views
from .colorization import ab_plane, colorized
from .comparison import advantage, by_labels, compared, cost, kept, neighbours, side_by_side
from .curves import bars, choose, factors, grid, label_curve, labels_needed, layers, training
from .diagrams import field_map, field_map_html, pipeline
from .embedding import align, embedding, embedding_html, nearest, neighbourhood, project
from .family import family
from .faults import found_by_kind, horizons, thresholds, timeline
from .inpainting import fillings
from .jigsaw import permutation_distances, puzzle
from .language import corruption
from .look import GREY, INK, METHODS, PALE, RIGHT, WRONG, Picture, new, pale, png, style
from .masking import by_ratio, mask_kinds, masked, masked_sentence
from .pictures import attention, contact_sheet, energy, heat, image_grid, rotations
from .relative_patch import patch_directions, patch_pairs
from .sequences import (listen, next_level, next_token, reach, sensitivity, series, so_far, surprise, tokens_map,
                        wave_so_far, waves, written)

__all__ = ["GREY", "INK", "METHODS", "PALE", "Picture", "RIGHT", "WRONG", "ab_plane", "advantage", "align", "attention", "bars",
           "by_labels", "by_ratio", "choose", "colorized", "compared", "contact_sheet", "corruption", "cost", "embedding",
           "embedding_html", "energy", "factors", "family", "field_map", "field_map_html", "fillings", "found_by_kind", "grid",
           "heat", "horizons", "image_grid", "kept", "label_curve", "labels_needed", "layers", "listen", "losses", "mask_kinds",
           "masked", "masked_sentence", "nearest", "neighbourhood", "neighbours", "new", "next_level", "next_token", "operations",
           "pale", "patch_directions", "patch_pairs", "permutation_distances", "pipeline", "png", "project", "puzzle", "reach",
           "rotations", "sensitivity", "series", "side_by_side", "so_far", "style", "surprise", "thresholds", "timeline",
           "tokens_map", "training", "views", "wave_so_far", "waves", "written"]
