"""The corrected t-test against scipy and by simulation; Holm against its definition; Student's t against
scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from longtail.comparison.statistics import corrected_t_test, holm, smallest_shown, t_quantile, t_two_sided


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 14, 49, 100])
def test_students_t_equals_scipy(degrees: int) -> None:
    for t in (0.0, 0.1, -1.0, 2.0, 5.0, 30.0):
        assert t_two_sided(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), abs=1e-13)
    for confidence in (0.5, 0.9, 0.95, 0.999):
        assert t_quantile(confidence, degrees) == pytest.approx(
            stats.t.ppf((1 + confidence) / 2, degrees), rel=1e-8
        )


def test_without_overlap_it_is_the_paired_t_test() -> None:
    """With a vanishing test share the correction vanishes."""
    d = np.random.default_rng(0).normal(0.3, 1, size=7)
    mean, low, high, p = corrected_t_test(d, test_share=1e-12)
    plain = stats.ttest_1samp(d, 0)
    assert p == pytest.approx(plain.pvalue, rel=1e-9)
    assert (low, high) == pytest.approx(tuple(plain.confidence_interval(0.95)), rel=1e-9)
    assert mean == pytest.approx(d.mean())


def test_five_folds_by_hand() -> None:
    d = [0.02, 0.03, 0.01, 0.04, 0.02]
    error = math.sqrt(np.var(d, ddof=1) * (1 / 5 + 0.25))
    mean, low, high, p = corrected_t_test(d, 0.2)
    assert p == pytest.approx(2 * stats.t.sf(0.024 / error, 4))
    assert high - mean == pytest.approx(stats.t.ppf(0.975, 4) * error)
    assert mean - low == pytest.approx(high - mean)


def test_right_for_correlated_folds_where_the_plain_test_is_not() -> None:
    """Differences with the correlation n_test / n that the correction assumes: 5 % false alarms, and far more
    without it."""
    rng = np.random.default_rng(0)
    k, share, trials = 5, 0.2, 4000
    common = rng.normal(size=(trials, 1)) * math.sqrt(share)
    d = common + rng.normal(size=(trials, k)) * math.sqrt(1 - share)
    corrected = np.mean([corrected_t_test(row, share)[3] < 0.05 for row in d])
    plain = np.mean(stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05)
    assert corrected == pytest.approx(0.05, abs=0.012)
    assert plain > 0.1


def test_runs_of_another_seed_do_not_make_the_test_surer_of_the_same_rows() -> None:
    d = [0.0199, -0.0392, -0.0554, -0.0147, -0.0474]
    once = corrected_t_test(d, 0.2)
    assert once[3] == pytest.approx(0.2522, abs=1e-4)
    for seeds in (3, 10):
        assert corrected_t_test(d * seeds, 0.2) == pytest.approx(once)


def test_right_for_repeated_cross_validation() -> None:
    """Three seeds over the same rows: what the rows do is common to them. Counting 15 runs is too sure."""
    rng = np.random.default_rng(1)
    k, seeds, trials = 5, 3, 2000
    own = rng.normal(size=(trials, seeds * k))
    rows = rng.normal(size=(trials, 1)) * 0.5 + own * 0.9
    alarms = np.mean([corrected_t_test(row, 1 / k)[3] < 0.05 for row in rows])
    assert alarms <= 0.06


def test_the_smallest_difference_shown_is_shown_four_times_in_five() -> None:
    rng = np.random.default_rng(2)
    true = smallest_shown(0.01)
    found = true + 0.01 * rng.normal(size=20_000)
    assert np.mean([t_two_sided(d / 0.01, math.inf) < 0.05 for d in found]) == pytest.approx(0.8, abs=0.01)
    assert smallest_shown(0.01, 2) > true
    assert math.isnan(smallest_shown(math.nan))


def test_holm_of_a_larger_family() -> None:
    assert holm([0.01, 0.02], family=10) == pytest.approx([0.1, 0.18])
    assert holm([0.01, 0.02], family=1) == holm([0.01, 0.02])


def test_degenerate_differences() -> None:
    assert corrected_t_test([0.0, 0.0, 0.0], 0.2) == (0, 0, 0, 1)
    assert np.isnan(corrected_t_test([], 0.2)).all()
    for same in ([0.1], [0.1, 0.1, 0.1], [0.3 - 0.2, 0.1, 0.1]):
        mean, *rest = corrected_t_test(same, 0.2)
        assert mean == pytest.approx(0.1)
        assert np.isnan(rest).all()


def test_holm_equals_its_definition() -> None:
    p = [0.01, 0.04, 0.03, 0.005, 0.9]
    ranks = np.argsort(np.argsort(p))
    scaled = [min(1, p[i] * (5 - ranks[i])) for i in range(5)]
    want = [max(scaled[j] for j in range(5) if ranks[j] <= ranks[i]) for i in range(5)]
    assert holm(p) == pytest.approx(want)
    assert holm([]) == []


def test_holm_leaves_nan_alone_and_uncounted() -> None:
    got = holm([math.nan, 0.02, 0.5])
    assert math.isnan(got[0])
    assert got[1:] == pytest.approx([0.04, 0.5])


@pytest.mark.parametrize(
    ("differences", "share", "confidence", "says"),
    [
        ([0.1, math.nan], 0.2, 0.95, "finite"),
        ([0.1, 0.2], 1.0, 0.95, "test_share=1.0"),
        ([0.1, 0.2], 0.2, 95, "confidence=95"),
    ],
)
def test_bad_input_is_named(differences: list[float], share: float, confidence: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        corrected_t_test(differences, share, confidence)
