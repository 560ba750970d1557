"""One method a file."""

from . import holes
from .colorization import Colorization
from .inpainting import Inpainting
from .jigsaw import Jigsaw
from .relative_patch import RelativePatch
from .rotation import Rotation
from .split_brain import SplitBrain
from .supervised import Supervised

__all__ = ["Colorization", "Inpainting", "Jigsaw", "RelativePatch", "Rotation", "SplitBrain", "Supervised", "holes"]
