"""Controls over plots: what a reader can turn, choose and upload. The only package that imports ipywidgets.

Works with ipywidgets 7.7.1 (Colab) and 8. Nothing is printed into `Output`: a figure is drawn anew into one Image.
"""

from .augmentation import AugmentationExplorer
from .autoregressive import AutoregressiveExplorer
from .base import Explorer
from .colorization import ColorizationExplorer
from .comparison import ComparisonExplorer, EmbeddingComparison
from .curve import LabelCurveExplorer, saved
from .embedding import EmbeddingExplorer
from .faults import FaultExplorer
from .inpainting import InpaintingExplorer
from .jigsaw import JigsawExplorer
from .losses import LossExplorer, TemperatureExplorer
from .masked_text import MaskedTextExplorer
from .masking import MaskExplorer
from .monitor import TrainingMonitor
from .pictures import PictureExplorer
from .relative_patch import PatchPositionExplorer
from .rotation import RotationExplorer
from .scene import SceneExplorer
from .upload import read_picture, uploaded

__all__ = ["AugmentationExplorer", "AutoregressiveExplorer", "ColorizationExplorer", "ComparisonExplorer", "EmbeddingComparison",
           "EmbeddingExplorer", "Explorer", "FaultExplorer", "InpaintingExplorer", "JigsawExplorer", "LabelCurveExplorer", "LossExplorer",
           "MaskExplorer", "MaskedTextExplorer", "PatchPositionExplorer", "PictureExplorer", "RotationExplorer", "SceneExplorer",
           "TemperatureExplorer", "TrainingMonitor", "read_picture", "saved", "uploaded"]
