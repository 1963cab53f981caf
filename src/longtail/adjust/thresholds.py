"""Thresholds: decide for a chosen metric, and leave the probabilities alone.

Source: for macro F1 the optimal rule compares class-wise weighted probabilities (Lipton et al., "Optimal
Thresholding of Classifiers to Maximize F1 Measure", ECML 2014; Koyejo et al., "Consistent Binary
Classification with Generalized Performance Metrics", NeurIPS 2014): ``argmax_j a_j p_j``. Where errors have costs nothing
is fitted: see :mod:`longtail.costs`.

| symbol | here |
|---|---|
| a ``[C]`` | ``weights``: found by coordinate ascent on held-out data, then shrunk |

The weights are kept within a factor of 1000 of the start, each placed in the geometric middle of the
interval of equally good values, and changed only for a strictly better held-out metric, until a sweep
over the classes gains less than 1e-4. A sweep takes O(N log N) per class.

Differs from the papers where rows are few: the weight of a class with few rows is shrunk (:func:`shrunk_weights`), and
the most probable class goes on deciding (all weights 1) unless weights fitted on some folds of the held-out rows gain on
the others (:func:`gain_of`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.adjust.affine import Array, Vector, numbers
from longtail.adjust.inputs import Floats, Ints, as_array, check_labels, check_probabilities
from longtail.by_class import by_class
from longtail.part import part, to_json

ROWS = 5
"""Held-out rows of a class at which the logarithm of its weight counts half; see docs/decisions/0018."""


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
    """a ``[C]`` by coordinate ascent; the better of two starts wins: all 1, and 1 over the mean probability (which
    balances the classes).

    Each step is exact: it looks at every value at which a decision changes.
    """
    c = probs.shape[1]
    mean = np.maximum(probs.mean(0), 1e-12)
    found = [_ascend(probs, y, start, metric, beta, sweeps) for start in (np.ones(c), mean.min() / mean)]
    return max(found, key=lambda pair: pair[0])[1]


def shrunk_weights(probs: Floats, y: Ints, metric: str, beta: float = 1.0) -> Floats:
    """:func:`fit_weights`, each to the power ``n / (n + ROWS)`` for a class of n rows, that of the commonest class being
    1: a class with few rows stays near the most probable class.
    """
    n = np.bincount(y, minlength=probs.shape[1])
    log = np.log(fit_weights(probs, y, metric, beta))
    weights: Floats = np.exp((log - log[n.argmax()]) * n / (n + ROWS))
    return weights


def gain_of(probs: Floats, y: Ints, metric: str, beta: float = 1.0) -> float:
    """What shrunk weights gain over the most probable class on rows that they were not fitted on.

    The rows are dealt to folds class by class; each fold is decided by weights fitted on the others.
    """
    n, c = probs.shape
    order = np.random.default_rng(0).permutation(n)
    order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(n, dtype=np.int64)
    fold[order] = np.arange(n) % min(n, 5 if n * c <= 200_000 else 2)
    plain = probs.argmax(1)
    tuned = plain.copy()
    for k in range(int(fold.max()) + 1) if n > 1 else ():
        out = fold == k
        tuned[out] = (probs[out] * shrunk_weights(probs[~out], y[~out], metric, beta)).argmax(1)
    return score_decisions(tuned, y, c, metric, beta) - score_decisions(plain, y, c, metric, beta)


def _ascend(
    probs: Floats, y: Ints, weights: Floats, metric: str, beta: float, sweeps: int, enough: float = 1e-4
) -> tuple[float, Floats]:
    c = probs.shape[1]
    low, high = weights / 1000, weights * 1000
    scaled, a = probs * weights, weights.copy()
    columns = np.ascontiguousarray(probs.T)
    first, second, one, two = _top_two(scaled)
    true = np.bincount(y, minlength=c).astype(float)
    best = score_decisions(first, y, c, metric, beta)
    for _ in range(sweeps):
        before = best
        for j in range(c):
            mine = first == j
            other, rival = np.where(mine, second, first), np.where(mine, two, one)  # what decides without j
            weight, score = _line_search(
                columns[j], rival, other, y, true, j, (low[j], high[j]), metric, beta
            )
            if score > best + 1e-12:
                best, a[j] = score, weight
                scaled[:, j] = columns[j] * weight
                again = np.flatnonzero(mine | (second == j))
                own = scaled[:, j]
                wins, places = own > one, own > two
                second = np.where(wins, first, np.where(places, j, second))
                two = np.where(wins, one, np.where(places, own, two))
                first, one = np.where(wins, j, first), np.where(wins, own, one)
                first[again], second[again], one[again], two[again] = _top_two(scaled[again])
        if best <= before + enough:
            break
    return best, a


def _line_search(
    own: Floats,
    rival: Floats,
    other: Ints,
    y: Ints,
    true: Floats,
    j: int,
    between: tuple[float, float],
    metric: str,
    beta: float,
) -> tuple[float, float]:
    """The weight of class j ``between`` two with the best score, and that score; the others' weights stay.

    As the weight grows, examples go over from their ``other`` class to j, in the order of ``rival / own``. So the
    scores of all weights are running sums.
    """
    (low, high), c = between, len(true)
    # class j wins an example where its weight exceeds this
    ratio = np.where(own > 0, rival / np.maximum(own, 1e-300), np.inf)
    decided = np.where(ratio <= low, j, other)
    goes = np.flatnonzero((ratio > low) & (ratio < high))
    goes = goes[np.argsort(ratio[goes])]
    right = np.bincount(y[decided == y], minlength=c).astype(float)
    said = np.bincount(decided, minlength=c).astype(float)
    source, hit, lost = other[goes], (y[goes] == j).astype(float), (y[goes] == other[goes]).astype(float)
    if metric == "balanced_accuracy":
        share = np.where(true > 0, 1 / np.maximum(true, 1), 0)
        gain = hit * share[j] - lost * share[source]
        scores = float(right @ share) + np.concatenate([[0.0], np.cumsum(gain)])
        scores = scores / (true > 0).sum()
    else:
        # the examples that leave a class, in their order; numpy sorts 16 bits by radix
        order = np.argsort(source.astype(np.uint16) if c < 2**16 else source, kind="stable")
        left, missed = _count_by(source[order], np.ones(len(order))), _count_by(source[order], lost[order])

        def f(r: Any, s: Any, t: Any) -> Any:
            return (1 + beta**2) * r / np.maximum(beta**2 * t + s, 1e-300)

        k = source[order]
        change, gone = np.empty(len(order)), np.empty(len(order))
        change[order] = f(right[k] - missed, said[k] - left, true[k]) - f(
            right[k] - missed + lost[order], said[k] - left + 1, true[k]
        )
        gone[order] = (said[k] - left + true[k]) == 0  # no example and no decision left: out of the mean
        rest = float(f(np.delete(right, j), np.delete(said, j), np.delete(true, j)).sum())
        steps = np.arange(len(goes) + 1)
        own_right = right[j] + np.concatenate([[0.0], np.cumsum(hit)])
        own_f = f(own_right, said[j] + steps, true[j])
        seen = float((np.delete(true + said, j) > 0).sum()) - np.concatenate([[0.0], np.cumsum(gone)])
        seen = seen + (said[j] + true[j] + steps > 0)
        scores = (rest + np.concatenate([[0.0], np.cumsum(change)]) + own_f) / seen
    edges = np.concatenate([[low], ratio[goes], [high]])
    scores = np.where(edges[1:] > edges[:-1] * (1 + 1e-9), scores, -np.inf)  # equal ratios go over together
    best = int(np.argmax(scores))
    end = best + 1
    while end < len(scores) and (scores[end] >= scores[best] - 1e-12 or scores[end] == -np.inf):
        end += 1
    return float(np.sqrt(edges[best] * edges[end])), float(scores[best])


def _count_by(group: Ints, values: Floats) -> Floats:
    """Running sums within each run of equal entries of ``group``.

    >>> _count_by(np.array([0, 0, 3, 3, 3]), np.ones(5)).tolist()
    [1.0, 2.0, 1.0, 2.0, 3.0]
    """
    total = np.cumsum(values)
    start = (
        np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]])) if len(group) else np.empty(0, int)
    )
    before = np.concatenate([[0.0], total])[start]
    return total - np.repeat(before, np.diff(np.append(start, len(group))))


def _top_two(scaled: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """The largest and the second largest column of each row, and their values, ``[N]`` each."""
    rows, left = np.arange(len(scaled)), scaled.copy()
    first = left.argmax(1)
    one = left[rows, first]
    left[rows, first] = -1.0
    second = left.argmax(1)
    return first, second, one, left[rows, second]


class Thresholds:
    """``decide(probs [N, C]) -> classes [N]`` for a metric.

    Args:
        metric: ``"macro_f1"``, ``"balanced_accuracy"`` or ``"f_beta"``.
        beta: of F-beta: recall counts ``beta`` times as much as precision.
        weights: a ``[C]``, or None to fit.

    Raises:
        ValueError: unknown metric, ``beta`` or a weight that is not positive.

    >>> Thresholds(weights=(1, 5)).decide(np.array([[0.8, 0.2], [0.95, 0.05]])).tolist()
    [1, 0]
    """

    works_on = "probabilities"
    keeps_argmax = False

    def __init__(self, metric: str = "macro_f1", beta: float = 1.0, weights: Vector | None = None) -> None:
        if not isinstance(metric, str) or metric not in ("macro_f1", "balanced_accuracy", "f_beta"):
            raise ValueError(
                f"metric={metric!r:.80} must be 'macro_f1', 'balanced_accuracy' or 'f_beta' (costs: longtail.costs.Costs)"
            )
        if metric == "macro_f1" and beta != 1:
            raise ValueError(f"beta={beta} is for metric='f_beta'")
        if not beta > 0:
            raise ValueError(f"beta={beta} must be positive")
        self.metric, self.beta = metric, beta
        self.weights = None if weights is None else numbers(by_class("weights", weights))
        if self.weights is not None and not all(0 < w < np.inf for w in self.weights):
            raise ValueError(f"weights={self.weights} must be positive")
        self.spec = part(Thresholds, metric=metric, beta=beta, weights=self.weights)

    @property
    def fitted(self) -> bool:
        """Is nothing left to fit?"""
        return self.weights is not None

    def fit(self, probs: Array, y: Array) -> Thresholds:
        """A fitted one, from held-out probabilities ``[N, C]`` (under the prior it will decide under) and
        labels. Its weights are all 1, the most probable class, where the rows show no gain that carries over to others.

        Raises:
            ValueError: rows that are no probabilities, or labels outside the classes.
        """
        p = check_probabilities(probs)
        labels = check_labels(y, len(p), p.shape[1])
        if gain_of(p, labels, self.metric, self.beta) <= 0:
            return Thresholds(self.metric, self.beta, np.ones(p.shape[1]))
        return Thresholds(self.metric, self.beta, shrunk_weights(p, labels, self.metric, self.beta))

    def decide(self, probs: Array) -> Array:
        """Classes ``[N]``, int64, numpy or torch as they came.

        Raises:
            RuntimeError: not fitted.
            ValueError: rows that are no probabilities, or of another number of classes.
        """
        p = check_probabilities(probs)
        if self.weights is None:
            raise RuntimeError("Thresholds is not fitted: call fit(probs, y) on held-out data first")
        if len(self.weights) != p.shape[1]:
            raise ValueError(f"probs have {p.shape[1]} classes; these thresholds know {len(self.weights)}")
        decided = (p * np.asarray(self.weights)).argmax(1).astype(np.int64)
        return (
            probs.new_tensor(decided.tolist()).long() if hasattr(probs, "new_tensor") else as_array(decided)
        )

    def assumes(self, before: Array | None) -> Array | None:
        """``before``: no logit is touched."""
        return before

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings, from which :func:`longtail.adjust.from_json` rebuilds it."""
        data: dict[str, Any] = to_json(self.spec)
        return data

    def __repr__(self) -> str:
        return repr(self.spec)
