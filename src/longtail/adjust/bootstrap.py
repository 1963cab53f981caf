"""Intervals of scores by a bootstrap within classes: rows are drawn anew from each class, as many as it has.

The classes' sizes stay, so the weights that a prior gives to the examples stay too, and every score is a ratio of sums
over rows. What a row adds to them is computed once; a resample is then a few sums, O(N) whatever C is. Of a large set
random bags of rows of a class are drawn in place of rows, which leaves the variance of the sums as it is.

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


UNITS = 50_000
"""Rows of a large set are drawn in random bags, about so many in all: the sums of bags vary as the sums of rows do."""
BAGS = 200
"""Of a class, at least (or its rows, where it has fewer)."""


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn: rows, or random bags of rows of one class.

    Attributes:
        of_row: the unit of each row ``[N]``; units are in the order of their classes.
        counts: units of each class ``[C]``.
    """

    of_row: Ints
    counts: Ints

    @classmethod
    def of(cls, y: Ints, c: int, rng: np.random.Generator) -> Units:
        """Rows where there are few, else as many bags of a class as its share of the rows, of nearly equal sizes."""
        rows = np.bincount(y, minlength=c)
        enough = np.maximum(BAGS, np.ceil(UNITS * rows / len(y)).astype(np.int64))
        units = np.minimum(rows, enough)
        order = rng.permutation(len(y))
        order = order[np.argsort(y[order], kind="stable")]
        first, start = np.cumsum(units) - units, np.cumsum(rows) - rows
        inside = np.arange(len(y)) - start[y[order]]
        of_row = np.empty(len(y), dtype=np.int64)
        of_row[order] = first[y[order]] + inside % units[y[order]]
        return cls(of_row, units)

    def draw(self, rng: np.random.Generator) -> Ints:
        """How often each unit is drawn, as many of each class as it has."""
        size = np.repeat(self.counts, self.counts)
        start = np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        return np.bincount(start + (rng.random(len(size)) * size).astype(np.int64), minlength=len(size))


@dataclass(frozen=True, eq=False)
class Sums:
    """What each unit adds to the scores; every score is a ratio of sums over what was drawn.

    Attributes:
        terms: ``[U, 4]``: rows, right ones, their NLL and their Brier score.
        decided: unit, class and number of rows of each decision that a unit has.
        gaps: unit, bin and summed right - confidence of each bin that a unit has.
    """

    terms: Floats
    decided: tuple[Ints, Ints, Floats]
    gaps: tuple[Ints, Ints, Floats]

    @classmethod
    def of(cls, probs: Floats, y: Ints, units: Units, bins: int = 15) -> Sums:
        """From probabilities ``[N, C]`` and labels."""
        rows, decided = np.arange(len(y)), probs.argmax(1)
        confidence, true = probs[rows, decided], probs[rows, y]
        right = (decided == y).astype(np.float64)
        nll = -np.log(np.maximum(true, np.finfo(np.float64).eps))
        brier = np.square(probs).sum(1) - 2 * true + 1
        edges = np.linspace(0.0, 1.0, bins + 1)
        place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
        u, many = units.of_row, int(units.counts.sum())
        terms = [np.bincount(u, weights=x, minlength=many) for x in (np.ones(len(y)), right, nll, brier)]
        return cls(
            np.stack(terms, 1),
            summed(u, decided, np.ones(len(y)), probs.shape[1]),
            summed(u, place, right - confidence, bins),
        )

    def scores(self, times: Ints, units: Units, counts: Ints, class_weight: Mapping[str, Floats]) -> Floats:
        """The ``SCORES`` under each prior, ``[priors, 7]``.

        Args:
            times: how often each unit was drawn ``[U]``.
            units: that were drawn.
            counts: rows of each class ``[C]``.
            class_weight: the weight of a row of each class ``[C]``, by prior.
        """
        c, has = len(counts), units.counts > 0
        start = np.cumsum(units.counts) - units.counts
        sums = np.zeros((c, 4))
        sums[has] = np.add.reduceat(self.terms * times[:, None], start[has], axis=0)
        # bags differ by a row: each class is brought back to its size
        scale = np.divide(counts, sums[:, 0], out=np.zeros(c), where=has)
        sums = sums[:, 1:] * scale[:, None]
        recall = np.divide(sums[:, 0], counts, out=np.zeros(c), where=has)
        each = times * np.repeat(scale, units.counts)
        of_class = np.repeat(np.arange(c), units.counts)
        (u, decision, number), (v, place, gap) = self.decided, self.gaps
        number, gap = number * each[u], gap * each[v]
        out = []
        for weight in class_weight.values():
            true = weight * counts
            total, occurs = true.sum(), true > 0
            both = true + np.bincount(decision, weights=number * weight[of_class[u]], minlength=c)
            f1 = 2 * (weight * sums[:, 0])[both > 0] / both[both > 0]
            off = np.abs(np.bincount(place, weights=gap * weight[of_class[v]])).sum()
            means = (weight @ sums) / total
            seen = recall[occurs]
            out.append([means[0], seen.mean(), f1.mean(), seen.min(), means[1], means[2], off / total])
        return np.array(out)


def summed(unit: Ints, kind: Ints, value: Floats, kinds: int) -> tuple[Ints, Ints, Floats]:
    """``value`` summed over the rows of a unit and a kind: unit, kind and sum, for those that occur.

    >>> [x.tolist() for x in summed(np.array([0, 1, 1]), np.array([2, 0, 0]), np.ones(3), 3)]
    [[0, 1], [2, 0], [1.0, 2.0]]
    """
    key, where = np.unique(unit * kinds + kind, return_inverse=True)
    total: Floats = np.bincount(where, weights=value).astype(np.float64)
    return key // kinds, key % kinds, total


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
    rng = np.random.default_rng(seed)
    units = Units.of(y, c, rng)
    sides = Sums.of(before, y, units), Sums.of(after, y, units)

    def table(times: Ints) -> Floats:
        first, second = (side.scores(times, units, counts, weights) for side in sides)
        return np.stack([first, second, second - first])

    point = table(np.ones(int(units.counts.sum()), dtype=np.int64))
    draws = np.array([table(units.draw(rng)) for _ in range(resamples)] or [point])
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
