"""One method a file."""

from .rotation import Rotation
from .supervised import Supervised

__all__ = ["Rotation", "Supervised"]
