"""One method a file."""

from . import holes, masks
from .autoregressive import Autoregressive
from .byol import BYOL
from .colorization import Colorization
from .forecast import Forecast
from .inpainting import Inpainting
from .jigsaw import Jigsaw
from .mae import MAE
from .masked_lm import IGNORE, MaskedLM
from .moco import MoCo
from .pseudo_label import PseudoLabel
from .relative_patch import RelativePatch
from .rotation import Rotation
from .simclr import SimCLR
from .split_brain import SplitBrain
from .supervised import Supervised
from .vicreg import VICReg
from .vqvae import VQVAE

__all__ = ["Autoregressive", "BYOL", "Colorization", "Forecast", "IGNORE", "Inpainting", "Jigsaw", "MAE", "MaskedLM", "MoCo", "PseudoLabel",
           "RelativePatch", "Rotation", "SimCLR", "SplitBrain", "Supervised", "VICReg", "VQVAE",
           "holes", "masks"]
