"""Class names, file names or method names that are markup: a folder called `<img src=x onerror=…>`.

Every explorer, hover map, sound player and claim shows such a name as the text that it is, cut
where it is too long; no element comes of it, and no script runs.
"""

import html
import re
from html.parser import HTMLParser

import pytest
import torch
from explorers import arguments
from ipywidgets import HTML, FileUpload, IntSlider
from sweep import values

from sslkit import claim, data, plots, widgets
from sslkit.data import Dataset
from sslkit.markup import safe

NAMES = (
    '<img src=x onerror="window.__pwned=1">',
    "</script><script>window.__pwned=1</script>",
    "<b onmouseover=alert(1)>bold</b>",
    "'\"><svg/onload=window.__pwned=1>",
    "a & b &lt;i&gt; &#60;u&#62;",
    "</div></span><style>*{display:none}</style>",
    "\u202emirrored\u202c <i>",
    "שלום <u>",
    "long " * 60 + "<s>",
    "{0} %s {share} \\",
    "--><iframe src=javascript:alert(1)>",
    "]]><x>",
)
FACTOR = "<em>factor</em>"
# What the kit itself writes, element by element, and with which attributes.
OWN = {
    "div": {"class", "style"},
    "span": {"style"},
    "b": set(),
    "br": set(),
    "bdi": set(),
    "audio": {"controls", "style", "src"},
}


def hostile():
    scenes = data.scenes(12, 32)
    return Dataset(
        scenes.images,
        torch.arange(12),
        NAMES,
        factors={FACTOR: torch.arange(12) % 3, **scenes.factors},
        name=NAMES[0],
    )


class Elements(HTMLParser):
    """The elements of a piece of HTML with their attributes, and the text that it shows."""

    def __init__(self, text):
        super().__init__()
        self.found, self.shown = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.shown += text

    def handle_comment(self, text):
        self.found.append(("comment", {}))

    def handle_decl(self, text):
        self.found.append((text, {}))

    unknown_decl = handle_pi = handle_comment


def only_own(text):
    """Fails where HTML holds an element that the kit does not write. → the text that it shows."""
    parsed = Elements(text)
    for tag, attributes in parsed.found:
        assert tag in OWN and set(attributes) <= OWN[tag], f"{tag} {attributes} in {text[:300]}"
        address = attributes.get("src", "data:audio/wav;base64,")
        assert re.fullmatch(r"data:audio/wav;base64,[A-Za-z0-9+/=]*", address), address
    return parsed.shown


def pages(explorer):
    """Every HTML widget of an explorer, wherever it lies."""
    found, todo = [], [explorer.widget]
    while todo:
        one = todo.pop()
        todo += getattr(one, "children", ())
        if isinstance(one, HTML):
            found.append(one.value)
        for trait in ("description", "tooltip", "placeholder"):
            assert not getattr(one, "description_allow_html", False), f"{trait} of {one} is HTML"
    assert explorer.message.value in found
    return found


MAKERS = arguments(hostile(), NAMES)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Figures are drawn, but not turned into PNGs: that takes nearly all of the time."""
    monkeypatch.setattr(plots, "png", lambda figure: b"")


@pytest.mark.filterwarnings(
    "ignore"
)  # letters that no font has, layouts that cannot hold long names
@pytest.mark.parametrize("name", MAKERS)
def test_no_name_becomes_an_element_over_the_whole_range(name):
    make, given = MAKERS[name]
    explorer = make(**given)
    shown = "".join(map(only_own, pages(explorer)))
    for control in list(explorer.controls.values()):
        if not hasattr(control, "value") or isinstance(control, FileUpload):
            continue
        for value in (
            values(control)
            if name not in ("sentence", "text") or not isinstance(control.value, str)
            else NAMES
        ):
            try:
                control.value = value
            except OverflowError:
                continue
            shown += "".join(map(only_own, pages(explorer)))
    if name not in ("losses", "scene", "text", "sound", "pixels", "masks", "sentence", "places"):
        assert any(
            part in shown for part in ("onerror=", "</script>", "onmouseover=", "svg/onload")
        ), "no name was ever shown"


@pytest.mark.filterwarnings("ignore")
def test_an_upload_with_a_hostile_name_is_text():
    make, given = MAKERS["rotation"]
    explorer = make(**given)
    for name in NAMES:
        explorer.guard(explorer._take)({"new": ({"name": name, "content": b"no image"},)})
        assert "sslkit-error" in explorer.message.value and name[:20] in only_own(
            explorer.message.value
        ).replace("\u2068", "")


@pytest.mark.filterwarnings("ignore")
def test_errors_with_hostile_words_are_text():
    class Broken(widgets.Explorer):
        def draw(self, figure):
            if self.controls["value"].value:
                raise ValueError(NAMES[self.controls["value"].value - 1])

    explorer = Broken({"value": IntSlider(0, 0, len(NAMES))}, (2, 1))
    for number, name in enumerate(NAMES, 1):
        explorer.controls["value"].value = number
        assert name in only_own(explorer.message.value)


@pytest.mark.filterwarnings("ignore")
def test_the_hover_map_holds_names_as_data_only():
    make, given = MAKERS["embedding"]
    explorer = make(**given)
    for colour in explorer.controls["colour"].options:
        explorer.controls["colour"].value = colour
        outside = Elements(explorer.hover().data)
        assert [tag for tag, _ in outside.found] == ["div", "div", "iframe"]
        frame = outside.found[2][1]
        assert (
            set(frame) == {"title", "srcdoc", "sandbox", "style"}
            and frame["sandbox"] == "allow-scripts"
        )
        inside = Elements(frame["srcdoc"])
        tags = {tag for tag, _ in inside.found}
        assert tags <= {
            "doctype html",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "div",
            "canvas",
            "script",
        }, tags
        assert (
            frame["srcdoc"].lower().count("</script")
            == frame["srcdoc"].lower().count("<script")
            == 1
        )


def test_claims_and_players_are_text():
    for name in NAMES:
        card = claim(name, {name: [0.5, 0.6, 0.7]}, {name: 0.1}, where=name, source=name)
        html_card = card._repr_html_()
        parsed = Elements(html_card)
        assert [tag for tag, _ in parsed.found if tag != "bdi"] == [
            "div",
            "i",
            "br",
            "b",
        ] and name in parsed.shown
        only_own(plots.listen(torch.zeros(80), 8000, [name]).data)


def test_safe_text_is_text():
    for name in NAMES:
        assert (
            html.unescape(re.sub("</?bdi>", "", safe(name, None))) == name
            and only_own(safe(name, None)) == name
        )
        assert len(only_own(safe(name))) <= 80
    assert safe("\u202eabc").startswith("<bdi>") and safe("plain") == "plain" and safe(3) == "3"
    assert 'x="' + safe('"') == 'x="&quot;'
