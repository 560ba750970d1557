"""A reader's ten minutes: open a notebook in JupyterLab, run it, move a slider by keyboard and by mouse, see the picture change."""

import os
from pathlib import Path

import pytest
from browser import notebook_of
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SHOTS = os.environ.get("SSLKIT_SHOTS")
SMALL = """
import torch
from sslkit import data, widgets
from sslkit.networks import ConvNet
from sslkit.tasks import Rotation
torch.manual_seed(0)
widgets.RotationExplorer(Rotation(ConvNet(8)), data.scenes(20), number=12)
"""
CURVE = """
widgets.LabelCurveExplorer([{"arm": arm, "budget": budget, "seed": seed, "accuracy": base + budget / 200 + seed / 100, "validation": 0.5}
                            for arm, base in (("rotation, linear probe", 0.3), ("from scratch", 0.2)) for budget in (1, 5, 20) for seed in (0, 1)])
"""

PRETEXT = """
import torch
from sslkit import data, weights, widgets
from sslkit.networks import ConvNet
from sslkit.tasks import Inpainting, Jigsaw, RelativePatch
torch.manual_seed(0)
pictures = {"drawn world": data.scenes(12, 32), "photographs": data.photographs(32)}
explorers = [widgets.JigsawExplorer(Jigsaw(ConvNet(8), 2), pictures), widgets.PatchPositionExplorer(RelativePatch(ConvNet(8), patch=10), pictures),
             widgets.ColorizationExplorer(weights.colorizer(), pictures), widgets.InpaintingExplorer(Inpainting(ConvNet(8)), pictures)]
"""

CONTRASTIVE = """
import torch
from sslkit import data, widgets
from sslkit.networks import ConvNet
from sslkit.tasks import SimCLR
torch.manual_seed(0)
task, pictures = SimCLR(ConvNet(8)), data.scenes(40, 32)
features = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
explorers = [widgets.LossExplorer(), widgets.AugmentationExplorer(pictures, task.encoder),
             widgets.EmbeddingExplorer({"before": features, "after": features + torch.nn.functional.one_hot(pictures.labels % 8, 8) * 3}, pictures),
             widgets.TemperatureExplorer(task, pictures)]
"""
FOUR = [f"explorers[{number}]" for number in range(4)]

SELF_PREDICTION = """
import torch
from sslkit import data, widgets
from sslkit.data import text
from sslkit.networks import GPT, TextTransformer, ViT
from sslkit.tasks import MAE, Autoregressive, MaskedLM
torch.manual_seed(0)
english = "The value of a name is looked up in the scope that binds it. " * 20
letters, pairs = text.characters(english), text.byte_pairs(english, 300)
explorers = [widgets.MaskExplorer(MAE(ViT(32, 4, dim=12, depth=1, heads=1), dim=8), data.scenes(12, 32)),
             widgets.AutoregressiveExplorer.of_text(Autoregressive(GPT(len(letters), 40, dim=8, depth=1, heads=1)), letters),
             widgets.MaskedTextExplorer(MaskedLM(TextTransformer(len(pairs), 40, dim=8, depth=1, heads=1)), pairs, "The [value] of a name.")]
"""

COMPARISON = """
import torch
from sslkit import data, widgets
torch.manual_seed(0)

def run(arm, base):
    method = None if arm == "from scratch" else arm
    records = [{"arm": arm + tuned, "budget": budget, "seed": seed, "pretraining": 0, "accuracy": base + budget / 100 + seed / 50, "validation": 0.5,
                **({"probe": probe, "layer": layer} if method and not tuned else {})} for budget in (1, 5, 20) for seed in (0, 1)
               for tuned in ("", ", fine-tuned")[:1 + bool(method)] for probe in ("linear", "kNN") for layer in (1, 2)]
    return {"arm": arm, "about": {"method": method, "pretraining": 0, "images": 64_000}, "seconds": {"pretraining": 90.0 * bool(method)}, "records": records}

pictures = data.scenes(40, 32)
features = {arm: torch.randn(40, 8) + 3 * strength * torch.nn.functional.one_hot(pictures.labels % 8, 8) for strength, arm in enumerate(("jigsaw", "simclr"))}
healthy, watched = torch.rand(2, 1500), torch.rand(2, 2400)
watched[0, 500:540] += 2
explorers = [widgets.ComparisonExplorer([run("jigsaw", 0.3), run("simclr", 0.4), run("from scratch", 0.2)]),
             widgets.EmbeddingComparison(features, pictures),
             widgets.FaultExplorer({"sees it": (healthy, watched), "sees nothing": (healthy, torch.rand(2, 2400))}, [("spike", 500, 540)])]
"""


def picture(widget):
    return widget.locator("img").last.get_attribute("src")


def shot(notebook, name):
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        notebook.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def changed(notebook, widget, before, otherwise):
    """Waits for another picture: on a machine under load the kernel may be idle still when the message is on its way."""
    expect(widget.locator("img").last, otherwise).not_to_have_attribute("src", before, timeout=30_000)
    notebook.quiet()


def move(notebook, widget, slider=0):
    """Moves a slider of a widget by arrow keys, then by dragging; each must change the picture and show no error."""
    handle = widget.locator(".widget-slider .noUi-handle").nth(slider)
    handle.scroll_into_view_if_needed()
    before = picture(widget)
    handle.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("ArrowRight")
    changed(notebook, widget, before, "the keyboard changed nothing")
    by_keys = picture(widget)
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x - 250, y, steps=6)                         # to its left end, where the keys cannot have left it
    notebook.page.mouse.up()
    changed(notebook, widget, by_keys, "the mouse changed nothing")
    assert notebook.page.locator(".sslkit-error").count() == 0 and not notebook.errors


def click(notebook, widget, name):
    """Clicks a button of a widget, which must change the picture."""
    before = picture(widget)
    widget.get_by_role("button", name=name, exact=True).click()
    changed(notebook, widget, before, f"{name} changed nothing")


def explorers(notebook):
    return notebook.page.locator(".jp-OutputArea-output:has(.sslkit-message, .sslkit-error)")


def test_widgets_answer_to_keyboard_mouse_and_clicks(open_notebook, tmp_path):
    notebook = open_notebook(notebook_of(tmp_path / "widgets.ipynb", SMALL, CURVE))
    notebook.run_all()
    rotation, curve = explorers(notebook).nth(0), explorers(notebook).nth(1)
    move(notebook, rotation)
    click(notebook, rotation, "180°")
    rotation.get_by_role("button", name="hardest first").click()
    notebook.quiet()
    with notebook.page.expect_file_chooser() as chooser:
        rotation.get_by_role("button", name="your own picture").click()
    chooser.value.set_files({"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(rotation.locator(".sslkit-error")).to_contain_text("cannot be read as a picture", timeout=30_000)
    rotation.get_by_role("button", name="90°", exact=True).click()
    expect(rotation.locator(".sslkit-error")).to_have_count(0)
    notebook.quiet()
    move(notebook, curve)
    expect(curve.locator(".sslkit-message")).to_contain_text("with 1 label a class")
    shot(notebook, "widgets")


def test_the_first_notebook_runs_in_a_browser_and_its_world_can_be_changed(open_notebook):
    notebook = open_notebook(NOTEBOOKS / "00_start_here.ipynb")
    notebook.run_all()
    scene = explorers(notebook).first
    for slider in range(2):
        move(notebook, scene, slider)
    link = notebook.page.locator("a", has_text="01_rotation").first
    assert "01_rotation.ipynb" in link.get_attribute("href")
    scene.scroll_into_view_if_needed()
    shot(notebook, "00_start_here")


def test_the_rotation_notebook_runs_in_a_browser_and_its_explorers_answer(open_notebook):
    notebook = open_notebook(NOTEBOOKS / "01_rotation.ipynb")
    notebook.run_all()
    rotation, curve = explorers(notebook).nth(0), explorers(notebook).nth(1)
    move(notebook, rotation)
    click(notebook, rotation, "180°")
    expect(rotation.locator(".sslkit-message")).to_contain_text("The network says")
    rotation.scroll_into_view_if_needed()
    shot(notebook, "01_rotation")
    move(notebook, curve)
    curve.scroll_into_view_if_needed()
    shot(notebook, "01_rotation_curve")


def test_the_explorers_of_the_pretext_tasks_answer_to_clicks_and_sliders(open_notebook, tmp_path):
    notebook = open_notebook(notebook_of(tmp_path / "pretext.ipynb", PRETEXT, *FOUR))
    notebook.run_all()
    jigsaw, patch, colorization, inpainting = (explorers(notebook).nth(number) for number in range(4))

    before = picture(jigsaw)
    jigsaw.get_by_role("button", name="1", exact=True).click()
    jigsaw.get_by_role("button", name="4", exact=True).click()
    notebook.quiet()
    assert picture(jigsaw) != before
    expect(jigsaw.locator(".sslkit-message")).to_contain_text("after 1 swap.")
    click(notebook, jigsaw, "show me")
    expect(jigsaw.locator(".sslkit-message")).to_contain_text("4 of 4 tiles are in their place")
    click(notebook, jigsaw, "let the network try")
    shot(notebook, "jigsaw")

    expect(patch.locator(".sslkit-message")).to_contain_text("Click an arrow")
    click(notebook, patch, "↗")
    expect(patch.locator(".sslkit-message")).to_contain_text("The network says")
    before = picture(patch)
    patch.get_by_role("button", name="another pair").click()              # its icon is part of its name
    expect(patch.locator(".sslkit-message")).to_contain_text("Click an arrow")
    notebook.quiet()
    assert picture(patch) != before

    move(notebook, colorization, 1)
    colorization.locator("select").first.select_option("photographs")
    expect(colorization.locator(".sslkit-message")).to_contain_text("(china)")
    notebook.quiet()
    colorization.scroll_into_view_if_needed()
    shot(notebook, "colorization")

    move(notebook, inpainting, 3)
    before = picture(inpainting)
    inpainting.locator("select").last.select_option("bottom half")
    expect(inpainting.locator(".sslkit-message")).to_contain_text("50% of the pixels are gone")
    notebook.quiet()
    assert picture(inpainting) != before and not notebook.errors


def test_the_contrastive_explorers_answer_to_clicks_and_sliders(open_notebook, tmp_path):
    notebook = open_notebook(notebook_of(tmp_path / "contrastive.ipynb", CONTRASTIVE, *FOUR))
    notebook.run_all()
    loss, augmentation, embedding, temperature = (explorers(notebook).nth(number) for number in range(4))

    click(notebook, loss, "ten steps")
    move(notebook, loss, 2)
    before = picture(loss)
    loss.locator("select").first.select_option("InfoNCE")
    notebook.quiet()
    assert picture(loss) != before
    loss.scroll_into_view_if_needed()
    shot(notebook, "losses")

    move(notebook, augmentation, 1)
    before = picture(augmentation)
    augmentation.locator("select").first.select_option("none")
    expect(augmentation.locator(".sslkit-message")).to_contain_text("8 of 8 views")
    notebook.quiet()
    assert picture(augmentation) != before
    augmentation.scroll_into_view_if_needed()
    shot(notebook, "augmentations")

    move(notebook, embedding, 1)
    embedding.scroll_into_view_if_needed()
    shot(notebook, "embedding")

    move(notebook, temperature, 1)
    temperature.scroll_into_view_if_needed()
    shot(notebook, "temperature")
    assert not notebook.errors


def test_the_explorers_of_self_prediction_answer_to_clicks_sliders_and_sentences(open_notebook, tmp_path):
    notebook = open_notebook(notebook_of(tmp_path / "self_prediction.ipynb", SELF_PREDICTION, *FOUR[:3]))
    notebook.run_all()
    mask, sequence, sentence = (explorers(notebook).nth(number) for number in range(3))

    before = picture(mask)
    mask.get_by_title("row 1, column 2", exact=True).click()
    notebook.quiet()
    assert picture(mask) != before and mask.locator("select").last.input_value() == "by hand"
    move(notebook, mask, 1)
    assert mask.locator("select").last.input_value() == "random"           # the slider asks for a rule again
    expect(mask.locator(".sslkit-message")).to_contain_text("Nothing is hidden")          # at its left end
    mask.get_by_title("row 3, column 3", exact=True).click()
    expect(mask.locator(".sslkit-message")).to_contain_text("times as long")
    notebook.quiet()
    mask.scroll_into_view_if_needed()
    shot(notebook, "masks")

    move(notebook, sequence, 3)
    sequence.scroll_into_view_if_needed()
    shot(notebook, "sequence")

    click(notebook, sentence, "name")
    expect(sentence.locator(".sslkit-message")).to_contain_text("tokens are hidden")
    field = sentence.locator("input[type=text]")
    field.fill("A [scope] binds it.")
    field.press("Enter")
    notebook.quiet()
    expect(sentence.get_by_role("button", name="scope", exact=True)).to_be_visible()
    field.fill("")
    field.press("Enter")
    expect(sentence.locator(".sslkit-error")).to_contain_text("the sentence is empty")
    sentence.scroll_into_view_if_needed()
    shot(notebook, "sentence")
    assert not notebook.errors


def test_the_explorers_of_the_comparison_and_of_faults_answer_to_clicks_and_sliders(open_notebook, tmp_path):
    notebook = open_notebook(notebook_of(tmp_path / "comparison.ipynb", COMPARISON, *FOUR[:3]))
    notebook.run_all()
    comparison, maps, faults = (explorers(notebook).nth(number) for number in range(3))

    expect(comparison.locator(".sslkit-message")).to_contain_text("With 5 labels a class simclr leads")
    for button in ("fine-tuned", "advantage over scratch", "cost in minutes", "kNN"):
        click(notebook, comparison, button)
    move(notebook, comparison)
    comparison.locator("select").first.select_option(["jigsaw"])
    expect(comparison.locator(".sslkit-message")).to_contain_text("jigsaw reaches")
    notebook.quiet()
    comparison.scroll_into_view_if_needed()
    shot(notebook, "comparison")

    move(notebook, maps)
    before = picture(maps)
    maps.locator("select").last.select_option("hue")
    notebook.quiet()
    assert picture(maps) != before
    maps.locator("select").first.select_option(["simclr"])
    expect(maps.locator(".sslkit-message")).not_to_contain_text("jigsaw")
    notebook.quiet()
    maps.scroll_into_view_if_needed()
    shot(notebook, "maps")

    for slider in range(2):
        move(notebook, faults, slider)
    click(notebook, faults, "sees nothing")
    expect(faults.locator(".sslkit-message")).to_contain_text("faults found")
    faults.scroll_into_view_if_needed()
    shot(notebook, "faults")
    assert not notebook.errors
