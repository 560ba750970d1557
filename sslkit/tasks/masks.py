"""Which patches MAE hides: functions (B, grid, device) → scores (B, grid²); the patches of highest score are hidden.

However patches are chosen, every picture of a batch hides exactly as many, so that what is visible is one tensor.
"""

import torch


def random(number, grid, device=None):
    """Any patch as likely as any other."""
    return torch.rand(number, grid * grid, device=device)


def block(number, grid, device=None):
    """One square somewhere: it grows from a point drawn anywhere, in step with its distances to the four edges."""
    line, point = torch.arange(grid, device=device) + 0.5, torch.rand(2, number, 1, device=device)
    away = line - grid * point                                       # (2, B, grid)
    share = torch.where(away > 0, away / (1 - point), -away / point.clamp_min(1e-6))              # of the square that reaches there
    return -torch.maximum(share[0][:, :, None], share[1][:, None, :]).flatten(1)


def grid(number, grid, device=None):
    """As evenly as can be, from a corner drawn for each picture: at 0.75 one patch of each 2 × 2 stays, at 0.5 a chequerboard.

    The order is that of an ordered dither (Bayer 1973).
    """
    order = torch.zeros(1, 1, device=device)
    while len(order) < grid:
        order = torch.cat([torch.cat([4 * order, 4 * order + 2], 1), torch.cat([4 * order + 3, 4 * order + 1], 1)])
    side = len(order)
    line = torch.arange(grid, device=device) + torch.randint(side, (2, number, 1), device=device)  # (2, B, grid)
    rows, columns = line % side
    return order[rows[:, :, None], columns[:, None, :]].flatten(1)


def hide(scores, ratio):
    """Scores (B, N), share to hide → visible (B, V), hidden (B, N − V): numbers of patches, each in ascending order.

    Raises ValueError for a ratio at which nothing would be hidden, or nothing be visible.
    """
    number = scores.shape[1]
    hidden = round(ratio * number)
    if not 0 < hidden < number:
        raise ValueError(f"ratio={ratio}: of {number} patches {hidden} would be hidden; want at least 1, and at most {number - 1}")
    order = scores.argsort(dim=1, stable=True)
    return order[:, :number - hidden].sort(1).values, order[:, number - hidden:].sort(1).values
