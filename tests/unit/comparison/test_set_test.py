"""The test on one test set: how often it is wrong, that interval and p agree, and that rows of a group move together."""

import numpy as np
import pytest

from longtail.comparison.row_test import Layout
from longtail.comparison.set_test import set_test


def rows(r, n=200, gain=0.0, group=None):
    """Two recipes on one test set: the difference of their accuracy, each row's influence, and the layout."""
    y = np.repeat([0, 1], [n * 9 // 10, n - n * 9 // 10])
    group = np.arange(n) if group is None else group
    luck = r.normal(size=(2, int(group.max()) + 1))[:, group] + 0.7 * r.normal(size=(2, n))
    right = luck > np.array([[-0.6 - gain], [-0.6]])
    each = (right[0].astype(float) - right[1]) / n
    mean = np.array([each[y == c].mean() for c in (0, 1)])[y]
    return float(each.sum()), each - mean, Layout(y, np.zeros(n, dtype=int), np.zeros(1), group)


def shown(gain=0.0, tries=400, **how):
    found = []
    for k in range(tries):
        d, psi, layout = rows(np.random.default_rng(k), gain=gain, **how)
        found.append(set_test([d], psi, layout))
    for one in found:  # interval and p are of the same draws
        assert (one.p < 0.05) == (one.low > 0 or one.high < 0) or abs(one.p - 0.05) < 0.01
    return np.mean([one.p < 0.05 for one in found])


def test_false_alarms_and_power():
    assert shown() <= 0.08
    assert shown(gain=0.5) > 0.8


def test_rows_of_a_group_move_together():
    """Forty groups of five rows that share their luck: as single rows they would raise alarm too often."""
    group = np.random.default_rng(0).permutation(np.arange(200) // 5)
    assert shown(group=group) <= 0.09
    alarms = 0
    for k in range(400):
        d, psi, layout = rows(np.random.default_rng(k), group=group)
        alone = Layout(layout.y, layout.run, layout.seed, np.arange(200))
        alarms += set_test([d], psi, alone).p < 0.05
    assert alarms / 400 > 0.12


def test_several_seeds_add_what_they_differ_by():
    r = np.random.default_rng(0)
    d, psi, layout = rows(r)
    two = Layout(np.tile(layout.y, 2), np.repeat([0, 1], 200), np.array([0, 1]), np.tile(layout.group, 2))
    near = set_test([d, d], np.tile(psi, 2), two)
    far = set_test([d - 0.2, d + 0.2], np.tile(psi, 2), two)
    assert near.mean == pytest.approx(far.mean)
    assert near.error == pytest.approx(set_test([d], psi, layout).error)  # no new rows, no new luck
    assert far.error > 2 * near.error


def test_no_difference_and_wrong_shapes():
    _, psi, layout = rows(np.random.default_rng(0))
    same = set_test([0.0], np.zeros(200), layout)
    assert (same.p, same.low, same.high) == (1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="the layout has 1 runs"):
        set_test([0.1, 0.2], psi, layout)
    with pytest.raises(ValueError, match="every run needs a finite score"):
        set_test([np.nan], psi, layout)
