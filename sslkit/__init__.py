"""sslkit: self-supervised learning to read, run and play with."""

from .threads import wait_passively

wait_passively()                     # first of all: it has to happen before torch is imported

from . import data, networks, tasks  # noqa: E402
from .claims import claim  # noqa: E402
from .task import Task  # noqa: E402
from .train import train  # noqa: E402
from .weights import pretrained  # noqa: E402

__version__ = "0.1.0"
__all__ = ["Task", "claim", "data", "networks", "pretrained", "tasks", "train"]
