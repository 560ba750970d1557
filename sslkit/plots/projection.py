"""Features (N, D) as points of the plane, turned so that maps can be compared; and what lies nearest in feature space."""

import torch
from torch.nn import functional as F

METHODS = ("PCA", "t-SNE", "UMAP")


def project(features, method="PCA", *, neighbours=15, seed=0):
    """Features (N, D) → points (N, 2), float32: "PCA", "t-SNE" or "UMAP". Same features and seed, same points.

    neighbours: how many each point should stay close to (t-SNE calls it perplexity); PCA has no use for it. Both of the others
    start from the PCA map. Raises ValueError for an unknown method, wrong shapes, fewer than 3 pictures, and NaN.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r}: want one of {', '.join(METHODS)}")
    features = checked(features)
    plane = _principal(features)                                   # (N, 2)
    spread = plane.std(0)[0]
    if method == "PCA" or spread == 0:                             # all features are the same: so are all points, on any map
        return plane.float()
    fit = {"t-SNE": _tsne, "UMAP": _umap}[method]
    return torch.from_numpy(fit(features.float().numpy(), (plane / spread).float().numpy(), neighbours, seed)).float()


def checked(features):
    """Features (N, D) → the same on the CPU in double precision. Raises ValueError for what cannot be drawn as a map."""
    features = torch.as_tensor(features).detach().cpu().double()
    if features.ndim != 2 or features.shape[1] == 0:
        raise ValueError(f"features have shape {tuple(features.shape)}: want (N, D), one row a picture; average or flatten the rest")
    if len(features) < 3:
        raise ValueError(f"features of {len(features)} pictures make no map: want at least 3; embed more pictures")
    if not torch.isfinite(features).all():
        row = int((~torch.isfinite(features)).any(1).nonzero()[0])
        raise ValueError(f"features hold NaN or infinity (first in row {row}): want finite numbers; did the training that made them "
                         f"go wrong?")
    return features


def _principal(features):
    """(N, D) → the first two principal components (N, 2), the largest entry of each positive: its sign means nothing."""
    centred = features - features.mean(0)
    if len(centred) <= centred.shape[1]:                           # the smaller of the two matrices gives the same points
        values, vectors = torch.linalg.eigh(centred @ centred.T)   # (N,), (N, N), ascending
        points = vectors[:, -2:].flip(1) * values[-2:].flip(0).clamp_min(0).sqrt()
    else:
        _, vectors = torch.linalg.eigh(centred.T @ centred)        # (D, D)
        points = centred @ vectors[:, -2:].flip(1)
    points = F.pad(points, (0, 2 - points.shape[1]))               # a single feature has one component
    return points * points.gather(0, points.abs().argmax(0, keepdim=True)).sign()


def _tsne(features, start, neighbours, seed):
    from sklearn.manifold import TSNE

    perplexity = max(1.0, min(float(neighbours), (len(features) - 1) / 3))
    return TSNE(perplexity=perplexity, init=1e-4 * start, random_state=seed).fit_transform(features)


def _umap(features, start, neighbours, seed):
    try:
        from umap import UMAP
    except ImportError as missing:
        raise ValueError("UMAP is not installed: run `pip install umap-learn` and restart the kernel, or choose t-SNE") from missing
    init = start if start[:, 1].any() else "random"                # a single feature: UMAP divides by the extent of either axis
    return UMAP(n_neighbors=max(2, min(neighbours, len(features) - 1)), init=init, random_state=seed, n_jobs=1).fit_transform(features)


def align(points, reference):
    """Points (N, 2), turned and mirrored as a whole so as to lie as near to `reference` (N, 2) as they can (Procrustes).

    Maps of one set of pictures at two times of training differ by a turn that means nothing; distances stay as they are.
    """
    points, reference = torch.as_tensor(points), torch.as_tensor(reference)
    if points.shape != reference.shape or points.ndim != 2:
        raise ValueError(f"points {tuple(points.shape)} and reference {tuple(reference.shape)}: want the same shape (N, 2)")
    middle, goal = points.double().mean(0), reference.double().mean(0)
    u, _, v = torch.linalg.svd((points - middle).T @ (reference - goal))
    return ((points - middle) @ (u @ v) + goal).to(points.dtype)


def nearest(features, number=10):
    """Features (N, D) → the `number` nearest others of each by cosine, nearest first: indices (N, number), fewer where N is small."""
    directions = F.normalize(checked(features).float(), dim=1)
    number, found = min(number, len(directions) - 1), []
    for rows in torch.arange(len(directions)).split(1000):
        cosine = directions[rows] @ directions.T                   # (n, N)
        cosine[torch.arange(len(rows)), rows] = -torch.inf         # nothing is its own neighbour
        found.append(cosine.topk(number, dim=1).indices)
    return torch.cat(found)
