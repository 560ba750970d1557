"""The lesson on colorization: its explorer, its figures, its check, the network that comes with the kit."""

import re

import numpy as np
import pytest
import torch
from ipywidgets import FileUpload
from sweep import sweep

from sslkit import checks, color, data, plots, weights, widgets
from sslkit.networks import ConvNet, LightnessEncoder
from sslkit.tasks import Colorization

pytestmark = pytest.mark.usefixtures("sketched")
PICTURES = {"drawn world": data.scenes(6, 32), "grey": data.photographs(32, grey=True)}


def explorer():
    torch.manual_seed(0)
    tasks = {name: Colorization(LightnessEncoder(ConvNet(8))) for name in ("one", "other")}
    for task in tasks.values():
        task.head.weight.data.mul_(20)                                # decided answers, so that pixels differ
    return widgets.ColorizationExplorer(tasks, PICTURES, number=4)


@pytest.mark.parametrize("name", [name for name, control in explorer().controls.items() if not isinstance(control, FileUpload)])
def test_each_control_over_its_whole_range(name):
    assert sweep(explorer, name) > 1, f"{name} changes nothing"


def test_it_says_what_the_network_believes_of_the_chosen_place():
    shown = explorer()
    shown.controls["row"].value, shown.controls["column"].value = 5, 2
    task = shown.task.eval()
    with torch.no_grad():
        chances = task(color.lightness(PICTURES["drawn world"].images[:1] / 255))[0, :, 5, 2].softmax(0)
    ordered, total, needed = sorted(chances.tolist(), reverse=True), 0.0, 0
    while total < 0.5:
        total, needed = total + ordered[needed], needed + 1
    assert f"{ordered[0]:.0%} for its likeliest bin" in shown.message.value and f"<b>{needed} of {len(chances)}</b>" in shown.message.value
    answer = color.annealed_mean(chances.log()[None, :, None, None])[0, :, 0, 0]
    truth = color.rgb_to_lab(PICTURES["drawn world"].images[:1] / 255)[0, 1:, 20:24, 8:12].mean((1, 2))
    said = int(re.search(r"truth is (\d+) units", shown.message.value)[1])
    assert said == pytest.approx(float((answer - truth).norm()), abs=0.6)


def test_grey_photographs_have_no_truth():
    shown = explorer()
    assert "The truth is" in shown.message.value
    shown.controls["source"].value = "grey"
    assert "The truth is" not in shown.message.value and "camera" in shown.message.value
    assert [axes.get_title() for axes in shown.figure.subfigs[0].axes][2] == "it never had colours"


def test_an_upload_takes_its_place_and_choosing_another_leaves_it():
    import io

    from PIL import Image

    shown, stream = explorer(), io.BytesIO()
    Image.new("L", (50, 40), 120).save(stream, "PNG")
    shown.guard(shown._take)({"new": ({"name": "grandmother.png", "content": memoryview(stream.getvalue())},)})
    assert shown.error is None and "grandmother.png" in shown.message.value and shown.own.shape == (3, 32, 32)
    shown.controls["number"].value = 2
    assert shown.own is None and "Picture 2" in shown.message.value


def test_the_plane_shows_the_likelier_larger():
    chances = torch.zeros(len(color.ab_bins()))
    chances[7], chances[30] = 0.75, 0.25
    axes = plots.ab_plane(chances, truth=(10, 20), mean=(0, 5)).axes[0]
    sizes = axes.collections[1].get_sizes()
    assert sizes[7] == pytest.approx(3 * sizes[30]) and (np.delete(sizes, [7, 30]) == 0).all()
    np.testing.assert_allclose(axes.collections[1].get_offsets()[7], color.ab_bins()[7].flip(0))     # across is b, up is a
    ring, cross = axes.get_lines()
    assert (ring.get_xdata()[0], ring.get_ydata()[0], cross.get_xdata()[0]) == (20, 10, 5)


def test_marked_places_and_plain_pictures():
    figure = plots.colorized({"a": torch.rand(3, 8, 8), "b": torch.rand(3, 8, 8)}, place=(4, 0, 4))
    line = figure.axes[0].get_lines()[0]
    assert (min(line.get_xdata()), max(line.get_xdata()), min(line.get_ydata()), max(line.get_ydata())) == (-0.5, 3.5, 3.5, 7.5)
    assert plots.colorized({"a": torch.rand(3, 8, 8)})._repr_png_()[:4] == b"\x89PNG"


def test_the_network_that_comes_with_the_kit_paints_the_right_way():
    """On photographs that it has never seen: its ab points where the true ab points, and sky is blue."""
    task, photographs = weights.colorizer(), data.photographs(64).images / 255
    assert not task.training
    with torch.no_grad():
        painted = task.colorize(photographs)
        camera = task.colorize(data.photographs(64, grey=True).images[:1] / 255)
    truth, ours = (color.rgb_to_lab(x)[:, 1:].flatten(1) for x in (photographs, painted))
    assert torch.nn.functional.cosine_similarity(truth, ours).mean() > 0.3
    assert color.rgb_to_lab(camera)[0, 2, :15, :15].mean() < -5, "b is negative where it is blue"


RIGHT = [lambda p, bins, t: (p.log() / t).softmax(0) @ bins,
         lambda p, bins, t: ((p / p.max()) ** (1 / t) / ((p / p.max()) ** (1 / t)).sum()) @ bins]
WRONG = {
    "not written yet": lambda p, bins, t: (_ for _ in ()).throw(NotImplementedError),
    "plain mean": lambda p, bins, t: p @ bins,
    "flattens": lambda p, bins, t: (p ** t / (p ** t).sum()) @ bins,
    "divide them by their sum": lambda p, bins, t: p ** (1 / t) @ bins,
    "this is the mode": lambda p, bins, t: bins[p.argmax()],
    "softmax wants logits": lambda p, bins, t: (p / t).softmax(0) @ bins,
    "scales them all alike": lambda p, bins, t: (p / t) @ bins,
    "shape": lambda p, bins, t: p ** (1 / t),
    "were changed": lambda p, bins, t: p.pow_(1 / t).div_(p.sum()) @ bins,
    "want the mean of": lambda p, bins, t: torch.zeros(2),
    "underflows": lambda p, bins, t: (p ** (1 / t) / (p ** (1 / t)).sum()) @ bins,
}


@pytest.mark.parametrize("function", RIGHT)
def test_right_annealed_means_pass(function):
    verdict = checks.annealed_mean(function)
    assert verdict.right, verdict


@pytest.mark.parametrize("says", WRONG)
def test_each_mistake_in_the_annealed_mean_is_named(says):
    verdict = checks.annealed_mean(WRONG[says])
    assert not verdict.right and re.search(says, verdict.says), verdict.says
