"""Imbalance makers: how many examples each class keeps, and which ones.

Sources: Cao et al., "Learning imbalanced datasets with label-distribution-aware margin loss" (NeurIPS 2019)
and the code beside it, for the exponential and step profiles of CIFAR-LT; the Pareto profile follows Liu et
al., "Large-scale long-tailed recognition in an open world" (CVPR 2019), which names the power but publishes
the draw as lists only.

    exponential   n_c = int(n_max * IF ** (-c / (C - 1)))
    step          n_c = n_max for the first half of the classes, int(n_max / IF) for the others
    Pareto        n_c = int(n_max * (1 + s c) ** -power),  s such that n_(C-1) = n_max / IF

| in the papers                | here        |
|------------------------------|-------------|
| rho, IF, 1/mu, 1/imb_factor  | `imbalance` |
| n_1, img_max                 | `n_max`     |
| alpha                        | `power`     |

Differs from the authors' code in: `imbalance` is max/min (100), where LDAM-DRW's `imb_factor` is min/max
(0.01); a class with fewer examples than asked for is an error, where their labels silently move away from
their images; the step profile of an odd number of classes keeps the middle class among the rare ones, where
theirs loses it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.labels import Labels


def exponential_counts(n_max: int, num_classes: int, imbalance: float) -> Tensor:
    """Counts of the exponential profile, int64 ``[C]``, class 0 the largest.

    >>> exponential_counts(5000, 10, 100).tolist()
    [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    """
    _check(n_max, num_classes, imbalance)
    # IF ** -x and truncation, in double precision: exp(-x log IF) comes out one short in the last class.
    last = max(num_classes - 1, 1)
    return torch.tensor([int(n_max * imbalance ** (-c / last)) for c in range(num_classes)])


def step_counts(n_max: int, num_classes: int, imbalance: float, rare: float = 0.5) -> Tensor:
    """Counts of the step profile, int64 ``[C]``: the last ``rare`` share of the classes (rounded up) has
    n_max / imbalance.

    >>> step_counts(500, 4, 10).tolist()
    [500, 500, 50, 50]
    """
    _check(n_max, num_classes, imbalance)
    if not 0 <= rare <= 1:
        raise ValueError(f"rare={rare} must lie in [0, 1]: it is the share of rare classes")
    common = int(num_classes * (1 - rare) + 1e-9)
    few = int(n_max * (1 / imbalance))
    return torch.tensor([n_max] * common + [few] * (num_classes - common))


def pareto_counts(n_max: int, num_classes: int, imbalance: float, power: float = 6.0) -> Tensor:
    """Counts along a Pareto density of the given power, int64 ``[C]``; 1280, 1000, 256 and 6 are
    ImageNet-LT's figures.

    A smaller power gives a longer flat tail; as it grows the profile becomes the exponential one.

    >>> pareto_counts(1280, 4, 256).tolist()
    [1280, 109, 19, 5]
    """
    _check(n_max, num_classes, imbalance)
    if not power > 0:
        raise ValueError(f"power={power} must be above 0")
    s = (imbalance ** (1 / power) - 1) / max(num_classes - 1, 1)
    return torch.tensor([int(n_max * (1 + s * c) ** -power + 1e-9) for c in range(num_classes)])


def cifar_lt_counts(num_classes: int, imbalance: float) -> Tensor:
    """Counts of CIFAR-10-LT or CIFAR-100-LT, int64 ``[C]``: exponential from 50,000 / C.

    >>> int(cifar_lt_counts(100, 100).sum())
    10847
    """
    if num_classes not in (10, 100):
        raise ValueError(f"num_classes={num_classes} must be 10 or 100; for others use exponential_counts")
    return exponential_counts(50_000 // num_classes, num_classes, imbalance)


def choose_random(labels: Labels, counts: Tensor, seed: int = 0) -> Tensor:
    """Row indices of a random choice of ``counts[c]`` rows of each class c, class after class, as CIFAR-LT
    is published.

    Uses NumPy's legacy generator, seeded once, as every published CIFAR-LT does (their seed is 0): the same
    rows.

    Raises:
        ValueError: a class has fewer rows than asked for.

    >>> choose_random(Labels.of([0, 0, 0, 1, 1]), torch.tensor([2, 1])).tolist()
    [2, 1, 3]
    """
    import numpy as np

    _enough(labels, counts)
    random = np.random.RandomState(seed)
    chosen = []
    order, start = labels.by_class
    for c, n in enumerate(counts.tolist()):
        rows = order[start[c] : start[c + 1]].numpy().copy()
        random.shuffle(rows)
        chosen.append(torch.from_numpy(rows[:n]))
    return torch.cat(chosen)


def choose_first(labels: Labels, counts: Tensor) -> Tensor:
    """Row indices of the first ``counts[c]`` rows of each class c, in the order of the rows.

    A heavier imbalance keeps a subset of what a lighter one keeps.

    >>> choose_first(Labels.of([0, 1, 0, 1, 0]), torch.tensor([2, 1])).tolist()
    [0, 1, 2]
    """
    _enough(labels, counts)
    order, start = labels.by_class
    kept = [order[start[c] : start[c] + n] for c, n in enumerate(counts.tolist())]
    return torch.cat(kept).sort().values


def long_tailed_counts(labels: Labels, imbalance: float) -> Tensor:
    """The exponential profile laid over classes as they are: the largest class stays whole, ``[C]`` in class
    order.

    Classes keep their rank by size (ties in class order), so on CIFAR-LT at 10 this gives the published
    counts at 50 or 100.

    >>> long_tailed_counts(Labels.of([0] * 40 + [1] * 50), 10).tolist()
    [5, 50]
    """
    rank = torch.argsort(labels.counts, descending=True, stable=True)
    counts = torch.zeros_like(labels.counts)
    counts[rank] = exponential_counts(int(labels.counts.max()), labels.num_classes, imbalance)
    return counts


def _check(n_max: int, num_classes: int, imbalance: float) -> None:
    if n_max < 1:
        raise ValueError(f"n_max={n_max} must be at least 1")
    if num_classes < 1:
        raise ValueError(f"num_classes={num_classes} must be at least 1")
    if not 1 <= imbalance < float("inf"):
        raise ValueError(
            f"imbalance={imbalance} must be at least 1: it is the largest count over the smallest (100)"
        )


def _enough(labels: Labels, counts: Tensor) -> None:
    if counts.shape != labels.counts.shape:
        raise ValueError(f"counts has shape {tuple(counts.shape)} for {labels.num_classes} classes")
    if int(counts.min()) < 0:
        raise ValueError(f"counts holds {int(counts.min())}; a count is 0 or more")
    short = (counts > labels.counts).nonzero().flatten().tolist()
    if short:
        c = short[0]
        raise ValueError(
            f"counts asks for {int(counts[c])} rows of class {labels.names[c]!r}, which has"
            f" {int(labels.counts[c])}"
            f" ({len(short)} such classes): lower the counts, or raise the imbalance"
        )
