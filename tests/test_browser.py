"""A reader's ten minutes: open a notebook in JupyterLab, run it, move a slider by keyboard and by mouse, see the picture change.

All tests that need a browser are in this file: they share one server (conftest.py).
"""

import os
from pathlib import Path

import nbformat
import pytest
import torch
from browser import notebook_of
from playwright.sync_api import expect
from test_embedding import SCENES, features, inner, payload

from sslkit.plots import embedding_html, nearest

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SHOTS = os.environ.get("SSLKIT_SHOTS")
QUICKLY = {"**recipes.from_scratch(tier)": '**{**recipes.from_scratch(tier), "steps": 2}'}
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


def shortened(name, folder, changes):
    """A copy of a lesson that trains for a few steps and asserts nothing of what was learnt.

    The lesson as it is runs under nbval: here it is only to be seen that a browser shows it.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for long, short in changes.items():
        assert any(long in cell.source for cell in code), f"{name} holds no {long!r} to shorten"
        for cell in code:
            cell.source = cell.source.replace(long, short)
    for cell in code:
        lines = cell.source.splitlines()
        cell.source = "\n".join(line for line in lines if not line.startswith("assert "))
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


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


def test_the_first_notebook_runs_in_a_browser_and_its_world_can_be_changed(open_notebook, tmp_path):
    notebook = open_notebook(shortened("00_start_here", tmp_path, QUICKLY))
    notebook.run_all()
    scene = explorers(notebook).first
    for slider in range(2):
        move(notebook, scene, slider)
    link = notebook.page.locator("a", has_text="01_rotation").first
    assert "01_rotation.ipynb" in link.get_attribute("href")
    scene.scroll_into_view_if_needed()
    shot(notebook, "00_start_here")


def test_the_rotation_notebook_runs_in_a_browser_and_its_explorers_answer(open_notebook, tmp_path):
    steps = {'"steps": 700': '"steps": 20', '"steps": 300': '"steps": 2'}
    notebook = open_notebook(shortened("01_rotation", tmp_path, {**QUICKLY, **steps}))
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


# The map of features as a page of its own, and in JupyterLab

@pytest.fixture
def opened(chromium, tmp_path):
    """Opens HTML as a file in a page of its own → the page, the frame in it, what the page asked for, its errors."""
    contexts = []

    def opener(text, **settings):
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(f"<!doctype html><meta charset='utf-8'><title>exported</title>{text}")
        contexts.append(chromium.new_context(viewport={"width": 1000, "height": 700}, **settings))
        page, asked, errors = contexts[-1].new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message) or dialog.dismiss())
        page.goto(path.as_uri())
        frame = page.frame_locator("iframe")
        frame.locator("body[data-ready]").wait_for(state="attached", timeout=20_000)
        return page, frame, [url for url in asked if not url.startswith(("file:", "data:", "about:"))], errors

    yield opener
    for context in contexts:
        context.close()


def middle_of(frame, given, index):
    """Where point `index` lies in the page."""
    box = frame.locator("#map").bounding_box()
    scale = box["width"] / given["size"][0]
    return box["x"] + scale * given["points"][index][0], box["y"] + scale * given["points"][index][1]


def told(frame):
    return frame.locator("#picture").evaluate("canvas => canvas.toDataURL()")


def test_a_point_under_the_mouse_shows_its_picture_and_its_neighbours(opened):
    names = [f"{name}</script><b>" for name in SCENES.classes]
    near = nearest(features(), 6)
    text = embedding_html(4 * features(40, 2), SCENES.images, SCENES.labels, names=names, neighbours=near, legend="class")
    page, frame, asked, errors = opened(text)
    given = payload(inner(text))
    far = torch.cdist(torch.tensor(given["points"]), torch.tensor(given["points"])).fill_diagonal_(torch.inf).min(1).values
    one, other = far.topk(2).indices.tolist()                       # two points that no other hides
    expect(frame.locator("#name")).to_have_text("Move over a point, or tap it.")
    seen = {told(frame)}
    for index in (one, other):
        page.mouse.move(*middle_of(frame, given, index))
        expect(frame.locator("#side")).to_have_attribute("data-point", str(index))
        expect(frame.locator("#name")).to_have_text(names[int(SCENES.labels[index])])
        captions = [("✓ " if SCENES.labels[k] == SCENES.labels[index] else "✗ ") + names[int(SCENES.labels[k])] for k in near[index]]
        expect(frame.locator("#others figcaption")).to_have_text(captions)
        for place, caption in enumerate(captions):
            colour = "rgb(0, 114, 178)" if caption.startswith("✓") else "rgb(213, 94, 0)"
            expect(frame.locator("#others canvas").nth(place)).to_have_css("border-top-color", colour)
        right = sum(caption.startswith("✓") for caption in captions)
        expect(frame.locator("#others .head")).to_contain_text(f"{right} of 6 share its label")
        seen.add(told(frame))
    assert len(seen) == 3 and not asked and not errors
    expect(frame.locator("#picture")).to_have_attribute("aria-label", f"picture {other}: {names[int(SCENES.labels[other])]}")


def test_the_map_answers_to_a_finger_on_a_narrow_screen(opened):
    text = embedding_html(features(40, 2), SCENES.images, SCENES.factors["hue"], cyclic=True, legend="hue", labels=SCENES.labels,
                          classes=SCENES.classes, neighbours=nearest(features(), 6), highlight=3)
    page, frame, asked, errors = opened(text, has_touch=True)
    page.set_viewport_size({"width": 380, "height": 800})
    expect(frame.locator("#side")).to_have_attribute("data-point", "3")
    given = payload(inner(text))
    far = torch.cdist(torch.tensor(given["points"]), torch.tensor(given["points"])).fill_diagonal_(torch.inf).min(1).values
    far[3] = 0
    index = int(far.argmax())
    page.touchscreen.tap(*middle_of(frame, given, index))
    expect(frame.locator("#side")).to_have_attribute("data-point", str(index))
    expect(frame.locator("#told")).to_have_text(f"picture {index}, hue {float(SCENES.factors['hue'][index]):.2f}")
    assert frame.locator("body").evaluate("body => body.scrollWidth <= window.innerWidth") and not asked and not errors


EMBEDDING = """
import torch
from sslkit import data
from sslkit.widgets.embedding import EmbeddingExplorer
torch.manual_seed(0)
explorer = EmbeddingExplorer({"step 0": torch.randn(40, 6), "step 400": torch.randn(40, 6)}, data.scenes(40))
"""


def test_the_explorer_and_its_page_answer_in_jupyterlab(open_notebook, tmp_path):
    notebook = open_notebook(notebook_of(tmp_path / "embedding.ipynb", EMBEDDING, "explorer", "explorer.hover()"))
    notebook.run_all()
    widget = notebook.page.locator(".jp-OutputArea-output:has(.sslkit-message)").first
    picture = lambda: widget.locator("img").last.get_attribute("src")
    before = picture()
    widget.locator("select").first.select_option("t-SNE")
    expect(widget.locator(".sslkit-message")).to_contain_text("t-SNE keeps neighbours together", timeout=30_000)
    notebook.quiet()
    assert picture() != before
    frame = notebook.page.frame_locator("iframe[srcdoc]")
    expect(frame.locator("#side")).to_have_attribute("data-point", "0")
    frame.locator("#map").scroll_into_view_if_needed()
    frame.locator("#map").hover()
    box = frame.locator("#map").bounding_box()
    for step in range(1, 24):                                        # a walk across the middle meets some point
        notebook.page.mouse.move(box["x"] + box["width"] * step / 24, box["y"] + box["height"] * (0.35 + 0.3 * (step % 2)), steps=4)
    expect(frame.locator("#side")).not_to_have_attribute("data-point", "0")
    assert not notebook.errors and notebook.page.locator(".sslkit-error").count() == 0


# Hostile names in every explorer: tests/faults/test_widget_markup.py holds the rest of that fault

HOSTILE = """
import sys
sys.path[:0] = {folders!r}
import warnings
warnings.simplefilter("ignore")
from test_widget_markup import MAKERS
explorers = [make(**given) for make, given in (MAKERS[name] for name in {names!r})]
"""
SHOWN = (
    "rotation",
    "embedding",
    "comparison",
    "curve",
    "faults",
    "maps",
    "colorization",
    "sentence",
    "sound",
)


def test_no_script_runs_in_a_real_browser(open_notebook, tmp_path):
    here = Path(__file__).parent
    start = HOSTILE.format(folders=[str(here / "faults"), str(here)], names=SHOWN)
    notebook = open_notebook(
        notebook_of(
            tmp_path / "hostile.ipynb",
            start,
            *(f"explorers[{number}]" for number in range(len(SHOWN))),
            "explorers[1].hover()",
        )
    )
    notebook.run_all()
    page = notebook.page
    page.wait_for_function(
        f"() => document.querySelectorAll('.sslkit-message').length >= {len(SHOWN)}", timeout=60_000
    )
    for frame in page.frames:
        assert frame.evaluate("() => window.__pwned") is None
    foreign = (
        "img[onerror], svg[onload], b[onmouseover], iframe[src^=javascript], em, "
        ".sslkit-message style, .sslkit-message script"
    )
    inside = page.locator(".jp-OutputArea-output").locator(foreign)
    assert inside.count() == 0
    assert page.get_by_text("onerror=").count() > 0, "no hostile name was shown at all"
    assert not notebook.errors
