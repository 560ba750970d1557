"""Contrastive losses: what belongs together is pulled together, the rest pushed apart. And VICReg.

But for `nce` and `vicreg`, all are called alike, `loss(embeddings (N, D), labels (N,))` → 0-d:
equal labels mean "belong together". They compute in float32 or better, also within autocast;
gradients stay finite where points coincide. Each
raises ValueError for wrong shapes, fewer than two samples, values that are not finite, and a batch in which no two
labels are equal; TypeError for embeddings that are not floats. "Pair" says whether (i, j) and (j, i) are one or two.
"""

import functools
import inspect
import math

import torch
from torch.nn import functional as F

from .chunked import softmax_contrast

LARGEST = {torch.float64: 1e100}
# beyond, sums of squares over a batch leave the range of float32, and gradients become NaN
LARGEST_FLOAT32 = 1e12
FAR = -1e30                     # logarithm of nothing; unlike -inf, its gradients are numbers


def of_pairs(loss):
    """What every loss of (embeddings, labels) does first: check them, and see to float32."""
    signature = inspect.signature(loss)

    @functools.wraps(loss)
    def checked(embeddings, labels, *args, **kwargs):
        check(embeddings, labels)
        for name, value in signature.bind(embeddings, labels, *args, **kwargs).arguments.items():
            if name in ("margin", "temperature"):
                check_number(name, value)
        with torch.autocast(embeddings.device.type, enabled=False):
            return loss(embeddings if embeddings.dtype == torch.float64 else embeddings.float(), labels, *args, **kwargs)
    return checked


@of_pairs
def contrastive(embeddings, labels, margin=1.0):
    """Hadsell, Chopra & LeCun 2006, eq. 4: pull pairs of one label together, push others a margin apart.

    The mean over all unordered pairs of ½D² where labels are equal, of ½ max(0, m − D)² where they differ.
    D is the Euclidean distance. Nothing is normalised: `margin` is in units of the embeddings.
    """
    distance, same, other = distances(embeddings), *pairs(labels)                  # (N, N) each
    loss = torch.where(same, distance.square(), other * (margin - distance).clamp_min(0).square())
    return 0.5 * loss.sum() / (same.sum() + other.sum())


@of_pairs
def triplet(embeddings, labels, margin=0.2, *, mining="all"):
    """Schroff, Kalenichenko & Philbin 2015, eq. 3: max(0, D²(anchor, positive) − D²(anchor, negative) + margin).

    Mean over those triplets of the batch whose loss is positive, 0 if there is none. mining: "all" takes every valid
    triplet (Hermans, Beyer & Leibe 2017, "batch all"); "semi-hard" only those whose negative is farther than the positive
    but within the margin. FaceNet normalises embeddings to length 1; this function leaves that to its caller.

    Nowhere N³ numbers: each active triplet adds its two squared distances once, so all that matters is how many active
    triplets a distance is part of, and sorted rows tell that. O(N² log N) time, O(N²) memory, exact.
    """
    if mining not in ("all", "semi-hard"):
        raise ValueError(f'mining="{mining}": want "all" or "semi-hard"')
    square, same, other = distances(embeddings).square(), *pairs(labels)                   # (N, N) each
    with torch.no_grad():
        positives = square.masked_fill(~same, -torch.inf).sort(1).values                   # each row from near to far
        negatives = square.masked_fill(~other, torch.inf).sort(1).values
        below = lambda row, value: torch.searchsorted(row, value.contiguous())             # how many of the row are less than it
        up_to = lambda row, value: torch.searchsorted(row, value.contiguous(), right=True)
        pulled = below(negatives, square + margin)                                         # negatives that a positive meets
        pushed = len(labels) - up_to(positives, square - margin)                           # positives that a negative meets
        if mining == "semi-hard":
            pulled = (pulled - up_to(negatives, square)).clamp_min(0)
            pushed = (pushed - (len(labels) - below(positives, square))).clamp_min(0)
        weight = (pulled * same - pushed * other).to(square.dtype)                         # (N, N)
        active = (pulled * same).sum().to(square.dtype)
    return ((weight * square).sum() + margin * active) / active.clamp_min(1)


@of_pairs
def lifted_structured(embeddings, labels, margin=1.0):
    """Song et al. 2016, eq. 4: each positive pair against all negatives of both its ends, the hardest counting most.

    J = log(Σ exp(m − D(i, negative of i)) + Σ exp(m − D(j, negative of j))) + D(i, j); the loss is the sum over unordered
    positive pairs of max(0, J)², divided by twice their number. D is Euclidean, not squared; nothing is normalised.
    """
    distance, same, other = distances(embeddings), *pairs(labels)                          # (N, N) each
    hardest = (margin - distance).masked_fill(~other, FAR).logsumexp(1)                    # (N,)
    violation = torch.logaddexp(hardest[:, None], hardest) + distance                      # (N, N)
    return 0.5 * (violation.clamp_min(0).square() * same).sum() / same.sum()


@of_pairs
def n_pair(embeddings, labels):
    """Sohn 2016, eq. 8: two examples of every label, the first is the anchor; cross-entropy over all second ones.

    Similarities are raw dot products, so the length of an embedding acts as its confidence: keep it small by weight decay
    or by a penalty of your own. Raises ValueError where a label does not come exactly twice.
    """
    _, place, count = labels.unique(return_inverse=True, return_counts=True)
    if (count != 2).any():
        label, number = labels.unique()[count != 2][0].item(), int(count[count != 2][0])
        raise ValueError(f"label {label} comes {number} times: n_pair wants every label exactly twice, anchor first, then its positive")
    anchors, positives = embeddings[place.argsort(stable=True)].view(-1, 2, embeddings.shape[1]).unbind(1)    # (N/2, D) each
    return F.cross_entropy(anchors @ positives.T, torch.arange(len(anchors), device=labels.device))


@of_pairs
def info_nce(embeddings, labels, temperature=0.1):
    """van den Oord, Li & Vinyals 2018, eq. 4, on cosines: does the positive stand out from all negatives?

    Mean over ordered positive pairs (i, p) of −log(exp(s_ip) / (exp(s_ip) + Σ_n exp(s_in))), where
    s = cosine / temperature, and n are the samples of other labels. With two views a label this is
    NT-Xent (Chen et al. 2020, eq. 1): all points alike give ln(2B − 1) for B pictures. Embeddings are
    normalised here. Raises ValueError for temperature ≤ 0.

    Large batches never hold the N × N matrix: `sslkit.chunked` gives the same number and gradient.
    """
    check_temperature(temperature)
    z = F.normalize(embeddings, dim=1) / math.sqrt(temperature)                    # (N, D)
    if len(z) > 256 and temperature > 1 / 500:                     # smaller ones leave the range of float64
        return softmax_contrast(z, labels)
    similarity, same, other = z @ z.T, *pairs(labels)                              # (N, N) each
    negatives = similarity.masked_fill(~other, FAR).logsumexp(1)                   # (N,)
    anchor, positive = same.nonzero(as_tuple=True)                                 # (pairs,) each
    own = similarity[anchor, positive]                                             # (pairs,)
    return (torch.logaddexp(own, negatives[anchor]) - own).mean()


@of_pairs
def soft_nearest_neighbor(embeddings, labels, temperature=1.0):
    """Frosst, Papernot & Hinton 2019, eq. 1: how likely is it to pick a neighbour of one's own label, the near more often?

    −log(Σ_same exp(−D² / T) / Σ_all exp(−D² / T)), neighbours other than the point itself, mean over the points that have a
    neighbour of their label. D² is the squared Euclidean distance; nothing is normalised. ValueError for temperature ≤ 0.
    """
    check_temperature(temperature)
    closeness, same, other = -distances(embeddings).square() / temperature, *pairs(labels)    # (N, N) each
    own = closeness.masked_fill(~same, FAR).logsumexp(1)                                   # (N,)
    every = closeness.masked_fill(~(same | other), FAR).logsumexp(1)
    return (every - own)[same.any(1)].mean()


def nce(model_data, noise_data, model_noise, noise_noise):
    """Gutmann & Hyvärinen 2012, eq. 8: fit a density by telling data from noise.

    Returns a 0-d tensor, in nats per data sample. (Their paper of 2010 has ν = 1.)

    model_data, noise_data (N,): log density of N data samples under the model and under the noise's own distribution.
    model_noise, noise_noise (M,): the same of M noise samples. A sample's logit for "data" is log model − log noise − log ν,
    ν = M / N; the loss is the logistic one, summed and divided by N. The model need not be normalised: let its log constant
    be a parameter. Raises ValueError for other shapes and values that are not finite, TypeError for whole numbers.
    """
    given = {"model_data": model_data, "noise_data": noise_data, "model_noise": model_noise, "noise_noise": noise_noise}
    for name, values in given.items():
        if not isinstance(values, torch.Tensor):
            raise TypeError(
                f"{name} is {_a(values)}: want a tensor of log densities, torch.as_tensor(...)"
            )
        if not values.is_floating_point():
            raise TypeError(f"{name} is {values.dtype}: want log densities, floats")
        if values.ndim != 1 or len(values) == 0:
            raise ValueError(f"{name} {tuple(values.shape)}: want one log density a sample, (N,) of the data, (M,) of the noise")
        if values.abs().amax() > 1e30 and torch.isfinite(values).all():
            raise ValueError(
                f"{name} reaches {values.abs().amax():.1e}: want log densities that float32 can "
                f"add up, below 1e30"
            )
        if not torch.isfinite(values).all():
            raise ValueError(f"{name} holds NaN or infinity: the noise must be possible wherever data are, and log densities finite")
    if len(model_data) != len(noise_data) or len(model_noise) != len(noise_noise):
        raise ValueError(f"{len(model_data)} and {len(noise_data)} densities of data, {len(model_noise)} and {len(noise_noise)} of "
                         f"noise: want those of the same samples under the model and under the noise")
    low = lambda values: values if values.dtype == torch.float64 else values.float()
    nu = len(model_noise) / len(model_data)
    data_logits = low(model_data) - low(noise_data) - math.log(nu)                         # (N,)
    noise_logits = low(model_noise) - low(noise_noise) - math.log(nu)                      # (M,)
    return -(F.logsigmoid(data_logits).sum() + F.logsigmoid(-noise_logits).sum()) / len(model_data)


def vicreg(first, second, invariance=25, variance=25, covariance=1):
    """Bardes, Ponce & LeCun 2022, eq. 6: the weighted sum of the three `vicreg_terms` of two views.

    first, second: float embeddings (N, D) of two views of the same N images, row by row; nothing is
    normalised. invariance, variance, covariance: the weights λ, μ, ν. Returns a 0-d tensor.

    Raises as `vicreg_terms` does, and ValueError for values that are not finite.
    """
    s, v, c = vicreg_terms(first, second)
    for name, z in (("first", first), ("second", second)):
        largest = float(z.detach().abs().amax())
        if not math.isfinite(largest):
            rows = (~torch.isfinite(z)).flatten(1).any(1).nonzero()[:5, 0].tolist()
            raise ValueError(f"{name} holds NaN or infinity (rows {', '.join(map(str, rows))} …): "
                             f"look for the layer that made them")
        if largest > LARGEST.get(z.dtype, LARGEST_FLOAT32):
            raise ValueError(f"{name} reaches {largest:.1e}: its squares leave the range of {z.dtype}, "
                             f"and gradients would be NaN; look for a layer that is not normalised")
    return invariance * s + variance * v + covariance * c


def vicreg_terms(first, second):
    """The three terms of VICReg, unweighted → invariance s, variance v, covariance c, 0-d each.

    As in the paper's pseudocode (algorithm 1):
    s: squared differences of the views, mean over both the N rows and the D dimensions. (Eq. 5 sums
       over the dimensions; the paper's λ = 25 belongs to the mean.)
    v: max(0, 1 − √(Var + 1e-4)), mean over dimensions, added up over the two views (eq. 1, 2, 6).
       (The authors' released code halves this sum: `variance=12.5` here is their 25.)
    c: squared covariances of different dimensions, summed, divided by D, added up over the views
       (eq. 3, 4, 6).
    Var and covariances are the unbiased ones, divided by N − 1.

    Computes in float32 or better, also within autocast; gradients are finite at collapse. Values
    are not looked at, which would make a GPU wait. Raises TypeError for embeddings that are not
    floats, ValueError for shapes that differ or are not (N, D), and for fewer than two rows.
    """
    check_views(first, second)
    dtype = torch.float64 if torch.float64 in (first.dtype, second.dtype) else torch.float32
    with torch.autocast(first.device.type, enabled=False):
        first, second = first.to(dtype), second.to(dtype)
        invariance = (first - second).square().mean()
        variance, covariance = first.new_zeros(()), first.new_zeros(())
        for z in (first, second):
            centred = z - z.mean(0)                                # (N, D)
            matrix = centred.T @ centred / (len(z) - 1)            # (D, D); torch.cov would wait
            own = matrix.diagonal()                                # (D,), the variances
            variance = variance + F.relu(1 - (own + 1e-4).sqrt()).mean()
            covariance = covariance + (matrix - own.diag()).square().sum() / z.shape[1]
    return invariance, variance, covariance


def distances(embeddings):
    """(N, D) → Euclidean distances (N, N). Differences, not dot products: exact for near points, and gradient 0 at distance 0."""
    return torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")


def pairs(labels):
    """Labels (N,) → which ordered pairs have the same label, a point with itself left out; which have different ones: (N, N) each."""
    same = labels[:, None] == labels
    other = ~same
    return same.fill_diagonal_(False), other


def check(embeddings, labels):
    for name, values, want in (
        ("embeddings", embeddings, "(N, D), floats"),
        ("labels", labels, "(N,), whole numbers"),
    ):
        if not isinstance(values, torch.Tensor):
            raise TypeError(
                f"{name} are {_a(values)}: want a tensor {want}; torch.as_tensor({name}) makes one "
                f"of numbers"
            )
    if not embeddings.is_floating_point():
        raise TypeError(f"embeddings are {embeddings.dtype}: want floats; labels come second")
    if embeddings.ndim != 2 or labels.ndim != 1 or len(embeddings) != len(labels):
        raise ValueError(f"embeddings {tuple(embeddings.shape)} and labels {tuple(labels.shape)}: want (N, D) and (N,)")
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels are {labels.dtype}: want whole numbers, equal ones for what belongs together")
    if len(labels) < 2:
        raise ValueError(f"{len(labels)} sample: a contrast needs at least two")
    largest = float(embeddings.detach().abs().amax())             # one wait of the device says both: NaN stays NaN
    if not math.isfinite(largest):
        bad = (~torch.isfinite(embeddings).all(1)).nonzero()[:5, 0].tolist()
        raise ValueError(f"embeddings hold NaN or infinity (rows {', '.join(map(str, bad))} …): look for the layer that made them")
    if largest > LARGEST.get(embeddings.dtype, LARGEST_FLOAT32):
        raise ValueError(
            f"embeddings reach {largest:.1e}: their squares leave the range of {embeddings.dtype}, "
            f"and gradients "
            f"would be NaN; look for a layer that is not normalised, or for too high an lr"
        )
    if embeddings.device != labels.device:
        raise ValueError(
            f"embeddings are on {embeddings.device}, labels on {labels.device}: "
            f"labels.to(embeddings.device)"
        )
    if len(labels.unique()) == len(labels):
        raise ValueError(f"all {len(labels)} labels differ, so nothing belongs together: want at least two samples of one label, "
                         f"such as two views of a picture")


def check_views(first, second):
    """Raises TypeError or ValueError unless both are floats (N, D), N at least 2."""
    for name, z in (("first", first), ("second", second)):
        if not isinstance(z, torch.Tensor) or not z.is_floating_point():
            given = getattr(z, "dtype", type(z).__name__)
            raise TypeError(f"{name} is {given}: want a tensor of floats, embeddings (N, D)")
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] == 0:
        shapes = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise ValueError(f"embeddings {shapes}: want two views of the same images, (N, D) each")
    if len(first) < 2:
        raise ValueError(f"{len(first)} sample: a variance over the batch needs at least two")


def _a(value):
    """None → "None"; other values by their type."""
    return "None" if value is None else f"of type {type(value).__name__}"


def check_number(name, value):
    """Raises TypeError for a setting that is no number, or a tensor of several."""
    single = (
        isinstance(value, (int, float)) or isinstance(value, torch.Tensor) and value.numel() == 1
    )
    if not single:
        raise TypeError(f"{name} is {_a(value)}: want a number")


def check_temperature(temperature):
    check_number("temperature", temperature)
    if not temperature > 0:
        raise ValueError(f"temperature={temperature}: want more than 0, as 0.1; the smaller, the more the nearest points count")
