"""Statistics: do our ranks agree with the published ones, and how much of the spread comes from what?

Spearman's rank correlation (1904), with the percentile bootstrap (Efron, 1979) over recipes and, inside each, over its
runs. Variance components by the method of moments, from runs that change one factor at a time.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from longtail.bench.plan import FACTORS, Draw


def spearman(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Rank correlation in [-1, 1]; ties share their mean rank; nan where one side is constant or has fewer than two.

    >>> spearman([1, 2, 3, 4], [10, 30, 20, 40])
    0.8
    """
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} values and b {len(b)}")
    x, y = _ranks(np.asarray(a, float)), _ranks(np.asarray(b, float))
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    return round(float((x @ y) / math.sqrt(float(x @ x) * float(y @ y))), 12)


def rank_agreement(
    ours: Mapping[str, Sequence[float]],
    theirs: Mapping[str, float],
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float, int]:
    """Spearman's correlation of our means with published numbers, and its bootstrap interval.

    Args:
        ours: the scores of each recipe's runs.
        theirs: the published number of each recipe; recipes on one side only are left out.
        confidence: of the interval.
        draws, seed: of the bootstrap.

    Returns:
        ``(rho, low, high, n)`` with n the recipes that both have; low and high are nan below 4 of them.

    >>> runs = {"a": [1, 2], "b": [3, 4], "c": [5, 6], "d": [7, 8], "e": [9, 9]}
    >>> rank_agreement(runs, {"a": 10, "b": 20, "c": 30, "d": 40, "e": 50})
    (1.0, 0.866025403784, 1.0, 5)
    """
    names = [name for name in ours if name in theirs and len(ours[name])]
    want = np.array([theirs[name] for name in names], float)
    means = [statistics.fmean(ours[name]) for name in names]
    rho = spearman(means, want)
    if len(names) < 4 or math.isnan(rho):
        return rho, math.nan, math.nan, len(names)
    runs = np.array([len(ours[name]) for name in names])
    scores = np.zeros((len(names), runs.max()))
    for row, name in zip(scores, names):
        row[: len(ours[name])] = ours[name]
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        which = rng.integers(len(names), size=len(names))
        n = runs[which][:, None]
        again = (rng.random((len(names), runs.max())) * n).astype(int)  # runs of each, with replacement
        drawn = np.where(np.arange(runs.max()) < n, scores[which[:, None], again], 0).sum(1) / n[:, 0]
        value = spearman(drawn, want[which])
        if not math.isnan(value):
            found.append(value)
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(found, [tail, 100 - tail])
    return rho, float(low), float(high), len(names)


def components(scores: Mapping[Draw, float]) -> dict[str, tuple[float, float, int]]:
    """How far runs spread when one factor changes alone: ``{factor: (sd, component, n)}`` for factors that did.

    The order is drawn anew when subset or initial weights change, so their ``sd`` holds the order's; their ``component``
    is the square root of the difference of the variances, 0 where that is negative. For the order the two agree. nan
    where the order did not vary, or fewer than two runs did.

    >>> runs = {Draw(0, 0, 0): 50.0, Draw(0, 0, 1): 51.0, Draw(0, 1, 0): 53.0}
    >>> {name: (round(sd, 2), round(own, 2), n) for name, (sd, own, n) in components(runs).items()}
    {'init': (2.12, 2.0, 2), 'order': (0.71, 0.71, 2)}
    """
    groups = {
        factor: [
            value
            for draw, value in scores.items()
            if all(getattr(draw, other) == 0 for other in FACTORS if other != factor)
        ]
        for factor in FACTORS
    }
    variance = {f: statistics.variance(v) for f, v in groups.items() if len(v) > 1}
    noise = variance.get("order", math.nan)
    return {
        f: (
            math.sqrt(v),
            math.sqrt(v) if f == "order" else math.sqrt(max(0.0, v - noise)) if noise == noise else math.nan,
            len(groups[f]),
        )
        for f, v in variance.items()
    }


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, ties averaged."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    end = np.cumsum(size)
    mean: np.ndarray = (end - (size + 1) / 2)[group]
    return mean
