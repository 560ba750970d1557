"""Every method under one protocol: the same encoder, equal encoder FLOPs at several budgets, the
same labels, the same probes.

Each pretraining, and each baseline, is one run: a JSON file that says what was done, on what, at
what cost, and what came out. An interrupted study goes on from these files, two processes share
them out, and tables and figures are made of nothing else.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import nn

from . import evaluate, protocol, recipes
from .checkpoint import write_whole
from .compare import TUNED, read_run, stored
from .compute import encoder_compute
from .data.dataset import Splits, labelled_subset
from .machine import machine
from .train import choose_device, train
from .weights import halves, load_verified

# Encoder FLOPs of the budget "1 ×". On a CPU core, 4e12 take 30 to 60 seconds; on a large GPU, 1e15
# are three epochs of SimCLR.
UNIT = {
    ("cpu", "scenes"): 1e12,
    ("cpu", "cifar10"): 4e12,
    ("gpu", "scenes"): 1e15,
    ("gpu", "cifar10"): 1e15,
}
BUDGETS = (1, 5, 20, 100, 1000)  # labels per class, of frozen features
FINE_TUNING = (20, 100, 400)  # labels per class, of whole networks
PROBES = ("linear", "kNN")
GRID = 2  # features are averaged over the quarters of the image
EVALUATED = 2000  # images a pretext task is evaluated on

# Baselines, each of a method's own kind: what its encoder does without its training. Colorization's
# encoder sees no colour,
# split-brain's are two halves, MAE's is a vision transformer. The value names the method whose
# encoder it is.
RANDOM = {
    "random encoder": "rotation",
    "random lightness encoder": "colorization",
    "random split encoder": "split_brain",
    "random ViT": "mae",
}
SCRATCH = {
    "from scratch": "rotation",
    "lightness from scratch": "colorization",
    "split from scratch": "split_brain",
    "ViT from scratch": "mae",
}
# What labels do: the few labels with all other images unlabelled, and all labels there are, the
# upper bound.
LABELLED = ("pseudo-labels", "supervised, all labels")
BASELINES = (*RANDOM, "raw pixels", *SCRATCH, *LABELLED)


def study(
    splits: Splits,
    name: str,
    tier: str,
    *,
    methods: Sequence[str] = tuple(recipes.RECIPES),
    compute: Sequence[int] = (1, 4),
    pretrainings: int = 3,
    budgets: Sequence[int] = BUDGETS,
    fine_tuning: Sequence[int] = FINE_TUNING,
    count: Callable = protocol.subsets,
    unit: float | None = None,
    device=None,
    folder: Path,
    checkpoints: Path = Path("runs"),
    say: Callable = print,
    **tuning,
) -> list[dict]:
    """Pretrains, probes and fine-tunes whatever `folder` lacks → its runs, as `compare.stored`
    reads them.

    splits: train, to pretrain on without labels and to draw labels from; validation, to choose by;
    test, once for each record. compute: budgets in multiples of `unit` encoder FLOPs (default:
    `UNIT`); each is a pretraining of its own, with its own schedule, `pretrainings` times. budgets:
    labels per class of the probes; fine_tuning: of whole networks, which begin from the first
    pretraining at the largest compute, (): none. count: label budget → random label subsets.
    tuning: of `finetune_method`. A stop (SIGINT) raises KeyboardInterrupt and costs at most the
    measurement under way; a pretraining goes on where it was. Raises ValueError for unknown methods
    and where `folder` holds runs of other settings.
    """
    for method in methods:
        if method not in recipes.RECIPES:
            raise ValueError(f"no method {method!r}: want some of {', '.join(recipes.RECIPES)}")
    if not methods or not compute or pretrainings < 1 or min(compute) <= 0:
        raise ValueError(
            f"{len(methods)} methods, compute {tuple(compute)}, {pretrainings} pretrainings: want at least one of each, "
            f"and multiples above 0"
        )
    for budget in (*budgets, *fine_tuning):  # before hours of pretraining, not after
        if budget < 1:
            raise ValueError(f"a budget of {budget} labels per class: want at least 1")
        labelled_subset(splits.train.labels, budget)
    folder, unit = Path(folder), unit or UNIT[tier, name]
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {split: len(part) for split, part in zip(splits._fields, splits)}
    about = {"data": name, "tier": tier, "images": sizes, "unit": unit}
    work = [
        (
            folder / f"{method}-{multiple}x-{number}.json",
            method,
            {**about, "method": method, "compute": multiple, "pretraining": number},
        )
        for multiple in sorted(compute)
        for number in range(pretrainings)
        for method in methods
    ]
    wanted = [
        baseline
        for baseline in BASELINES
        if {**RANDOM, **SCRATCH}.get(baseline, "rotation") in ("rotation", *methods)
    ]
    work += [
        (
            folder / f"{baseline.replace(' ', '_')}-{number}.json",
            baseline,
            {**about, "method": None, "compute": 0, "pretraining": number},
        )
        for baseline in wanted
        for number in range(pretrainings if "random" in baseline else 1)
    ]
    settings = {"splits": splits, "device": device, "checkpoints": Path(checkpoints), "say": say}

    def each(stage: Callable, chosen: list, **more) -> None:
        for path, method, facts in chosen:
            with _mine(Path(checkpoints) / f"{folder.name}-{path.stem}.lock") as mine:
                if mine:  # else another process is at it
                    run = _opened(path, method.replace("_", " "), facts)
                    stage(path, run, **settings, **more)

    each(
        _pretrain_and_probe,
        [item for item in work if item[1] not in (*SCRATCH, *LABELLED)],
        budgets=budgets,
        count=count,
    )
    first = [
        item
        for item in work
        if item[2]["pretraining"] == 0 and item[2]["compute"] in (0, max(compute))
    ]
    if fine_tuning:
        each(_fine_tune, first, budgets=fine_tuning, count=count, tuning=tuning)
    return stored(folder)


def _pretrain_and_probe(path, run, *, splits, device, checkpoints, say, budgets, count):
    if run["about"]["method"] is not None:
        _pretrain(path, run, splits, device, checkpoints, say)
    _probe(path, run, splits, budgets, count, device, checkpoints, say)


def _pretrain(path, run, splits, device, checkpoints, say):
    """Trains the method for its budget of encoder FLOPs, evaluates its pretext task, and keeps its encoder."""
    about = run["about"]
    if run["pretraining"]:
        return
    torch.manual_seed(about["pretraining"])
    recipe = recipes.RECIPES[about["method"]](about["tier"], about["data"])
    batch_size = min(recipe.settings["batch_size"], len(splits.train))
    cost = encoder_compute(recipe.task, splits.train.images[:batch_size])
    recipe = recipes.with_steps(recipe, cost.updates(about["compute"] * about["unit"]))
    settings = {**recipe.settings, "batch_size": batch_size}
    encoder = recipe.task.encoder
    about |= {
        "settings": settings,
        "cost": cost.of(settings["steps"]),
        "encoder": type(encoder).__name__,
        "parameters": sum(value.numel() for value in encoder.parameters()),
    }
    run["machine"] = machine(device)
    checkpoint = checkpoints / f"{path.parent.name}-{path.stem}.safetensors"
    history = train(
        recipe.task,
        splits.train.images,
        seed=about["pretraining"],
        device=device,
        checkpoint=checkpoint,
        progress=False,
        compile=choose_device(device).type == "cuda",
        **settings,
    )
    if history[-1]["step"] < settings["steps"]:
        raise KeyboardInterrupt(
            f"{run['arm']} stopped after step {history[-1]['step']} of {settings['steps']}; "
            f"the same command goes on from there"
        )
    run["seconds"]["pretraining"] = history[-1]["seconds"]
    solved = evaluate.solve(
        recipe.task, splits.validation.images[:EVALUATED], batch_size=50, device=device
    )
    run["pretraining"] = {**history[-1], "validation": solved}
    content = halves(encoder.state_dict())
    write_whole(checkpoints / f"{path.parent.name}-{path.stem}-encoder.safetensors", content)
    run["weights"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _write(path, run)
    checkpoint.unlink(missing_ok=True)  # what it was for is stored
    say(
        f"{time.strftime('%H:%M:%S')} {run['arm']} {about['compute']} ×, {about['pretraining']}: {settings['steps']} updates in "
        f"{history[-1]['seconds']:.0f} s, "
        + ", ".join(f"{key} {value:.3f}" for key, value in solved.items()),
        flush=True,
    )


def _encoder(path, run, checkpoints, say) -> nn.Module | None:
    """The encoder that a run is about: with the weights that were kept of its pretraining, or random ones. None: they are not here."""
    about = run["about"]
    torch.manual_seed(about["pretraining"] + 100)
    method = about["method"] or RANDOM[run["arm"]]
    encoder = recipes.kept(method, about["tier"], about["data"])
    if about["method"] is None:
        return encoder
    file = checkpoints / f"{path.parent.name}-{path.stem}-encoder.safetensors"
    if not file.exists():
        say(
            f"{run['arm']} {about['pretraining']}: {file} is not here, so nothing is added to this run; put it back, or delete "
            f"{path} to pretrain anew"
        )
        return None
    encoder.load_state_dict(load_verified(file, run["weights"]["sha256"]))
    return encoder


def _probe(path, run, splits, budgets, count, device, checkpoints, say):
    """Probes of the chosen and the last block, by the protocol; and which factors of the drawn world the last one keeps."""
    wanted = sorted(budgets)
    if set(wanted) <= set(run.get("probed", ())):
        return
    pixels = run["arm"] == "raw pixels"
    encoder = None if pixels else _encoder(path, run, checkpoints, say)
    if encoder is None and not pixels:
        return
    run["machine"] = run.get("machine") or machine(device)
    with _timed(run, "embedding"):
        represent = (
            (lambda images: (evaluate.raw_pixels(images),))
            if pixels
            else evaluate.Blocks(encoder, GRID)
        )
        features = list(zip(*(evaluate.embed(represent, part, device=device) for part in splits)))
    blocks = protocol.Blocks(features, [part.labels.cpu() for part in splits])
    with _timed(run, "probes"):
        for probe in PROBES:
            done = [record for record in run["records"] if record.get("probe") == probe]
            for record in protocol.probe_method(
                blocks, wanted, probe=probe, count=count, done=done
            ):
                if record not in done:
                    run["records"].append(
                        {"arm": run["arm"], **record, "pretraining": run["about"]["pretraining"]}
                    )
        if splits.test.factors:
            run["factors"] = evaluate.factors(features[-1][2], splits.test)
    run["probed"] = sorted({*run.get("probed", ()), *wanted})
    _write(path, run)
    most = [
        record["accuracy"]
        for record in run["records"]
        if (record["budget"], record.get("rule"), record.get("probe"))
        == (wanted[-1], "chosen", "linear")
    ]
    say(
        f"{time.strftime('%H:%M:%S')} {run['arm']} {run['about']['compute']} ×, {run['about']['pretraining']}: linear probe "
        f"{100 * sum(most) / len(most):.1f} % with {wanted[-1]} labels per class ({run['seconds']['probes']:.0f} s)",
        flush=True,
    )


def _fine_tune(path, run, *, splits, device, checkpoints, say, budgets, count, tuning):
    """The pretrained encoder trained on with labels until it converges; for baselines a fresh one, by the same rule."""
    arm, fresh_start = run["arm"], run["about"]["method"] is None
    if fresh_start and arm not in (*SCRATCH, *LABELLED):
        return
    if arm == "supervised, all labels":
        budgets, count = (int(torch.bincount(splits.train.labels.cpu()).min()),), lambda budget: 1
    arm = arm if fresh_start else arm + TUNED
    known = {
        (record["budget"], record["seed"]) for record in run["records"] if record["arm"] == arm
    }
    left = [
        (budget, seed)
        for budget in budgets
        for seed in range(min(3, count(budget)))
        if (budget, seed) not in known
    ]
    if not left:
        return
    start = None if fresh_start else _encoder(path, run, checkpoints, say)
    if start is None and not fresh_start:
        return
    fresh = lambda: recipes.kept(
        SCRATCH.get(arm, "rotation"), run["about"]["tier"], run["about"]["data"]
    )
    run["machine"] = run.get("machine") or machine(device)
    for budget, seed in left:
        with _timed(run, "fine-tuning"):
            found = protocol.finetune_method(
                fresh if fresh_start else lambda: start,
                splits,
                budget,
                seed,
                unlabelled=arm == "pseudo-labels",
                device=device,
                **tuning,
            )
        run["records"].append({"arm": arm, **found, "pretraining": 0})
        _write(path, run)
        say(
            f"{time.strftime('%H:%M:%S')} {arm}: {100 * found['accuracy']:.1f} % with {budget} labels per class, subset {seed}, "
            f"{found['steps']} steps",
            flush=True,
        )


@contextmanager
def _mine(path):
    """Whether this process may work on a run now: two that were given the same command share the runs out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _opened(path, arm, about):
    """The run that a file holds, or a new one. Raises ValueError where the file holds one of other settings."""
    if not path.exists():
        return {"arm": arm, "about": about, "pretraining": None, "seconds": {}, "records": []}
    run = read_run(path)
    changed = [
        f"{key} was {run['about'].get(key)!r}, now {value!r}"
        for key, value in about.items()
        if run["about"].get(key) != value
    ]
    if changed:
        raise ValueError(
            f"{path} holds another run: {'; '.join(changed)}. Give this study a folder of its own, or delete that one"
        )
    return run


def _write(path, run):
    write_whole(path, (json.dumps(run, indent=1) + "\n").encode())


@contextmanager
def _timed(run, part):
    began = time.monotonic()
    try:
        yield
    finally:
        run["seconds"][part] = round(run["seconds"].get(part, 0) + time.monotonic() - began, 1)
