"""Statistics: is the difference between two recipes more than luck, on folds that overlap?

The training sets of k-fold cross-validation share most of their rows, so its k differences are not
independent, and the usual paired t-test calls far too many differences significant. Nadeau and Bengio,
*Inference for the Generalization Error* (Machine Learning 52, 2003, section 4) correct the variance of the
mean:

    t = mean / sqrt((1/k + n_test/n_train) * s^2),   k - 1 degrees of freedom

| symbol in the paper | here |
|---|---|
| J (number of repetitions) | k = ``len(differences)``: folds times seeds (Bouckaert and Frank, 2004) |
| n_2 / n_1 | ``test_share / (1 - test_share)`` |
| S^2 | the sample variance of ``differences`` |

Holm, *A Simple Sequentially Rejective Multiple Test Procedure* (1979), adjusts p-values for having tested
several recipes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


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
    k = len(values)
    if k == 0:
        return math.nan, math.nan, math.nan, math.nan
    mean = math.fsum(values) / k
    if k == 1:
        return mean, math.nan, math.nan, math.nan
    spread = max(values) - min(values)
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return (0.0, 0.0, 0.0, 1.0) if abs(mean) <= 1e-12 else (mean, math.nan, math.nan, math.nan)
    variance = math.fsum((d - mean) ** 2 for d in values) / (k - 1)
    error = math.sqrt(variance * (1 / k + test_share / (1 - test_share)))
    half = t_quantile(confidence, k - 1) * error
    return mean, mean - half, mean + half, t_two_sided(mean / error, k - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: compare each with 0.05 and at most 5 % of families hold a
    false alarm.

    A nan (a test that could not be made) stays nan and is not counted.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [math.nan] * len(p_values)
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    largest = 0.0
    for step, (p, i) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - step)))
        adjusted[i] = largest
    return adjusted


def t_two_sided(t: float, degrees: int) -> float:
    """P(|T| >= |t|) for Student's t with whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).

    >>> round(t_two_sided(2.776, 4), 4)
    0.05
    """
    angle = math.atan2(abs(t), math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for j in range(
        1 + odd, degrees, 2
    ):  # cos^j with coefficients 1, 2/3, 2*4/(3*5), .. or 1, 1/2, 1*3/(2*4), ..
        total += term
        term *= cosine * cosine * j / (j + 1)
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return min(1.0, max(0.0, 1 - inside))


def t_quantile(confidence: float, degrees: int) -> float:
    """The t with P(|T| < t) = ``confidence``, by bisection.

    >>> round(t_quantile(0.95, 4), 3)
    2.776
    """
    low, high = 0.0, 1.0
    while t_two_sided(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_two_sided(middle, degrees) > 1 - confidence else (low, middle)
    return high
