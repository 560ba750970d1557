"""sslkit: self-supervised learning to read, run and play with."""

from . import data, networks, tasks
from .claims import claim
from .task import Task
from .train import train
from .weights import pretrained

__version__ = "0.1.0"
__all__ = ["Task", "claim", "data", "networks", "pretrained", "tasks", "train"]
