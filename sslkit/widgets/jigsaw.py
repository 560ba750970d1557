"""Solve the puzzle by hand, against the network."""

import torch
from ipywidgets import Button, HBox, HTML, IntSlider, Layout, ToggleButton, VBox

from .. import plots
from ..data.dataset import as_float
from ..tasks.common import normalized
from ..tasks.jigsaw import Jigsaw, hamming, shuffled
from . import door
from .base import WIDE
from .pictures import PictureExplorer


@door.wants(task=door.one_of(Jigsaw), pictures=door.datasets, number=door.whole(1))
class JigsawExplorer(PictureExplorer):
    """A shuffled picture: click two places to swap their tiles, then let the network try the same puzzle.

    task: a trained `sslkit.tasks.Jigsaw`. pictures: a Dataset, or {name: Dataset}, the size that it knows; of each the first `number`
    can be chosen. The slider names the permutation that shuffles; beside the puzzle stand the Hamming distances of the set,
    and, once the network has tried, where the truth and its guess meet.
    """

    handled = (*PictureExplorer.handled, "permutation")

    def __init__(self, task, pictures, *, number=200):
        self.task = task
        self.distances = hamming(task.permutations.cpu())          # (K, K)
        self.places = [self._button(str(place + 1), lambda place=place: self._click(place), "46px") for place in range(task.grid ** 2)]
        self.buttons = {"network": self._button("let the network try", self._network, "150px"),
                        "reveal": self._button("show me", self._reveal, "90px"),
                        "again": self._button("start again", self._again, "100px"),
                        "new": self._button("another puzzle", self._new, "120px")}
        self.solved, self.by_network, self.spent, self.generator = 0, 0, set(), torch.Generator().manual_seed(0)
        controls = {"permutation": IntSlider(min(3, len(self.distances) - 1), 0, len(self.distances) - 1, description="permutation",
                                             continuous_update=False, **WIDE),
                    "seen": ToggleButton(False, description="as the network sees it", layout=Layout(width="180px"))}
        controls["permutation"].observe(self.guard(self._choose_permutation), "value")
        super().__init__(pictures, controls, (9.2, 3.5), number=number)

    def _button(self, description, action, width):
        button = Button(description=description, layout=Layout(width=width))
        button.on_click(self.guard(lambda _: action()))
        return button

    def arrange(self, controls):
        grid = self.task.grid
        rows = [HBox(self.places[first:first + grid]) for first in range(0, grid ** 2, grid)]
        buttons = list(self.buttons.values())
        return [HBox([controls[name] for name in PictureExplorer.handled if name in controls]), HBox([controls["permutation"], controls["seen"]]),
                HBox([VBox([HTML("click two places to swap their tiles"), *rows]), VBox([HBox(buttons[:2]), HBox(buttons[2:])])])]

    def renew(self):
        """Cuts the picture anew; the tiles lie as the permutation has them."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.tiles = self.task.tiles(as_float(self.picture).cpu()[None])[0]                   # (n, 3, h, w), in their order
        self.order, self.marked, self.swaps, self.guess = torch.arange(len(self.tiles)), None, 0, None

    @property
    def shuffle(self):
        """The permutation (n,): place k of the puzzle as it was dealt shows tile shuffle[k]."""
        return self.task.permutations[self.permutation].cpu()

    @property
    def lying(self):
        """The tile that lies at each place now, (n,): solved where that is 0, 1, 2, …"""
        return self.shuffle[self.order]

    def answer(self):
        """What the network says of the puzzle as it was dealt: probabilities of the permutations (K,)."""
        tiles = normalized(self.tiles[None]) if self.task.normalize else self.tiles[None]
        was_training = self.task.training
        self.task.eval()
        try:
            with torch.no_grad():
                puzzle = shuffled(tiles, self.shuffle[None]).to(next(self.task.parameters()).device)
                return self.task(puzzle)[0].float().softmax(0).cpu()
        finally:
            self.task.train(was_training)

    def draw(self, figure):
        in_place = self.lying == torch.arange(len(self.lying))
        done = bool(in_place.all())
        tiles = normalized(self.tiles[None])[0] if self.seen else self.tiles
        left, right = figure.subfigures(1, 2, width_ratios=(1, 1.5))
        plots.puzzle(tiles[self.lying], in_place=in_place if done or self.guess is not None else None, marked=self.marked, figure=left)
        plots.permutation_distances(self.distances, one=self.permutation, other=self.guess, figure=right)
        words = [f"<b>{int(in_place.sum())} of {len(in_place)}</b> tiles are in their place after {self.swaps} swap{'s' * (self.swaps != 1)}."]
        if self.guess is not None:
            share, off = float(self.answer()[self.guess]), int(self.distances[self.permutation, self.guess])
            words.append(f"The network says permutation {self.guess} with <b>{share:.0%}</b>: "
                         + ("right." if off == 0 else f"wrong, {off} tiles lie elsewhere."))
        if self.solved:
            words.append(f"You have solved {self.solved}; of these the network solves {self.by_network}.")
        return " ".join([*words, self.told()])

    def _click(self, place):
        if self.marked is None or self.marked == place:
            self.marked = None if self.marked == place else place
        else:
            self.order[[self.marked, place]] = self.order[[place, self.marked]]
            self.swaps, self.marked, self.guess = self.swaps + 1, None, None
            if torch.equal(self.lying, torch.arange(len(self.lying))) and self._spend():
                self.solved += 1
                self.by_network += int(self.answer().argmax()) == self.permutation
        self.redraw()

    def _spend(self):
        """A puzzle counts once, and not after its solution was seen. → whether it still counted."""
        puzzle = (self.own_name if self.own is not None else (self.dataset.name, self.index()), self.permutation)
        counts = puzzle not in self.spent
        self.spent.add(puzzle)
        return counts

    def _network(self):
        """The network's permutation undone: solved if it is the right one."""
        self._spend()
        self.guess, self.marked = int(self.answer().argmax()), None
        self.order = self.task.permutations[self.guess].cpu().argsort()
        self.redraw()

    def _reveal(self):
        self._spend()
        self.order, self.marked, self.guess = self.shuffle.argsort(), None, None
        self.redraw()

    def _again(self):
        self.renew()
        self.redraw()

    def _new(self):
        """Another permutation, of the same picture."""
        other = int(torch.randint(len(self.distances) - 1, (1,), generator=self.generator))
        self.controls["permutation"].value = other + (other >= self.permutation)

    def _choose_permutation(self, change=None):
        self.renew()
        self.redraw()
