"""What an update costs: counted from the layers by hand, and the same for every way of asking."""

import pytest
import torch
from torch import nn

from sslkit import recipes
from sslkit.compute import encoder_compute
from sslkit.networks import ConvNet, SplitEncoder, ViT
from sslkit.tasks import BYOL, MAE, Jigsaw, MoCo, Rotation, SimCLR, SplitBrain

IMAGES = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)


def by_hand(encoder, side, channels=3):
    """FLOPs of a ConvNet's forward pass on one image: two for each weight of each convolution at each place it is applied."""
    total, sizes = 0, {}
    handles = [module.register_forward_hook(lambda layer, given, out: sizes.__setitem__(layer, out.shape[-2:]))
               for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    encoder.eval()(torch.zeros(1, 3, side, side))
    for handle in handles:
        handle.remove()
    for layer, (height, width) in sizes.items():
        total += 2 * layer.weight[0].numel() * layer.out_channels * height * width
    return total


def test_a_convolution_costs_two_flops_for_each_weight_and_place():
    encoder = ConvNet(8)
    cost = encoder_compute(Rotation(encoder), IMAGES)
    assert (cost.images, cost.views) == (8, 32)                    # four rotations of each
    assert cost.flops == 3 * 32 * by_hand(encoder, 32)             # forward, and twice that backward


def test_a_teacher_costs_its_forward_pass_alone():
    encoder = ConvNet(8)
    one = by_hand(encoder, 32)
    assert encoder_compute(SimCLR(encoder), IMAGES)[1:] == (16, 16 * 3 * one)
    assert encoder_compute(BYOL(encoder), IMAGES)[1:] == (32, 16 * 3 * one + 16 * one)
    assert encoder_compute(MoCo(encoder, queue=64), IMAGES)[1:] == (16, 8 * 3 * one + 8 * one)
    assert encoder_compute(MoCo(encoder, queue=64, symmetric=True), IMAGES)[1:] == (32, 16 * 3 * one + 16 * one)


def test_tiles_are_views_and_cost_their_own_size():
    encoder = ConvNet(8)
    cost = encoder_compute(Jigsaw(encoder, 2, gap=0), IMAGES)
    assert cost.views == 8 * 4 and cost.flops == 3 * 32 * by_hand(encoder, 16)


def test_smaller_views_cost_what_they_are():
    encoder = ConvNet(8)
    local = recipes.LOCAL_VIEW
    cost = encoder_compute(SimCLR(encoder, small=(local, local)), IMAGES)
    assert cost.views == 8 * 4 and cost.flops == 3 * 16 * (by_hand(encoder, 32) + by_hand(encoder, 16))


def test_both_halves_of_a_split_encoder_count():
    task = SplitBrain(ConvNet(8), ConvNet(8))
    assert isinstance(task.encoder, SplitEncoder)
    cost = encoder_compute(task, IMAGES)
    assert cost.views == 16 and cost.flops == 3 * 16 * by_hand(ConvNet(8), 32)


def test_mae_pays_for_visible_patches_only():
    seen, every = (encoder_compute(MAE(ViT(32, 4, 32, 2, 2), ratio), IMAGES) for ratio in (0.75, 0.0625))
    assert seen.views == every.views == 8 and 3 < every.flops / seen.flops < 4.5


def test_counting_changes_nothing():
    torch.manual_seed(0)
    task = MoCo(ConvNet(8), queue=64)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    drawn = torch.rand(1)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    encoder_compute(task, IMAGES)
    assert torch.equal(torch.rand(1), expected) and drawn.numel()
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in task.modules())


@pytest.mark.parametrize("method", recipes.RECIPES)
def test_every_recipe_says_its_cost_and_a_budget_buys_updates(method):
    recipe = recipes.RECIPES[method]("cpu", "scenes")
    cost = encoder_compute(recipe.task, IMAGES)
    assert cost.images == 8 and cost.views >= 8 and cost.flops > 0
    assert cost.updates(10.4 * cost.flops) == 10 and cost.updates(1) == 1
    assert cost.of(5) == {"images": 40, "views": 5 * cost.views, "updates": 5, "encoder FLOPs": 5 * cost.flops}
