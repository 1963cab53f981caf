"""boundaries: what is drawn is what the nets decide, and balance widens the rare class's ground."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.figures import Subject, named
from longtail.figures.boundaries import COUNTS, FAMILIES, TESTED


@pytest.fixture(scope="module")
def drawn():
    return named("boundaries").of(Subject(), epochs=6)


def test_it_brings_its_own_heaps(drawn):
    assert drawn.numbers["counts"] == list(COUNTS)
    assert list(drawn.numbers["logits"]) == [family for family, *_ in FAMILIES]
    assert f"{TESTED:,} new ones each" in drawn.caption


def test_balance_widens_the_ground_of_the_rare(drawn):
    ground = {family: (np.array(z).argmax(0) == 2).mean() for family, z in drawn.numbers["logits"].items()}
    for family in ("re-weighted", "re-sampled", "logit-adjusted"):
        assert ground[family] > ground["plain"]


def test_the_points_are_decided_as_the_ground_beneath_them(drawn):
    """Through the nearest point of the grid, most rows fall where a score better than chance says."""
    numbers = drawn.numbers
    xy, y = np.array(numbers["xy"]), np.array(numbers["y"])
    at = [np.abs(np.array(side)[None] - xy[:, [k]]).argmin(1) for k, side in enumerate(numbers["sides"])]
    for family, z in numbers["logits"].items():
        decided = np.array(z).argmax(0)[at[0], at[1]]
        recall = np.mean([(decided[y == c] == c).mean() for c in range(3)])
        assert recall == pytest.approx(numbers["balanced_accuracy"][family], abs=0.15)
