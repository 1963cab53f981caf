"""Row test: is the difference between two recipes more than luck, by every out-of-fold prediction?

Luck has two sources. *Which rows were tested*: the variance over rows of the paired difference, from the influence of
each row on the metric (:mod:`longtail.comparison.influence`); rows with equal inputs move together. *Which rows
trained*, with the initial weights: what the folds of a seed differ by estimates it. But the models of two folds share
most of their training rows, so what that part has in common cannot be seen in one cross-validation, and no unbiased
estimate exists (Bengio and Grandvalet, *No Unbiased Estimator of the Variance of K-Fold Cross-Validation*, 2004). So it
is never taken to be less than half of the first:

    variance = rows + max(rows / 2, folds / r)

| symbol | here |
|---|---|
| rows | variance over rows of the difference, mean over all runs; a row that several seeds test counts once |
| folds | variance of the difference between the folds of a seed, pooled over the seeds |
| r | runs: folds times seeds |

``folds`` holds the luck of the test rows a second time, so the sum is on the safe side. One half was chosen by
simulation and checked on other draws (``benchmarks/row_test.py``). Degrees of freedom: Welch's and Satterthwaite's,
with n_c - 1 for the rows of a class and k - 1 for the folds of a seed.

The corrected resampled t-test (:mod:`longtail.comparison.statistics`) knows k differences; this knows every row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from longtail.comparison.influence import Array
from longtail.comparison.statistics import Difference, t_quantile, t_two_sided

TRAINING = 0.5
"""The least variance by training, in variances over test rows."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The test rows of all runs, one run after the other: what the recipes of a comparison have in common.

    Attributes:
        y: true classes, int64 ``[n]``.
        run: the run that tested the row, 0, 1, ... in order, int64 ``[n]``.
        seed: the seed of each run, ``[r]``.
        group: int64 ``[n]``, equal for rows with equal inputs, and for a row that several seeds test.
        weight: how much each row counts ``[n]``; None is equally.
    """

    y: Array
    run: Array
    seed: Array
    group: Array
    weight: Array | None = None
    size: Array = field(init=False)
    """Different inputs of each class, n_c; with weights Kish's number of equal ones that say as much."""
    scale: Array = field(init=False)
    """``sqrt(n_c / (n_c - 1))`` of each row."""
    unit: Array = field(init=False)
    """The place of each row's group among all groups."""
    place: Array = field(init=False)
    """The place of each row's group in its run among the groups of all runs."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        _, unit = np.unique(self.group, return_inverse=True)
        groups, classes = int(unit.max(initial=-1)) + 1, int(self.y.max(initial=0)) + 1
        cell, place = np.unique(self.y * groups + unit, return_inverse=True)
        own = cell // max(groups, 1)
        if self.weight is None:
            size = np.bincount(own, minlength=classes).astype(float)
        else:
            w = np.bincount(place, weights=self.weight)
            total, square = (np.bincount(own, weights=v, minlength=classes) for v in (w, w**2))
            size = total**2 / np.where(square > 0, square, 1.0)
        factor = np.where(size > 1, size / np.maximum(size - 1, 1), 1.0)
        set_(self, "size", size)
        set_(self, "scale", np.sqrt(factor)[self.y])
        set_(self, "unit", unit)
        set_(self, "place", np.unique(self.run * groups + unit, return_inverse=True)[1])

    @property
    def runs(self) -> int:
        return len(self.seed)

    def fitting(self, differences: Sequence[float] | Array, psi: Array) -> Array:
        """The differences of a metric as float64 ``[r]``.

        Raises:
            ValueError: other numbers of runs or rows than here, or a difference that is not finite.
        """
        d = np.asarray(differences, dtype=float)
        if d.shape != (self.runs,) or np.shape(psi) != np.shape(self.y):
            raise ValueError(
                f"differences has shape {d.shape} and psi {np.shape(psi)}; the layout has {self.runs} runs and "
                f"{len(self.y)} rows"
            )
        if not np.isfinite(d).all():
            raise ValueError(f"differences={d.tolist()}: every run needs a finite score of both recipes")
        return d

    def moved(self, psi: Array) -> Array:
        """How much each group of rows moves the mean over the runs, ``[groups]``."""
        return np.bincount(self.unit, weights=psi * self.scale) / self.runs

    def variance(self, psi: Array) -> tuple[float, float]:
        """The variance of the mean over the runs, over rows, and its degrees of freedom."""
        by_class = np.bincount(self.y, weights=(psi * self.scale) ** 2, minlength=len(self.size))
        return float((self.moved(psi) ** 2).sum()), welch(by_class, np.maximum(self.size - 1, 1))


def row_test(
    differences: Sequence[float] | Array, psi: Array, layout: Layout, confidence: float = 0.95
) -> Difference:
    """Test a difference of a metric between two recipes.

    Args:
        differences: of the metric, one for each run of ``layout``, ``[r]``.
        psi: the influence of each tested row on the difference, ``[n]``: that of one recipe minus the other's.
        layout: the rows.
        confidence: of the interval.

    Returns:
        All that is known of the difference. p and the interval come from one error and one number of degrees of
        freedom, so the 95 % interval leaves 0 out exactly where p is below 0.05. Where no row and no fold differs, p is
        1; where every fold differs by the same amount and no row does, p is nan.

    Raises:
        ValueError: other numbers of runs or rows than the layout's, or a difference that is not finite.

    >>> y = np.array([0, 0, 0, 1, 1, 1] * 2)
    >>> layout = Layout(y, np.repeat([0, 1], 6), seed=np.zeros(2), group=np.arange(12))
    >>> psi = np.tile([0.1, -0.1, 0.0], 4)
    >>> found = row_test([0.10, 0.12], psi, layout)
    >>> f"{found.mean:.2f} +- {found.error:.3f}"
    '0.11 +- 0.190'
    """
    d = layout.fitting(differences, psi)
    mean = float(d.mean())
    rows, free = layout.variance(psi)
    between, folds = spread_within(d, layout.seed)
    of_rows = rows * (1 + TRAINING)
    of_folds = max(0.0, between / layout.runs - TRAINING * rows)
    error = math.sqrt(of_rows + of_folds)
    if error <= 1e-12:
        if abs(mean) <= 1e-12:
            return Difference(0.0, 0.0, 0.0, 1.0, 0.0, math.inf)
        return Difference(mean, math.nan, math.nan, math.nan, math.nan, math.nan)
    degrees = welch([of_rows, of_folds], [free, max(folds, 1)])
    half = t_quantile(confidence, degrees) * error
    return Difference(mean, mean - half, mean + half, t_two_sided(mean / error, degrees), error, degrees)


def spread_within(d: Array, seed: Array) -> tuple[float, int]:
    """The variance between the folds of a seed, pooled over the seeds, and its degrees of freedom.

    >>> spread_within(np.array([1.0, 2.0, 5.0, 6.0]), np.array([0, 0, 1, 1]))
    (0.5, 2)
    """
    _, place = np.unique(seed, return_inverse=True)
    size = np.bincount(place)
    mean = np.bincount(place, weights=d) / size
    free = int((size - 1).sum())
    return (float(((d - mean[place]) ** 2).sum()) / free if free else 0.0), free


def welch(variances: Sequence[float] | Array, degrees: Sequence[float] | Array) -> float:
    """Degrees of freedom of a sum of independent variances; at least 1, and inf where all are 0.

    >>> welch([1.0, 1.0], [4, 4])
    8.0
    """
    v, d = np.asarray(variances, dtype=float), np.asarray(degrees, dtype=float)
    if not v.max() > 0:
        return math.inf
    v = v / v.max()
    with np.errstate(invalid="ignore"):
        return float(max(1.0, v.sum() ** 2 / np.where(v > 0, v**2 / d, 0.0).sum()))


def expected_of_winner(scores: Array, moved: Array, draws: int = 20_000, seed: int = 0) -> float:
    """What the best of several recipes will score on new data: its score, less what it owes to having been picked.

    Tsamardinos, Greasidou and Borboudakis, *Bootstrapping the out-of-sample predictions for efficient and accurate
    cross-validation* (Machine Learning 107, 2018): resample rows, pick the best recipe on them, and score it on the
    rows left out. On the rows left out a recipe deviates from its score by as much as on the rows drawn, the other way
    round, so with s the scores, z their deviations on a resample and w = argmax(s + z) the estimate is the mean of
    ``s_w - z_w``.

    Differs from the paper in that z is drawn from the normal distribution with the scores' covariance over rows: a
    bootstrap does so up to terms of higher order, and this takes one product of matrices for any number of rows.

    Args:
        scores: higher is better, ``[k]``.
        moved: how much each group of rows moves each score, ``[k, groups]``.
        draws: of z; seed: of the draws.

    >>> random = np.random.default_rng(0)
    >>> moved = random.normal(size=(10, 500)) * 0.02 / 500**0.5
    >>> score = 0.7 + moved.sum(1)
    >>> f"{score.max():.3f} as picked, {expected_of_winner(score, moved):.3f} expected"
    '0.723 as picked, 0.696 expected'
    """
    s = np.asarray(scores, dtype=float)
    values, vectors = np.linalg.eigh(moved @ moved.T)
    root = vectors * np.sqrt(np.maximum(values, 0))
    z = np.random.default_rng(seed).normal(size=(draws, len(s))) @ root.T
    best = (s + z).argmax(1)
    return float((s[best] - z[np.arange(draws), best]).mean())
