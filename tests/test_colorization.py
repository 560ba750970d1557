"""Colorization and split-brain: what is shown, what is asked, how it is marked."""

import pytest
import torch
from skimage.color import rgb2lab

from sslkit import color, data
from sslkit.evaluate import Layer, embed
from sslkit.networks import ConvNet, LightnessEncoder, SplitEncoder
from sslkit.tasks import Colorization, SplitBrain

IMAGES = data.scenes(4, 32).images / 255


def test_lightness_is_shown_and_the_bin_of_the_mean_colour_asked():
    light, bins = Colorization(ConvNet(8)).make_problem(IMAGES)
    assert light.shape == (4, 1, 32, 32) and bins.shape == (4, 8, 8) and bins.dtype == torch.int64
    for picture in range(4):
        lab = torch.from_numpy(rgb2lab(IMAGES[picture].permute(1, 2, 0).double().numpy())).float()
        torch.testing.assert_close(light[picture, 0], lab[..., 0] / 100, atol=1e-4, rtol=0)
        for row, column in ((0, 0), (3, 5), (7, 7)):
            mean = lab[4 * row:4 * row + 4, 4 * column:4 * column + 4, 1:].mean((0, 1))
            assert int(bins[picture, row, column]) == int((color.ab_bins() - mean).norm(dim=1).argmin())


@pytest.mark.parametrize("soft", [True, False])
def test_the_loss_by_plain_loops(soft):
    torch.manual_seed(0)
    weights = torch.rand(len(color.ab_bins())) + 0.1
    task = Colorization(ConvNet(8), weights, soft=soft)
    logits, bins = torch.randn(2, len(weights), 2, 2), torch.randint(len(weights), (2, 2, 2))
    total, sum_of_weights = 0.0, 0.0
    for picture in range(2):
        for row in range(2):
            for column in range(2):
                right = int(bins[picture, row, column])
                logs = torch.log_softmax(logits[picture, :, row, column], 0)
                target = torch.zeros(len(weights))
                target[right] = 1
                if soft:
                    target = color.soft_encode(color.ab_bins()[right].view(1, 2, 1, 1))[0, :, 0, 0]
                total += float(weights[right] * -(target * logs).sum())
                sum_of_weights += float(weights[right])
    assert float(task.loss(logits, bins)[0]) == pytest.approx(total / sum_of_weights, rel=1e-4)


def test_colorize_keeps_the_lightness_of_every_pixel():
    task = Colorization(ConvNet(8)).eval()
    with torch.no_grad():
        painted = task.colorize(0.25 + 0.5 * IMAGES, temperature=1.0)
        grey = task.colorize(color.lightness(0.25 + 0.5 * IMAGES), temperature=1.0)
    assert painted.shape == IMAGES.shape and torch.equal(painted, grey)
    torch.testing.assert_close(color.lightness(painted), color.lightness(0.25 + 0.5 * IMAGES), atol=0.02, rtol=0)   # faint colours: none clipped


def test_colour_never_reaches_the_encoder():
    task = Colorization(LightnessEncoder(ConvNet(8))).eval()
    turned = color.lab_to_rgb(torch.cat([color.rgb_to_lab(0.4 + 0.2 * IMAGES)[:, :1], color.rgb_to_lab(0.4 + 0.2 * IMAGES)[:, 1:].flip(1)], 1))
    with torch.no_grad():
        for depth in (1, 4):
            torch.testing.assert_close(Layer(task.encoder, depth)(turned), Layer(task.encoder, depth)(0.4 + 0.2 * IMAGES), atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(task.represent(IMAGES), task.encoder(IMAGES))
        torch.testing.assert_close(Colorization(task.encoder.encoder).eval().represent(IMAGES), task.encoder(IMAGES))


def test_split_brain_shows_each_half_what_the_other_must_tell():
    task = SplitBrain(ConvNet(8), ConvNet(16))
    (light, plane), (bins, lightnesses) = task.make_problem(IMAGES)
    assert light.shape == (4, 1, 32, 32) and plane.shape == (4, 3, 32, 32) and bins.shape == lightnesses.shape == (4, 8, 8)
    assert torch.equal(bins, Colorization(ConvNet(8)).make_problem(IMAGES)[1])
    lab = color.rgb_to_lab(IMAGES)
    torch.testing.assert_close((plane[:, :2] - 0.5) * 220, lab[:, 1:], atol=1e-3, rtol=0)
    mean = lab[:, :1].unfold(2, 4, 4).unfold(3, 4, 4).mean((-2, -1))[:, 0]
    assert torch.equal(lightnesses, (mean / 2).floor().long().clamp(0, 49))


def test_split_brain_features_are_both_halves_side_by_side():
    light, plane = ConvNet(8), ConvNet(16)
    task = SplitBrain(light, plane).eval()
    assert task.encoder.dim == 64 + 128 and task.encoder.lightness is light and task.encoder.color is plane
    with torch.no_grad():
        both = task.represent(IMAGES)
        (shown, colours), targets = task.make_problem(IMAGES)
        torch.testing.assert_close(both, torch.cat([light(shown), plane(colours)], 1))
        logits = task((shown, colours))
        loss, logs = task.loss(logits, targets)
        of_light = -logits[1].log_softmax(1).gather(1, targets[1][:, None]).mean()
        of_color = -logits[0].log_softmax(1).gather(1, targets[0][:, None]).mean()
    assert [tuple(part.shape) for part in logits] == [(4, len(color.ab_bins()), 8, 8), (4, 50, 8, 8)]
    torch.testing.assert_close(loss, of_light + of_color)
    assert embed(Layer(task.encoder, 2, 2), data.scenes(5, 32)).shape == (5, (16 + 32) * 4)


def test_what_each_half_says_depends_on_its_half_alone():
    task = SplitBrain(ConvNet(8), ConvNet(8)).eval()
    (light, plane), _ = task.make_problem(IMAGES)
    with torch.no_grad():
        before, after = task((light, plane)), task((torch.rand_like(light), plane))
    assert torch.equal(before[1], after[1]) and not torch.allclose(before[0], after[0])


@pytest.mark.parametrize("make, says", [
    (lambda: Colorization(ConvNet(8)).make_problem(torch.rand(2, 1, 32, 32).expand(-1, 3, -1, -1)), "grey, there is no colour"),
    (lambda: SplitBrain(ConvNet(8), ConvNet(8)).make_problem(torch.rand(2, 1, 32, 32).expand(-1, 3, -1, -1)), "grey, there is no colour"),
    (lambda: Colorization(ConvNet(8)).make_problem(torch.rand(2, 3, 30, 32)), "30 × 32 pixels: want sides that 4 divides"),
    (lambda: SplitBrain(ConvNet(8), ConvNet(8)).make_problem(torch.rand(2, 3, 30, 32)), "30 × 32 pixels: want sides that 4 divides"),
    (lambda: Colorization(ConvNet(8), torch.ones(7)), r"weights \(7,\): want"),
    (lambda: SplitBrain(ConvNet(8), ConvNet(8), torch.ones(7)), r"weights \(7,\): want"),
])
def test_what_cannot_teach_colour_is_told(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_split_encoder_is_an_encoder_like_any_other():
    from sslkit.evaluate import fine_tune, predict

    few = data.scenes(12, 32)
    torch.manual_seed(0)
    task = fine_tune(SplitEncoder(ConvNet(8), ConvNet(8)), few, 10, steps=2, device="cpu")
    assert predict(task, few).shape == (12,)
    task = fine_tune(LightnessEncoder(ConvNet(8)), few, 10, steps=2, device="cpu")
    assert predict(task, few).shape == (12,)
