"""Live curves of a training."""

import time

from .. import plots


class TrainingMonitor:
    """Live curves: `train(..., on_log=TrainingMonitor())`. Outside of a notebook it only keeps the history.

    total: the number of steps, to show the time left. chance: accuracy of blind guessing, drawn as a line. The figure is
    drawn anew at most `rate` times a second, and with the last record when the cell ends, however it ends.
    """

    def __init__(self, total=None, *, chance=None, rate=1.0):
        self.total, self.chance, self.rate = total, chance, rate
        self.history, self.figure, self._handle, self._drawn, self._shown = [], None, None, 0.0, 0
        try:
            from IPython import get_ipython
            self._shell = get_ipython()
        except ImportError:
            self._shell = None

    def __call__(self, record):
        self.history.append(record)
        if self._shell is None or not hasattr(self._shell, "kernel"):
            return
        if self._handle is None:
            self._shell.events.register("post_run_cell", self.close)
        if record["step"] == self.total or time.monotonic() - self._drawn >= 1 / self.rate:
            self.show()

    def show(self):
        """Draws what there is now."""
        from IPython.display import display

        self.figure = plots.training(self.history, chance=self.chance, title=self._title())
        if self._handle is None:
            self._handle = display(self.figure, display_id=True)
        else:
            self._handle.update(self.figure)
        self._drawn, self._shown = time.monotonic(), len(self.history)

    def close(self, result=None):
        """Draws the last record, so that this is what the notebook stores. The end of the cell calls it."""
        if self._handle is not None:
            self._shell.events.unregister("post_run_cell", self.close)
            if self._shown < len(self.history):
                self.show()
            self._handle = None

    def _title(self):
        last = self.history[-1]
        if not self.total:
            return f"step {last['step']}, {last['seconds']:.0f} s"
        left = (self.total - last["step"]) * last["seconds"] / last["step"]
        return f"step {last['step']} of {self.total}, {last['seconds']:.0f} s" + (f", {left:.0f} s left" if left else "")
