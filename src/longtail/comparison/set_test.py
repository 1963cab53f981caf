"""Set test: the difference between two recipes on one test set, by a paired bootstrap over its rows.

Where the user brings a test set, or one hold-out is drawn, there are no folds to tell the luck of training from. What is
tested is then about *these* trained models: would the difference hold on other test rows of this kind? The rows are
drawn again with replacement, within each class, and the same for both recipes. Where rows belong together (groups, and
copies of an input), the groups are drawn. The metric is replaced by its first-order change in each row's weight
(:mod:`longtail.comparison.influence`), so all metrics are tested in one way. Several seeds are averaged; what they differ
by is the luck of initial weights and order, and is added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from longtail.comparison.influence import Array
from longtail.comparison.row_test import Layout
from longtail.comparison.statistics import Difference

DRAWS = 4000
MANY = 500
"""Groups of a class from which on the sum over them is normal, for all that can be seen."""


def set_test(
    differences: Sequence[float] | Array, psi: Array, layout: Layout, confidence: float = 0.95
) -> Difference:
    """Test a difference of a metric between two recipes on one test set.

    Args:
        differences: of the metric, one for each seed, ``[r]``.
        psi: the influence of each tested row on the difference, ``[n]``.
        layout: the rows; a row that several seeds test has one group.
        confidence: of the interval.

    Returns:
        The interval is the basic bootstrap interval, and p comes from the same draws: it is below 0.05 exactly where the
        95 % interval leaves 0 out, and at least ``2 / DRAWS``.

    Raises:
        ValueError: other numbers of runs or rows than the layout's, or a difference that is not finite.

    >>> y = np.repeat([0, 1], 50)
    >>> layout = Layout(y, np.zeros(100, dtype=int), seed=np.zeros(1), group=np.arange(100))
    >>> psi = np.tile([0.02, -0.02], 50)
    >>> found = set_test([0.5], psi, layout)
    >>> found.p < 0.05, found.low > 0
    (True, True)
    """
    d = layout.fitting(differences, psi)
    mean = float(d.mean())
    moved = layout.moved(psi)
    shift = drawn(moved, stratum_of(layout))
    if len(d) > 1:
        spread = float(d.std(ddof=1)) / math.sqrt(len(d))
        shift = shift + np.random.default_rng(1).normal(0.0, spread, DRAWS)
    error = float(shift.std())
    if error == 0:
        same = mean == 0
        return Difference(mean, mean, mean, 1.0 if same else math.nan, 0.0, math.inf)
    low, high = np.quantile(shift, [(1 + confidence) / 2, (1 - confidence) / 2])
    tail = min(float((shift >= mean).mean()), float((shift <= mean).mean()))
    p = min(1.0, max(2 * tail, 2 / DRAWS))
    return Difference(mean, mean - float(low), mean - float(high), p, error, math.inf)


def stratum_of(layout: Layout) -> Array:
    """The class of each group of rows; groups of several classes are a stratum of their own, ``[groups]``."""
    groups = int(layout.unit.max(initial=-1)) + 1
    least, most = np.full(groups, np.iinfo(np.int64).max), np.full(groups, -1)
    np.minimum.at(least, layout.unit, layout.y)
    np.maximum.at(most, layout.unit, layout.y)
    return np.where(least == most, least, -1)


def drawn(moved: Array, stratum: Array) -> Array:
    """How far the metric moves when the groups of each stratum are drawn again, ``[DRAWS]``."""
    random = np.random.default_rng(0)
    shift = np.zeros(DRAWS)
    for c in np.unique(stratum):
        values = moved[stratum == c]
        n = len(values)
        if n > MANY:
            shift += random.normal(0.0, float(values.std()) * math.sqrt(n), DRAWS)
        else:
            shift += values[random.integers(0, n, (DRAWS, n))].sum(1) - values.sum()
    return shift
