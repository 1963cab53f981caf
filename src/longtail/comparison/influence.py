"""Influence: how much each test row moves a metric. The variance of a metric over rows follows from it.

The infinitesimal jackknife (Jaeckel, 1972; Efron, *The Jackknife, the Bootstrap and Other Resampling Plans*, 1982,
chapter 6): give row i the weight 1 + e, and take the derivative of the metric at e = 0. The sum of the squared
derivatives is the variance that a bootstrap over rows has, up to terms of higher order, and nothing is drawn.
Rows are resampled within their class, as the folds are stratified, so derivatives are centred class by class.

For a metric of decisions the derivative of a row depends on its fold, its class and its decision alone: it stands in a
table ``[C, C]``, one per fold. NLL and the Brier score are means of one number per row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from longtail.metrics import class_weights

Array = Any
"""A numpy array."""

DECIDED = ("accuracy", "balanced_accuracy", "macro_f1")
GROUPS = ("many", "medium", "few")
LOSSES = ("nll", "brier")
SMOOTH = (*DECIDED, *GROUPS, *LOSSES)
"""The metrics that have a derivative. A smallest recall, a product of recalls and a binned error have none to trust."""


def decision_table(
    confusion: Array,
    metric: str,
    prior: Array | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
) -> tuple[float, Array]:
    """A metric of decisions, and its derivative to the weight of a row, by true class (row) and decision (column).

    The number of rows of a class is held fixed: resampling within classes keeps it.

    Args:
        confusion: numbers of test rows by true class and decision, ``[C, C]``.
        metric: one of ``DECIDED``, or the name of a group of classes.
        prior: the deployment prior ``[C]``; None is that of the test rows.
        groups: class indices by name.

    Returns:
        The value, as :func:`longtail.metrics.evaluate` defines it, and the table ``[C, C]``.

    Raises:
        ValueError: no such metric.

    >>> value, table = decision_table(np.array([[3, 1], [1, 1]]), "balanced_accuracy")
    >>> value, table.tolist()
    (0.625, [[0.125, 0.0], [0.0, 0.25]])
    """
    m = np.asarray(confusion, dtype=float)
    c = len(m)
    n = m.sum(1)
    weight = class_weights(n, prior).numpy()
    true, hit = n * weight, np.diag(m) * weight
    if metric == "accuracy":
        return float(hit.sum() / true.sum()), np.diag(weight / true.sum())
    if metric == "macro_f1":
        both = true + weight @ m
        known = both > 0
        some = np.where(known, both, 1.0)
        spoilt = np.where(known, 2 * hit / some**2, 0.0)  # a decision for the class lowers its precision
        table = np.diag(np.where(known, 2 * weight / some, 0.0)) - np.outer(weight, spoilt)
        return float((2 * hit / some)[known].mean()), table / known.sum()
    if metric == "balanced_accuracy":
        inside = true > 0
    elif groups is not None and metric in groups:
        inside = np.zeros(c, dtype=bool)
        inside[np.asarray(groups[metric], dtype=int)] = True
        inside &= n > 0
    else:
        raise ValueError(f"metric={metric!r} must be one of {', '.join((*DECIDED, *(groups or ())))}")
    if not inside.any():
        return float("nan"), np.zeros((c, c))
    recall = np.diag(m) / np.maximum(n, 1)
    return float(recall[inside].mean()), np.diag(inside / np.maximum(n, 1)) / inside.sum()


def decision_influence(
    y: Array,
    run: Array,
    decisions: Array,
    num_classes: int,
    metric: str,
    prior: Array | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
) -> Array:
    """The influence of every tested row on a metric of its run, centred within its class, float64 ``[n]``.

    The class means that are taken off are over all runs, for one fold may test a single row of a class. The variance of
    the metric of run r over its rows is the sum of the squares, each times n_c / (n_c - 1) for a class of n_c rows.

    Args:
        y, decisions: true classes and decisions ``[n]`` of the test rows of all runs, one run after the other.
        run: which run tested the row, 0, 1, ... in order, ``[n]``.
        num_classes: C; metric, prior, groups: as for :func:`decision_table`.
    """
    c = num_classes
    cell = np.asarray(y, dtype=np.int64) * c + np.asarray(decisions, dtype=np.int64)
    pooled = np.bincount(cell, minlength=c * c).reshape(c, c)
    share = pooled / np.maximum(pooled.sum(1), 1)[:, None]
    out = np.zeros(len(cell))
    for part in parts(run):
        confusion = np.bincount(cell[part], minlength=c * c).reshape(c, c)
        table = decision_table(confusion, metric, prior, groups)[1]
        out[part] = (table - (share * table).sum(1, keepdims=True)).ravel()[cell[part]]
    return out


def loss_influence(y: Array, run: Array, loss: Array, num_classes: int, prior: Array | None = None) -> Array:
    """The influence of every tested row on the mean loss of its run, as :func:`decision_influence`.

    Args:
        loss: of every row, ``[n]``.
    """
    y, c = np.asarray(y, dtype=np.int64), num_classes
    count = np.bincount(y, minlength=c)
    mean = np.bincount(y, weights=loss, minlength=c) / np.maximum(count, 1)
    out = np.asarray(loss, dtype=float) - mean[y]
    for part in parts(run):
        n = np.bincount(y[part], minlength=c)
        weight = class_weights(n, prior).numpy()
        out[part] *= (weight / (weight @ n))[y[part]]
    return out


def parts(run: Array) -> list[slice]:
    """The rows of each run, where runs follow one another.

    >>> parts(np.array([0, 0, 1]))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    ends = [0, *(np.flatnonzero(np.diff(run)) + 1).tolist(), len(run)]
    return [slice(a, b) for a, b in pairwise(ends)]
