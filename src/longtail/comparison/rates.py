"""Rates: sensitivity, specificity and predictive values of data with two classes, with their intervals.

The rarer class is the one to be found, the "cases". Rates come from the decisions on all test rows; predictive values
follow from them at the frequency of cases that the prior says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from longtail.comparison.leaderboard import as_float
from longtail.comparison.record import Results

Z = 1.959963984540054
"""Standard deviations on each side of a 95 % interval."""


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rates:
    """How one recipe finds the cases, under one prior.

    Attributes:
        positive: the name of the class that is to be found.
        frequency: how often it occurs under the prior.
        cases, missed: test rows of that class, and those of them that were given the other one; a mean over seeds.
        others, alarms: test rows of the other class, and those that were given this one.
        sensitivity, specificity: with Wilson's interval.
        ppv, npv: at ``frequency``, with the logit interval of Mercaldo, Lau and Zhou (2007); None where no row is given
            the class.
        over: what the intervals are over: "rows", or "groups" or "weights" where rows have such.
    """

    positive: str
    frequency: float
    cases: float
    missed: float
    others: float
    alarms: float
    sensitivity: Share
    specificity: Share
    ppv: Share | None
    npv: Share | None
    over: str = "rows"


def rates(results: Results, prior: str, recipe: str) -> Rates | None:
    """The rates of a recipe under a prior; None where there are more classes than two, or no rows of one of them."""
    data = results.data
    runs = results.by_recipe.get(recipe, {})
    tables = [run.confusion[prior] for run in runs.values() if prior in run.confusion]
    if data.num_classes != 2 or not tables:
        return None
    k = min((0, 1), key=lambda c: (data.counts[c], c))
    seeds = len({seed for _, seed in runs})  # a row that is tested once per seed counts once
    hit, missed, alarms, right = (
        sum(as_float(table[i][j]) for table in tables) / seeds
        for i, j in ((k, k), (k, 1 - k), (1 - k, k), (1 - k, 1 - k))
    )
    cases, others = hit + missed, alarms + right
    if not cases or not others:
        return None
    frequency = frequency_of(results, prior, k)
    apart = results.evidence.get(prior, {}).get("rates", {}).get(recipe)
    if apart:
        return _apart(results, prior, k, apart, (cases, missed, others, alarms))
    return Rates(
        positive=data.names[k],
        frequency=frequency,
        cases=cases,
        missed=missed,
        others=others,
        alarms=alarms,
        sensitivity=wilson(hit, cases),
        specificity=wilson(right, others),
        ppv=predictive(hit, missed, alarms, right, frequency),
        npv=predictive(right, alarms, missed, hit, 1 - frequency),
    )


def _apart(
    results: Results,
    prior: str,
    k: int,
    known: Mapping[str, float],
    counts: tuple[float, float, float, float],
) -> Rates:
    """The rates from what is known of them over groups (:mod:`longtail.comparison.clustered`): the same intervals, with
    the number of independent rows that say as much.
    """
    frequency, (cases, missed, others, alarms) = frequency_of(results, prior, k), counts
    n, m, se, sp = known["cases"], known["others"], known["sensitivity"], known["specificity"]
    cells = se * n, (1 - se) * n, (1 - sp) * m, sp * m
    return Rates(
        positive=results.data.names[k],
        frequency=frequency,
        cases=cases,
        missed=missed,
        others=others,
        alarms=alarms,
        sensitivity=wilson(cells[0], n),
        specificity=wilson(cells[3], m),
        ppv=predictive(*cells, frequency, known["covariance"]),
        npv=predictive(*cells[::-1], 1 - frequency, known["covariance"]),
        over="groups" if "group" in results.settings.split else "weights",
    )


def frequency_of(results: Results, prior: str, k: int) -> float:
    """How often class ``k`` occurs under a prior of the results, by its name."""
    if prior == "declared":
        return results.settings.prior_vector[k]
    counts = results.data.counts
    return 1 / len(counts) if prior == "balanced" else counts[k] / sum(counts)


def wilson(hits: float, n: float) -> Share:
    """Hits among ``n``, with Wilson's interval.

    >>> found = wilson(9, 10)
    >>> round(found.low, 3), round(found.high, 3)
    (0.596, 0.982)
    """
    p, square = hits / n, Z * Z / n
    middle = (p + square / 2) / (1 + square)
    half = Z * math.sqrt(p * (1 - p) / n + square / (4 * n)) / (1 + square)
    return Share(p, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))


def predictive(
    hit: float, missed: float, alarms: float, right: float, frequency: float, covariance: float = 0.0
) -> Share | None:
    """The share of true ones among the rows that are given a class, where it occurs with ``frequency``.

    Args:
        hit, missed: rows of the class that were given it, or not.
        alarms, right: rows of the other class that were given this one, or not.
        covariance: of the shares of hits and of alarms, where the same groups have both.

    Returns:
        With the logit interval; where a count is 0, one half is added to all for the interval, and the share lies in it.
        None where no row is given the class.

    >>> found = predictive(90, 10, 20, 180, 0.5)
    >>> round(found.value, 3), found.low < 0.9 < found.high
    (0.9, True)
    """
    if hit + alarms == 0 or not 0 < frequency < 1:
        return None
    true, false = frequency * hit / (hit + missed), (1 - frequency) * alarms / (alarms + right)
    value = true / (true + false)
    if min(hit, missed, alarms, right) == 0:
        hit, missed, alarms, right = (count + 0.5 for count in (hit, missed, alarms, right))
    cases, others = hit + missed, alarms + right
    logit = math.log(frequency * hit / cases) - math.log((1 - frequency) * alarms / others)
    apart = 1 / hit - 1 / cases + 1 / alarms - 1 / others
    shared = 2 * covariance / (hit / cases * alarms / others)
    half = Z * math.sqrt(max(apart - shared, apart / 10))  # few groups tell little of what rates share
    low, high = (1 / (1 + math.exp(-v)) for v in (logit - half, logit + half))
    return Share(value, min(low, value), max(high, value))
