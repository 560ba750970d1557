"""The lesson on masked autoencoders: its figure."""

import numpy as np
import pytest

from sslkit import plots


def test_a_line_goes_through_the_means_of_the_seeds_in_the_order_of_shares():
    figure = plots.by_ratio({"loss": {"mae": {0.75: [3.0, 5.0], 0.25: [1.0, 2.0]}}, "accuracy, %": {"mae": {0.25: 20.0, 0.75: 22.0}}},
                            floors={"loss": {"a floor": 2.5}})
    loss, accuracy = figure.axes
    line, *rest = loss.lines
    assert np.allclose(line.get_xydata(), [[25, 1.5], [75, 4.0]])
    dots = [dots.get_xydata().tolist() for dots in rest[:2]]
    assert dots == [[[25, 1.0], [25, 2.0]], [[75, 3.0], [75, 5.0]]]
    assert rest[2].get_ydata()[0] == 2.5 and [text.get_text() for text in loss.texts] == ["a floor"]
    assert loss.get_ylim()[0] == 0 and accuracy.get_ylim()[0] > 15 and len(accuracy.lines) == 1
    assert loss.get_legend() is None, "one line needs no legend"


def test_several_lines_have_names_and_nothing_is_refused():
    figure = plots.by_ratio({"time": {"encoder": {0: 4, 0.5: 2}, "with decoder": {0.5: 3}}})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["encoder", "with decoder"]
    with pytest.raises(ValueError, match="panels is empty"):
        plots.by_ratio({})
