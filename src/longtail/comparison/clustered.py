"""Clustered: how surely two rates are known where rows of a group are alike, or rows have weights.

A rate is a ratio of sums over groups of rows, so its variance follows from what each group adds to it (linearisation:
Cochran, *Sampling Techniques*, 1977, chapter 11). It is told as the number of independent rows that say as much
(Korn and Graubard, *Confidence intervals for proportions with small expected number of positive counts estimated from
survey data*, Survey Methodology 24, 1998), so that the intervals for independent rows can be used with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.comparison.influence import Array
from longtail.comparison.statistics import t_quantile


def rates_of(positive: Array, called: Array, unit: Array, weight: Array | None = None) -> dict[str, Any]:
    """The two rates of calls with their spread over groups, as plain numbers.

    Args:
        positive: is the row a case? bool ``[n]``; a row that several seeds test is there several times.
        called: is it called one? bool ``[n]``.
        unit: the group of each row, from 0 on, int64 ``[n]``.
        weight: how much each row counts ``[n]``; None is equally.

    Returns:
        ``sensitivity`` and ``specificity``; ``cases`` and ``others``: independent rows that say as much, at most
        as many as there are; and ``covariance`` of sensitivity and the rate of false alarms. Empty where there is no case
        or no other row.

    >>> case, call = np.array([True, True, True, True, False, False]), np.array([True, True, False, False, False, True])
    >>> found = rates_of(case, call, np.array([0, 0, 1, 1, 2, 3]))
    >>> found["sensitivity"], found["cases"] < 2
    (0.5, True)
    """
    w = np.ones(len(positive)) if weight is None else np.asarray(weight, dtype=float)
    totals = [float(w[positive].sum()), float(w[~positive].sum())]
    if not all(total > 0 for total in totals):
        return {}
    groups = int(unit.max()) + 1
    found, added, sizes = [], [], []
    for rows, total in zip((positive, ~positive), totals):
        rate = float(w[rows & called].sum()) / total
        moved = np.where(rows, w * (called - rate), 0.0) / total
        by_group = np.bincount(unit, weights=moved, minlength=groups)
        members = np.unique(unit[rows & (w > 0)])
        n = len(members)
        variance = float((by_group**2).sum()) * n / max(n - 1, 1)
        own = np.bincount(unit[rows], weights=w[rows], minlength=groups)
        equal = total**2 / float((own**2).sum())  # groups of equal weight that weigh as much
        many = rate * (1 - rate) / variance if variance > 0 and n > 1 else equal
        each = int((rows & (w > 0)).sum())
        shrunk = (t_quantile(0.95, float("inf")) / t_quantile(0.95, max(n - 1, 1))) ** 2
        found.append(rate)
        added.append(by_group)
        sizes.append(min(many, float(each)) * shrunk)
    return {
        "sensitivity": found[0],
        "specificity": 1 - found[1],
        "cases": sizes[0],
        "others": sizes[1],
        "covariance": float((added[0] * added[1]).sum()),
    }
