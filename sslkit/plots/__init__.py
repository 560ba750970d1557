"""Arrays → matplotlib Figures. Pictures know tasks; tasks know no pictures. No widgets here, and no pyplot.

Every function draws into a new Figure, or into the `figure` (or subfigure) it is given, and returns it.
"""

from . import losses
from .augmentation import operations, views
from .colorization import ab_plane, colorized
from .curves import bars, choose, factors, grid, label_curve, labels_needed, layers, training
from .diagrams import field_map, field_map_html, pipeline
from .embedding import align, embedding, embedding_html, nearest, neighbourhood, project
from .inpainting import fillings
from .jigsaw import permutation_distances, puzzle
from .look import GREY, INK, METHODS, PALE, RIGHT, WRONG, Picture, new, pale, png, style
from .pictures import attention, contact_sheet, energy, heat, image_grid, rotations
from .relative_patch import patch_directions, patch_pairs

__all__ = ["GREY", "INK", "METHODS", "PALE", "RIGHT", "WRONG", "Picture", "ab_plane", "align", "attention", "bars", "choose",
           "colorized", "contact_sheet", "embedding", "embedding_html", "energy", "factors", "field_map", "field_map_html",
           "fillings", "grid", "heat", "image_grid", "label_curve", "labels_needed", "layers", "losses", "nearest", "neighbourhood", "new",
           "operations", "pale", "patch_directions", "patch_pairs", "permutation_distances", "pipeline", "png", "project",
           "puzzle", "rotations", "style", "training", "views"]
