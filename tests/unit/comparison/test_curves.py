"""Precision-recall and ROC curves: scikit-learn's points, thinned without leaving the line, and the decision's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from longtail.comparison.curve import DIGITS, MOST, curve_of, thinned, thresholds


def rows(n: int, ties: bool, zero: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([n, ties, zero])
    own = rng.random(n) < 0.2
    own[:2] = True, False
    p = np.clip(rng.normal(0.4 + 0.2 * own, 0.2), 0, 1)
    weight = rng.gamma(2.0, size=n)
    weight[:: 3 if zero else n + 1] = 0 if zero else weight[0]
    if zero:
        weight[:2] = 1.0
    return np.round(p, 1 if ties else 12), own, weight


@pytest.mark.parametrize("n", [2, 17, 3000])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_the_points_are_those_of_scikit_learn(n: int, ties: bool, zero: bool) -> None:
    p, own, weight = rows(n, ties, zero)
    recall, precision, alarms = thresholds(p, own, weight)
    counts = weight > 0
    want_p, want_r, _ = precision_recall_curve(own[counts], p[counts], sample_weight=weight[counts])
    assert recall == pytest.approx(want_r[::-1], abs=1e-12)
    assert precision == pytest.approx(want_p[::-1], abs=1e-12)
    fpr, tpr, _ = roc_curve(own[counts], p[counts], sample_weight=weight[counts], drop_intermediate=False)
    assert alarms == pytest.approx(fpr, abs=1e-12)
    assert recall == pytest.approx(tpr, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_a_curve_is_a_few_hundred_of_them_and_the_areas_of_all(ties: bool) -> None:
    p, own, weight = rows(3000, ties, False)
    found = curve_of("erm", "natural", 1, p, own, weight, p > 0.55)
    assert found is not None
    assert found.average_precision == pytest.approx(average_precision_score(own, p, sample_weight=weight))
    assert found.roc_auc == pytest.approx(roc_auc_score(own, p, sample_weight=weight))
    precision, recall, _ = precision_recall_curve(own, p, sample_weight=weight)
    fpr, tpr, _ = roc_curve(own, p, sample_weight=weight, drop_intermediate=False)
    for points, x, y in ((found.precision_recall, recall[::-1], precision[::-1]), (found.roc, fpr, tpr)):
        assert len(points) <= MOST
        assert len(points) == (len(x) if ties else pytest.approx(MOST, abs=20))
        all_of_them = set(zip(np.round(x, DIGITS).tolist(), np.round(y, DIGITS).tolist()))
        assert set(points) <= all_of_them
        assert points[0] == pytest.approx((x[0], y[0]))
        assert points[-1] == pytest.approx((x[-1], y[-1]), abs=1e-5)
    drawn = np.trapezoid(*np.array(found.roc).T[::-1])
    assert drawn == pytest.approx(found.roc_auc, abs=2e-3) or ties


def test_the_decisions_own_point_is_counted_with_weights() -> None:
    own = np.array([True, True, False, False])
    decided = np.array([True, False, True, False])
    found = curve_of(
        "a", "natural", 0, np.array([0.9, 0.2, 0.8, 0.1]), own, np.array([1.0, 3, 2, 6]), decided
    )
    assert found is not None
    assert found.decided == pytest.approx((1 / 4, 1 / 3, 2 / 8))
    none = curve_of("a", "natural", 0, np.array([0.9, 0.2, 0.8, 0.1]), own, np.ones(4), np.zeros(4, bool))
    assert none is not None
    assert none.decided == (0.0, None, 0.0)


def test_a_class_without_a_row_or_alone_has_no_curve() -> None:
    p, no = np.array([0.2, 0.4]), np.zeros(2, bool)
    assert curve_of("a", "natural", 0, p, no, np.ones(2), no) is None
    assert curve_of("a", "natural", 0, p, ~no, np.ones(2), no) is None
    assert curve_of("a", "natural", 0, p, np.array([True, False]), np.array([0.0, 1.0]), no) is None
    assert curve_of("a", "natural", 0, p, no, np.zeros(2), no) is None


def test_thinning_keeps_both_ends_and_steps_along_the_line() -> None:
    x = np.concatenate([np.zeros(1000), np.linspace(0, 1, 11)])
    y = np.concatenate([np.linspace(0, 1, 1000), np.ones(11)])
    points = np.array(thinned(x, y, 41))
    assert (points[0].tolist(), points[-1].tolist()) == ([0, 0], [1, 1])
    steps = np.abs(np.diff(points, axis=0)).sum(1)
    assert steps.max() <= 2 / 40 + 0.1  # a step of its own, and the largest between two points
    assert np.median(steps) < 0.11
