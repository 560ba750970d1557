"""The protocol by which methods are compared: what may be chosen, by which labels, and how often.

Frozen features: the block is chosen once per method, at the largest label budget; the penalty of a
probe by no more validation labels than it has training labels; features are standardised by the
statistics of the unlabelled training images. Networks that learn from labels, pretrained or from
scratch, train until longer training no longer helps, by one rule for both.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .data.dataset import Dataset, Splits, labelled_subset
from .evaluate import accuracy, fine_tune, knn, linear_probe, predict
from .tasks.pseudo_label import PseudoLabel
from .train import train

PENALTIES = (
    10.0,
    1.0,
    1e-1,
    1e-2,
    1e-3,
)  # from the strongest to the weakest: of equals the first is taken


def subsets(budget: int) -> int:
    """How many random label subsets a budget gets: few labels vary most, and their probes cost least."""
    return 20 if budget <= 5 else 5 if budget <= 100 else 3


class Blocks(NamedTuple):
    """Features of the three splits after every block of an encoder, [(N, D of that block), …] each, and the labels (N,) of the splits."""

    features: Sequence[Sequence[Tensor]]  # [block][split]
    labels: Sequence[Tensor]  # [split]


def probe_method(
    blocks: Blocks,
    budgets: Sequence[int],
    *,
    probe: str = "linear",
    count: Callable[[int], int] = subsets,
    done: Sequence[dict] = (),
) -> Iterator[dict]:
    """Probes on frozen features → records, one for each label budget, random label subset and block
    that is shown.

    Two blocks are shown: the one that is best on the validation split at the largest budget
    ("rule": "chosen"), and the last one ("last"); where they are the same, there are records of
    both rules. probe: "linear" or "kNN". count: label budget → how many subsets. done: records of
    an interrupted run, not made again; they come first. Every record has budget, seed, probe, layer
    (block number), rule, accuracy on the test split, and accuracy on `judges` validation examples
    by which the penalty was chosen.
    """
    yield from done
    known = {(record["budget"], record["seed"], record["rule"]) for record in done}
    last = len(blocks.features)
    best = next((record["layer"] for record in done if record["rule"] == "chosen"), None)
    if best is None:
        best = choose_block(blocks, max(budgets), probe=probe)
    for budget in budgets:
        for seed in range(count(budget)):
            judged: dict[int, dict] = {}  # the chosen block may be the last one
            for rule, layer in (("chosen", best), ("last", last)):
                if (budget, seed, rule) in known:
                    continue
                if layer not in judged:
                    judged[layer] = _probe(blocks, layer, budget, seed, probe)
                yield {
                    "budget": budget,
                    "seed": seed,
                    "probe": probe,
                    "layer": layer,
                    "rule": rule,
                    **judged[layer],
                }


def choose_block(blocks: Blocks, budget: int, *, probe: str = "linear") -> int:
    """The block whose probe, with `budget` labels per class, does best on the validation split: 1 is the first. Of equals, the last."""
    scores = [
        _probe(blocks, number, budget, 0, probe, test=False)["validation"]
        for number in range(1, len(blocks.features) + 1)
    ]
    return max(range(1, len(scores) + 1), key=lambda number: (scores[number - 1], number))


def _probe(
    blocks: Blocks, layer: int, budget: int, seed: int, probe: str, test: bool = True
) -> dict:
    train, validation, held_out = blocks.features[layer - 1]
    labels, validation_labels, test_labels = blocks.labels
    few = labelled_subset(labels, budget, seed=seed)
    judges = judges_of(validation_labels, len(few), seed)
    if probe == "kNN":
        judged = accuracy(
            knn(train[few], labels[few], validation[judges]), validation_labels[judges]
        )
        found, guess = {"validation": judged}, lambda queries: knn(train[few], labels[few], queries)
    else:
        best = linear_probe(
            train[few],
            labels[few],
            validation[judges],
            validation_labels[judges],
            penalties=PENALTIES,
            statistics=statistics(train),
        )
        found, guess = {"validation": best.validation, "penalty": best.penalty}, best.predict
    if test:
        found["accuracy"] = accuracy(guess(held_out), test_labels)
    return found | {"judges": len(judges)}


def judges_of(validation_labels: Tensor, number: int, seed: int) -> Tensor:
    """Which of the validation examples choose: as many as there are training labels, or all there are, drawn anew for each seed → (n,)."""
    return torch.randperm(len(validation_labels), generator=torch.Generator().manual_seed(seed))[
        :number
    ]


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Features (N, D) of unlabelled images → their mean and standard deviation, (D,) each."""
    return features.mean(0), features.std(0, correction=0)


def finetune_method(
    make_encoder: Callable[[], nn.Module],
    splits: Splits,
    budget: int,
    seed: int,
    *,
    rates: Sequence[float] = (1e-3, 3e-3),
    shortest: int = 200,
    longest: int = 12_800,
    gain: float = 0.005,
    unlabelled: bool = False,
    device=None,
    say: Callable = lambda text: None,
    **settings,
) -> dict:
    """The whole network trained on `budget` labels per class until longer no longer helps → a
    record with its test accuracy.

    make_encoder: → the start, pretrained or fresh; called once for each training. The rule: the
    best of `rates` at `shortest` steps; then twice as many steps, with a schedule of their own,
    until accuracy on the validation examples rises by less than `gain`, or `longest` is reached.
    There are no more validation than training labels. The length that did best is tested.
    unlabelled: the training images that have no label take part, by pseudo-labels. settings: of
    `fine_tune`. The record says which rate and length it was, what all of them gave, and whether
    `longest` cut it off.
    """
    labels, validation_labels = splits.train.labels.cpu(), splits.validation.labels.cpu()
    labelled = splits.train[labelled_subset(labels, budget, seed=seed)]
    judges = splits.validation[judges_of(validation_labels, len(labelled), seed)]

    def run(steps: int, lr: float) -> tuple[float, nn.Module]:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            encoder = make_encoder()
        learn = partial(pseudo_label, splits.train.images) if unlabelled else fine_tune
        task = learn(
            encoder,
            labelled,
            len(splits.train.classes),
            steps=steps,
            lr=lr,
            seed=seed,
            device=device,
            **settings,
        )
        judged = accuracy(predict(task, judges, device=device), judges.labels)
        tried.append({"steps": steps, "lr": lr, "validation": judged})
        say(
            f"{budget} labels per class, subset {seed}: {steps} steps at {lr:g}: {100 * judged:.1f} % on validation"
        )
        return judged, task

    tried: list[dict] = []
    score, task, lr = max(
        ((*run(shortest, rate), rate) for rate in rates), key=lambda result: result[0]
    )
    steps, length, rise = shortest, shortest, gain
    while rise >= gain and 2 * length <= longest:
        length *= 2
        longer, other = run(length, lr)
        rise = longer - score
        if rise > 0:
            score, task, steps = longer, other, length
    found = accuracy(predict(task, splits.test, device=device), splits.test.labels)
    return {
        "budget": budget,
        "seed": seed,
        "accuracy": found,
        "validation": score,
        "judges": len(judges),
        "steps": steps,
        "lr": lr,
        "cut off": rise >= gain,
        "tried": tried,
    }


def pseudo_label(
    unlabelled: Tensor,
    encoder: nn.Module,
    labelled: Dataset,
    classes: int,
    *,
    steps: int,
    lr: float,
    batch_size: int = 64,
    seed: int = 0,
    **settings,
) -> PseudoLabel:
    """A copy of `encoder` and a new head, trained on labelled and unlabelled images, uint8 (N, 3,
    H, W) → PseudoLabel task.

    Every batch has as many of either: the labelled ones are repeated. settings: of `train`. The
    stop button raises KeyboardInterrupt, as nothing is kept.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        task = PseudoLabel(copy.deepcopy(encoder), classes)
    again = torch.arange(len(unlabelled)) % len(
        labelled
    )  # batches are drawn at random, so the order is of no account
    data = unlabelled, labelled.images[again], labelled.labels[again]
    history = train(
        task,
        data,
        steps=steps,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        **{"progress": False, **settings},
    )
    if history[-1]["step"] < steps:
        raise KeyboardInterrupt(f"stopped after step {history[-1]['step']} of {steps}")
    return task
