"""Vision and text transformers, against plain loops, torch's own attention, and lightly's patches."""

import math

import pytest
import torch
from torch.nn import functional as F

from sslkit import evaluate
from sslkit.networks import GPT, Block, TextTransformer, ViT, patchify, sine_positions, unpatchify
from sslkit.networks.transformer import attention


def test_patches_are_those_of_plain_loops():
    images = torch.rand(2, 3, 8, 12)
    patches = patchify(images, 4)
    for picture in range(2):
        for number in range(6):
            top, left = number // 3 * 4, number % 3 * 4
            by_hand = [images[picture, channel, top + row, left + column] for row in range(4) for column in range(4) for channel in range(3)]
            assert torch.equal(patches[picture, number], torch.stack(by_hand))
    square = torch.rand(2, 3, 12, 12)
    assert torch.equal(unpatchify(patchify(square, 4), 4), square)


def test_patches_are_those_of_lightly():
    lightly = pytest.importorskip("lightly.models.utils", reason="lightly comes only with the extra `bench`")
    square = torch.rand(2, 3, 12, 12)
    assert torch.equal(patchify(square, 4), lightly.patchify(square, 4))
    assert torch.equal(unpatchify(patchify(square, 4), 4), lightly.unpatchify(lightly.patchify(square, 4), 4))


def test_positions_are_two_dimensional_sines_columns_first():
    """As MAE's code has them: half of the dims for the column, half for the row, sines before cosines, rates from 1 to 1/10,000."""
    positions = sine_positions(3, 8)
    for row in range(3):
        for column in range(3):
            by_hand = [wave(place * 10_000 ** -(k / 2)) for place in (column, row) for wave in (math.sin, math.cos) for k in range(2)]
            torch.testing.assert_close(positions[3 * row + column], torch.tensor(by_hand))
    with pytest.raises(ValueError, match="multiple of 4"):
        sine_positions(3, 6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_attention_is_torchs(causal, dtype):
    close = {"rtol": 0, "atol": 0.03} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-5}
    for length in (5, 70):
        ours = [torch.randn(2, 3, length, 4, dtype=dtype, requires_grad=True) for _ in range(3)]
        theirs = [part.detach().double().requires_grad_() for part in ours]
        found, wanted = attention(*ours, causal), F.scaled_dot_product_attention(*theirs, is_causal=causal)
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), wanted, **close)
        found.double().square().sum().backward()
        wanted.square().sum().backward()
        for mine, other in zip(ours, theirs):
            torch.testing.assert_close(mine.grad.double(), other.grad, **({"rtol": 0.05, "atol": 0.1} if dtype == torch.bfloat16 else close))


def stirred(network):
    """In float64, and with no weight at the nought or one that it begins with."""
    network = network.double()
    for parameter in network.parameters():
        parameter.add_(0.2 * torch.randn_like(parameter))
    return network


def written_out(block, x):
    """A block in plain loops: x (T, dim) → the same, with its own weights."""
    places, dim = x.shape
    normed = F.layer_norm(x, (dim,), block.norm1.weight, block.norm1.bias)
    q, k, v = (normed @ block.queries_keys_values.weight.T + block.queries_keys_values.bias).split(dim, 1)
    mixed, width = torch.zeros_like(x), dim // block.heads
    for head in range(block.heads):
        part = slice(head * width, (head + 1) * width)
        for place in range(places):
            seen = range(place + 1) if block.causal else range(places)
            scores = [math.exp(q[place, part] @ k[other, part] / math.sqrt(width)) for other in seen]
            mixed[place, part] = sum(score * v[other, part] for score, other in zip(scores, seen)) / sum(scores)
    middle = x + mixed @ block.mix.weight.T + block.mix.bias
    return middle + block.mlp(F.layer_norm(middle, (dim,), block.norm2.weight, block.norm2.bias))


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
def test_a_block_written_out(causal):
    torch.manual_seed(0)
    block, x = stirred(Block(12, 3, causal)), torch.randn(1, 5, 12, dtype=torch.float64)
    torch.testing.assert_close(block(x)[0], written_out(block, x[0]))


@torch.no_grad()
def test_the_encoder_of_some_patches_written_out():
    """What is left out takes no part: these patches, their own places, attention among them, and the norm at the end."""
    torch.manual_seed(0)
    vit, patches = stirred(ViT(16, 4, 16, 2, 2)), torch.rand(2, 3, 48, dtype=torch.float64)
    where = torch.tensor([[1, 5, 7], [14, 3, 0]])
    found = vit.encode(patches, where)
    for picture in range(2):
        x = torch.stack([vit.embed((patch - 0.5) / 0.25) + vit.positions[place] for patch, place in zip(patches[picture], where[picture])])
        for block in vit.blocks:
            x = written_out(block, x)
        torch.testing.assert_close(found[picture], F.layer_norm(x, (16,), vit.norm.weight, vit.norm.bias))


def test_the_encoder_of_some_patches_knows_only_these():
    torch.manual_seed(0)
    vit, images = ViT(16, 4, 16, 2, 2).eval(), torch.rand(2, 3, 16, 16)
    patches, where = vit.patches(images), torch.tensor([[1, 5, 7], [0, 3, 15]])
    some = patches.gather(1, where[:, :, None].expand(-1, -1, 48))
    whole = vit.encode(patches)
    torch.testing.assert_close(whole.transpose(1, 2).unflatten(2, (4, 4)), vit.features(images))
    torch.testing.assert_close(vit(images), whole.mean(1))
    assert not torch.allclose(vit.encode(some, where)[0, 0], whole[0, 1]), "attention to what was left out"
    first = vit.blocks[0](vit.start(patches)).transpose(1, 2)
    torch.testing.assert_close(vit.features(images, 1).flatten(2), first)                          # the norm stands at the end alone
    turned = [2, 0, 1]
    torch.testing.assert_close(vit.encode(some[:, turned], where[:, turned]), vit.encode(some, where)[:, turned])
    stages = list(vit.stages(images))
    assert [maps.shape for maps in stages] == [(2, 16, 4, 4)] * 2 and vit.channels == (16, 16) and vit.dim == 16
    for depth, maps in enumerate(stages, 1):
        assert torch.equal(vit.features(images, depth), maps)
        torch.testing.assert_close(evaluate.Layer(vit, depth, 2)(images), F.avg_pool2d(maps, 2).flatten(1))


def test_positions_of_patches_count():
    torch.manual_seed(0)
    vit, patches = ViT(16, 4, 16, 1, 2), torch.rand(1, 2, 48)
    assert not torch.allclose(vit.encode(patches, torch.tensor([[0, 1]])), vit.encode(patches, torch.tensor([[0, 9]])))


@pytest.mark.parametrize("make, words", [(lambda: ViT(30, 4), "4 pixels do not divide pictures of 30"), (lambda: ViT(dim=190), "dim=190, heads=3"),
                                         (lambda: patchify(torch.rand(1, 3, 10, 8), 4), "do not divide pictures of 10 × 8"),
                                         (lambda: ViT(16, 4, 16, 1, 2)(torch.rand(1, 3, 32, 32)), "32 × 32 pixels.*made for 16 × 16"),
                                         (lambda: ViT(16, 4, 16, 1, 2).features(torch.rand(1, 3, 16, 16), 2), "blocks 1 to 1"),
                                         (lambda: TextTransformer(9, 4, 8, 1, 2)(torch.tensor([[0, 9]])), "tokens from 0 to 9.*knows 0 to 8"),
                                         (lambda: TextTransformer(9, 4, 8, 1, 2)(torch.tensor([[-1, 3]])), "tokens from -1"),
                                         (lambda: TextTransformer(9, 4, 8, 1, 2)(torch.zeros(1, 5, dtype=torch.long)), "5 tokens.*at most 4"),
                                         (lambda: GPT(9, 4, 8, 1, 2)(torch.rand(1, 3)), "whole numbers"),
                                         (lambda: TextTransformer(9, 4, 8, 1, 2)(torch.zeros(1, 0, dtype=torch.long)), "at least one")])
def test_what_cannot_work_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_text_transformer_looks_both_ways():
    torch.manual_seed(0)
    encoder = TextTransformer(20, 6, 16, 2, 2).eval()
    tokens = torch.randint(20, (1, 6))
    changed = tokens.clone()
    changed[0, 5] = (tokens[0, 5] + 1) % 20
    moved = (encoder.features(changed) - encoder.features(tokens)).abs().amax(1)[0]
    assert (moved > 0).all()
    assert encoder(tokens).shape == (1, 16) and encoder.features(tokens[:, :3]).shape == (1, 16, 3)
    assert evaluate.Layer(encoder, 1, 2)(tokens).shape == (1, 32)
