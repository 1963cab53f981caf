"""Curve: precision against recall, and recall against false alarms, of one class against the rest, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Points = tuple[tuple[float, float], ...]

MOST = 200
"""Points of a curve that are kept, at most: enough to draw it."""
DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class Curve:
    """How well one recipe finds one class, at every threshold of its probability.

    Attributes:
        recipe, prior: whose probabilities, and the name of the prior that they and the rows' weights are for.
        positive: the class that is to be found, against all others.
        precision_recall: (recall, precision) of some thresholds, from the highest on.
        roc: (false positive rate, recall) of some thresholds, from the highest on.
        average_precision, roc_auc: of all thresholds, not only those kept.
        decided: recall, precision and false positive rate of the recipe's own decisions; precision is None where it
            decides for that class nowhere.
    """

    recipe: str
    prior: str
    positive: int
    precision_recall: Points
    roc: Points
    average_precision: float
    roc_auc: float
    decided: tuple[float, float | None, float]


def curve_of(
    recipe: str, prior: str, positive: int, p: Array, own: Array, weight: Array, decided: Array
) -> Curve | None:
    """The curves of some rows; None where the class has no row with a weight, or all of them.

    Args:
        p: the probability of the class, ``[n]``.
        own, decided: bool ``[n]``: is it the row's class, and was the row given that class?
        weight: of the rows, at least 0.
    """
    recall, precision, alarms = thresholds(p, own, weight)
    if not (np.isfinite(recall).all() and np.isfinite(alarms).all()):
        return None
    found, wrong = float(weight[own & decided].sum()), float(weight[~own & decided].sum())
    return Curve(
        recipe=recipe,
        prior=prior,
        positive=positive,
        precision_recall=thinned(recall, precision),
        roc=thinned(alarms, recall),
        average_precision=float((np.diff(recall) * precision[1:]).sum()),
        roc_auc=float((np.diff(alarms) * (recall[1:] + recall[:-1]) / 2).sum()),
        decided=(
            found / float(weight[own].sum()),
            found / (found + wrong) if found + wrong > 0 else None,
            wrong / float(weight[~own].sum()),
        ),
    )


def thresholds(p: Array, own: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Recall, precision and false positive rate at each distinct probability, from the highest on; before them a
    threshold that no row reaches: recall 0, precision 1, no false alarm. As scikit-learn's ``precision_recall_curve``
    (in the other order) and ``roc_curve``.

    >>> recall, precision, alarms = thresholds(np.array([0.9, 0.5, 0.5]), np.array([True, True, False]), np.ones(3))
    >>> recall.tolist(), [round(float(v), 3) for v in precision], alarms.tolist()
    ([0.0, 0.5, 1.0], [1.0, 1.0, 0.667], [0.0, 0.0, 1.0])
    """
    counts = weight > 0
    p, own, weight = p[counts], own[counts], weight[counts].astype(float)
    order = np.argsort(-p, kind="stable")
    p, own, weight = p[order], own[order], weight[order]
    last = np.flatnonzero(np.append(p[1:] != p[:-1], True)[: len(p)])
    found, wrong = np.cumsum(weight * own)[last], np.cumsum(weight * ~own)[last]
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = found / (found[-1] if len(found) else np.nan)
        alarms = wrong / (wrong[-1] if len(wrong) else np.nan)
        precision = found / (found + wrong)
    if not len(last):
        recall = precision = alarms = np.array([np.nan])
    return np.append(0.0, recall), np.append(1.0, precision), np.append(0.0, alarms)


def thinned(x: Array, y: Array, most: int = MOST) -> Points:
    """At most so many of the points of a line, at equal steps along it, the first and the last among them.

    >>> thinned(np.array([0.0, 0.1, 0.5, 1.0]), np.array([0.0, 0.1, 0.5, 1.0]), 3)
    ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0))
    """
    if len(x) > most:
        way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        at = np.unique(np.searchsorted(way, np.linspace(0.0, way[-1], most)))
        x, y = x[at], y[at]
    return tuple((round(float(a), DIGITS), round(float(b), DIGITS)) for a, b in zip(x, y))
