"""What a measurement was made on and with: every stored number says so."""

import os
import platform

import torch

from .train import choose_device


def machine(device=None):
    """What a measurement was made on and with."""
    device = choose_device(device)
    import torchvision

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"device": device.type, "name": name, "cores": os.cpu_count(), "threads": torch.get_num_threads(),
            "python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__}
