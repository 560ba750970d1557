"""A sweep finds the mistakes it is there for, though it paints no pixels."""

import pytest
from ipywidgets import IntSlider
from sweep import sweep

from sslkit import widgets


class Dial(widgets.Explorer):
    """Draws with a function of its slider."""

    def __init__(self, drawing):
        self.drawing = drawing
        super().__init__({"value": IntSlider(0, 0, 3)}, (2, 1))

    def draw(self, figure):
        self.drawing(figure.subplots(), self.value)


def swept(drawing):
    return sweep(lambda: Dial(drawing), "value")


@pytest.mark.parametrize("drawing", [
    lambda axes, value: axes.plot([0, 1 + 1e-3 * value]),
    lambda axes, value: axes.text(0, 0, f"{value} of 3"),
    lambda axes, value: axes.text(0, 0, "same", alpha=1 - 0.01 * value),
    lambda axes, value: axes.plot([0, 1], color=(0, 0, 0.01 * value)),
    lambda axes, value: axes.plot([0, 1], linewidth=1 + 0.01 * value),
    lambda axes, value: axes.imshow([[0, value], [1, 100]]),
    lambda axes, value: axes.scatter([0, 1], [0, 1], s=[9, 9 + value]),
    lambda axes, value: axes.set(title="left" if value % 2 else "right", xlim=(0, 1 + value)),
], ids=["line", "word", "shade of a word", "colour", "width", "pixel", "size", "limits"])
def test_the_smallest_change_is_a_difference(drawing):
    assert swept(drawing) == 4


def test_a_control_that_changes_nothing_is_found():
    assert swept(lambda axes, value: axes.plot([0, 1])) == 1


@pytest.mark.parametrize("fails", [
    lambda axes, value: 1 / (value - 2),                                     # while it is drawn
    lambda axes, value: axes.text(0, 0, "$x$" if value != 2 else "$x^$"),    # only once it is painted
    lambda axes, value: axes.imshow([[0, 1]], cmap="grey" if value != 2 else "no such colours"),
])
def test_a_value_that_cannot_be_drawn_is_found(fails):
    with pytest.raises(AssertionError, match="value.*2"):
        swept(fails)


def test_the_first_explorer_makes_a_png():
    def draw(axes, value):
        axes.plot([0, 1])
        axes.figure.set_layout_engine("none")
        axes.figure.savefig = None                                 # what only a PNG needs

    with pytest.raises(TypeError, match="not callable"):
        swept(draw)
