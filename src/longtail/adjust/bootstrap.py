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
from longtail.costs import Costs

SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "worst_class_recall", "nll", "brier", "ece")
BINS = 15
"""Of the ECE."""
Interval = tuple[float, float, float]


def scores_of(costs: Costs | None) -> tuple[str, ...]:
    """The names of the scores, with costs or without."""
    return SCORES if costs is None else (*SCORES, "expected_cost")


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
class Tally:
    """What the units add to one sum that metrics are computed from; rows of a class and a place of the sum are a cell.

    Attributes:
        unit, cell, value: each amount, with its unit and its cell.
        label, place: class and place of each cell.
    """

    unit: Ints
    cell: Ints
    value: Floats
    label: Ints
    place: Ints

    @classmethod
    def of(cls, unit: Ints, y: Ints, place: Ints, value: Floats, places: int) -> Tally:
        """From the unit, class, place and amount of each row."""
        key, where = np.unique(unit * places + place, return_inverse=True)
        label = np.zeros(int(unit.max()) + 1, dtype=np.int64)
        label[unit] = y
        of, at = key // places, key % places
        cells, cell = np.unique(label[of] * places + at, return_inverse=True)
        total: Floats = np.bincount(where, weights=value).astype(np.float64)
        return cls(of, cell, total, cells // places, cells % places)

    def drawn(self, each: Floats) -> Floats:
        """The amount of each cell, where units count ``each [U]`` times."""
        amount = self.value * each[self.unit]
        found: Floats = np.bincount(self.cell, weights=amount, minlength=len(self.label)).astype(np.float64)
        return found


class Scorer:
    """The ``SCORES`` of resamples, by the metrics of their room.

    Args:
        probs: ``[N, C]``; y: labels ``[N]``.
        units: what is drawn.
        class_weight: the weight of a row of each class ``[C]``, by prior.
        costs, of: of decisions, and the columns that they name: then the decisions are the cheapest ones.
    """

    def __init__(
        self,
        probs: Floats,
        y: Ints,
        units: Units,
        class_weight: Mapping[str, Floats],
        costs: Costs | None = None,
        of: Mapping[str, Floats] | None = None,
    ) -> None:
        import torch

        from longtail.metrics import found
        from longtail.metrics.metric import COUNT, Batch
        from longtail.metrics.room import sums_of

        self.metrics, self.units, c = [found()[name] for name in scores_of(costs)], units, probs.shape[1]
        self.counts = np.bincount(y, minlength=c)
        self.weights = {name: np.asarray(w, dtype=np.float64) for name, w in class_weight.items()}
        decided = probs.argmax(1) if costs is None else costs.decide(probs, of)
        cost = None if costs is None else torch.from_numpy(costs.matrix(of))
        rows = torch.from_numpy(probs), torch.from_numpy(y), torch.from_numpy(decided)
        batch = Batch(*rows, BINS, cost)
        self.kinds = {name: kind for name, kind in sums_of(self.metrics).items() if name != COUNT.name}
        self.tallies = {}
        for name, kind in self.kinds.items():
            place, much = kind.of(batch)
            self.tallies[name] = Tally.of(
                units.of_row,
                y,
                np.zeros_like(y) if place is None else place.numpy(),
                np.ones(len(y)) if much is None else much.numpy(),
                self.places(name),
            )
        held = np.bincount(units.of_row, minlength=int(units.counts.sum())).astype(np.float64)
        self.rows, self.label = held, np.repeat(np.arange(c), units.counts)

    def places(self, name: str) -> int:
        """How many numbers a sum is."""
        return int(np.prod(self.kinds[name].shape(len(self.counts), BINS)))

    def scores(self, times: Ints) -> Floats:
        """Under each prior, ``[priors, scores]``, where each unit was drawn so many ``times [U]``."""
        import torch

        from longtail.metrics import Seen

        drawn = np.bincount(self.label, weights=times * self.rows, minlength=len(self.counts))
        # bags differ by a row: each class is brought back to its size
        scale = np.divide(self.counts, drawn, out=np.zeros(len(drawn)), where=drawn > 0)
        each = times * scale[self.label]
        cells = {name: tally.drawn(each) for name, tally in self.tallies.items()}
        count = torch.from_numpy(self.counts.astype(np.float64))
        out = []
        for weight in self.weights.values():
            sums = {"count": count}
            for name, tally in self.tallies.items():
                much = cells[name] * weight[tally.label] if self.kinds[name].weighted else cells[name]
                total = np.bincount(tally.place, weights=much, minlength=self.places(name))
                sums[name] = torch.from_numpy(total).view(self.kinds[name].shape(len(self.counts), BINS))
            seen = Seen(sums, torch.from_numpy(weight))
            out.append([float(m.of(seen)) for m in self.metrics])
        return np.array(out)


def compare(
    before: Floats,
    after: Floats,
    y: Ints,
    priors: Mapping[str, Floats],
    resamples: int,
    level: float,
    seed: int,
    costs: Costs | None = None,
    of: Mapping[str, Floats] | None = None,
) -> dict[str, dict[str, dict[str, Interval]]]:
    """Two sets of probabilities ``[N, C]`` scored under each prior, and their difference on the same resamples.

    With costs the decisions are the cheapest ones, by the columns ``of`` each row where the costs name some.

    Returns:
        ``[prior]["before" | "after" | "change"][score] = (value, low, high)``.
    """
    from longtail.metrics.weighting import class_weights

    c = before.shape[1]
    counts = np.bincount(y, minlength=c)
    weights = {name: class_weights(counts, prior).numpy() for name, prior in priors.items()}
    rng = np.random.default_rng(seed)
    units = Units.of(y, c, rng)
    sides = [Scorer(side, y, units, weights, costs, of) for side in (before, after)]

    def table(times: Ints) -> Floats:
        first, second = (side.scores(times) for side in sides)
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
                for j, m in enumerate(scores_of(costs))
            }
            for i, row in enumerate(("before", "after", "change"))
        }
        for p, prior in enumerate(priors)
    }
