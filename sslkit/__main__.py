"""The command line: python -m sslkit train | evaluate | curve | compare | data.

On several GPUs, or processes: torchrun --nproc-per-node=4 -m sslkit train simclr
"""

import argparse
import io
import json
import math
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm.auto import tqdm

from . import evaluate, health, parts, recipes
from .checkpoint import load, write_whole
from .machine import machine
from .train import choose_device, train


def main(words=None):
    """Runs one command. Errors that a user can mend end in one line, not in a traceback."""
    arguments = parser().parse_args(words)
    try:
        with together(arguments.command):
            arguments.run(arguments)
    except (ValueError, TypeError, RuntimeError, OSError, MemoryError, OverflowError) as error:
        # torch's messages have many lines.
        what = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"sslkit {arguments.command}: {what}")
    except KeyboardInterrupt as stop:
        print(f"\nsslkit {arguments.command}: stopped. {stop}", file=sys.stderr)
        sys.exit(130)


@contextmanager
def together(command):
    """Where torchrun started several processes: they find each other, and share out the GPUs."""
    world = os.environ.get("WORLD_SIZE", "1")
    if world == "1":
        yield
        return
    lacking = [
        name
        for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
        if name not in os.environ
    ]
    if not world.isdigit() or lacking:
        raise ValueError(
            f"WORLD_SIZE={world} is set, as torchrun "
            f"does{'' if not lacking else ', but not ' + ', '.join(lacking)}"
            f": start several processes by torchrun, or unset it"
        )
    if command != "train":
        raise ValueError("torchrun is for training only; then run this command by itself, and it finds what was trained")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def parser():
    top = argparse.ArgumentParser(prog="python -m sslkit", description="Learn without labels, then see what a few labels buy.")
    commands = top.add_subparsers(dest="command", required=True, metavar="train | evaluate | curve | compare | data")

    def command(name, run, help):
        added = commands.add_parser(name, help=help, description=help, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        added.set_defaults(run=run)
        return added

    for name, run, help in (
            ("train", run_train, "pretrain an encoder without labels; an interrupted run goes on where it stopped"),
            ("evaluate", run_evaluate, "train (or load), then nearest neighbours and a linear probe on every layer, on the validation split"),
            ("curve", run_curve, "train (or load), then accuracy by number of labels, against scratch, random features and pixels")):
        added = command(name, run, help)
        added.add_argument("method", nargs="?", choices=recipes.RECIPES, default="rotation", help="what to learn by")
        added.add_argument("--data", choices=("scenes", "cifar10"), default="scenes", help="what to learn from")
        added.add_argument("--tier", choices=("cpu", "gpu"), default=None, help="size of network and run; by the machine if left out")
        added.add_argument("--steps", type=int, default=None, help="length of training; the recipe's if left out")
        added.add_argument("--batch-size", type=int, default=None, help="pictures a step; the recipe's if left out")
        added.add_argument("--micro-batch", type=int, default=None, help="hold the activations of only so many samples at a time")
        added.add_argument("--seed", type=int, default=0, help="of weights, batches and random draws")
        added.add_argument("--device", default=None, help="cpu, cuda or mps; the best there is if left out")
        added.add_argument("--out", type=Path, default=Path("runs"), help="folder for checkpoints, tables and figures")
        if name == "curve":
            added.add_argument("--budgets", type=int, nargs="+", default=None, help="labels a class; by the data if left out")
            added.add_argument("--seeds", type=positive, default=3, help="how many draws of labels")
            added.add_argument("--layers", action="store_true", help="more arms: every block by itself, by linear probe and by kNN")
            added.add_argument("--fine-tune", action="store_true", help="one more arm: the pretrained network fine-tuned")

    added = command("compare", run_compare, "every method under one protocol: pretrain, probe, fine-tune; goes on from what the folder holds")
    added.add_argument("--data", choices=("scenes", "cifar10"), default="scenes", help="what to learn from")
    added.add_argument("--tier", choices=("cpu", "gpu"), default=None, help="size of network and run; by the machine if left out")
    added.add_argument("--methods", nargs="+", choices=recipes.RECIPES, default=list(recipes.RECIPES), help="which of them")
    added.add_argument("--compute", type=multiple, nargs="+", default=[1, 4], help="budgets, in multiples of the unit of encoder FLOPs")
    added.add_argument("--pretrainings", type=positive, default=3, help="how many pretrainings of each method at each budget")
    added.add_argument("--budgets", type=int, nargs="+", default=None, help="labels per class of the probes")
    added.add_argument("--fine-tuning", type=int, nargs="*", default=None, help="labels per class of fine-tuning; none after the option: "
                       "probes only, as fine-tuning takes longer than all the rest")
    added.add_argument("--device", default=None, help="cpu, cuda or mps; the best there is if left out")
    added.add_argument("--out", type=Path, default=Path("bench/results"), help="folder for study-DATA-TIER, with a file for each run")
    added.add_argument("--runs", type=Path, default=Path("runs"), help="folder for checkpoints")

    added = command("data", run_data, "fetch or draw a dataset, say what is in it, and save a sheet of its pictures")
    added.add_argument("name", nargs="?", choices=("scenes", "cifar10"), default="scenes")
    added.add_argument("--out", type=Path, default=Path("runs"), help="folder for the sheet")
    return top


def positive(text: str, kind: type = int, words: str = "a whole number, at least 1") -> float:
    """A word of the command line → a number of this kind, above 0. argparse tells the user what the error says."""
    try:
        number = kind(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: want {words}")
    return number


def multiple(text: str) -> float:
    """A word of the command line → how many times the unit of compute: 4, or 0.5."""
    number = positive(text, float, "a number above 0, as 4")
    return int(number) if number == int(number) else number


def run_train(arguments):
    pretrain(arguments)
    if parts.first():
        print(f"\nnext: python -m sslkit curve {arguments.method} --data {arguments.data}")


def run_evaluate(arguments):
    task, splits, _, _ = pretrain(arguments)
    depths = range(1, len(task.encoder.blocks) + 1)
    features = {depth: [evaluate.embed(evaluate.Layer(task.encoder, depth, 2), part, device=arguments.device)
                        for part in (splits.train, splits.validation)] for depth in depths}
    labels, validation_labels = splits.train.labels, splits.validation.labels
    print(f"\n{'features':<28}{'linear probe':>14}{'kNN':>8}    accuracy on the validation split, all training labels, per cent")
    for depth, (mine, validation) in features.items():
        linear = evaluate.linear_probe(mine, labels, validation, validation_labels).validation
        near = evaluate.accuracy(evaluate.knn(mine, labels, validation), validation_labels)
        print(f"block {depth} of {len(depths)}, 2 × 2 grid{'':<7}{100 * linear:>14.1f}{100 * near:>8.1f}")


def run_curve(arguments):
    from .plots import label_curve as draw                         # matplotlib costs a second: only where it is used

    began = time.monotonic()
    task, splits, history, recipe = pretrain(arguments)
    tier, device = arguments.tier, arguments.device
    settings = {**recipes.from_scratch(tier, arguments.data), "device": device}
    torch.manual_seed(arguments.seed + 1)
    random_encoder = recipes.backbone(arguments.method, tier, arguments.data)
    layers = lambda encoder: [evaluate.Layer(encoder, depth, 2) for depth in range(1, len(encoder.blocks) + 1)]
    method = arguments.method.replace("_", " ")
    arms = {f"{method}, linear probe": evaluate.probed(*layers(task.encoder)),
            "random encoder, linear probe": evaluate.probed(*layers(random_encoder)),
            "raw pixels, linear probe": evaluate.probed(evaluate.raw_pixels),
            "from scratch": evaluate.trained(lambda: recipes.backbone(arguments.method, tier, arguments.data), **settings)}
    if arguments.fine_tune:
        arms[f"{method}, fine-tuned"] = evaluate.trained(lambda: task.encoder, **settings)
    if arguments.layers:
        arms |= {f"{method}, block {depth}, {probe}": evaluate.probed(layer, probe=probe, layer=depth)
                 for probe in ("linear", "kNN") for depth, layer in enumerate(layers(task.encoder), 1)}
    budgets = arguments.budgets or evaluate.BUDGETS[arguments.data]

    path = arguments.out / f"{run_name(arguments)}-curve.json"
    about = {"command": f"python -m sslkit {' '.join(sys.argv[1:])}", "method": arguments.method, "data": arguments.data,
             "tier": tier, "seed": arguments.seed, "pretraining": recipe.settings,
             "encoder_parameters": sum(parameter.numel() for parameter in task.encoder.parameters()),
             "labelled_training": recipes.from_scratch(tier, arguments.data), "budgets": list(budgets), "seeds": arguments.seeds,
             "pictures": {name: len(part) for name, part in zip(splits._fields, splits)}}
    records, earlier = [], 0.0
    if path.exists():  # an interrupted curve goes on after its last record
        stored = read_curve(path)
        free = ("command", "budgets", "seeds")                      # each record names its budget and seed: others are kept
        if all(stored["about"].get(key) == value for key, value in about.items() if key not in free):
            records, earlier = stored["records"], stored["seconds"]

    def keep(record):
        if record is not None:
            records.append(record)
            print(f"{record['budget']:>5} labels a class, seed {record['seed']}: {record['arm']:<30} {100 * record['accuracy']:5.1f} %", flush=True)
        content = {"about": about, "machine": machine(device), "seconds": round(earlier + time.monotonic() - began, 1),
                   "pretraining": history[-1], "records": records}
        write_whole(path, (json.dumps(content, indent=1) + "\n").encode())

    evaluate.label_curve(arms, splits, budgets=budgets, seeds=range(arguments.seeds), on_result=keep, done=tuple(records))
    keep(None)
    figure = path.with_suffix(".png")
    save_figure(draw(records, title=f"{method} on {arguments.data}"), figure)
    print(f"\naccuracy on the test split, per cent, mean ± standard deviation over {arguments.seeds} draws of labels\n")
    print(evaluate.table(records))
    print(f"\nfigure: {figure}\nnumbers: {path}\nnext: make lab, and open the notebook on {arguments.method}")


def read_curve(path: Path) -> dict:
    """What `run_curve` wrote. Raises ValueError naming the file where it is something else."""
    try:
        stored = json.loads(path.read_text())
        sound = (
            isinstance(stored["about"], dict)
            and isinstance(stored["seconds"], (int, float))
            and all(
                {"arm", "budget", "seed", "accuracy"} <= record.keys()
                for record in stored["records"]
            )
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError(
            f"{path} is damaged: it is not the JSON of a label curve; delete it to measure anew, "
            f"or put it back"
        )
    return stored


def save_figure(figure, path: Path) -> None:
    """A matplotlib figure → a PNG, written whole or not at all; errors name the file."""
    figure.savefig(content := io.BytesIO(), format="png", dpi=150)
    write_whole(path, content.getvalue())


def run_compare(arguments):
    from . import compare, study
    from .plots import against_compute

    tier, name = arguments.tier or recipes.tier(), arguments.data
    folder = arguments.out / f"study-{name}-{tier}"
    multiples = arguments.compute
    fine_tuning = study.FINE_TUNING if arguments.fine_tuning is None else arguments.fine_tuning
    unit = study.UNIT[tier, name]
    print(f"{len(arguments.methods)} methods on {name}, tier {tier} ({choose_device(arguments.device).type}): "
          f"{', '.join(f'{value:g} ×' for value in multiples)} {unit:.0e} encoder FLOPs, {arguments.pretrainings} pretrainings each, into {folder}")
    splits, budgets = recipes.splits(name, tier), arguments.budgets or study.BUDGETS
    runs = study.study(splits, name, tier, methods=arguments.methods, compute=multiples,
                       pretrainings=arguments.pretrainings, budgets=budgets, fine_tuning=fine_tuning,
                       device=arguments.device, folder=folder, checkpoints=arguments.runs)
    print(f"\naccuracy on the test split, per cent, mean ± standard deviation over pretrainings and label subsets; the block is chosen "
          f"once, on the validation split\n\n{compare.compute_table(runs)}")
    arguments.runs.mkdir(parents=True, exist_ok=True)
    figure = arguments.runs / f"{folder.name}.png"
    save_figure(against_compute(runs), figure)
    print(f"\nfigure: {figure}\nnumbers: {folder}/*.json\nnext: make lab, and open 11_comparison.ipynb")


def run_data(arguments):
    from .plots import contact_sheet

    splits = recipes.splits(arguments.name, recipes.tier())
    for name, part in zip(splits._fields, splits):
        print(f"{name:<11}{len(part):>7} pictures {tuple(part.images.shape[1:])}, labels: {', '.join(part.classes)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{arguments.name}.png"
    save_figure(contact_sheet(splits.train), path)
    print(f"sheet: {path}")


def pretrain(arguments):
    """Arguments → the trained task, its splits, the history, the recipe. A finished run is loaded, not repeated."""
    arguments.tier = arguments.tier or recipes.tier()
    say = print if parts.first() else lambda *words, **settings: None
    torch.manual_seed(arguments.seed)
    recipe = recipes.RECIPES[arguments.method](arguments.tier, arguments.data)
    if arguments.steps is not None:
        recipe = recipes.with_steps(recipe, arguments.steps)
    if arguments.batch_size is not None:
        recipe.settings["batch_size"] = arguments.batch_size
    device = choose_device(arguments.device)
    expected = "" if recipe.minutes is None else f", about {recipe.minutes:g} min with the recipe's length"
    crowd = f", {parts.size()} processes" if parts.size() > 1 else ""
    say(f"{arguments.method} on {arguments.data}, tier {arguments.tier} ({device.type}, {torch.get_num_threads()} threads{crowd}): "
        f"{recipe.settings['steps']} steps of {recipe.settings['batch_size']} pictures{expected}", flush=True)
    splits = recipes.splits(arguments.data, arguments.tier, recipe.size)
    if getattr(arguments, "budgets", None):
        evaluate.check_budgets(splits, arguments.budgets)  # before the pretraining, not after
    path = arguments.out / f"{run_name(arguments)}.safetensors"
    pictures = torch.cat([splits.train.images, splits.validation.images])
    chance = math.log(2 * min(recipe.settings["batch_size"], len(pictures)) - 1) if arguments.method == "simclr" else None
    watch = health.watch(recipe.task, splits.validation, chance=chance, say=lambda text: tqdm.write(text))
    history = train(recipe.task, pictures, seed=arguments.seed, device=arguments.device, micro_batch=arguments.micro_batch,
                    checkpoint=path, on_log=watch, **recipe.settings)
    if history[-1]["step"] < recipe.settings["steps"]:
        sys.exit(130)
    last = {}
    for record in history:                                         # the meters are not in every record
        last |= {name: value for name, value in record.items() if name not in ("step", "lr", "seconds")}
    told = ", ".join(f"{name} {value:.3f}" for name, value in last.items())
    if parts.first():
        where = (
            path
            if is_saved(path, history[-1]["step"])
            else f"NOT saved: {path} could not be written"
        )
        say(
            f"{arguments.method} after {history[-1]['step']} steps, {history[-1]['seconds']:.0f} "
            f"s: {told} ({where})",
            flush=True,
        )
    return recipe.task, splits, history, recipe


def is_saved(path: Path, step: int) -> bool:
    """Whether a checkpoint of this step is there, undamaged."""
    try:
        return load(path)["step"] == step
    except (OSError, ValueError, LookupError):
        return False


def run_name(arguments):
    length = "" if arguments.steps is None else f"-{arguments.steps}"
    batch = "" if arguments.batch_size is None else f"-batch{arguments.batch_size}"
    return f"{arguments.method}-{arguments.data}-{arguments.tier}{length}{batch}-{arguments.seed}"


if __name__ == "__main__":
    main()
