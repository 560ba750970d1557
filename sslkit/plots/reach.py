"""Which elements of a sample have a say in the features of one place: nobody may see what is still to come."""

import copy

import numpy as np
import torch
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from .look import INK, RIGHT, WRONG, bare, new, pale


def sensitivity(encoder, shape, place, *, number=8, seed=0):
    """How much each element of a sample has a say in the features of one place → float (*shape), 0 where it has none.

    encoder: with an embedding `embed` and `features`, such as PixelCNN, GPT, WaveNet. shape: of one sample, (H, W) or (T,). place:
    (row, column), or a number in raster order. It is the gradient's size at the embedded elements, root mean square over `number`
    random samples, along a random direction of the features each; in double precision, so that 0 is 0. The largest is 1.
    """
    shape = tuple(shape)
    place = tuple(map(int, np.unravel_index(place, shape))) if isinstance(place, int) else tuple(place)
    if len(place) != len(shape) or not all(0 <= index < size for index, size in zip(place, shape)):
        raise ValueError(f"place={place}: no place of samples {shape}")
    network, kept = copy.deepcopy(encoder).cpu().double().eval(), []
    network.embed.register_forward_hook(lambda module, inputs, output: kept.append(output.detach().requires_grad_()) or kept[-1])
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(network.vocabulary, (number, *shape), generator=generator)
    with torch.enable_grad():
        features = network.features(tokens)[(slice(None), slice(None), *place)]                   # (number, dim)
        toward = torch.randn(features.shape, generator=generator, dtype=torch.float64)
        slope, = torch.autograd.grad((features * toward).sum(), kept[0])                           # (number, …, dim)
    sizes = slope.square().sum(-1).mean(0).sqrt().view(shape).float()
    return sizes / sizes.max().clamp_min(1e-30)


def reach(weights, place, *, title="", figure=None):
    """Weights (H, W), or (T,), and a place (row, column), or a number → Figure: which elements have a say in it (`sensitivity`).

    What has a say is blue, the stronger the darker; what came before and yet has none is vermilion: a blind spot, or out of reach.
    What is still to come is hatched, the element itself framed.
    """
    weights = np.asarray(torch.as_tensor(weights).detach().cpu(), dtype=float)
    line = weights.ndim == 1
    place = int(place) if line else tuple(place) if not isinstance(place, int) else divmod(place, weights.shape[1])
    weights, (row, column) = np.atleast_2d(weights), (0, place) if line else place
    height, width = weights.shape
    past = np.arange(height * width).reshape(height, width) < row * width + column
    magnitudes = np.log10(np.maximum(weights / max(weights.max(), 1e-30), 1e-4))                 # (H, W), −4 to 0
    strength = 0.18 + 0.82 * (magnitudes / 4 + 1)
    shown = np.ones((height, width, 3))
    blue, blind = np.array(pale(RIGHT, 0)), np.array(pale(WRONG, 0.45))
    seen = weights > 0
    shown[seen] = 1 - strength[seen][:, None] * (1 - blue)
    shown[past & ~seen] = blind
    figure = new(figure, (9, 1.1) if line else (3.4, 3.7))
    axes = bare(figure.subplots())
    axes.imshow(shown, interpolation="nearest", aspect="auto" if line else "equal")
    look = {"facecolor": "none", "edgecolor": "#C4C9D0", "hatch": "////", "linewidth": 0}
    axes.add_patch(Rectangle((column + 0.5, row - 0.5), width - column - 1, 1, **look))
    axes.add_patch(Rectangle((-0.5, row + 0.5), width, height - row - 1, **look))
    if not line:
        upright = [[(edge - 0.5, -0.5), (edge - 0.5, height - 0.5)] for edge in range(width + 1)]
        level = [[(-0.5, edge - 0.5), (width - 0.5, edge - 0.5)] for edge in range(height + 1)]
        axes.add_collection(LineCollection(upright + level, colors="white", linewidths=0.5))
    inside = "none" if seen[row, column] else "white"
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=inside, edgecolor=INK, linewidth=2, zorder=5))
    axes.set(xlim=(-0.7, width - 0.3), ylim=(height - 0.4, -0.6))
    if title:
        axes.set_title(title, fontsize=10)
    keys = [Rectangle((0, 0), 1, 1, facecolor=RIGHT), *([Rectangle((0, 0), 1, 1, facecolor=blind)] if (past & ~seen).any() else []),
            Rectangle((0, 0), 1, 1, **look)]
    names = ["has a say", *(["none, though before"] if (past & ~seen).any() else []), "to come"]
    figure.legend(keys, names, loc="outside lower center", ncols=len(keys), frameon=False, fontsize=8, handlelength=1.2,
                  handleheight=1, columnspacing=1)
    return figure
