"""The lesson on inpainting: its explorer, its figure, its check."""

import re

import numpy as np
import pytest
import torch
from ipywidgets import FileUpload
from sweep import sweep

from sslkit import checks, data, plots, widgets
from sslkit.networks import ConvNet
from sslkit.tasks import Inpainting, holes

pytestmark = pytest.mark.usefixtures("sketched")
PICTURES = {"drawn world": data.scenes(6, 32), "photographs": data.photographs(32)}


def explorer():
    torch.manual_seed(0)
    return widgets.InpaintingExplorer(Inpainting(ConvNet(8)), PICTURES, number=4)


@pytest.mark.parametrize("name", [name for name, control in explorer().controls.items() if not isinstance(control, FileUpload)])
def test_each_control_over_its_whole_range(name):
    assert sweep(explorer, name) > 1, f"{name} changes nothing"


def test_the_block_lies_where_the_sliders_say_and_never_beyond_the_picture():
    shown = explorer()
    for name, value in {"left": 0.5, "top": 0.25, "width": 0.25, "height": 0.5}.items():
        shown.controls[name].value = value
    hole = shown.hole()[0, 0]
    assert hole[8:24, 16:24].all() and int(hole.sum()) == 16 * 8
    shown.controls["left"].value, shown.controls["width"].value = 0.9, 1.0
    hole = shown.hole()[0, 0]
    assert hole[8:24].all() and int(hole.sum()) == 16 * 32 and shown.error is None                 # whole, and moved inwards


def test_the_whole_picture_may_be_gone():
    shown = explorer()
    for name, value in {"left": 0, "top": 0, "width": 1, "height": 1}.items():
        shown.controls[name].value = value
    assert shown.error is None and "100% of the pixels are gone" in shown.message.value and "plain grey" in shown.message.value


def test_the_sentence_says_both_errors():
    shown = explorer()
    image = PICTURES["drawn world"].images[:1] / 255
    hole = shown.hole()
    with torch.no_grad():
        painted = shown.task.eval()(image.masked_fill(hole, 0.5)).clamp(0, 1)
    inside, outside = hole[0, 0], ~hole[0, 0]
    network = ((painted - image)[0][:, inside] ** 2).mean()
    mean = image[0][:, outside].mean(1)
    lazy = ((image[0][:, inside] - mean[:, None]) ** 2).mean()
    said = [float(number) for number in re.findall(r"<b>(\d\.\d+)</b>", shown.message.value)]
    assert said == pytest.approx([float(network), float(lazy)], abs=1e-4)
    assert ("no better" in shown.message.value) == (said[0] >= said[1])


def test_strokes_stay_while_one_looks_and_change_with_the_picture():
    shown = explorer()
    shown.controls["kind"].value = "strokes of a brush"
    first = shown.hole()
    assert torch.equal(first, shown.hole())
    shown.controls["number"].value = 2
    assert not torch.equal(first, shown.hole())
    shown.controls["kind"].value = "bottom half"
    assert torch.equal(shown.hole(), holes.bottom_half(torch.zeros(1, 3, 32, 32)))


def test_the_figure_shows_the_error_in_the_hole_alone():
    image, filled, hole = torch.rand(3, 8, 8), torch.rand(3, 8, 8), torch.zeros(1, 8, 8, dtype=torch.bool)
    hole[:, 2:5, 3:7] = True
    axes = plots.fillings(image, hole, filled).axes
    error = axes[3].images[0].get_array()
    np.testing.assert_allclose(error[2:5, 3:7], ((image - filled) ** 2).mean(0)[2:5, 3:7], rtol=1e-5)
    assert error.sum() == pytest.approx(error[2:5, 3:7].sum())
    seen = np.asarray(axes[0].images[0].get_array())
    assert (seen[2:5, 3:7] == 0.5).all() and np.allclose(seen[0], image[:, 0].T)


def square(painted, images, hole):
    return (painted - images).square() * hole


RIGHT = [lambda p, x, h: square(p, x, h).sum() / (3 * h.sum()).clamp_min(1),
         lambda p, x, h: (square(p, x, h).mean(1, keepdim=True)).sum() / h.sum().clamp_min(1),
         lambda p, x, h: (p - x)[h.expand_as(p)].square().mean() if h.any() else 0 * p.sum(),
         lambda p, x, h: Inpainting(ConvNet(8)).loss(p, (x, h))[0]]
WRONG = {
    "not written yet": lambda p, x, h: (_ for _ in ()).throw(NotImplementedError),
    "one number as a 0-d tensor": lambda p, x, h: square(p, x, h),
    "the loss is float": lambda p, x, h: square(p, x, h).mean().item(),
    "error over the whole picture": lambda p, x, h: (p - x).square().mean(),
    "error outside the hole": lambda p, x, h: (p - x)[~h.expand_as(p)].square().mean(),
    "divided by all pixels": lambda p, x, h: square(p, x, h).mean(),
    "added but not counted": lambda p, x, h: square(p, x, h).sum() / h.sum(),
    "this is the sum": lambda p, x, h: square(p, x, h).sum(),
    "absolute error": lambda p, x, h: (p - x)[h.expand_as(p)].abs().mean(),
    "root was taken": lambda p, x, h: (p - x)[h.expand_as(p)].square().mean().sqrt(),
    "every picture counts alike": lambda p, x, h: (square(p, x, h).sum((1, 2, 3)) / (3 * h.sum((1, 2, 3)))).mean(),
    "want 0.": lambda p, x, h: 2 * square(p, x, h).sum() / (3 * h.sum()),
    "no gradient": lambda p, x, h: square(p.detach(), x, h).sum() / (3 * h.sum()).clamp_min(1),
    "0 / 0": lambda p, x, h: square(p, x, h).sum() / (3 * h.sum()),
    "a 0-d tensor": lambda p, x, h: square(p, x, h).sum() / (3 * h.sum()) if h.any() else 0.0,
    r"should be 0 \(": lambda p, x, h: square(p, x, h).sum() / (3 * h.sum()) if h.any() else torch.zeros(1),
}


@pytest.mark.parametrize("function", RIGHT)
def test_right_losses_pass(function):
    verdict = checks.hole_loss(function)
    assert verdict.right, verdict


@pytest.mark.parametrize("says", WRONG)
def test_each_mistake_in_the_loss_is_named(says):
    verdict = checks.hole_loss(WRONG[says])
    assert not verdict.right and re.search(says, verdict.says), verdict.says
