"""Statistics: is the difference between two recipes more than luck, on folds that overlap?

The training sets of k-fold cross-validation share most of their rows, so its k differences are not
independent, and the usual paired t-test calls far too many differences significant. Nadeau and Bengio,
*Inference for the Generalization Error* (Machine Learning 52, 2003, section 4) correct the variance of the
mean:

    t = mean / sqrt((1/k + n_test/n_train) * s^2),   k - 1 degrees of freedom

| symbol in the paper | here |
|---|---|
| J (number of repetitions) | k: ``len(differences)``, but at most ``1 / test_share``, the runs that test each row once |
| n_2 / n_1 | ``test_share / (1 - test_share)`` |
| S^2 | the mean squared deviation of ``differences``, times k / (k - 1) |

Differs from the paper and from Bouckaert and Frank (2004), who divide by all folds and seeds with one degree of freedom
less than there are: runs with another seed test the same rows again, so they make S^2 steadier, and no more. Without
that the same five differences gave p = .25, and .06 when each was there ten times.

Holm, *A Simple Sequentially Rejective Multiple Test Procedure* (1979), adjusts p-values for having tested
several recipes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """A difference of a metric between two recipes, and how sure it is; nan where that is not known.

    Attributes:
        mean: over the runs.
        low, high: the 95 % interval; it leaves 0 out exactly where ``p`` is below 0.05.
        p: two-sided, of no difference, before any correction for several tests.
        error: the standard error of ``mean``.
        degrees: of freedom of ``error``.
    """

    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    error: float = math.nan
    degrees: float = math.nan

    @property
    def smallest(self) -> float:
        """The true difference that such data would show, in four of five comparisons."""
        return smallest_shown(self.error, self.degrees)


def smallest_shown(error: float, degrees: float = math.inf, power: float = POWER) -> float:
    """The true difference that a two-sided test at 0.05 finds with probability ``power``.

    Args:
        error: the standard error of the difference; degrees: of freedom of it.

    >>> round(smallest_shown(0.01), 3)
    0.028
    """
    if not (math.isfinite(error) and degrees > 0):
        return math.nan
    return (t_quantile(0.95, degrees) + t_quantile(2 * power - 1, degrees)) * error


def corrected_t_test(
    differences: Sequence[float], test_share: float, confidence: float = 0.95
) -> tuple[float, float, float, float]:
    """Mean difference, its confidence interval, and the two-sided p-value of "no difference".

    Args:
        differences: one paired difference a fold and seed, in the unit of the metric.
        test_share: the share of the rows that a fold tests on: 0.2 for 5 folds.
        confidence: of the interval, for this one comparison (Holm's correction is for the p-values only).

    Returns:
        ``(mean, low, high, p)``. Fewer than two differences say nothing about spread: low, high and p are nan
        (all four, with none). All differences zero: ``(0, 0, 0, 1)``. All equal, and not zero: the spread is
        estimated as 0, which is a coincidence (few test rows) and no certainty, so low, high and p are nan.

    Raises:
        ValueError: a difference that is not finite, or a share outside (0, 1).

    >>> mean, low, high, p = corrected_t_test([0.02, 0.03, 0.01, 0.04, 0.02], test_share=0.2)
    >>> f"{mean:.3f} [{low:.3f}, {high:.3f}] p={p:.3f}"
    '0.024 [0.003, 0.045] p=0.035'
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share={test_share} must lie in (0, 1): the share of the rows a fold tests on")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie in (0, 1): 0.95, say")
    values = [float(d) for d in differences]
    if not all(math.isfinite(d) for d in values):
        raise ValueError(f"differences={values}: leave out the pairs that have no finite score")
    n = len(values)
    if n == 0:
        return math.nan, math.nan, math.nan, math.nan
    mean = math.fsum(values) / n
    if n == 1:
        return mean, math.nan, math.nan, math.nan
    k = max(2, min(n, round(1 / test_share)))
    spread = max(values) - min(values)
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return (0.0, 0.0, 0.0, 1.0) if abs(mean) <= 1e-12 else (mean, math.nan, math.nan, math.nan)
    variance = math.fsum((d - mean) ** 2 for d in values) / n * k / (k - 1)
    error = math.sqrt(variance * (1 / k + test_share / (1 - test_share)))
    half = t_quantile(confidence, k - 1) * error
    return mean, mean - half, mean + half, t_two_sided(mean / error, k - 1)


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Holm's adjusted p-values, in the order given: compare each with 0.05 and at most 5 % of families hold a
    false alarm.

    A nan (a test that could not be made) stays nan and is not counted.

    Args:
        p_values: of the tests made.
        family: how many tests these were picked from; None is those made. Against the best of k recipes, which any pair
            could have held, it is k (k - 1) / 2.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [math.nan] * len(p_values)
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    largest, tests = 0.0, max(len(order), family or 0)
    for step, (p, i) in enumerate(order):
        largest = max(largest, min(1.0, p * (tests - step)))
        adjusted[i] = largest
    return adjusted


def t_two_sided(t: float, degrees: float) -> float:
    """P(|T| >= |t|) for Student's t; infinite degrees of freedom are the normal distribution.

    >>> round(t_two_sided(2.776, 4), 4)
    0.05
    """
    from scipy.special import ndtr, stdtr

    return float(2 * (ndtr(-abs(t)) if math.isinf(degrees) else stdtr(degrees, -abs(t))))


def t_quantile(confidence: float, degrees: float) -> float:
    """The t with P(|T| < t) = ``confidence``.

    >>> round(t_quantile(0.95, 4), 3)
    2.776
    """
    from scipy.special import ndtri, stdtrit

    half = (1 + confidence) / 2
    return float(ndtri(half) if math.isinf(degrees) else stdtrit(degrees, half))
