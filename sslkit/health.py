"""Is it broken? Meters beside the loss while a training runs, and plain words where they look bad."""

import time

import torch

from . import meters
from .augment import simclr_views
from .evaluate import accuracy, embed, knn

COLLAPSED, FLAT = 0.1, 0.97


def watch(task, labelled, *, every=None, chance=None, then=None, say=print):
    """→ a function for `train(..., on_log=...)` that adds to records: kNN accuracy, spread, alignment, uniformity, effective rank.

    labelled: a Dataset, of which 1500 pictures at most are used, a third of them to be recognised by their nearest
    neighbours among the rest. kNN is of what downstream work sees (`task.represent`), the other meters of what the
    loss sees (the projector's output, where there is one): `sslkit.meters`.
    every: measure once in so many steps; None: as often as takes a twentieth of the time. chance: the loss of embeddings that
    tell nothing, ln(2N − 1) for NT-Xent of N pictures. then: another on_log to be called after (a TrainingMonitor).
    say: gets a sentence, once, for each thing that looks bad.
    """
    few = labelled[torch.arange(len(labelled))[:: max(1, len(labelled) // 1500)][:1500]]
    bank, queries = few[:2 * len(few) // 3], few[2 * len(few) // 3:]
    seen_by_loss = lambda images: task.projector(task.encoder(images)) if hasattr(task, "projector") else task.represent(images)
    told, last, took, bad = set(), time.monotonic(), 0.0, 0

    def tell(kind, sentence):
        if kind not in told:
            told.add(kind)
            say(sentence)

    def on_log(record):
        nonlocal last, took
        began = time.monotonic()
        if record["step"] % every == 0 if every else began - last >= 20 * took:
            record |= measure() | {name: record[name] for name in ("spread",) if name in record}
            took, last = time.monotonic() - began, time.monotonic()
            judge(record)
        if then is not None:
            then(record)

    def measure():
        task.eval()
        h = embed(task.represent, few)                                                     # (N, D)
        right = accuracy(knn(h[:len(bank)], bank.labels.cpu(), h[len(bank):]), queries.labels)
        with torch.random.fork_rng():
            torch.manual_seed(0)                                                           # the same views every time
            first, second = (embed(lambda images: seen_by_loss(getattr(task, "augment", simclr_views)(images)), queries,
                                   device=h_device()) for _ in range(2))
        return {"kNN accuracy": right, "spread": meters.spread(first).item(), "alignment": meters.alignment(first, second).item(),
                "uniformity": meters.uniformity(first).item(), "effective rank": meters.effective_rank(first).item()}

    def h_device():
        return next(task.parameters()).device

    def judge(record):
        nonlocal bad
        where = f"step {record['step']}"
        bad = bad + 1 if record["spread"] < COLLAPSED else 0
        if bad > 1:                                                                        # once may be the first steps
            tell("collapse", f"{where}: COLLAPSE? All pictures get nearly the same embedding (spread {record['spread']:.3f}, where 1 is "
                             f"even; effective rank {record['effective rank']:.1f}). The loss may look fine: nothing is left to tell apart. "
                             f"Look for what keeps embeddings apart: negatives, a predictor with stop-gradient, a smaller lr")
        if chance is not None and record["loss"] > FLAT * chance:
            tell("flat", f"{where}: the loss {record['loss']:.2f} is still near {chance:.2f}, what embeddings cost that tell nothing about which "
                         f"view belongs to which: all alike, or all random. At the start that is so; if it stays, try a smaller lr, "
                         f"a longer warmup, another temperature, weaker augmentations; and see whether kNN accuracy rises")

    return on_log
