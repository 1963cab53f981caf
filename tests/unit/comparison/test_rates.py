"""Sensitivity, specificity and predictive values: counted right, and intervals that hold the truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from specimen import changed, set_to, specimen

from longtail.comparison.rates import predictive, rates, wilson
from longtail.comparison.record import Results


def two_classes(seeds: int = 1) -> Results:
    """100 sick of 1,100; each seed finds 80, and takes 50 healthy for sick; the second run of a seed has no rows."""
    results = specimen(num_classes=2, folds=2, seeds=seeds, recipes=("erm",))
    table = {0: [[50.0, 20.0], [50.0, 980.0]], 1: [[30.0, 0.0], [0.0, 0.0]]}
    results = changed(
        results, lambda run: run.but(confusion={"natural": table[run.fold], "declared": table[run.fold]})
    )
    data = replace(results.data, names=("sick", "healthy"), counts=(100, 1030), n=1130)
    return results.but(data=data)


@pytest.mark.parametrize("seeds", [1, 3])
def test_they_are_counted_over_all_folds_once_per_row(seeds: int) -> None:
    found = rates(two_classes(seeds), "natural", "erm")
    assert found is not None
    assert (found.positive, found.cases, found.missed) == ("sick", 100, 20)
    assert (found.others, found.alarms) == (1030, 50)
    assert found.sensitivity.value == pytest.approx(0.8)
    assert found.specificity.value == pytest.approx(980 / 1030)
    assert found.ppv is not None
    assert found.npv is not None
    assert found.ppv.value == pytest.approx(80 / 130)  # the natural frequency is that of the test rows
    assert found.npv.value == pytest.approx(980 / 1000)
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx((0.7112, 0.8666), abs=1e-4)


def test_predictive_values_are_for_the_frequency_that_was_declared() -> None:
    results = set_to(two_classes(), prior="declared", prior_vector=(0.01, 0.99))
    found = rates(results, "declared", "erm")
    assert found is not None
    assert found.ppv is not None
    sensitivity, alarms = 0.8, 50 / 1030
    assert found.ppv.value == pytest.approx(0.01 * sensitivity / (0.01 * sensitivity + 0.99 * alarms))
    assert found.frequency == 0.01


def test_there_are_none_of_more_classes_or_of_no_rows() -> None:
    assert rates(specimen(num_classes=3, folds=2, recipes=("erm",)), "natural", "erm") is None
    empty = changed(two_classes(), lambda run: run.but(confusion={"natural": [[0.0, 0.0], [1.0, 5.0]]}))
    assert rates(empty, "natural", "erm") is None
    assert rates(two_classes(), "natural", "crt") is None
    assert predictive(0, 5, 0, 9, 0.5) is None


@pytest.mark.parametrize(("sensitivity", "specificity", "frequency"), [(0.8, 0.95, 0.02), (0.6, 0.9, 0.3)])
def test_the_intervals_hold_the_truth_about_95_times_in_100(
    sensitivity: float, specificity: float, frequency: float
) -> None:
    rng = np.random.default_rng(0)
    true = frequency * sensitivity / (frequency * sensitivity + (1 - frequency) * (1 - specificity))
    held = share = 0
    for _ in range(2000):
        hit, right = int(rng.binomial(60, sensitivity)), int(rng.binomial(500, specificity))
        found = predictive(hit, 60 - hit, 500 - right, right, frequency)
        assert found is not None
        held += found.low <= true <= found.high
        share += wilson(hit, 60).low <= sensitivity <= wilson(hit, 60).high
    assert 0.93 < held / 2000 < 0.975
    assert 0.93 < share / 2000 < 0.975


@pytest.mark.parametrize("cells", [(9, 0, 3, 90), (0, 9, 3, 90), (9, 3, 0, 90), (9, 3, 90, 0)])
def test_a_count_of_nothing_gives_an_interval_with_the_share_in_it(cells: tuple[int, int, int, int]) -> None:
    found = predictive(*cells, 0.1)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert math.isfinite(found.low)
