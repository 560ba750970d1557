"""What every explorer does: bind controls to a drawing, show errors, leave a still picture."""

import base64
from contextlib import contextmanager

import ipywidgets
from ipywidgets import HTML, Layout, VBox

from .. import plots
from ..markup import safe

WIDE = {"style": {"description_width": "90px"}, "layout": Layout(width="420px")}


class Explorer:
    """Binds controls to a drawing. A subclass writes `draw(figure)`, which may return a sentence (HTML) to stand above it.

    controls: {name: widget}; each is `self.controls[name]`, and its value redraws. An error while a reader plays is shown in
    the widget, since Jupyter shows none from callbacks; one while the explorer is made is raised as ever. As the last
    line of a cell it shows its controls, and to readers without a kernel a picture of how it stood.
    """

    handled = ()                                                   # names of controls that the subclass answers to itself

    def __init__(self, controls, figsize, *, dpi=110):
        self.controls, self.error, self._held = controls, None, False
        self.figure = plots.Picture(figsize=figsize, dpi=dpi, layout="constrained", facecolor="white")
        # Without a width of its own the picture is stretched to that of the cell, and blurred.
        self.image = ipywidgets.Image(format="png", layout=Layout(width=f"{round(100 * figsize[0])}px", max_width="100%",
                                                                  align_self="flex-start"))
        self.message = HTML()
        for name, control in controls.items():
            if name not in self.handled:
                control.observe(self.guard(self.redraw), "value")
        self.redraw()
        self.widget = VBox([*self.arrange(controls), self.message, self.image])

    def draw(self, figure):
        raise NotImplementedError(f"{type(self).__name__} must say what it draws: draw(figure)")

    def arrange(self, controls):
        """The controls, as rows from top to bottom."""
        return list(controls.values())

    def __getattr__(self, name):
        """`self.turn` is `self.controls["turn"]`'s value."""
        controls = self.__dict__.get("controls", {})
        if name not in controls:
            raise AttributeError(f"{type(self).__name__} has no {name!r}; its controls are {', '.join(controls)}")
        return controls[name].value

    def redraw(self, change=None):
        if self._held:
            return
        self.figure.clear()
        sentence = self.draw(self.figure)
        self.image.value = plots.png(self.figure)
        self.message.value = f'<div class="sslkit-message" style="line-height:1.4">{sentence or ""}</div>'
        self.error = None

    def guard(self, function):
        """The same function, whose errors are shown in red."""
        def guarded(change=None):
            try:
                function(change)
            except Exception as error:                             # shown, and kept for who wants the traceback
                self._held, self.error = False, error
                text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
                self.message.value = (f'<div class="sslkit-error" style="color:#b00020; line-height:1.4"><b>This did not '
                                      f'work.</b> {safe(text, most=None)}</div>')
        return guarded

    @contextmanager
    def at_once(self):
        """Several controls change, one redraw follows."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.redraw()

    def still(self):
        """The picture as it stands, as the bytes of a PNG: `IPython.display.Image(explorer.still())`."""
        return bytes(self.image.value)

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The widget, and the still beside it for whoever cannot show widgets: a code host, an untrusted notebook."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": f"<{type(self).__name__}>",
                "image/png": base64.b64encode(self.still()).decode()}
