"""Thresholds: decide for a chosen metric, and leave the probabilities alone.

Source: for macro F1 the optimal rule compares class-wise weighted probabilities (Lipton et al., "Optimal
Thresholding of Classifiers to Maximize F1 Measure", ECML 2014; Koyejo et al., "Consistent Binary
Classification with Generalized Performance Metrics", NeurIPS 2014): ``argmax_j a_j p_j``. For a cost matrix
L it is Bayes' rule, ``argmin_k sum_j p_j L[j, k]``, and nothing is fitted.

| symbol | here |
|---|---|
| a ``[C]`` | ``weights``: found by coordinate ascent on held-out data |
| L ``[C, C]``, L[j, k] the cost of deciding k when j is true | ``metric`` |

The weights are kept within a factor of 1000 of the start, each placed in the geometric middle of the
interval of equally good values, and changed only for a strictly better held-out metric.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.adjust.affine import Array, Vector, numbers
from longtail.adjust.inputs import Floats, Ints, as_array, check_labels, check_probabilities
from longtail.part import part, to_json

Metric = str | tuple[tuple[float, ...], ...]


def score_decisions(decided: Ints, y: Ints, num_classes: int, metric: str, beta: float = 1.0) -> float:
    """Macro F-beta (``"macro_f1"``, ``"f_beta"``) over the classes with an example or a
    decision, or balanced accuracy over those with an example.

    >>> score_decisions(np.array([0, 0, 1]), np.array([0, 0, 0]), 2, "balanced_accuracy")
    0.6666666666666666
    """
    right = np.bincount(y[decided == y], minlength=num_classes)
    true = np.bincount(y, minlength=num_classes)
    said = np.bincount(decided, minlength=num_classes)
    if metric == "balanced_accuracy":
        seen = true > 0
        return float((right[seen] / true[seen]).mean())
    seen = true + said > 0
    return float(((1 + beta**2) * right[seen] / (beta**2 * true[seen] + said[seen])).mean())


def fit_weights(probs: Floats, y: Ints, metric: str, beta: float = 1.0, sweeps: int = 10) -> Floats:
    """a ``[C]`` by coordinate ascent, at most 64 candidates a class and sweep; the better of two starts wins.

    The starts: all 1, and 1 over the mean probability (which balances the classes).
    """
    c = probs.shape[1]
    mean = np.maximum(probs.mean(0), 1e-12)
    found = [_ascend(probs, y, start, metric, beta, sweeps) for start in (np.ones(c), mean.min() / mean)]
    return max(found, key=lambda pair: pair[0])[1]


def _ascend(
    probs: Floats, y: Ints, weights: Floats, metric: str, beta: float, sweeps: int
) -> tuple[float, Floats]:
    c = probs.shape[1]
    low, high = weights / 1000, weights * 1000
    scaled, a = probs * weights, weights.copy()
    best = score_decisions(scaled.argmax(1), y, c, metric, beta)
    for _ in range(sweeps):
        before = best
        for j in range(c):
            own = scaled[:, j].copy()
            scaled[:, j] = -1.0
            rival, other = scaled.max(1), scaled.argmax(1)
            # class j wins an example where its weight exceeds this ratio: only there can the metric change
            ratio = np.unique(rival / np.maximum(probs[:, j], 1e-300))
            ratio = ratio[(ratio > low[j]) & (ratio < high[j])]
            if len(ratio) > 63:
                ratio = ratio[np.linspace(0, len(ratio) - 1, 63).round().astype(int)]
            edges = np.concatenate([[low[j]], ratio, [high[j]]])
            candidates = np.sqrt(edges[:-1] * edges[1:])
            scores = [
                score_decisions(np.where(probs[:, j] * w > rival, j, other), y, c, metric, beta)
                for w in candidates
            ]
            k = int(np.argmax(scores))
            if scores[k] > best + 1e-12:
                best, a[j] = scores[k], candidates[k]
                own = probs[:, j] * a[j]
            scaled[:, j] = own
        if best <= before + 1e-12:
            break
    return best, a


class Thresholds:
    """``decide(probs [N, C]) -> classes [N]`` for a metric.

    Args:
        metric: ``"macro_f1"``, ``"balanced_accuracy"``, ``"f_beta"``, or a cost matrix as rows of numbers.
        beta: of F-beta: recall counts ``beta`` times as much as precision.
        weights: a ``[C]``, or None to fit. A cost matrix takes none.

    Raises:
        ValueError: unknown metric, a matrix that is not square, ``beta`` or a weight that is not positive.

    >>> Thresholds(((0, 1), (10, 0))).decide(np.array([[0.8, 0.2], [0.95, 0.05]])).tolist()
    [1, 0]
    """

    keeps_argmax = False

    def __init__(self, metric: Metric = "macro_f1", beta: float = 1.0, weights: Vector | None = None) -> None:
        self.cost: Floats | None = None
        if isinstance(metric, str):
            if metric not in ("macro_f1", "balanced_accuracy", "f_beta"):
                raise ValueError(
                    f"metric={metric!r} must be 'macro_f1', 'balanced_accuracy', 'f_beta' or a cost matrix"
                )
            if metric == "macro_f1" and beta != 1:
                raise ValueError(f"beta={beta} is for metric='f_beta'")
        else:
            self.cost = np.asarray(metric, dtype=np.float64)
            if (
                self.cost.ndim != 2
                or self.cost.shape[0] != self.cost.shape[1]
                or not np.isfinite(self.cost).all()
            ):
                raise ValueError(f"a cost matrix must be square and finite, got shape {self.cost.shape}")
            if weights is not None:
                raise ValueError("a cost matrix needs no weights: Bayes' rule decides")
            metric = tuple(numbers(row) for row in self.cost)
        if not beta > 0:
            raise ValueError(f"beta={beta} must be positive")
        self.metric, self.beta = metric, beta
        self.weights = None if weights is None else numbers(weights)
        if self.weights is not None and not all(0 < w < np.inf for w in self.weights):
            raise ValueError(f"weights={self.weights} must be positive")
        self.spec = part(Thresholds, metric=metric, beta=beta, weights=self.weights)

    @property
    def fitted(self) -> bool:
        """Is nothing left to fit?"""
        return self.cost is not None or self.weights is not None

    def fit(self, probs: Array, y: Array) -> Thresholds:
        """A fitted one, from held-out probabilities ``[N, C]`` (under the prior it will decide under) and
        labels.

        Raises:
            ValueError: rows that are no probabilities, or labels outside the classes.
        """
        p = check_probabilities(probs)
        labels = check_labels(y, len(p), p.shape[1])
        if isinstance(self.metric, str):
            return Thresholds(self.metric, self.beta, fit_weights(p, labels, self.metric, self.beta))
        return self

    def decide(self, probs: Array) -> Array:
        """Classes ``[N]``, int64, numpy or torch as they came.

        Raises:
            RuntimeError: not fitted.
            ValueError: rows that are no probabilities, or of another number of classes.
        """
        p = check_probabilities(probs)
        if self.cost is not None:
            rule, pick = self.cost, np.argmin
        elif self.weights is not None:
            rule, pick = np.diag(self.weights), np.argmax
        else:
            raise RuntimeError("Thresholds is not fitted: call fit(probs, y) on held-out data first")
        if len(rule) != p.shape[1]:
            raise ValueError(f"probs have {p.shape[1]} classes; these thresholds know {len(rule)}")
        decided = pick(p @ rule, axis=1).astype(np.int64)
        return (
            probs.new_tensor(decided.tolist()).long() if hasattr(probs, "new_tensor") else as_array(decided)
        )

    def logit_prior(self, before: Array | None) -> Array | None:
        """``before``: no logit is touched."""
        return before

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings, from which :func:`longtail.adjust.from_json` rebuilds it."""
        data: dict[str, Any] = to_json(self.spec)
        return data

    def __repr__(self) -> str:
        return repr(self.spec)
