"""Every method has a diagram, and every diagram can be drawn and read."""

import xml.etree.ElementTree as ET

import pytest

from sslkit import recipes
from sslkit.plots.architecture import (
    DIAGRAMS,
    HEIGHT,
    ROLES,
    WIDTH,
    Arrow,
    Box,
    Diagram,
    _corner,
    architecture,
    svg,
)


@pytest.mark.parametrize("method", recipes.RECIPES)
def test_every_method_of_the_comparison_has_one_with_a_kept_encoder_and_a_loss(method):
    roles = {box.role for box in architecture(method).boxes.values()}
    assert {"kept", "loss", "head"} <= roles or method == "moco" and {"kept", "loss"} <= roles


@pytest.mark.parametrize("name", DIAGRAMS)
def test_it_is_an_image_in_which_all_words_fit(name):
    diagram = DIAGRAMS[name]
    image = ET.fromstring(svg(diagram))
    words = {element.text for element in image.iter() if element.tag.endswith("text")}
    for box in diagram.boxes.values():
        assert box.role in ROLES
        for number, line in enumerate(box.text.split("\n")):
            assert line in words and len(line) * (6.9 if number == 0 else 6.0) <= WIDTH
    width, height = map(float, image.get("viewBox").split()[2:])
    for box in diagram.boxes.values():
        x, y = _corner(box)
        assert x >= 0 and y >= 0 and x + WIDTH <= width and y + HEIGHT <= height
    for arrow in diagram.arrows:
        assert {arrow.start, arrow.end} <= set(diagram.boxes)


@pytest.mark.parametrize("name", DIAGRAMS)
def test_boxes_do_not_overlap(name):
    corners = [_corner(box) for box in DIAGRAMS[name].boxes.values()]
    for number, (x, y) in enumerate(corners):
        for u, v in corners[:number]:
            assert abs(x - u) >= WIDTH or abs(y - v) >= HEIGHT


def test_only_teachers_are_stopped():
    for name, diagram in DIAGRAMS.items():
        for arrow in diagram.arrows:
            if arrow.stopped:
                assert name in ("moco", "byol", "dino")
                assert diagram.boxes[arrow.start].role == "ema"


def test_text_stays_text_and_unknown_names_are_named():
    text = svg(Diagram("<b>", {"a": Box("<i>&", 0, 0), "b": Box("x", 1, 0)}, [Arrow("a", "b")]))
    assert "<b>" not in text and "<i>" not in text and "&lt;i&gt;&amp;" in text
    with pytest.raises(ValueError, match="no diagram of 'simsiam'; there are: pretraining"):
        architecture("simsiam")
    assert "encoder f → projector g" in repr(architecture("simclr"))
