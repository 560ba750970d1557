"""Encoders keep their promises: dim, features, depth, their own normalisation."""

import pytest
import torch
from torchvision.models import resnet18

from sslkit.networks import ConvNet, LightnessEncoder, ResNet18, SplitEncoder, mlp


@pytest.mark.parametrize("make, size", [(lambda: ConvNet(8), 32), (lambda: ConvNet(8, dim=40), 24), (ResNet18, 32), (lambda: ConvNet(8), 96)])
def test_shapes(make, size):
    encoder, images = make().eval(), torch.rand(2, 3, size, size)
    maps = encoder.features(images)
    assert maps.shape[:2] == (2, encoder.dim) and encoder(images).shape == (2, encoder.dim)
    torch.testing.assert_close(encoder(images), maps.mean((2, 3)))
    for depth in range(1, len(encoder.blocks) + 1):
        assert encoder.features(images, depth).ndim == 4
    assert torch.equal(encoder.features(images, len(encoder.blocks)), maps)
    for depth in (0, len(encoder.blocks) + 1):
        with pytest.raises(ValueError, match="blocks 1 to 4"):
            encoder.features(images, depth)


def test_resnet_is_torchvisions_but_for_the_stem():
    ours = sum(p.numel() for p in ResNet18().parameters())
    theirs = resnet18(num_classes=1)
    stem_and_head = theirs.conv1.weight.numel() + sum(p.numel() for p in theirs.fc.parameters())
    assert ours == sum(p.numel() for p in theirs.parameters()) - stem_and_head + 64 * 3 * 9
    assert ResNet18().features(torch.rand(2, 3, 32, 32)).shape == (2, 512, 4, 4)


def test_the_encoder_owns_its_normalisation():
    encoder = ConvNet(8).eval()
    seen = []
    encoder.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(torch.full((1, 3, 32, 32), 0.5))
    assert (seen[0] == 0).all() and "mean" not in encoder.state_dict()


def test_stages_are_the_features_of_every_depth_and_channels_their_widths():
    for encoder in (ConvNet(8).eval(), ResNet18().eval(), LightnessEncoder(ConvNet(8)).eval()):
        images = torch.rand(2, 3, 32, 32)
        stages = list(encoder.stages(images))
        assert [maps.shape[1] for maps in stages] == list(encoder.channels) and encoder.channels[-1] == encoder.dim
        for depth, maps in enumerate(stages, 1):
            assert torch.equal(maps, encoder.features(images, depth))


def test_one_channel_is_taken_for_grey():
    encoder, grey = ConvNet(8).eval(), torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(encoder(grey), encoder(grey.expand(-1, 3, -1, -1)))


def test_wrapped_encoders_hold_each_weight_once():
    plain = len(ConvNet(8).state_dict())
    assert len(LightnessEncoder(ConvNet(8)).state_dict()) == plain and len(SplitEncoder(ConvNet(8), ConvNet(8)).state_dict()) == 2 * plain
    assert len(SplitEncoder(ConvNet(8), ConvNet(8)).blocks) == 4


def test_mlp_has_norm_and_relu_between_its_layers_and_none_after():
    head = mlp(6, 5, 4, 3)
    assert [type(layer).__name__ for layer in head] == ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear"]
    assert head(torch.rand(7, 6)).shape == (7, 3) and head[-1].bias is not None
