"""Intervals of scores by a bootstrap within classes: rows are drawn anew from each class, as many as it has.

The classes' sizes stay, so the weights that a prior gives to the examples stay too, and every score is a ratio of sums
over rows. What a row adds to them is computed once; a resample is then a gather and a few sums, O(N) whatever C is.

Percentile intervals, but for the ECE: noise only adds to it, so resamples have a larger one than the rows they are
drawn from, and their mean is moved to the value first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from longtail.adjust.inputs import Floats, Ints

SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "worst_class_recall", "nll", "brier", "ece")
Interval = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class RowSums:
    """What each row adds: ``terms [N, 4]`` (right, nll, brier, right - confidence), its decision and its bin ``[N]``."""

    terms: Floats
    decided: Ints
    bin: Ints

    @classmethod
    def of(cls, probs: Floats, y: Ints, bins: int = 15) -> RowSums:
        """From probabilities ``[N, C]`` and labels."""
        rows, decided = np.arange(len(y)), probs.argmax(1)
        confidence, true = probs[rows, decided], probs[rows, y]
        right = (decided == y).astype(np.float64)
        nll = -np.log(np.maximum(true, np.finfo(np.float64).eps))
        brier = np.square(probs).sum(1) - 2 * true + 1
        edges = np.linspace(0.0, 1.0, bins + 1)
        place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
        return cls(np.stack([right, nll, brier, right - confidence], 1), decided, place)

    def scores(self, draw: Ints, by_class: Ints, counts: Ints, class_weight: Mapping[str, Floats]) -> Floats:
        """The ``SCORES`` under each prior, ``[priors, 7]``.

        Args:
            draw: rows ``[N]``, grouped by class in order.
            by_class: their classes ``[N]``.
            counts: rows of each class ``[C]``.
            class_weight: the weight of a row of each class ``[C]``, by prior.
        """
        terms, c = self.terms[draw], len(counts)
        has = counts > 0
        sums = np.zeros((c, 4))
        sums[has] = np.add.reduceat(terms, np.cumsum(counts)[has] - counts[has], axis=0)
        recall = np.divide(sums[:, 0], counts, out=np.zeros(c), where=has)
        out = []
        for weight in class_weight.values():
            each, true = weight[by_class], weight * counts
            total, occurs = true.sum(), weight * counts > 0
            both = true + np.bincount(self.decided[draw], weights=each, minlength=c)
            f1 = 2 * (weight * sums[:, 0])[both > 0] / both[both > 0]
            gap = np.abs(np.bincount(self.bin[draw], weights=each * terms[:, 3])).sum()
            means = (weight @ sums[:, :3]) / total
            seen = recall[occurs]
            out.append([means[0], seen.mean(), f1.mean(), seen.min(), means[1], means[2], gap / total])
        return np.array(out)


def compare(
    before: Floats,
    after: Floats,
    y: Ints,
    priors: Mapping[str, Floats],
    resamples: int,
    level: float,
    seed: int,
) -> dict[str, dict[str, dict[str, Interval]]]:
    """Two sets of probabilities ``[N, C]`` scored under each prior, and their difference on the same resamples.

    Returns:
        ``[prior]["before" | "after" | "change"][score] = (value, low, high)``.
    """
    from longtail.metrics.weighting import class_weights

    c = before.shape[1]
    counts = np.bincount(y, minlength=c)
    weights = {name: class_weights(counts, prior).numpy() for name, prior in priors.items()}
    order = np.argsort(y, kind="stable")
    by_class, size = y[order], counts[y[order]]
    start = (np.cumsum(counts) - counts)[by_class]
    sides = RowSums.of(before, y), RowSums.of(after, y)

    def table(draw: Ints) -> Floats:
        first, second = (side.scores(draw, by_class, counts, weights) for side in sides)
        return np.stack([first, second, second - first])

    rng = np.random.default_rng(seed)
    point = table(order)
    draws = np.array(
        [table(order[start + (rng.random(len(y)) * size).astype(np.int64)]) for _ in range(resamples)]
        or [point]
    )
    ece = SCORES.index("ece")
    draws[..., ece] += point[..., ece] - draws[..., ece].mean(0)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    low[:2, :, ece] = np.maximum(low[:2, :, ece], 0)
    return {
        prior: {
            row: {
                m: (float(point[i, p, j]), float(low[i, p, j]), float(high[i, p, j]))
                for j, m in enumerate(SCORES)
            }
            for i, row in enumerate(("before", "after", "change"))
        }
        for p, prior in enumerate(priors)
    }
