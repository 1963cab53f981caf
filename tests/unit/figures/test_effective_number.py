"""effective-number against its sum, and the weights against their definition."""

from __future__ import annotations

import pytest

from longtail.figures import named


def test_it_is_the_geometric_sum(subject):
    found = named("effective-number").of(subject).numbers
    assert found["counts"] == [60, 20, 8]
    for beta, row, weights in zip(found["betas"], found["effective"], found["weights"]):
        slow = [sum(beta**i for i in range(n)) for n in found["counts"]]
        assert row == pytest.approx(slow)
        inverse = [1 / e for e in slow]
        assert weights == pytest.approx([3 * w / sum(inverse) for w in inverse])


def test_the_counts_are_the_data_s_own(many):
    drawn = named("effective-number").of(many)
    counts = many.classes.counts
    assert drawn.numbers["counts"] == sorted(counts.tolist(), reverse=True)
    assert f"n = {int(counts.sum()):,} rows of points in 150 classes" in drawn.caption
