"""What the constructor of an explorer expects, checked before anything is built."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence

import torch

from ..data.dataset import Dataset, check_images

# Takes a value and what it is called; returns nothing, or raises TypeError or ValueError.
Check = Callable[[object, str], None]


def wants(**expected: Check):
    """Class decorator: a check for each named argument of the constructor.

    Where all are what they should be, and yet a network and its images do not fit each other,
    torch's error becomes a sentence too.
    """

    def decorate(cls):
        build = cls.__init__
        signature = inspect.signature(build)

        @functools.wraps(build)
        def __init__(self, *args, **kwargs):
            given = signature.bind(self, *args, **kwargs)
            given.apply_defaults()
            for name, check in expected.items():
                check(given.arguments[name], f"{type(self).__name__}({name}=…)")
            try:
                build(self, *args, **kwargs)
            except (IndexError, KeyError, RuntimeError) as error:
                raise ValueError(
                    f"{type(self).__name__}: {' and '.join(expected)} do not fit each other, "
                    "want them of one "
                    f"size, as in training ({type(error).__name__}: {error})"
                ) from error

        cls.__init__ = __init__
        return cls

    return decorate


def described(value) -> str:
    """What a value is, in a few words: its type, and its shape and dtype where it has them."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} {tuple(value.shape)} of {value.dtype}"
    return "None" if value is None else f"{type(value).__name__}"


def one_of(*classes: type, trained: bool = True) -> Check:
    """An instance of one of these classes."""
    names = " or ".join(f"sslkit.{cls.__module__.split('.')[1]}.{cls.__name__}" for cls in classes)

    def check(value, where):
        if not isinstance(value, classes):
            made = " (an object, not the class itself)" if isinstance(value, type) else ""
            raise TypeError(
                f"{where}: got {described(value)}, want {'a trained ' * trained}{names}{made}"
            )

    return check


def or_named(check: Check, what: str) -> Check:
    """What `check` takes, or {name: what it takes}, at least one."""

    def either(value, where):
        if not isinstance(value, Mapping):
            return check(value, where)
        if not value:
            raise ValueError(
                f"{where}: no {what}: got an empty dict, want {{name: {what}}}, at least one"
            )
        for name, one in value.items():
            if not isinstance(name, str):
                raise TypeError(
                    f"{where}: got the name {name!r}, want words as names: {{name: {what}}}"
                )
            check(one, f"{where}, {name!r}")

    return either


def optional(check: Check) -> Check:
    """None, or what `check` takes."""
    return lambda value, where: None if value is None else check(value, where)


def dataset(value, where: str) -> None:
    """A Dataset of at least one image, uint8 or in [0, 1], with labels and classes that fit."""
    if not isinstance(value, Dataset):
        hint = (
            ": sslkit.data.Dataset(images) makes one of a tensor" if hasattr(value, "shape") else ""
        )
        raise TypeError(
            f"{where}: got {described(value)}, want a Dataset, such as "
            f"sslkit.data.scenes(100){hint}"
        )
    check_images(value.images, where)
    labels, number = value.labels, len(value.images)
    if labels is None:
        return
    if (
        not isinstance(labels, torch.Tensor)
        or labels.is_floating_point()
        or labels.is_complex()
        or tuple(labels.shape) != (number,)
    ):
        raise ValueError(
            f"{where}: got labels {described(labels)}, want whole numbers ({number},), one for "
            "each image"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (value.classes and high >= len(value.classes)):
        raise ValueError(
            f"{where}: got labels from {low} to {high}, want 0 to "
            f"{len(value.classes) - 1 if value.classes else '…'}: "
            f"one name in `classes` for each label"
        )


def datasets(value, where: str) -> None:
    """A Dataset or {name: Dataset}, all of one size."""
    or_named(dataset, "Dataset")(value, where)
    every = list(value.values()) if isinstance(value, Mapping) else [value]
    shapes = {tuple(one.images.shape[-2:]) for one in every}
    if len(shapes) > 1:
        raise ValueError(
            f"{where}: got images of {' and '.join(f'{h} × {w}' for h, w in sorted(shapes))} "
            "pixels, want one size: "
            f"ask each data set for the same `size`"
        )


def features(value, where: str) -> None:
    """Features, a tensor or array of real numbers. Their shape is compared later."""
    try:
        real = not torch.as_tensor(value).is_complex() if hasattr(value, "__array__") else False
    except TypeError:  # an array of words or objects
        real = False
    if not real:
        raise TypeError(
            f"{where}: got {described(value)}, want features (N, D) of the images, as "
            "evaluate.embed returns"
        )


def whole(least: int, most: float = math.inf) -> Check:
    """A whole number from `least` to `most`."""

    def check(value, where):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{where}: got {described(value)}, want a whole number from {least} on")
        if not least <= value <= most:
            raise ValueError(
                f"{where}: got {value}, want a whole number from {least}"
                + (f" to {most}" if most < math.inf else " on")
            )

    return check


def shape(value, where: str) -> None:
    """(T,) or (H, W)."""
    right = isinstance(value, (tuple, list)) and 1 <= len(value) <= 2
    if not right or not all(isinstance(length, int) and length > 0 for length in value):
        raise TypeError(f"{where}: got {value!r:.50}, want the shape of a sample, (T,) or (H, W)")


def words(value, where: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{where}: got {described(value)}, want words in quotes")


def names(value, where: str) -> None:
    """None, or a list of words."""
    if value is not None and (
        isinstance(value, str)
        or not isinstance(value, Sequence)
        or not all(isinstance(word, str) for word in value)
    ):
        raise TypeError(f"{where}: got {described(value)}, want a list of words")


def function(value, where: str) -> None:
    """An encoder: a module or any function."""
    if not callable(value) or isinstance(value, type):
        raise TypeError(
            f"{where}: got {described(value)}, want an encoder: a module or function, images "
            "(B, 3, H, W) → (B, D)"
        )


def network(*parts: str) -> Check:
    """Any task or network with these parts."""

    def check(value, where):
        missing = [part for part in parts if not callable(getattr(value, part, None))]
        if missing:
            raise ValueError(
                f"{where}: {type(value).__name__} has no {' and no '.join(missing)}: want a "
                "contrastive task, such as SimCLR"
            )

    return check


RECORD = {"arm": str, "budget": int, "accuracy": (int, float)}


def records(value, where: str, *, empty: str = "no records") -> None:
    """A list of {arm, budget, seed, accuracy}, as evaluate.label_curve returns."""
    wanted = "want a list of {arm, budget, seed, accuracy}, as evaluate.label_curve returns"
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{where}: got {described(value)}, {wanted}")
    if not value:
        raise ValueError(f"{where}: {empty}, {wanted}")
    for number, record in enumerate(value):
        _record(record, f"{where}, record {number}", wanted)


def _record(record, where, wanted):
    if not isinstance(record, Mapping):
        raise TypeError(f"{where}: got {described(record)}, {wanted}")
    for name, kind in RECORD.items():
        if name not in record:
            raise ValueError(f"{where} has no {name!r}, {wanted}")
        if isinstance(record[name], bool) or not isinstance(record[name], kind):
            raise TypeError(
                f"{where}: {name} is {record[name]!r:.50}, want "
                f"{'words' if kind is str else 'a number'}"
            )
    if not record["budget"] > 0:
        raise ValueError(
            f"{where}: budget is {record['budget']}, want labels per class, at least 1"
        )
    if not 0 <= record["accuracy"] <= 1:
        raise ValueError(f"{where}: accuracy is {record['accuracy']}, want a share in [0, 1]")


def runs(value, where: str) -> None:
    """A list of runs, as compare.stored reads them: {arm, about, seconds, records}."""
    wanted = (
        "want dicts of arm, about, seconds, records, one a pretraining, as compare.stored reads "
        "them"
    )
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{where}: got {described(value)}, {wanted}")
    if not value:
        raise ValueError(f"{where}: no runs, {wanted}")
    for number, run in enumerate(value):
        if not isinstance(run, Mapping):
            raise TypeError(f"{where}, run {number}: got {described(run)}, {wanted}")
        fields = {"arm": str, "about": Mapping, "seconds": Mapping, "records": Sequence}
        lost = [name for name, kind in fields.items() if not isinstance(run.get(name), kind)]
        if lost or not {"method", "images"} <= set(run["about"]):
            raise ValueError(
                f"{where}, run {number} has no "
                f"{' and no '.join(lost) or 'method or images in about'}, {wanted}"
            )
        for place, record in enumerate(run["records"]):
            _record(record, f"{where}, run {number}, record {place}", wanted)


def surprises(value, where: str) -> None:
    """{name: (errors of a healthy time (channels, T), of the time to watch (channels, T'))}."""
    wanted = (
        "want {name: (errors of a healthy time, errors of the time to watch)}, two tensors "
        "(channels, T) each"
    )
    if not isinstance(value, Mapping):
        raise TypeError(f"{where}: got {described(value)}, {wanted}")
    if not value:
        raise ValueError(f"{where}: got an empty dict, {wanted}")
    lengths = set()
    for name, pair in value.items():
        if not isinstance(name, str) or not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"{where}, {name!r}: got {described(pair)}, {wanted}")
        for part in pair:
            if (
                not isinstance(part, torch.Tensor)
                or not part.is_floating_point()
                or part.ndim != 2
                or 0 in part.shape
            ):
                raise ValueError(
                    f"{where}, {name!r}: got {described(part)}, {wanted} of floating-point numbers"
                )
            if not torch.isfinite(part).all():
                raise ValueError(
                    f"{where}, {name!r}: got NaN or infinity, want finite errors: leave the "
                    "first moments out"
                )
        if len(pair[0]) != len(pair[1]):
            raise ValueError(
                f"{where}, {name!r}: got {len(pair[0])} channels and {len(pair[1])}, want as "
                "many in both"
            )
        lengths.add(pair[1].shape[1])
    if len(lengths) > 1:
        raise ValueError(
            f"{where}: got times of {sorted(lengths)} moments to watch, want the same moments "
            "for all"
        )


def faults(value, where: str) -> None:
    """[(kind, start, stop), …] in moments."""
    wanted = "want [(name, start, stop), …], in moments of the time to watch"
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{where}: got {described(value)}, {wanted}")
    for fault in value:
        if (
            not isinstance(fault, (tuple, list))
            or len(fault) != 3
            or not all(isinstance(place, int) for place in fault[1:])
        ):
            raise TypeError(f"{where}: got {fault!r:.60}, {wanted}")
        if not 0 <= fault[1] < fault[2]:
            raise ValueError(f"{where}: got {fault!r:.60}, want 0 ≤ start < stop, in moments")
