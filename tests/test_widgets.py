"""Every control of every widget over its whole range, without a browser; errors are shown, not swallowed."""

import io
import json

import ipywidgets
import numpy as np
import pytest
import torch
from ipywidgets import FileUpload, IntSlider
from PIL import Image
from sweep import sweep

from sslkit import data, widgets
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation

pytestmark = pytest.mark.usefixtures("sketched")
RECORDS = [{"arm": arm, "budget": budget, "seed": seed, "accuracy": base + 0.1 * step + 0.01 * seed, "validation": base + 0.1 * step}
           for arm, base in (("rotation, linear probe", 0.3), ("from scratch", 0.15), ("raw pixels, linear probe", 0.1))
           for step, budget in enumerate((1, 5, 20, 100)) for seed in (0, 1, 2)]
LAYERED = RECORDS + [{"arm": "rotation", "budget": budget, "seed": 0, "accuracy": 0.2 + 0.05 * layer, "validation": 0.5 - 0.1 * layer,
                      "probe": probe, "layer": layer} for budget in (1, 5) for layer in (1, 2, 3) for probe in ("linear", "kNN")]


def rotation_explorer(number=8):
    torch.manual_seed(0)
    task = Rotation(ConvNet(8))
    task.head.weight.data.mul_(400)                                   # decided answers, so that losses differ
    return widgets.RotationExplorer(task, data.scenes(20, 32), number=number)


MAKERS = {"rotation": rotation_explorer, "curve": lambda: widgets.LabelCurveExplorer(RECORDS),
          "layered curve": lambda: widgets.LabelCurveExplorer(LAYERED), "scenes": lambda: widgets.SceneExplorer(size=48, small=24)}


CONTROLS = [(maker, name) for maker, make in MAKERS.items() for name, control in make().controls.items() if not isinstance(control, FileUpload)]


@pytest.mark.parametrize("maker, name", CONTROLS)
def test_each_control_over_its_whole_range(maker, name):
    assert sweep(MAKERS[maker], name) > 1, f"{name} changes nothing"


def test_turn_is_what_the_sentence_says():
    explorer = rotation_explorer()
    for turn in range(4):
        explorer.controls["turn"].value = turn
        logits, _ = explorer._answer(explorer.dataset.images[:1])
        guess = int(logits[0, turn].argmax())
        assert f"The network says <b>{90 * guess}°" in explorer.message.value
        assert ("right" in explorer.message.value) == (guess == turn)


def test_the_picture_is_shown_turned():
    explorer = rotation_explorer()
    for turn in range(4):
        explorer.controls["turn"].value = turn
        upright = explorer.dataset.images[0].permute(1, 2, 0).numpy() / 255
        assert np.allclose(explorer.figure.axes[0].images[0].get_array(), np.rot90(upright, turn), atol=1e-6)


def test_hardest_first_is_ordered_by_the_loss():
    explorer = rotation_explorer()
    explorer.controls["hardest"].value = True
    shown = []
    for number in range(8):
        explorer.controls["number"].value = number
        shown.append(float(explorer.message.value.split("four turns ")[1].split(".</")[0]))
    assert shown == sorted(shown, reverse=True) and shown[0] > shown[-1] + 0.1
    task, images = explorer.task.eval(), explorer.dataset.images
    losses = [task.loss(*(lambda inputs, targets: (task(inputs), targets))(*task.make_problem(image[None] / 255)))[0].item() for image in images]
    assert shown[0] == pytest.approx(max(losses), abs=0.02)


def picture(size=(40, 30), mode="RGB", kind="PNG"):
    stream = io.BytesIO()
    Image.new(mode, size, 90 if mode in "LP" else (200, 30, 30, 128)[:len(mode)]).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("form", [7, 8])
@pytest.mark.parametrize("mode, kind", [("RGB", "PNG"), ("RGBA", "PNG"), ("L", "PNG"), ("RGB", "JPEG")])
def test_uploads_in_the_forms_of_both_versions(form, mode, kind):
    explorer, content = rotation_explorer(), picture(mode=mode, kind=kind)
    before = explorer.still()
    value = {"mine.png": {"content": content, "metadata": {}}} if form == 7 else ({"name": "mine.png", "content": memoryview(content)},)
    explorer.guard(explorer._take)({"new": value})
    assert explorer.error is None and "mine.png" in explorer.message.value and explorer.still() != before
    assert explorer.own.shape == (3, 32, 32)
    explorer.controls["number"].value = 3                             # choosing a picture again leaves one's own
    assert explorer.own is None and "Picture 3" in explorer.message.value


def test_an_upload_that_is_no_picture_is_told():
    explorer = rotation_explorer()
    explorer.guard(explorer._take)({"new": ({"name": "notes.txt", "content": b"hello"},)})
    assert "sslkit-error" in explorer.message.value and "notes.txt (5 bytes) cannot be read as a picture" in explorer.message.value
    explorer.controls["turn"].value = 2
    assert "sslkit-error" not in explorer.message.value


def test_errors_in_callbacks_are_shown_and_those_at_the_start_raised():
    class Broken(widgets.Explorer):
        def draw(self, figure):
            return 1 / self.value

    explorer = Broken({"value": IntSlider(1, 0, 3)}, (2, 1))
    explorer.controls["value"].value = 0
    assert "ZeroDivisionError: division by zero" in explorer.message.value and isinstance(explorer.error, ZeroDivisionError)
    explorer.controls["value"].value = 2
    assert explorer.error is None and "sslkit-error" not in explorer.message.value
    with pytest.raises(ZeroDivisionError):
        Broken({"value": IntSlider(0, 0, 3)}, (2, 1))
    with pytest.raises(AttributeError, match="its controls are value"):
        explorer.colour


def test_no_arm_chosen_is_told_in_words():
    explorer = widgets.LabelCurveExplorer(RECORDS)
    explorer.controls["arms"].value = ()
    assert "No arm is chosen" in explorer.message.value
    with pytest.raises(ValueError, match="no records"):
        widgets.LabelCurveExplorer([])


def test_labels_saved_in_words():
    reference = {1: 0.2, 10: 0.4, 100: 0.6}
    assert "needs about <b>32</b>" in widgets.saved("rotation", 0.5, 5, reference)     # halfway between 10 and 100 in the logarithm
    assert "27 saved in each class" in widgets.saved("rotation", 0.5, 5, reference)
    assert "more than 100" in widgets.saved("rotation", 0.7, 5, reference)
    assert "none saved" in widgets.saved("rotation", 0.3, 10, reference)
    assert "No arm from scratch" in widgets.saved("rotation", 0.3, 10, {})


def test_scene_explorer_draws_what_it_says():
    explorer = widgets.SceneExplorer(size=48, small=24)
    for kind in range(10):
        explorer.controls["kind"].value = kind
        assert int(explorer.parameters["kind"]) == kind and f"kind <b>{data.scenes(10).classes[kind]}</b>" in explorer.message.value


def test_one_change_is_one_redraw(monkeypatch):
    drawn, draw = [], widgets.SceneExplorer.draw
    monkeypatch.setattr(widgets.SceneExplorer, "draw", lambda self, figure: drawn.append(1) or draw(self, figure))
    explorer = widgets.SceneExplorer(size=48, small=24)
    for name, value in (("kind", 3), ("another", 5), ("x", 0.3)):
        drawn.clear()
        explorer.controls[name].value = value
        assert len(drawn) == 1, name


@pytest.mark.png
def test_a_reader_without_a_kernel_sees_a_picture():
    bundle = rotation_explorer()._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} == bundle.keys()
    json.dumps(bundle)
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] in str(ipywidgets.Widget.get_manager_state()
                                                                                 if hasattr(ipywidgets.Widget, "get_manager_state")
                                                                                 else ipywidgets.embed.embed_data(None))


def test_monitor_outside_a_notebook_only_keeps_the_history():
    monitor = widgets.TrainingMonitor(3)
    for step in (1, 2, 3):
        monitor({"step": step, "loss": 1.0 / step, "seconds": 0.1})
    monitor.close()
    assert [record["step"] for record in monitor.history] == [1, 2, 3]
