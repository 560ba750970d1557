"""Temporal prediction: the future of a series from its past, or the past from the present."""

from torch import nn

from ..task import Task


class Forecast(Task):
    """encoder: maps series (B, channels, T) to (B, dim), such as `CausalConvNet`. horizon: how many steps are to be told.

    predict: "future", the last `horizon` steps of each window from those before, or "past", the first ones from those after.
    Answers are changes from the nearest step that is known, so that to say nothing is to say: it stays as it is.
    """

    def __init__(self, encoder, channels, horizon, predict="future"):
        super().__init__(encoder)
        if predict not in ("future", "past"):
            raise ValueError(f'predict="{predict}": want "future" or "past"')
        self.channels, self.horizon, self.predict = channels, horizon, predict
        self.head = nn.Linear(encoder.dim, channels * horizon)     # thrown away after training
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def make_problem(self, windows):
        """(B, channels, T) → what is known (B, channels, T − horizon), what is to be told (B, channels, horizon).

        To tell the past, time is turned round: both come last moment first. Raises ValueError for windows that are too short.
        """
        if windows.ndim != 3 or windows.shape[1] != self.channels or windows.shape[2] <= self.horizon:
            raise ValueError(f"windows {tuple(windows.shape)}: want (B, {self.channels}, T) with T above the horizon of {self.horizon}")
        if self.predict == "past":
            windows = windows.flip(2)
        return windows[..., :-self.horizon], windows[..., -self.horizon:]

    def forward(self, known):
        change = self.head(self.encoder(known)).unflatten(1, (self.channels, self.horizon))
        return known[..., -1:] + change                            # (B, channels, horizon)

    def loss(self, told, truth):
        """Mean squared error."""
        return (told - truth).square().mean(), {}
