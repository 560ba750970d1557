"""Every method under one protocol: the same encoder, as many images seen, the same probes on the same labels.

Each pretraining, and each floor, is one run: a JSON file that says what was done, on what, for how long, and what came out. An
interrupted comparison goes on from these files, two processes share them out, and tables and figures are made of nothing else.
"""

import hashlib
import json
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors.torch import save

from . import evaluate, recipes
from .checkpoint import write_whole
from .machine import machine
from .train import choose_device, train
from .weights import load_verified

IMAGES = {("cpu", "scenes"): 64_000, ("cpu", "cifar10"): 102_400,  # that every pretraining sees, each counted as often as it is met
          ("gpu", "scenes"): 10_000_000, ("gpu", "cifar10"): 10_000_000}           # of CIFAR-10 two hundred passes
BUDGETS = {"cpu": (1, 5, 20, 100, 400), "gpu": (1, 5, 20, 100, 400, 1000)}         # labels a class
FLOORS = ("random encoder", "raw pixels", "from scratch")
VIT_FLOORS = ("random ViT", "ViT from scratch")                    # MAE's encoder is another one, and has other floors
TUNED = ", fine-tuned"
GRID = 2                                                           # features are averaged over the quarters of the picture
MARKED, HEAVIEST = 2000, 12_000_000                                # pictures a method's own task is marked on; bytes of stored weights


def compare(splits, name, tier, *, methods=tuple(recipes.RECIPES), images=None, budgets=None, draws=3, pretrainings=1, fine_tuning=True,
            device=None, folder, checkpoints=Path("runs"), say=print):
    """Pretrains, probes and fine-tunes whatever `folder` lacks → its runs, as `stored` reads them.

    splits: train, to pretrain on without labels and to draw labels from; validation, to choose block and penalty by; test. images: how
    many each pretraining sees. draws: of labels, the same for every method. All are pretrained, then probed, then fine-tuned.
    A stop (SIGINT) raises KeyboardInterrupt and costs at most the measurement under way; a pretraining goes on where it was.
    Raises ValueError for unknown methods and where `folder` holds runs of other settings.
    """
    images, budgets, folder = images or IMAGES[tier, name], budgets or BUDGETS[tier], Path(folder)
    for method in methods:
        if method not in recipes.RECIPES:
            raise ValueError(f"no method {method!r}: want some of {', '.join(recipes.RECIPES)}")
    floors = FLOORS + (VIT_FLOORS if "mae" in methods else ())
    protocol = {"data": name, "tier": tier, "pictures": {split: len(part) for split, part in zip(splits._fields, splits)}}
    folder.mkdir(parents=True, exist_ok=True)
    for stage in (_pretrain, _probe, _fine_tune) if fine_tuning else (_pretrain, _probe):
        for number in range(pretrainings):
            for arm in (*methods, *floors):
                if number > 0 and ("scratch" in arm or "pixels" in arm):
                    continue                                       # these have no encoder to draw anew
                path = folder / f"{arm.replace(' ', '_')}-{number}.json"
                about = {"method": arm if arm in methods else None, **protocol, "pretraining": number, "images": images if arm in methods else 0}
                with _mine(Path(checkpoints) / f"{folder.name}-{path.stem}.lock") as mine:
                    if mine:                                       # else another process is at it
                        stage(path, _opened(path, arm.replace("_", " "), about), splits, budgets, draws, device, checkpoints, say)
    enlist(folder)
    return stored(folder)


def stored(folder):
    """The runs in a folder, or in that of its name among the results that come with the kit → list of dicts, in the lecture's order.

    Each has arm, about, machine, pretraining, seconds, "all labels", factors (of the drawn world) and records, as those of
    `evaluate.label_curve`. Raises FileNotFoundError where there are none.
    """
    folder = Path(folder) if Path(folder).is_dir() else evaluate.results_folder() / folder
    runs = [_read(path) for path in folder.glob("*.json")]
    if not runs:
        there = ", ".join(sorted(path.name for path in evaluate.results_folder().glob("compare-*")))
        raise FileNotFoundError(f"no runs in {folder}: `python -m sslkit compare` makes them; with the kit come {there or 'none'}")
    order = [method.replace("_", " ") for method in recipes.RECIPES] + list(FLOORS + VIT_FLOORS)
    return sorted(runs, key=lambda run: (order.index(run["arm"]), run["about"]["pretraining"]))


def records(runs):
    """All records of some runs, in one list."""
    return [record for run in runs for record in run["records"]]


def table(runs, probe="linear"):
    """Runs → text: accuracy by labels a class, the block chosen on the validation split, and what the pretraining cost.

    probe: of frozen features, "linear" or "kNN". Minutes are the mean over pretrainings.
    """
    from .plots import choose                                      # matplotlib costs a second: only where it is used

    shown, costs = choose(records(runs), probe=probe, layer="best"), {}
    for run in runs:
        costs.setdefault(run["arm"], []).append((run["about"]["images"], run["seconds"].get("pretraining", 0) / 60))
    heading, *lines = evaluate.table(shown, column=12).split("\n")
    rows = [f"{heading}{'images':>11}{'minutes':>9}"]
    for arm, line in zip(evaluate.summarise(shown), lines):
        images, minutes = zip(*costs[arm.removesuffix(TUNED)])
        rows.append((line + (f"{images[0]:>11,}{sum(minutes) / len(minutes):>9.1f}" if images[0] else "")).rstrip())
    return "\n".join(rows)


def blocks(runs, budget):
    """Runs → text: accuracy in per cent at one budget, at every block, by linear probe and by kNN; and at each method's own task."""
    depth = max(record.get("layer", 1) for record in records(runs))
    heads = "".join(f"{f'block {number}':>9}" for number in range(1, depth + 1))
    rows = [f"{'':<16}{'linear probe':<{len(heads)}}  kNN", f"{'':<16}{heads}  {heads[2:]}{'own task':>11}"]
    for arm in dict.fromkeys(run["arm"] for run in runs):
        mine = [run for run in runs if run["arm"] == arm]
        found = {}
        for record in records(mine):
            if record["budget"] == budget and "layer" in record:
                found.setdefault((record["probe"], record["layer"]), []).append(record["accuracy"])
        if found:
            linear, near = ("".join(_mean(found.get((probe, number), []), 9) for number in range(1, depth + 1)) for probe in ("linear", "kNN"))
            own = [run["pretraining"]["validation"]["accuracy"] for run in mine if "accuracy" in (run["pretraining"] or {}).get("validation", {})]
            rows.append(f"{arm:<16}{linear}  {near[2:]}   {_mean(own, 11)}".rstrip())
    return "\n".join(rows)


def times(runs):
    """Runs → text: minutes that each spent on its parts, and all of them together."""
    parts = ("pretraining", "embedding", "probes", "fine-tuning")
    rows = [f"{'minutes':<18}" + "".join(f"{part:>13}" for part in parts) + f"{'together':>13}"]
    spent = {}
    for run in runs:
        spent.setdefault(run["arm"], []).append([run["seconds"].get(part, 0) / 60 for part in parts])
    sums = {arm: [sum(column) for column in zip(*several)] for arm, several in spent.items()}
    sums["all"] = [sum(column) for column in zip(*sums.values())]
    return "\n".join(rows + [f"{arm:<18}" + "".join(f"{value:>13.1f}" for value in (*row, sum(row))) for arm, row in sums.items()])


def enlist(folder):
    """Lists the encoders that a folder of runs holds in `pretrained.json` beside it: file, hash, recipe, measured accuracy."""
    folder = Path(folder)
    path = folder.parent / "pretrained.json"
    listed = json.loads(path.read_text()) if path.exists() else {}
    for run in stored(folder):
        probed = [record for record in run["records"] if record.get("probe") == "linear"]
        if not probed or "weights" not in run or not (folder / run["weights"]["file"]).exists():
            continue
        about, most = run["about"], max(record["budget"] for record in probed)
        draws = {record["seed"]: [] for record in probed}
        for record in probed:
            if record["budget"] == most:
                draws[record["seed"]].append(record)
        best = [max(draw, key=lambda record: record["validation"])["accuracy"] for draw in draws.values() if draw]
        listed[_name(about)] = {
            "file": f"{folder.name}/{run['weights']['file']}", "sha256": run["weights"]["sha256"], "parameters": about["parameters"],
            "recipe": {key: about[key] for key in ("method", "data", "tier", "pretraining", "images", "settings")},
            "seconds": run["seconds"]["pretraining"], "machine": run["machine"],
            "accuracy": {"labels a class": most, "linear probe": round(sum(best) / len(best), 4), "draws": len(best)}}
    write_whole(path, (json.dumps(listed, indent=1) + "\n").encode())


def _name(about):
    return "-".join(map(str, (about["method"], about["data"], about["tier"], *([about["pretraining"]] * bool(about["pretraining"])))))


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
    with lock:
        lock.release()                                             # `with` counts once more than it must
        yield True


def _opened(path, arm, about):
    """The run that a file holds, or a new one. Raises ValueError where the file holds one of other settings."""
    if not path.exists():
        return {"arm": arm, "about": about, "pretraining": None, "seconds": {}, "records": []}
    run = _read(path)
    changed = [f"{key} was {run['about'].get(key)!r}, now {value!r}" for key, value in about.items() if run["about"].get(key) != value]
    if changed:
        raise ValueError(f"{path} holds another run: {'; '.join(changed)}. Give this comparison a folder of its own, or delete that one")
    return run


def _read(path):
    """The run of a file. Raises ValueError naming the file where it holds something else."""
    try:
        run = json.loads(path.read_text())
    except ValueError:
        run = None
    if (
        not isinstance(run, dict)
        or not {"arm", "about", "pretraining", "seconds", "records"} <= run.keys()
    ):
        raise ValueError(
            f"{path} is damaged: it is not the JSON of a run; delete it to measure anew, or put it "
            f"back"
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


def _pretrain(path, run, splits, budgets, draws, device, checkpoints, say):
    """Trains the method, marks it on its own task, and keeps its encoder: what all that follows begins from."""
    about = run["about"]
    method, tier, name, number = about["method"], about["tier"], about["data"], about["pretraining"]
    if method is None or run["pretraining"]:
        return
    torch.manual_seed(number)
    recipe = recipes.RECIPES[method](tier, name)
    batch_size = min(recipe.settings["batch_size"], about["images"])
    recipe = recipes.of_length(recipe, about["images"] // batch_size)
    settings = {**recipe.settings, "batch_size": batch_size}
    if tier == "cpu":                                              # where runs are shorter than the recipes', a higher rate does better
        settings["lr"] = 2e-3
    encoder = recipe.task.encoder
    about |= {"settings": settings, "encoder": type(encoder).__name__, "parameters": sum(value.numel() for value in encoder.parameters())}
    run["machine"] = machine(device)
    checkpoint = Path(checkpoints) / f"{path.parent.name}-{path.stem}-{about['images']}.safetensors"
    history = train(recipe.task, splits.train.images, seed=number, device=device, compile=choose_device(device).type == "cuda",
                    checkpoint=checkpoint, progress=False, **settings)
    if history[-1]["step"] < settings["steps"]:
        raise KeyboardInterrupt(f"{method} stopped after step {history[-1]['step']} of {settings['steps']}; the same command goes on from there")
    run["seconds"]["pretraining"] = history[-1]["seconds"]
    run["pretraining"] = {**history[-1], "validation": evaluate.solve(recipe.task, splits.validation.images[:MARKED], batch_size=50, device=device)}
    weights = {key: (value.half() if value.ndim > 1 else value).contiguous().cpu() for key, value in encoder.state_dict().items()}
    content = save(weights)
    home = path.parent if len(content) <= HEAVIEST else Path(checkpoints)
    write_whole(home / f"{path.stem}.safetensors", content)
    run["weights"] = {"file": f"{path.stem}.safetensors", "folder": home.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _write(path, run)
    say(f"{time.strftime('%H:%M:%S')} {run['arm']} {number}: {about['images']} images in {history[-1]['seconds']:.0f} s, "
        + ", ".join(f"{key} {value:.3f}" for key, value in run["pretraining"]["validation"].items()), flush=True)


def _encoder(path, run, checkpoints, say):
    """The encoder that a run is about: with the weights that were kept of its pretraining, or random ones. None: there are none yet, or here."""
    about = run["about"]
    torch.manual_seed(about["pretraining"] + 100)
    if about["method"] is None:
        return recipes.backbone("mae" if "ViT" in run["arm"] else "rotation", about["tier"], about["data"])
    if run["pretraining"] is None:
        return None
    encoder = recipes.kept(about["method"], about["tier"], about["data"])
    home = path.parent if run["weights"]["folder"] == path.parent.name else Path(checkpoints)
    file = home / run["weights"]["file"]
    if not file.exists():
        say(f"{run['arm']} {about['pretraining']}: {file} is not here, so nothing is added to this run; put it back, or delete {path} to pretrain anew")
        return None
    encoder.load_state_dict(load_verified(file, run["weights"]["sha256"]))
    return encoder


def _probe(path, run, splits, budgets, draws, device, checkpoints, say):
    """A linear probe and kNN on every block, at every budget and draw of labels; on all labels; and what the features tell of the truth."""
    wanted = {(budget, draw) for budget in budgets for draw in range(draws)}
    if "scratch" in run["arm"] or {tuple(pair) for pair in run.get("probed", ())} >= wanted:
        return
    encoder = _encoder(path, run, checkpoints, say)
    if encoder is None:
        return
    run["machine"] = run.get("machine") or machine(device)
    pixels = run["arm"] == "raw pixels"
    with _timed(run, "embedding"):
        represent = (lambda images: (evaluate.raw_pixels(images),)) if pixels else evaluate.Blocks(encoder, GRID)
        features = [list(three) for three in zip(*(evaluate.embed(represent, part, device=device) for part in splits))]
    with _timed(run, "probes"):
        for probe in ("linear", "kNN"):
            for layer, three in enumerate(features, 1):
                what = {"probe": probe} | ({} if pixels else {"layer": layer})
                done = [record for record in run["records"] if all(record.get(key) == value for key, value in what.items())]
                evaluate.label_curve({run["arm"]: evaluate.probed(three, **what)}, splits, budgets=budgets, seeds=range(draws), done=tuple(done),
                                     on_result=_keeper(path, run))
        if "all labels" not in run and not pixels:
            run["all labels"] = _all_labels(features[-1], splits)
        if splits.test.factors and "factors" not in run:
            run["factors"] = evaluate.factors(features[-1][2], splits.test)
    run["probed"] = sorted({*map(tuple, run.get("probed", ())), *wanted})
    _write(path, run)
    best = max((record for record in run["records"] if record.get("probe") == "linear" and record["budget"] == max(budgets)), key=lambda r: r["validation"])
    say(f"{time.strftime('%H:%M:%S')} {run['arm']} {run['about']['pretraining']}: linear probe {100 * best['accuracy']:.1f} % with {max(budgets)} labels a class "
        f"({run['seconds']['probes']:.0f} s)", flush=True)


def _all_labels(features, splits):
    """As papers do it: the last block averaged over the whole picture, every label of the training split, the test split."""
    train, validation, test = (part.unflatten(1, (-1, GRID ** 2)).mean(2) for part in features)                            # (N, D)
    labels = [part.labels.cpu() for part in splits]
    linear = evaluate.linear_probe(train, labels[0], validation, labels[1])
    return {"linear": evaluate.accuracy(linear.predict(test), labels[2]), "kNN": evaluate.accuracy(evaluate.knn(train, labels[0], test), labels[2])}


def _fine_tune(path, run, splits, budgets, draws, device, checkpoints, say):
    """The pretrained encoder trained on with the labels; for "from scratch" a fresh one, as long."""
    scratch = "scratch" in run["arm"]
    if run["about"]["method"] is None and not scratch:
        return
    arm = run["arm"] if scratch else run["arm"] + TUNED
    done = tuple(record for record in run["records"] if record["arm"] == arm)
    if {(record["budget"], record["seed"]) for record in done} >= {(budget, draw) for budget in budgets for draw in range(draws)}:
        return
    encoder = _encoder(path, run, checkpoints, say)
    if encoder is None:
        return
    run["machine"] = run.get("machine") or machine(device)
    about, keep = run["about"], _keeper(path, run)
    make = (lambda: recipes.backbone("mae" if "ViT" in arm else "rotation", about["tier"], about["data"])) if scratch else lambda: encoder
    tune = evaluate.trained(make, device=device, **recipes.from_scratch(about["tier"], about["data"]))

    def timed(*arguments):
        with _timed(run, "fine-tuning"):
            return tune(*arguments)

    evaluate.label_curve({arm: timed}, splits, budgets=budgets, seeds=range(draws), done=done, on_result=keep)
    mean = sum(last := [record["accuracy"] for record in run["records"] if record["arm"] == arm and record["budget"] == max(budgets)]) / len(last)
    say(f"{time.strftime('%H:%M:%S')} {arm} {about['pretraining']}: {100 * mean:.1f} % with {max(budgets)} labels a class "
        f"({run['seconds']['fine-tuning']:.0f} s)", flush=True)


def _keeper(path, run):
    def keep(record):
        run["records"].append({**record, "pretraining": run["about"]["pretraining"]})
        _write(path, run)
    return keep


def _mean(values, width):
    return f"{100 * sum(values) / len(values):>{width}.1f}" if values else " " * width
