"""Checks of the exercises on probing."""

import torch

from ..networks import ConvNet
from .verdict import Verdict, answer_of, not_real


def frozen_features(function):
    """Checks function(encoder, images uint8 (N, 3, H, W)) → features (N, dim), frozen: a probe must not change the encoder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ConvNet(8)
        images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
        encoder.train()(torch.rand(64, 3, 16, 16))                 # so that the averages of batch norm are its own
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    with torch.no_grad():
        wanted = encoder.eval()(images / 255)                      # (6, dim)
        batch_statistics = encoder.train()(images / 255)
    encoder.load_state_dict(state)
    changed = {0: "the encoder was changed: in training mode batch norm updates its averages; call encoder.eval() first"}
    features, verdict = answer_of(function, encoder, images, changed=changed)
    if verdict:
        return verdict
    if not isinstance(features, torch.Tensor):
        return Verdict(False, f"return a tensor (N, dim), not {type(features).__name__}")
    if features.ndim == 4:
        return Verdict(False, f"these are feature maps {tuple(features.shape)}: average them over the picture, .mean((2, 3)), "
                              f"or call the encoder itself")
    if features.shape != wanted.shape:
        return Verdict(False, f"the features have shape {tuple(features.shape)}, want (N, dim), here {tuple(wanted.shape)}")
    verdict = not_real(features, "the tensor of features")
    if verdict:
        return verdict
    carries, features = features.requires_grad, features.detach().float()
    if torch.allclose(features, batch_statistics, atol=1e-4):
        return Verdict(False, "batch norm used the statistics of this batch, so a picture's features depend on its neighbours: "
                              "call encoder.eval() first")
    if carries:
        return Verdict(False, "the features still carry gradients, so training the probe would train the encoder as well: "
                              "compute them under torch.no_grad()")
    if not torch.allclose(features, wanted, atol=1e-3):
        with torch.no_grad():
            unscaled = encoder.eval()(images.float())
        return Verdict(False, "the pictures went in as 0–255: the encoder wants [0, 1], images / 255"
                       if torch.allclose(features, unscaled, atol=1e-2) else "these are not the encoder's features of these images")
    return Verdict(True, "right: evaluation mode, no gradients, one row a picture")
