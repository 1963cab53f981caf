"""Ranking: which recipe is best over several data sets, and is that more than luck?

Janez Demsar, *Statistical Comparisons of Classifiers over Multiple Data Sets* (JMLR 7, 2006): rank the recipes on each
data set by their mean score (ties share their mean rank), average the ranks, and test with Friedman's

    chi2 = 12 D / (k (k + 1)) * (sum_j R_j^2 - k (k + 1)^2 / 4).

Which recipes differ is then asked pair by pair with Wilcoxon's signed-rank test over the data sets, Holm-adjusted, as
Benavoli, Corani and Mangili advise (*Should We Really Use Post-Hoc Tests Based on Mean-Ranks?*, JMLR 17, 2016): unlike
Nemenyi's critical difference, that answer does not change with the other recipes in the pool.

| symbol | here |
|---|---|
| D data sets, k recipes | ``datasets``, ``recipes`` |
| R_j | ``mean_rank`` |

Differs from the papers in the p-value of Friedman's statistic: few data sets are no case for the chi-square
distribution, so it is the share of random rankings (each data set's ranks permuted, seeded) with a statistic as large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from longtail.comparison.leaderboard import LOWER_IS_BETTER, METRIC_NAMES, PRIOR_NAMES, board, ranked_by
from longtail.comparison.record import Results
from longtail.comparison.statistics import holm

LEVEL = 0.05


@dataclass(frozen=True)
class Ranking:
    """Recipes over data sets under one prior.

    Attributes:
        prior, metric: what was scored, and how.
        datasets: names, D.
        recipes: names, k, best mean rank first.
        scores, ranks: one list a recipe, one number a data set.
        mean_rank: of each recipe.
        seconds: mean fit time of each recipe, its own stages and those it shares.
        friedman, p: Friedman's statistic, and the chance of one as large if all recipes were equal; nan below 3 recipes.
        pairs: Holm-adjusted p of each pair, by the places (i, j), i < j, in ``recipes``.
        groups: runs of neighbours (first, last) in ``recipes`` of which no pair is shown to differ.
        left_out: recipes that are not ranked on every data set.
    """

    prior: str
    metric: str
    datasets: tuple[str, ...]
    recipes: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    ranks: tuple[tuple[float, ...], ...]
    mean_rank: tuple[float, ...]
    seconds: tuple[float, ...]
    friedman: float
    p: float
    pairs: Mapping[tuple[int, int], float]
    groups: tuple[tuple[int, int], ...]
    left_out: tuple[str, ...] = ()

    def against(self, i: int, j: int) -> float:
        """Holm-adjusted p of the pair at places i and j."""
        return math.nan if i == j else self.pairs[min(i, j), max(i, j)]

    @property
    def smallest_p(self) -> float:
        """The smallest p that Wilcoxon's test can give on so many data sets, before Holm's correction."""
        return min(1.0, 2.0 ** (1 - len(self.datasets)))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        pairs = [{"a": self.recipes[i], "b": self.recipes[j], "p": p} for (i, j), p in self.pairs.items()]
        groups = [list(self.recipes[a : b + 1]) for a, b in self.groups]
        return {**asdict(self), "pairs": pairs, "groups": groups}


def rank(results: Mapping[str, Results], prior: str, metric: str | None = None) -> Ranking:
    """Rank the recipes over data sets.

    Args:
        results: of a comparison a data set, by its name.
        prior: "natural" or "balanced".
        metric: None is :func:`~longtail.comparison.leaderboard.ranked_by` of the first.

    Raises:
        ValueError: fewer than two data sets, or fewer than two recipes that are ranked on all of them.
    """
    if len(results) < 2:
        raise ValueError(f"results has {len(results)} data sets; ranks over data sets need at least two")
    by = metric or ranked_by(next(iter(results.values())), prior)
    boards = {name: {r.recipe: r for r in board(found, prior, by).rows} for name, found in results.items()}
    known = list(dict.fromkeys(name for board in boards.values() for name in board))
    whole = [n for n in known if all(n in b and b[n].rank is not None for b in boards.values())]
    if len(whole) < 2:
        raise ValueError(
            f"results: {len(whole)} recipes are ranked on all of {len(boards)} data sets; at least two are needed"
        )
    table = np.array([[board[n].mean[by] for board in boards.values()] for n in whole])  # [k, D]
    ranks = np.stack([ranks_of(column if by in LOWER_IS_BETTER else -column) for column in table.T], axis=1)
    order = sorted(range(len(whole)), key=lambda j: (ranks[j].mean(), whole[j]))
    table, ranks = table[order], ranks[order]
    statistic, p = friedman(ranks)
    pairs = _pairs(table)
    seconds = [float(np.mean([board[whole[j]].alone for board in boards.values()])) for j in order]
    return Ranking(
        prior, by, tuple(boards), tuple(whole[j] for j in order), _tuples(table), _tuples(ranks),
        tuple(ranks.mean(1).tolist()), tuple(seconds), statistic, p, pairs, _groups(len(whole), pairs),
        tuple(n for n in known if n not in whole),
    )  # fmt: skip


def ranks_of(values: Any) -> Any:
    """Ranks from 1 for the smallest; equal values share the mean of their ranks.

    >>> ranks_of(np.array([0.3, 0.1, 0.3])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(np.round(values, 12), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def friedman(ranks: Any, draws: int = 20_000, seed: int = 0) -> tuple[float, float]:
    """Friedman's statistic of ranks ``[k, D]`` and its permutation p; nan for fewer than 3 recipes.

    >>> statistic, p = friedman(np.array([[1, 1], [2, 2], [3, 3]]))
    >>> statistic, round(p, 2)
    (4.0, 0.17)
    """
    k, d = ranks.shape
    if k < 3:
        return math.nan, math.nan

    def statistic(sums: Any) -> Any:
        return 12 / (d * k * (k + 1)) * (sums**2).sum(-1) - 3 * d * (k + 1)

    found = float(statistic(ranks.sum(1)))
    random = np.random.default_rng(seed)
    sums = np.zeros((draws, k))
    for column in ranks.T:
        sums += random.permuted(np.broadcast_to(column, (draws, k)), axis=1)
    return found, float((1 + (statistic(sums) >= found - 1e-9).sum()) / (1 + draws))


def sentence(ranking: Ranking) -> str:
    """What the ranks say, in plain words."""
    best, d, k = ranking.recipes[0], len(ranking.datasets), len(ranking.recipes)
    parts = [
        f"Under {PRIOR_NAMES[ranking.prior]}, {best} has the best mean rank over {d} data sets by "
        f"{METRIC_NAMES[ranking.metric]}: {ranking.mean_rank[0]:.2f} of {k}."
    ]
    if math.isfinite(ranking.p):
        verdict = "the recipes differ" if ranking.p < LEVEL else "that may be luck altogether"
        parts.append(f"Friedman's test: p = {ranking.p:.3f}, {verdict}.")
    worse = [ranking.recipes[j] for j in range(1, k) if ranking.against(0, j) < LEVEL]
    if worse:
        parts.append(f"Shown to be worse than it: {', '.join(worse)} (Wilcoxon, Holm-adjusted).")
    elif ranking.smallest_p > LEVEL:
        parts.append(
            f"No pair of recipes can be told apart on {d} data sets: the smallest p that Wilcoxon's test can give is "
            f"{ranking.smallest_p:.2g}. Six or more data sets could; here the ranks are a description, not a proof."
        )
    else:
        parts.append("No recipe is shown to be worse than it (Wilcoxon, Holm-adjusted).")
    if ranking.left_out:
        parts.append(f"Not ranked, because runs failed or are missing: {', '.join(ranking.left_out)}.")
    return " ".join(parts)


def _pairs(table: Any) -> dict[tuple[int, int], float]:
    """Holm-adjusted p of Wilcoxon's signed-rank test for each pair of rows of ``[k, D]``."""
    from scipy.stats import wilcoxon

    found = {}
    for i, j in combinations(range(len(table)), 2):
        difference = np.round(table[i] - table[j], 12)
        found[i, j] = float(wilcoxon(difference).pvalue) if difference.any() else 1.0
    return dict(zip(found, holm(list(found.values()))))


def _groups(k: int, pairs: Mapping[tuple[int, int], float]) -> tuple[tuple[int, int], ...]:
    """Maximal runs of at least two neighbours in which no pair is shown to differ."""
    runs: list[tuple[int, int]] = []
    for first in range(k):
        last = first
        while last + 1 < k and all(not pairs[i, last + 1] < LEVEL for i in range(first, last + 1)):
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return tuple(runs)


def _tuples(table: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in table)


def shared_priors(priors: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The priors that every data set was scored under, in the order of the first."""
    return tuple(p for p in priors[0] if all(p in other for other in priors))
