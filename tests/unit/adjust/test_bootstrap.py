"""Intervals: every resample scored as the metrics room scores it, and fast."""

from __future__ import annotations

import time

import numpy as np
import pytest

from longtail.adjust.bootstrap import SCORES, Scorer, Units, compare
from longtail.metrics import evaluate
from longtail.metrics.weighting import class_weights

PRIORS = {
    "balanced": np.full(5, 0.2),
    "declared": np.array([0.0, 0.1, 0.2, 0.3, 0.4]),
    "natural": np.array([0.6, 0.2, 0.1, 0.08, 0.02]),
}


def draw(n: int = 300, classes: int = 5, present: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels in which the last class may have no example."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, present, n)
    z = rng.normal(size=(n, classes))
    z[np.arange(n), y] += 1.5
    return np.exp(z) / np.exp(z).sum(1, keepdims=True), y


@pytest.mark.parametrize("present", [4, 5])
def test_a_resample_scores_as_the_metrics_room_scores_its_rows(present: int) -> None:
    p, y = draw(present=present)
    counts = np.bincount(y, minlength=5)
    weights = {k: class_weights(counts, v).numpy() for k, v in PRIORS.items()}
    rng = np.random.default_rng(1)
    units = Units.of(y, 5, rng)
    assert units.counts.tolist() == counts.tolist()  # a small set is drawn row by row
    for _ in range(5):
        rows = np.concatenate([rng.choice(np.flatnonzero(y == k), counts[k]) for k in range(5) if counts[k]])
        times = np.bincount(units.of_row[rows], minlength=len(y))
        got = Scorer(p, y, units, weights).scores(times)
        for k, prior in enumerate(PRIORS.values()):
            want = evaluate(p[rows], y[rows], prior=prior)
            np.testing.assert_allclose(got[k], [want[m] for m in SCORES], rtol=1e-9, atol=1e-12)


def test_values_changes_and_intervals() -> None:
    p, y = draw()
    other = p**2 / (p**2).sum(1, keepdims=True)
    found = compare(p, other, y, PRIORS, 100, 0.9, 0)
    for name, prior in PRIORS.items():
        a, b = evaluate(p, y, prior=prior), evaluate(other, y, prior=prior)
        for m in SCORES:
            before, after, change = (found[name][row][m] for row in ("before", "after", "change"))
            assert before[0] == pytest.approx(a[m], abs=1e-12)
            assert after[0] == pytest.approx(b[m], abs=1e-12)
            assert change[0] == pytest.approx(b[m] - a[m], abs=1e-12)
            assert before[1] <= before[2]
    assert found["balanced"]["change"]["accuracy"] == (
        0.0,
        0.0,
        0.0,
    )  # the same decisions on the same resamples
    assert found == compare(p, other, y, PRIORS, 100, 0.9, 0)
    assert (
        compare(p, p, y, PRIORS, 0, 0.9, 0)["natural"]["before"]["nll"][1:]
        == (found["natural"]["before"]["nll"][0],) * 2
    )


def test_the_interval_covers_as_often_as_it_says() -> None:
    """90 % intervals of the accuracy of a classifier that is right in 80 % of cases."""
    rng, covered = np.random.default_rng(2), []
    for seed in range(60):
        y = np.repeat([0, 1], 100)
        right = rng.random(200) < 0.8
        p = np.where((y == 0) == right, 0.8, 0.2)
        low, high = compare(*[np.stack([p, 1 - p], 1)] * 2, y, {"b": np.full(2, 0.5)}, 100, 0.9, seed)["b"][
            "before"
        ]["accuracy"][1:]
        covered.append(low <= 0.8 <= high)
    assert 0.78 < np.mean(covered) < 1.0


def test_a_hundred_thousand_rows_take_seconds() -> None:
    p, y = draw(100_000, present=5)
    began = time.process_time()
    compare(p, p, y, PRIORS, 100, 0.95, 0)
    assert time.process_time() - began < 15


def test_bags_give_the_values_and_the_widths_that_rows_give(monkeypatch) -> None:
    """A large set drawn in bags: the same values, and intervals as wide to a few percent."""
    p, y = draw(20_000, present=5)
    keep = (y != 4) | (np.arange(len(y)) % 50 == 0)  # a rare class, whose rows stay rows
    p, y = p[keep], y[keep]
    other = p**2 / (p**2).sum(1, keepdims=True)
    by_row = compare(p, other, y, PRIORS, 400, 0.9, 0)
    monkeypatch.setattr("longtail.adjust.bootstrap.UNITS", 2500)
    units = Units.of(y, 5, np.random.default_rng(0))
    rows = np.bincount(y)
    assert units.counts[4] == rows[4]
    assert (units.counts[:4] < rows[:4] / 4).all()
    assert (np.diff(np.sort(np.bincount(units.of_row)[: units.counts[0]])[[0, -1]]) <= 1).all()
    in_bags = compare(p, other, y, PRIORS, 400, 0.9, 0)
    for prior in PRIORS:
        for row in ("before", "after", "change"):
            for m in SCORES:
                (a, a_low, a_high), (b, b_low, b_high) = by_row[prior][row][m], in_bags[prior][row][m]
                assert b == pytest.approx(a, abs=1e-9), m
                assert b_high - b_low == pytest.approx(a_high - a_low, rel=0.3, abs=1e-9), (prior, row, m)
