"""What a reader can do to an explorer: give a control a value, or every value."""

import pytest
from ipywidgets import Dropdown, FileUpload, FloatSlider, IntSlider, SelectionSlider, SelectMultiple, ToggleButton, ToggleButtons
from sketch import sketch

from sslkit import plots
from sslkit.plots import look

whole = set()                              # functions whose explorers have drawn a PNG


def values(control):
    """Every value that a reader can give a control (of long sliders: both ends and a walk between them)."""
    if isinstance(control, (Dropdown, SelectionSlider, ToggleButtons)):
        return [option[1] if isinstance(option, tuple) else option for option in control.options]
    if isinstance(control, SelectMultiple):
        return [(option,) for option in control.options] + [tuple(control.options)]
    if isinstance(control, ToggleButton):
        return [True, False]
    if isinstance(control, IntSlider):
        return sorted({control.min, control.max, *range(control.min, control.max, max(1, (control.max - control.min) // 8))})
    if isinstance(control, FloatSlider):
        return [control.min + (control.max - control.min) * share / 6 for share in range(7)]
    assert isinstance(control, FileUpload), type(control)
    return []


def choose(shown, **values):
    """Gives controls of an explorer these values; none may end in an error. → the explorer."""
    for name, value in values.items():
        shown.controls[name].value = value
    assert shown.error is None, shown.error
    return shown


def sweep(make, name):
    """Makes an explorer and gives control `name` every value in turn; none may end in an error. → how many pictures differed.

    The first explorer of each `make` draws a PNG as readers have it; what differs is told by sketches.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "png", sketch if make in whole else look.png)
        explorer = make()
        assert make in whole or explorer.still().startswith(b"\x89PNG")
        whole.add(make)
        patch.setattr(plots, "png", sketch)
        explorer.redraw()
        seen = {explorer.still()}
        for value in values(explorer.controls[name]):
            explorer.controls[name].value = value
            assert explorer.error is None and "sslkit-error" not in explorer.message.value, (name, value, explorer.message.value)
            seen.add(explorer.still())
        return len(seen)
