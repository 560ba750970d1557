"""One method a file."""

from . import holes
from .byol import BYOL
from .colorization import Colorization
from .inpainting import Inpainting
from .jigsaw import Jigsaw
from .moco import MoCo
from .relative_patch import RelativePatch
from .rotation import Rotation
from .simclr import SimCLR
from .split_brain import SplitBrain
from .supervised import Supervised

__all__ = ["BYOL", "Colorization", "Inpainting", "Jigsaw", "MoCo", "RelativePatch", "Rotation", "SimCLR", "SplitBrain", "Supervised",
           "holes"]
