"""Findings: what per-fold scores of several losses allow one to say, and what they do not.

The published comparison reads its table of five folds as "focal gives the highest single fold and the highest variance".
Both are statements about extremes of few numbers, so each is set against what chance alone gives:

- of the mean: Nadeau and Bengio's corrected resampled t-test, Holm's adjustment (``comparison.statistics``);
- of the spread: on the centred scores of two losses, the two labels of a fold and seed are exchanged at random; p is the
  share of exchanges whose log ratio of standard deviations is at least as far from 0 (paired permutation test; no
  normality is assumed; five pairs cannot give less than 1/16). Pairs are exchanged one by one: were two losses to differ
  on a fold in the same way whatever the seed, several seeds would make the test too sure;
- of the extremes: each loss's scores are brought to mean 0 and sd 1, and the labels of all losses are shuffled within
  each fold and seed. Where the losses are alike, any of them holds the best fold as often, so several variants of one
  loss hold it more often than one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from longtail.comparison.record import Results
from longtail.comparison.statistics import corrected_t_test, holm

DRAWS = 20_000
EXACT = 12
"""Pairs up to which all exchanges are tried."""


@dataclass(frozen=True)
class Line:
    """One loss.

    Attributes:
        scores: F1 by (seed, fold), decisions as trained.
        mean, sd: of them (sd over the folds within a seed, averaged as a variance over the seeds).
        difference, low, high, p: to the baseline; p Holm-adjusted; nan for the baseline.
        spread_p: of "spreads like the baseline", Holm-adjusted.
        natural: mean F1 under the natural prior, where decisions are at the threshold that the probabilities ask for.
    """

    name: str
    scores: tuple[tuple[float, ...], ...]
    mean: float
    sd: float
    difference: float
    low: float
    high: float
    p: float
    spread_p: float
    natural: float

    @property
    def best(self) -> float:
        """The highest single fold."""
        return max(max(row) for row in self.scores)


def f1(confusion: Sequence[Sequence[float]], positive: int) -> float:
    """F1 of one class from a table of true class (row) by decision (column); 0 where there is nothing to find.

    >>> f1([[8, 2], [1, 4]], 1)
    0.7272727272727273
    """
    table = np.asarray(confusion, dtype=float)
    hit, both = table[positive, positive], table[positive].sum() + table[:, positive].sum()
    return float(2 * hit / both) if both else 0.0


def lines(results: Results, positive: int) -> list[Line]:
    """One line a loss that finished every fold and seed, in the order of the recipes."""
    baseline, share = results.settings.baseline, results.settings.test_share
    tables = {
        name: found
        for name in results.recipes
        if (found := _scores(results, name, positive, "as_trained")) is not None
    }
    if baseline not in tables:
        raise ValueError(f"baseline {baseline!r} did not finish every fold: nothing to compare with")
    others = [name for name in tables if name != baseline]
    base = tables[baseline]
    tests = {n: corrected_t_test((tables[n] - base).ravel().tolist(), share) for n in others}
    adjusted = dict(zip(others, holm([tests[n][3] for n in others])))
    spread = dict(zip(others, holm([spread_test(tables[n], base) for n in others])))
    nothing = (math.nan, math.nan, math.nan, math.nan)
    out = []
    for name, table in tables.items():
        natural = _scores(results, name, positive, "natural")
        out.append(
            Line(
                name,
                tuple(tuple(float(v) for v in row) for row in table),
                float(table.mean()),
                sd(table),
                *tests.get(name, nothing)[:3],
                adjusted.get(name, math.nan),
                spread.get(name, math.nan),
                float(natural.mean()) if natural is not None else math.nan,
            )
        )
    return out


def sd(table: np.ndarray) -> float:
    """Standard deviation over folds ``[seeds, folds]``, pooled over the seeds."""
    return float(np.sqrt(table.var(axis=-1, ddof=1).mean(axis=-1)))


def spread_test(a: np.ndarray, b: np.ndarray, draws: int = DRAWS) -> float:
    """p of "a and b spread alike over the folds", ``[seeds, folds]`` each: exact up to 12 pairs, else by random draws.

    The scores are centred within each seed, so that neither the mean of a loss nor that of a seed counts.

    >>> same = np.array([[0.88, 0.90, 0.89, 0.87, 0.92]])
    >>> spread_test(same, same), spread_test(same * 5, same)
    (1.0, 0.0625)
    """
    a, b = (t - t.mean(axis=1, keepdims=True) for t in (a, b))
    pairs = a.size
    if pairs <= EXACT:
        swap = np.array(list(itertools.product((False, True), repeat=pairs)))
    else:
        swap = np.random.default_rng(0).random((draws, pairs)) < 0.5
        swap[0] = False
    swap = swap.reshape(-1, *a.shape)

    def ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        floor = 1e-12
        one, two = (t.var(axis=-1, ddof=1).mean(axis=-1) for t in (first, second))
        return np.abs(np.log((one + floor) / (two + floor)))

    seen = ratio(a[None], b[None])[0]
    under = ratio(np.where(swap, b, a), np.where(swap, a, b))
    return float((under >= seen - 1e-9).mean())


def chances(tables: np.ndarray, family: Sequence[bool], draws: int = DRAWS) -> dict[str, float]:
    """How often a family of losses holds the extremes where the losses are alike.

    Args:
        tables: scores ``[losses, seeds, folds]``.
        family: which losses belong to it.

    Returns:
        ``best``: holds the highest single fold; ``spread``: has the highest sd; ``both``; ``same``: whichever loss holds
        the highest fold has the highest sd as well (1 / losses if the two had nothing to do with each other).
    """
    losses = len(tables)
    flat = tables.reshape(losses, -1)
    flat = (flat - flat.mean(1, keepdims=True)) / np.maximum(flat.std(1, keepdims=True), 1e-12)
    random = np.random.default_rng(0)
    shuffled = random.permuted(np.broadcast_to(flat, (draws, *flat.shape)), axis=1)
    top = shuffled.max(axis=2).argmax(axis=1)
    by_seed = shuffled.reshape(draws, *tables.shape)
    widest = by_seed.var(axis=3, ddof=1).mean(axis=2).argmax(axis=1)
    member = np.asarray(family)
    return {
        "best": float(member[top].mean()),
        "spread": float(member[widest].mean()),
        "both": float((member[top] & member[widest]).mean()),
        "same": float((top == widest).mean()),
    }


def sources(tables: np.ndarray) -> dict[str, float]:
    """Where the spread comes from: standard deviations of the fold (common to all losses), of the loss, and of the rest.

    Args:
        tables: scores ``[losses, seeds, folds]``; of a single loss with one seed nothing is left, and ``rest`` is nan.
    """
    mean = tables.mean()
    fold = tables.mean(axis=(0, 1)) - mean
    loss = tables.mean(axis=(1, 2)) - mean
    rest = tables - mean - fold[None, None, :] - loss[:, None, None]
    degrees = tables.size - len(tables) - tables.shape[2] + 1
    return {
        "fold": float(np.sqrt((fold**2).sum() / (len(fold) - 1))),
        "loss": float(np.sqrt((loss**2).sum() / max(1, len(loss) - 1))),
        "rest": float(np.sqrt((rest**2).sum() / degrees)) if degrees > 0 else math.nan,
        "seed": float(np.sqrt(tables.var(axis=1, ddof=1).mean())) if tables.shape[1] > 1 else math.nan,
    }


def _scores(results: Results, name: str, positive: int, prior: str) -> np.ndarray | None:
    """F1 ``[seeds, folds]``; None where a run is missing."""
    runs = results.by_recipe.get(name, {})
    folds, seeds = results.settings.folds, results.settings.seeds
    if len(runs) < folds * seeds:
        return None
    return np.array([[f1(runs[f, s].confusion[prior], positive) for f in range(folds)] for s in range(seeds)])
