"""What was learnt? Features are embedded once; probes never see pictures. Validation chooses, test is used once, at the end.

scikit-learn and torchvision are imported where they are used: they cost seconds that `import sslkit` should not.
"""

import copy
import json
import math
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import parts
from .augment import standard
from .data.dataset import Dataset, Splits, as_float, check_labels, check_samples, labelled_subset
from .tasks.supervised import Supervised
from .train import choose_device, has_bfloat16, train

NORMALISED = 8.0                                                   # what no normalised patch reaches, and bytes as floats do
BUDGETS = {"scenes": (1, 5, 20, 100), "cifar10": (1, 5, 20, 100, 400, 1000, 5000)}      # labels a class


def embed(represent, images, *, batch_size=500, device=None, amp=None):
    """Samples (pictures uint8 (N, 3, H, W), tokens, waves …), or a Dataset → features float32 (N, D) on the CPU, without gradients.

    represent: an encoder, a task's `represent`, `Layer(encoder, depth)`, or any function (B, …) → (B, D), or a tuple of such, as
    `Blocks(encoder)` gives: then features are a tuple too. A network is put into evaluation mode and moved to `device` (default:
    the best there is).
    """
    images = images.images if isinstance(images, Dataset) else images
    device = choose_device(device)
    amp = has_bfloat16(device) if amp is None else amp
    network = represent if isinstance(represent, nn.Module) else getattr(represent, "__self__", None)
    images = _check_samples(images, network)
    features = []
    with _evaluating(network, device), torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=amp):
        for chunk in images.split(batch_size):
            batch = as_float(chunk.to(device))
            if batch.ndim == 4:
                batch = batch.contiguous(memory_format=torch.channels_last)
            features.append(parts.each(lambda part: part.float().cpu(), represent(batch)))  # (B, D)
    features = parts.joined(features)
    for part in features if isinstance(features, tuple) else (features,):
        if part.ndim != 2:
            raise ValueError(f"represent gave shape {tuple(part.shape)}, want (N, D): average or flatten the rest")
    return features                                                                        # (N, D)


def solve(task, samples, *, batch_size=100, seed=0, device=None, amp=None):
    """How well a trained task solves its own problem on samples it was not trained on → means of its loss and its logs, a dict.

    samples: what `train` takes: a tensor, a tuple of tensors, or a Dataset.
    """
    samples = samples.images if isinstance(samples, Dataset) else samples
    whole = samples if isinstance(samples, tuple) else (samples,)
    device, sums = choose_device(device), {}
    amp = has_bfloat16(device) if amp is None else amp
    with _evaluating(task, device), torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)
        for few in zip(*(part.split(batch_size) for part in whole)):
            batch = tuple(as_float(part.to(device)) for part in few)
            with torch.autocast(device.type, torch.bfloat16, enabled=amp):
                inputs, targets = task.make_problem(batch if isinstance(samples, tuple) else batch[0])
                outputs = task(inputs)
            loss, logs = task.loss(parts.each(torch.Tensor.float, outputs), targets)
            for name, value in {"loss": loss, **logs}.items():
                sums[name] = sums.get(name, 0) + float(value) * len(few[0]) / len(whole[0])
    return sums


def _check_samples(samples, network):
    """What `train` asks of samples; floats that passed stay as they are, not rounded to bytes.

    Patches that were normalised by their own mean and standard deviation leave [0, 1] by a little, and may: tasks make such.
    """
    while not hasattr(network, "takes") and hasattr(
        network, "encoder"
    ):  # a task, or a layer of an encoder
        network = network.encoder
    normalised = (
        isinstance(samples, torch.Tensor)
        and samples.is_floating_point()
        and samples.ndim == 4
        and 1 < float(samples.abs().amax()) <= NORMALISED
    )
    checked = check_samples(
        samples.clamp(0, 1) if normalised else samples,
        "images",
        images=getattr(network, "takes", None) == "images",
        vocabulary=getattr(network, "vocabulary", None),
    )
    return samples if isinstance(samples, torch.Tensor) else checked


def raw_pixels(images):
    """The floor that knows nothing: (B, 3, H, W) → (B, 3·H·W)."""
    return images.flatten(1)


class Layer(nn.Module):
    """The features of an encoder after its first `depth` blocks, averaged over a grid × grid of the picture (or `grid` parts of a line).

    `embed(Layer(encoder, 2), images)`: which layer knows most is a question, not the last one by right.
    """

    def __init__(self, encoder, depth, grid=1):
        super().__init__()
        self.encoder, self.depth, self.grid = encoder, depth, grid

    def forward(self, images):
        return _pooled(self.encoder.features(images, self.depth), self.grid)


class Blocks(nn.Module):
    """The features of an encoder after each of its blocks, as `Layer` gives them one by one, from one pass: a tuple of (B, D·grid²)."""

    def __init__(self, encoder, grid=1):
        super().__init__()
        self.encoder, self.grid = encoder, grid

    def forward(self, images):
        return tuple(_pooled(features, self.grid) for features in self.encoder.stages(images))


def _pooled(features, grid):
    pool = F.adaptive_avg_pool2d if features.ndim == 4 else F.adaptive_avg_pool1d          # (B, D, h, w), or (B, D, T)
    return pool(features, grid).flatten(1)                                                 # (B, D·grid²), or (B, D·grid)


def knn(features, labels, queries, *, k=200, temperature=0.07):
    """Weighted k nearest neighbours by cosine (Wu et al. 2018): (N, D), (N,), (M, D) → predicted labels (M,).

    Each of the k nearest votes with exp(cosine / temperature). k is cut to N. Raises ValueError for wrong shapes.
    """
    _check_features(features, labels)
    if queries.ndim != 2 or queries.shape[1] != features.shape[1]:
        raise ValueError(f"queries {tuple(queries.shape)}: want (M, {features.shape[1]}), as wide as the features")
    bank = F.normalize(features.float(), dim=1)                                            # (N, D)
    classes = int(labels.max()) + 1
    predicted = []
    for chunk in F.normalize(queries.float(), dim=1).split(1000):
        cosine, nearest = (chunk @ bank.T).topk(min(k, len(bank)), dim=1)                  # (m, k)
        votes = torch.zeros(len(chunk), classes, device=bank.device)
        votes.scatter_add_(1, labels[nearest], torch.exp((cosine - 1) / temperature))      # (m, classes)
        predicted.append(votes.argmax(1))
    return torch.cat(predicted)                                                            # (M,)


def nearest_mean(features, labels, queries):
    """The class whose mean is nearest by cosine (prototypes, Snell et al. 2017): (N, D), (N,), (M, D) → predicted labels (M,).

    Features are brought to length 1 before they are averaged. A class that no label names is never predicted. Raises ValueError for
    wrong shapes.
    """
    _check_features(features, labels)
    if queries.ndim != 2 or queries.shape[1] != features.shape[1]:
        raise ValueError(f"queries {tuple(queries.shape)}: want (M, {features.shape[1]}), as wide as the features")
    bank, classes = F.normalize(features.float(), dim=1), labels.unique()
    means = torch.stack([bank[labels == label].mean(0) for label in classes])              # (classes, D)
    return classes[(F.normalize(queries.float(), dim=1) @ F.normalize(means, dim=1).T).argmax(1)]


class Probe(NamedTuple):
    """A linear probe that was fitted: scores are standardise(features) @ weight + bias."""

    weight: torch.Tensor                                                                   # (D, classes)
    bias: torch.Tensor                                                                     # (classes,)
    mean: torch.Tensor                                                                     # (D,)
    std: torch.Tensor                                                                      # (D,)
    penalty: float
    validation: float

    def scores(self, features):
        """(N, D) → (N, classes), logits."""
        return (features.float() - self.mean) / self.std @ self.weight + self.bias

    def predict(self, features):
        """(N, D) → predicted labels (N,)."""
        return self.scores(features).argmax(1)


def linear_probe(features, labels, validation_features, validation_labels, *, penalties=(1.0, 1e-1, 1e-2, 1e-3, 1e-4), statistics=None):
    """Multinomial logistic regression on standardised features, its penalty chosen on the validation split → Probe.

    features (N, D), labels (N,). The loss is the mean cross-entropy + penalty / 2 · ‖weight‖², solved by scikit-learn's
    L-BFGS from the first penalty to the last, each from the solution before. statistics: mean and standard deviation (D,) to
    standardise by, such as those of all unlabelled images; None: of these features. Raises ValueError for wrong shapes, values
    that are not finite, a single class, or labels out of range.
    """
    _check_features(features, labels)
    _check_features(validation_features, validation_labels)
    best = None
    for probe in _fits(features, labels, penalties, statistics):
        probe = probe._replace(validation=accuracy(probe.predict(validation_features), validation_labels))
        if best is None or probe.validation > best.validation:
            best = probe
    return best


def _fits(features, labels, penalties, statistics=None):
    """One Probe a penalty. Weak penalties on few labels need not converge within the limit: validation judges them as they are."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = labels.unique().cpu()
    if len(present) < 2:
        raise ValueError(f"all {len(labels)} labels are {int(labels[0])}: a probe needs two classes at least")
    mean, std = statistics or (features.mean(0), features.std(0, correction=0))
    std = std.clamp_min(1e-6)
    classes, span = int(present.max()) + 1, None
    x = ((features - mean) / std).cpu()                   # (N, D)
    if len(x) < x.shape[1]:                               # fewer examples than features: with an L2 penalty the solution lies in
        _, _, span = torch.linalg.svd(x, full_matrices=False)     # the span of the examples, where it is found about ten times as fast
        x = x @ span.T                                    # (N, N)
    solver = LogisticRegression(max_iter=200, warm_start=True)
    for penalty in penalties:
        solver.set_params(C=1 / (penalty * len(features)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(x.numpy(), labels.cpu().numpy())
        weight, bias = torch.zeros(features.shape[1], classes), torch.full((classes,), -torch.inf)
        found, offsets = torch.from_numpy(solver.coef_).float(), torch.from_numpy(solver.intercept_).float()
        if len(found) == 1:                               # two classes: scikit-learn keeps the second one's row only
            found, offsets = torch.cat([-found, found]) / 2, torch.cat([-offsets, offsets]) / 2
        weight[:, present], bias[present] = found.T if span is None else span.T @ found.T, offsets
        yield Probe(weight, bias, mean.cpu(), std.cpu(), penalty, float("nan"))


def factors(features, scenes, *, penalties=(1e-3, 1e-2, 1e-1, 1.0, 10.0), seed=0):
    """What can be read off features by a linear map? → {factor: score}, 1 for all of it, 0 for no better than a guess.

    features: (N, D) of the pictures of `scenes`, a Dataset with factors (the drawn world). Three fifths of the pictures fit a
    ridge regression in closed form, one fifth chooses its penalty, one fifth is scored. For a factor that is a choice (kind,
    background, direction, light) the score is (accuracy − largest class) / (1 − largest class); for a number (x, y, size)
    it is R², the share of its variance that is explained; hue is an angle, so its cosine and sine are predicted, and R²
    is of both. Below 0: worse than the guess. Raises ValueError for data without factors and for wrong shapes.
    """
    if not scenes.factors:
        raise ValueError(f"{scenes.name} has no factors: only the drawn world knows the truth behind its pictures")
    _check_features(features, next(iter(scenes.factors.values())).long())
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
    fit, choose, test = order.split([len(order) - 2 * (len(order) // 5), len(order) // 5, len(order) // 5])
    mean, std = features[fit].mean(0), features[fit].std(0, correction=0).clamp_min(1e-6)
    x = ((features - mean) / std).double()                                                 # (N, D)
    u, s, v = torch.linalg.svd(x[fit], full_matrices=False)                                # one decomposition for all factors
    scores = {}
    for name, truth in scenes.factors.items():
        truth = truth.cpu()
        targets = _targets(name, truth).double()                                           # (N, columns)
        middle = targets[fit].mean(0)
        rows = u.T @ (targets[fit] - middle)
        found = {}
        for penalty in penalties:                         # relative to the mean square of a standardised feature: 1
            weight = v.T @ (rows * (s / (s ** 2 + penalty * len(fit)))[:, None])           # (D, columns)
            found[penalty] = x @ weight + middle
        best = max(found.values(), key=lambda answers: _score(answers[choose], targets[choose], targets[fit], truth))
        scores[name] = _score(best[test], targets[test], targets[fit], truth)
    return scores


def _targets(name, truth):
    """What a linear map should answer: one column a class; cosine and sine of an angle; a number itself."""
    if name == "hue":
        return torch.stack([(2 * torch.pi * truth).cos(), (2 * torch.pi * truth).sin()], 1)
    return truth[:, None] if truth.is_floating_point() else F.one_hot(truth)


def _score(answers, targets, fitted, truth):
    """Better than the guess by what share of what is possible? The guess is the largest class, or the mean."""
    if truth.is_floating_point():
        return 1 - ((answers - targets).square().sum() / (targets - fitted.mean(0)).square().sum()).item()
    largest = fitted.sum(0).argmax()
    guess = (targets.argmax(1) == largest).double().mean().item()
    return (accuracy(answers.argmax(1), targets.argmax(1)) - guess) / max(1 - guess, 1e-9)


def accuracy(predicted, labels):
    """Share of equal entries, in [0, 1]."""
    return (predicted.cpu() == labels.cpu()).float().mean().item()


def fine_tune(encoder, labelled, classes, *, steps=None, longest=1500, batch_size=64, lr=1e-3, augment=standard, seed=0,
              **settings):
    """A copy of `encoder` and a new head, trained on the labelled pictures of a Dataset → Supervised task.

    The encoder given stays as it is. From scratch is the same with a fresh encoder. steps: default 30 epochs, at least
    150 and at most `longest` steps. Other settings go to `train`. The stop button raises KeyboardInterrupt here, as nothing is kept.
    """
    if steps is None:
        steps = int(min(max(150, 30 * len(labelled) / batch_size), longest))
    with torch.random.fork_rng():
        torch.manual_seed(seed)                           # the new head, too, is a function of the seed
        task = Supervised(copy.deepcopy(encoder), classes, augment)
    settings = {"progress": False, **settings}
    images, labels = labelled.labelled
    labels = check_labels(labels, classes, f"labels of {labelled.name}")
    history = train(
        task, (images, labels), steps=steps, batch_size=batch_size, lr=lr, seed=seed, **settings
    )
    if history[-1]["step"] < steps:                       # half a training is no result
        raise KeyboardInterrupt(f"stopped after step {history[-1]['step']} of {steps}")
    return task


def predict(task, images, **settings):
    """A Supervised task, pictures or a Dataset → predicted labels (N,)."""
    return embed(task, images, **settings).argmax(1)


def probed(*represents, probe="linear", **about):
    """An arm of `label_curve`: frozen features, embedded once for all budgets and seeds, and a "linear" probe or "kNN" on them.

    Given several representations (the layers of one encoder), the validation split chooses among them, as it chooses the
    penalty. A representation is what `embed` takes, or its features of the three splits, a list of (N, D). about: what else
    its records should say, such as layer=3.
    """
    if probe not in ("linear", "kNN"):
        raise ValueError(f'probe="{probe}": want "linear" or "kNN"')
    embedded, fitted = {}, {}

    def arm(splits, chosen, seed):
        if not embedded:
            for number, represent in enumerate(represents):
                embedded[number] = represent if isinstance(represent, list) else [embed(represent, part) for part in splits]
        labels = [part.labels.cpu() for part in splits]
        key = chosen.numpy().tobytes()                    # where all labels are taken, every seed takes the same
        if key not in fitted:
            judged = (_judge(features, labels, chosen, probe) | {"representation": number}
                      for number, features in embedded.items())
            best = max(judged, key=lambda result: result["validation"])
            predict = best.pop("predict")
            fitted[key] = {"accuracy": accuracy(predict(embedded[best["representation"]][2]), labels[2]), **best, "probe": probe, **about}
        return fitted[key]

    return arm


def _judge(features, labels, chosen, probe):
    """A probe fitted to the chosen examples of (train, validation) → its accuracy on validation, and how it predicts.

    The largest budget learns from validation too, but only once validation has chosen.
    """
    train, validation, _ = features
    mine = chosen[chosen < len(train)]
    pool, pool_labels = (train, labels[0]) if len(mine) == len(chosen) else (torch.cat([train, validation]), torch.cat(labels[:2]))
    if probe == "kNN":
        judged = accuracy(knn(train[mine], labels[0][mine], validation), labels[1])
        return {"validation": judged, "predict": lambda queries: knn(pool[chosen], pool_labels[chosen], queries)}
    best = linear_probe(train[mine], labels[0][mine], validation, labels[1])
    final = best
    if len(mine) < len(chosen):
        (final,) = _fits(pool[chosen], pool_labels[chosen], [best.penalty])
    return {"validation": best.validation, "penalty": best.penalty, "predict": final.predict}


def trained(make_encoder, **settings):
    """An arm of `label_curve`: the whole network trained on the labels. `make_encoder()` gives the start: fresh, or pretrained."""

    def arm(splits, chosen, seed):
        labelled = _pool(splits)[chosen]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            encoder = make_encoder()
        task = fine_tune(encoder, labelled, len(splits.train.classes), seed=seed, **settings)
        return {"accuracy": accuracy(predict(task, splits.test), splits.test.labels),
                "validation": accuracy(predict(task, splits.validation), splits.validation.labels)}

    return arm


def label_curve(arms, splits, *, budgets=(1, 5, 20, 100), seeds=(0, 1, 2), on_result=None, done=()):
    """Accuracy against labels a class, for every arm, budget and seed → list of {arm, budget, seed, accuracy, …}.

    arms: {name: arm}, where arm(splits, indices of the labelled pictures, seed) → {"accuracy": on test, …}, as `probed`
    and `trained` make them. All arms of one (budget, seed) see the same labels, drawn from the training split; a budget
    that needs more takes every labelled picture there is, validation's too. done: records of an interrupted run, not
    run again. on_result: called with each new record.
    Raises ValueError for budgets that the data cannot fill, saying which class has how many.
    """
    check_budgets(splits, budgets)
    labels = splits.train.labels.cpu()
    whole = torch.cat([labels, splits.validation.labels.cpu()])
    fewest = int(torch.bincount(labels).min())
    records, known = list(done), {(r["arm"], r["budget"], r["seed"]) for r in done}
    for budget in budgets:
        for seed in seeds:
            chosen = labelled_subset(labels if budget <= fewest else whole, budget, seed=seed)
            for name, arm in arms.items():
                if (name, budget, seed) not in known:
                    records.append({"arm": name, "budget": budget, "seed": seed, **arm(splits, chosen, seed)})
                    if on_result is not None:
                        on_result(records[-1])
    return records


def check_budgets(splits: Splits, budgets: Sequence[int]) -> None:
    """Raises ValueError for a budget that training and validation together cannot fill."""
    counts = torch.bincount(torch.cat([splits.train.labels.cpu(), splits.validation.labels.cpu()]))
    fewest = int(counts.min())
    for budget in budgets:
        if not 1 <= budget <= fewest:
            raise ValueError(
                f"a budget of {budget} labels a class: class {int(counts.argmin())} has {fewest}, "
                f"want 1 to "
                f"{fewest}"
            )


def summarise(records):
    """Records of `label_curve` → {arm: {budget: (mean accuracy, standard deviation over seeds)}}, in the order they came."""
    found = {}
    for record in records:
        found.setdefault(record["arm"], {}).setdefault(record["budget"], []).append(record["accuracy"])
    return {arm: {budget: (sum(values) / len(values), torch.tensor(values).std().item() if len(values) > 1 else float("nan"))
                  for budget, values in sorted(budgets.items())} for arm, budgets in found.items()}


def accuracies(records, arm, budget):
    """Records of `label_curve` → the accuracies of one arm at one budget, by seed, so that two arms' can be paired.

    Raises ValueError where there are none, or several for one seed (blocks, say: choose among them first).
    """
    found = sorted((record["seed"], record.get("pretraining", 0), record["accuracy"]) for record in records
                   if (record["arm"], record["budget"]) == (arm, budget))
    if not found or len({key[:2] for key in found}) < len(found):
        raise ValueError(f"{arm!r} with {budget} labels a class: {len(found)} records, want one a seed; with `plots.choose` one block and probe is kept")
    return [accuracy for _, _, accuracy in found]


def levels_by_compute(runs, *, rule="chosen", probe="linear"):
    """Runs of a study → {arm: {encoder FLOPs: {labels per class: (mean accuracy, standard deviation over pretrainings)}}}.

    Each pretraining counts once, as the mean over its label subsets. Baselines have 0 FLOPs; those that train with labels have
    no rule and no probe, and are there at every one. NaN where there is one pretraining.
    """
    found = {}
    for run in runs:
        flops, number = (run["about"].get("cost") or {}).get("encoder FLOPs", 0), run["about"]["pretraining"]
        for record in run["records"]:
            if record["arm"] == run["arm"] and (record.get("rule", rule), record.get("probe", probe)) == (rule, probe):
                of_subset = found.setdefault(run["arm"], {}).setdefault(flops, {}).setdefault(record["budget"], {})
                of_subset.setdefault(number, []).append(record["accuracy"])
    level = lambda values: (sum(values) / len(values), torch.tensor(values).std().item() if len(values) > 1 else float("nan"))
    return {arm: {flops: {budget: level([sum(subset) / len(subset) for subset in several.values()]) for budget, several in row.items()}
                  for flops, row in rows.items()} for arm, rows in found.items()}


def crossing(levels, one, other, budget):
    """Of `levels_by_compute`: the encoder FLOPs at which the curve of `one` overtakes that of `other`, with `budget` labels per class.

    Between measured points accuracy is taken to grow with the logarithm of FLOPs. None where it does not within what was measured.
    Raises ValueError for a method or budget that was not measured.
    """
    curves = []
    for arm in (one, other):
        points = {flops: row[budget][0] for flops, row in levels.get(arm, {}).items() if budget in row and flops > 0}
        if not points:
            raise ValueError(f"{arm!r} with {budget} labels per class was not measured: there are {', '.join(levels)}")
        curves.append(points)
    at = lambda points, x: float(np.interp(x, [math.log(flops) for flops in sorted(points)], [points[flops] for flops in sorted(points)]))
    low, high = max(min(points) for points in curves), min(max(points) for points in curves)
    grid = sorted({math.log(flops) for points in curves for flops in points if low <= flops <= high})
    ahead = [at(curves[0], x) - at(curves[1], x) for x in grid]
    for (x, before), (y, after) in zip(zip(grid, ahead), zip(grid[1:], ahead[1:])):
        if before <= 0 < after:
            return math.exp(x + (y - x) * -before / (after - before))
    return None


def means(records, arm):
    """Records of `label_curve` → {budget: mean accuracy} of one arm."""
    return {budget: mean for budget, (mean, _) in summarise(records)[arm].items()}


def table(records, column=14):
    """Records of `label_curve` → the same as text: one row an arm, one column a budget, per cent ± standard deviation over seeds.

    column: its width in characters.
    """
    summary = summarise(records)
    budgets = sorted({record["budget"] for record in records})
    width = max(len(arm) for arm in summary)
    lines = [f"{'labels a class':<{width}}" + "".join(f"{budget:>{column}}" for budget in budgets)]
    for arm, row in summary.items():
        cells = (_cell(*row[budget]) if budget in row else "" for budget in budgets)
        lines.append(f"{arm:<{width}}" + "".join(f"{cell:>{column}}" for cell in cells))
    return "\n".join(lines)


def _cell(mean, deviation):
    """One seed has no deviation: NaN, which is not printed."""
    return f"{100 * mean:.1f}" + ("" if math.isnan(deviation) else f" ± {100 * deviation:.1f}")


def stored(name):
    """A result that comes with the kit, by the name of its JSON file, as `python -m sslkit curve` wrote it → dict.

    Raises FileNotFoundError naming those there are.
    """
    return json.loads(stored_file(f"{name}.json").read_text())


def stored_file(name):
    """The path of a file of results that comes with the kit.

    Raises FileNotFoundError naming those with the same ending. A name that leads out of the folder
    of results names none of them.
    """
    folder = results_folder()
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        there = ", ".join(sorted(file.stem for file in folder.glob(f"*{path.suffix}")))
        raise FileNotFoundError(f"no result {path.stem!r} comes with the kit; there are: {there}")
    return path


def results_folder():
    """Where the results lie that come with the kit: in the repository, or in the package that was installed."""
    package = Path(__file__).parent
    return next((folder for folder in (package.parent / "bench" / "results", package / "results") if folder.is_dir()), package)


def _pool(splits):
    train, validation, _ = splits
    return Dataset(torch.cat([train.images, validation.images]), torch.cat([train.labels, validation.labels]),
                   train.classes, name=train.name)


def _check_features(features, labels):
    if features.ndim != 2 or labels.ndim != 1 or len(features) != len(labels):
        raise ValueError(f"features {tuple(features.shape)} and labels {tuple(labels.shape)}: want (N, D) and (N,)")
    if not torch.isfinite(features).all():
        raise ValueError("features hold NaN or infinity: did the training that made them go wrong?")
    if labels.is_floating_point() or labels.min() < 0:
        raise ValueError(f"labels must be whole numbers from 0 on, got {labels.dtype} from {labels.min().item()}")


@contextmanager
def _evaluating(network, device):
    """Evaluation mode for as long as it is needed, whatever it was before."""
    if not isinstance(network, nn.Module):
        yield
        return
    was_training = network.training
    network.to(device).eval()
    try:
        yield
    finally:
        network.train(was_training)
