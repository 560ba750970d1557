"""A dataset is a few tensors: pictures as bytes, labels, and (for the drawn world) the truth behind each picture."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch


@dataclass(frozen=True)
class Dataset:
    """Pictures and what is known of them.

    images: uint8 (N, 3, H, W); of sounds and texts the samples (N, T), under the same name, so that every tool takes them.
    labels: int64 (N,), or None where there are none. classes: the name of each label. factors: {name: (N,) tensor}, ground
    truth that only a drawn world has.
    """

    images: torch.Tensor
    labels: torch.Tensor | None = None
    classes: tuple = ()
    factors: dict = field(default_factory=dict)
    name: str = "images"

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        """A subset, by slice, index tensor or mask. `dataset[:100]`, `dataset[dataset.labels == 3]`."""
        pick = lambda tensor: None if tensor is None else tensor[index]
        return replace(self, images=pick(self.images), labels=pick(self.labels),
                       factors={name: pick(values) for name, values in self.factors.items()})

    def to(self, device):
        """The same dataset with every tensor on `device`."""
        move = lambda tensor: None if tensor is None else tensor.to(device)
        return replace(self, images=move(self.images), labels=move(self.labels),
                       factors={name: move(values) for name, values in self.factors.items()})

    @property
    def labelled(self):
        """(images, labels): what `train` needs for a task that learns from labels."""
        if self.labels is None:
            raise ValueError(f"{self.name} has no labels; use its images alone, or a dataset that has labels")
        return self.images, self.labels


class Splits(NamedTuple):
    """Train to learn from, validation to choose by, test to be used once."""

    train: Dataset
    validation: Dataset
    test: Dataset


def split(dataset, held_out, *, seed=0):
    """Dataset → (the rest, `held_out` of it), the same cut for the same seed, every class in its proportion.

    held_out: a number of pictures, or a fraction of them. Raises ValueError where nothing would be left on one side.
    """
    number = round(held_out * len(dataset)) if isinstance(held_out, float) else held_out
    if not 0 < number < len(dataset):
        raise ValueError(f"cannot hold out {number} of {len(dataset)} pictures of {dataset.name}: "
                         f"want at least 1 and at most {len(dataset) - 1}")
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
    if dataset.labels is not None:                       # interleave the classes, so that any prefix is balanced
        labels = dataset.labels.cpu()[order]
        by_class = torch.argsort(labels, stable=True)
        rank = torch.empty_like(by_class)
        counts = torch.bincount(labels)
        starts = torch.cumsum(counts, 0) - counts
        rank[by_class] = torch.arange(len(order)) - starts[labels[by_class]]
        order = order[torch.argsort((rank + 0.5) / counts[labels], stable=True)]
    held, rest = order[:number].sort().values, order[number:].sort().values
    device = dataset.images.device
    return dataset[rest.to(device)], dataset[held.to(device)]


def labelled_subset(labels, per_class, *, seed=0):
    """Labels (N,) → indices of `per_class` examples of every class, a different draw for every seed.

    The budgets of one seed are nested: its 5 a class are among its 20 a class. Raises ValueError naming the class
    that has too few.
    """
    labels = labels.cpu()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    chosen = []
    for value in range(int(labels.max()) + 1):
        mine = order[labels[order] == value]
        if len(mine) < per_class:
            raise ValueError(f"class {value} has {len(mine)} examples, {per_class} are needed: "
                             f"ask for a smaller budget, or give more data")
        chosen.append(mine[:per_class])
    return torch.cat(chosen).sort().values


def as_float(images):
    """uint8 (…, 3, H, W) → float32 in [0, 1]; floats pass."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def check_images(images, name: str = "images") -> torch.Tensor:
    """The one validator at the door. Images from anywhere → uint8 (N, 3, H, W), or an error.

    Takes uint8 or float in [0, 1], tensors or arrays. Raises TypeError for other types, ValueError
    for other layouts, ranges, NaN and infinities. The line is to be run with what was given as
    `images`, and may have to be followed by another: each error names one thing.
    """
    images, this = (
        _as_tensor(images, name),
        "images" if isinstance(images, torch.Tensor) else "torch.as_tensor(images)",
    )
    shape = tuple(images.shape)
    if images.ndim == 2:
        raise ValueError(
            f"{name}: got one grey image {shape}, want a batch (N, 3, H, W): "
            f"{this}[None, None].expand(-1, 3, -1, -1)"
        )
    if images.ndim == 3 and 3 in (shape[0], shape[-1]):
        raise ValueError(
            f"{name}: got one image {shape}, want a batch (N, 3, H, W): {this}[None] adds the axis"
        )
    if images.ndim == 3 and 1 in (shape[0], shape[-1]):
        line = "[None]" if shape[0] == 1 else "[None].permute(0, 3, 1, 2)"
        raise ValueError(
            f"{name}: got one grey image {shape}, want a batch (N, 3, H, W): "
            f"{this}{line}.expand(-1, 3, -1, -1)"
        )
    if images.ndim == 3:
        raise ValueError(
            f"{name}: got grey images {shape}, want (N, 3, H, W): "
            f"{this}[:, None].expand(-1, 3, -1, -1) gives them three channels"
        )
    if images.ndim != 4:
        raise ValueError(f"{name}: got shape {shape}, want (N, 3, H, W)")
    if shape[1] != 3 and shape[3] == 3:
        raise ValueError(
            f"{name}: got channels last {shape}, want (N, 3, H, W): {this}.permute(0, 3, 1, 2)"
        )
    if shape[1] == 4 or (shape[3] == 4 and shape[1] != 3):
        raise ValueError(
            f"{name}: got four channels (RGBA) {shape}, want three: "
            f"{this}{'[:, :3]' if shape[1] == 4 else '[..., :3].permute(0, 3, 1, 2)'}"
        )
    if shape[1] == 1:
        raise ValueError(
            f"{name}: got one channel (grey) {shape}, want three: {this}.expand(-1, 3, -1, -1)"
        )
    if shape[1] != 3 and shape[3] == 1:
        raise ValueError(
            f"{name}: got one channel, last (grey) {shape}, want three, first: "
            f"{this}.permute(0, 3, 1, 2).expand(-1, 3, -1, -1)"
        )
    if shape[1] != 3:
        raise ValueError(f"{name}: got {shape[1]} channels {shape}, want three: (N, 3, H, W)")
    if 0 in shape:
        raise ValueError(f"{name}: got no images {shape}, want at least one")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise TypeError(
            f"{name}: got {images.dtype}, want uint8 in 0–255 or float in [0, 1]: "
            f"{_as_bytes(images, this)}"
        )
    check_finite(images, name)
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        fix = (
            f"{this} / 255"
            if low >= 0 and high <= 255
            else f"{this}.float() / 65535"
            if 0 <= low and high <= 65535
            else f"({this} + 1) / 2"
            if low >= -1 and high <= 1
            else f"({this} - {this}.min()) / ({this}.max() - {this}.min())"
        )
        raise ValueError(f"{name}: got floats in [{low:.3g}, {high:.3g}], want [0, 1]: {fix}")
    return images.mul(255).round_().to(torch.uint8)


def check_samples(
    samples, name: str = "data", *, images: bool = False, vocabulary: int | None = None
) -> torch.Tensor:
    """Samples (N, …) of any sort → a tensor: images as `check_images` gives them, numbers finite.

    images: whether they must be images; what has four axes, or is uint8 with two at least, is taken
    for such anyway. vocabulary: where they are whole numbers (N, T), they must be tokens, 0 to
    vocabulary − 1. Raises TypeError, ValueError.
    """
    if images or vocabulary is None and _may_be_images(samples):
        return check_images(samples, name)
    samples = _as_tensor(samples, name)
    if samples.ndim == 0 or samples.numel() == 0:
        raise ValueError(
            f"{name}: got shape {tuple(samples.shape)}, want (N, …), at least one sample"
        )
    if samples.is_floating_point():
        check_finite(samples, name)
    elif vocabulary is not None and samples.ndim > 1:
        if samples.dtype == torch.uint8:
            raise TypeError(
                f"{name}: got tokens of torch.uint8, which are bytes of images here: data.long()"
            )
        low, high = torch.stack(samples.aminmax()).tolist()
        if low < 0 or high >= vocabulary:
            bad = (
                ((samples < 0) | (samples >= vocabulary))
                .flatten(1)
                .any(1)
                .nonzero()
                .flatten()
                .tolist()
            )
            raise ValueError(
                f"{name}: got tokens from {low} to {high}, in {len(bad)} of {len(samples)} samples "
                f"(numbers "
                f"{bad[:10]}): this network knows 0 to {vocabulary - 1}"
            )
    return samples


def check_labels(labels, classes: int | None = None, name: str = "labels") -> torch.Tensor:
    """Labels at the door → int64 (N,).

    classes: how many there are; None: as many as the largest label says. Raises TypeError for floats
    and truth values, ValueError for other shapes and for labels outside
    0 … classes − 1.
    """
    labels = _as_tensor(labels, name)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"{name}: got {labels.dtype}, want whole numbers from 0 on: labels.long()")
    if labels.ndim != 1 or len(labels) == 0:
        raise ValueError(f"{name}: got shape {tuple(labels.shape)}, want (N,), one number a sample")
    labels = labels.long()
    low, high = torch.stack(labels.aminmax()).tolist()
    if low < 0:
        raise ValueError(
            f"{name}: {int((labels < 0).sum())} of {len(labels)} are below 0 (the least is {low}): "
            f"leave "
            f"samples without a label out, dataset[dataset.labels >= 0]"
        )
    if classes is not None and high >= classes:
        raise ValueError(
            f"{name}: the largest is {high}, but with classes={classes} they go from 0 to "
            f"{classes - 1}: "
            f"want classes={high + 1}, or other labels"
        )
    return labels


def check_finite(samples: torch.Tensor, name: str = "data") -> None:
    """Raises ValueError naming the samples (N, …) in which there is NaN or infinity."""
    bad = (
        [
            first + place
            for first in range(0, len(samples), 1000)  # a few at a time: data may be large
            for place in (~torch.isfinite(samples[first : first + 1000]))
            .flatten(1)
            .any(1)
            .nonzero()
            .flatten()
            .tolist()
        ]
        if samples.ndim > 1
        else (~torch.isfinite(samples)).nonzero().flatten().tolist()
    )
    if bad:
        raise ValueError(
            f"{name}: NaN or infinity in {len(bad)} of {len(samples)} samples (numbers "
            f"{bad[:10]}): "
            f"leave them out, or mend them with torch.nan_to_num"
        )


def _may_be_images(samples):
    axes = getattr(samples, "ndim", 4)  # what has no axes, such as a list, is told what to be
    return axes == 4 or axes > 1 and str(getattr(samples, "dtype", "")).endswith("uint8")


def _as_tensor(values, name):
    """Raises TypeError for what is neither a tensor nor an array of numbers."""
    if isinstance(values, torch.Tensor):
        return values
    if not hasattr(values, "__array__"):
        raise TypeError(
            f"{name}: got {type(values).__name__}, want a tensor or array (N, …): "
            f"torch.stack([...]) makes "
            f"one of a list of tensors"
        )
    array = values.__array__()
    try:
        return torch.as_tensor(
            array if all(stride >= 0 for stride in array.strides) else array.copy()
        )
    except TypeError as error:
        raise TypeError(
            f"{name}: got an array of {array.dtype}, want one of numbers, all of one shape"
        ) from error


def _as_bytes(images, this):
    """The line that turns whole numbers into what an image is: by the range that they have."""
    if images.dtype == torch.bool:
        return f"{this}.to(torch.uint8) * 255"
    if images.is_complex():
        return f"{this}.abs()"
    low, high = int(images.long().min()), int(images.long().max())
    if 0 <= low and high <= 1:
        return f"{this}.to(torch.uint8) * 255 if 1 means white"
    if 0 <= low and high <= 255 and images.dtype != torch.uint16:
        return f"{this}.to(torch.uint8)"
    if 0 <= low and high <= 65535:
        return f"{this}.float() / 65535"
    return f"({this}.float() - {low}) / {high - low}"


def shrunk(images, factor=2):
    """uint8 (N, 3, H, W) → (N, 3, H / factor, W / factor): the mean of every factor × factor pixels.

    Raises ValueError where the factor does not divide the sides.
    """
    if images.shape[-2] % factor or images.shape[-1] % factor:
        raise ValueError(f"pictures of {images.shape[-2]} × {images.shape[-1]} pixels: want sides that {factor} divides")
    return torch.nn.functional.avg_pool2d(images.float(), factor).round_().to(torch.uint8)


def seed_for(*what):
    """Any numbers and words → a seed of 32 bits, since torch's CPU generator looks at no more: seed * 2**32 + step repeats."""
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:4], "little")


def batches(data, batch_size, *, seed=0, start=0):
    """Endless batches of `data`, each epoch in a new order, the last short batch dropped.

    data: a tensor (N, …) or a tuple of tensors with the same N. uint8 pictures come out as float in [0, 1].
    Yields (indices into data, batch). The order is a function of (seed, step) alone, so that `start=step` goes on
    exactly where an interrupted run stopped.
    """
    parts = data if isinstance(data, tuple) else (data,)
    number, device = len(parts[0]), parts[0].device
    per_epoch = number // batch_size
    if per_epoch == 0:
        raise ValueError(f"batch_size={batch_size} is more than the {number} examples there are: use at most {number}")
    step, epoch = start, None
    while True:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = torch.randperm(number, generator=torch.Generator().manual_seed(seed_for(seed, "epoch", epoch))).to(device)
        first = step % per_epoch * batch_size
        chosen = order[first:first + batch_size]
        batch = tuple(as_float(part[chosen]) for part in parts)
        yield chosen, batch if isinstance(data, tuple) else batch[0]
        step += 1
