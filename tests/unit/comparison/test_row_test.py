"""The test on rows: one rule for p and interval, what does not make it surer, and false alarms by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from longtail.comparison.influence import influence, smooth, terms_of
from longtail.comparison.row_test import TRAINING, Layout, expected_of_winner, row_test, welch
from longtail.comparison.statistics import corrected_t_test, t_quantile


def decision_influence(y, run, d, classes, metric):
    """The influence of each row on a metric of decisions."""
    made = smooth()[metric]
    terms = terms_of(torch.eye(classes)[d], torch.as_tensor(y), torch.as_tensor(d), [made])
    return influence(made, terms, y, run, classes)


def two(seed: int = 0, n: int = 240, k: int = 4, gap: float = 0.03):
    """Right and wrong decisions of two recipes on two classes: scores by fold, influences and layout."""
    rng = np.random.default_rng(seed)
    y = np.tile(np.repeat([0, 1], [n // k * 3 // 4, n // k // 4]), k)
    run = np.repeat(np.arange(k), n // k)
    hit = [rng.random(n) < rate for rate in (0.8, 0.8 - gap)]
    decisions = [np.where(h, y, 1 - y) for h in hit]
    psi = [decision_influence(y, run, d, 2, "balanced_accuracy") for d in decisions]
    score = [
        np.array([np.mean([h[(run == r) & (y == c)].mean() for c in (0, 1)]) for r in range(k)]) for h in hit
    ]
    return score[0] - score[1], psi[0] - psi[1], Layout(y, run, np.zeros(k), np.arange(n))


def test_the_interval_leaves_0_out_exactly_where_p_is_below_5_percent() -> None:
    sides = set()
    for seed in range(60):
        found = row_test(*two(seed, gap=0.12))
        sides.add(found.p < 0.05)
        assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
    assert sides == {True, False}


def test_by_hand() -> None:
    d, psi, layout = two(3)
    found = row_test(d, psi, layout)
    size = np.bincount(layout.y)
    rows = sum((psi[layout.y == c] ** 2).sum() * size[c] / (size[c] - 1) for c in (0, 1)) / 16
    folds = d.var(ddof=1) / 4
    assert found.error**2 == pytest.approx(rows + max(TRAINING * rows, folds))
    assert found.high - found.mean == pytest.approx(t_quantile(0.95, found.degrees) * found.error)
    assert found.mean == pytest.approx(d.mean())


def test_training_counts_at_least_half_and_folds_that_differ_more_count_more() -> None:
    _, psi, layout = two(3)
    level = row_test(np.full(4, 0.05), psi, layout)
    rows = layout.variance(psi)[0]
    assert level.error**2 == pytest.approx(1.5 * rows)
    wild = row_test([0.35, -0.25, 0.35, -0.25], psi, layout)
    assert wild.error > 2 * level.error
    assert wild.degrees < 5 < level.degrees


def test_the_same_rows_again_do_not_make_it_surer() -> None:
    """Ten seeds that give the same predictions: p stays where it is, and does not fall."""
    d, psi, layout = two(1, gap=0.1)
    once = row_test(d, psi, layout)
    for seeds in (3, 10):
        again = Layout(
            np.tile(layout.y, seeds),
            (layout.run + 4 * np.arange(seeds)[:, None]).ravel(),
            np.repeat(np.arange(seeds), 4),
            np.tile(layout.group, seeds),
        )
        found = row_test(np.tile(d, seeds), np.tile(psi, seeds), again)
        assert found.mean == pytest.approx(once.mean)
        assert found.error**2 >= 1.5 * layout.variance(psi)[0] - 1e-12
    one, many = (Layout(layout.y, layout.run, layout.seed, layout.group), again)
    assert many.variance(np.tile(psi, 10))[0] == pytest.approx(one.variance(psi)[0])


def test_rows_with_equal_inputs_count_once() -> None:
    """Every row there twice, in the same fold: no more is known than from one copy."""
    d, psi, layout = two(2)
    order = np.argsort(np.tile(layout.run, 2), kind="stable")
    pair = Layout(
        np.tile(layout.y, 2)[order],
        np.tile(layout.run, 2)[order],
        layout.seed,
        np.tile(layout.group, 2)[order],
    )
    halved = np.tile(psi, 2)[order] / 2  # a row of twice as many weighs half
    once, twice = row_test(d, psi, layout), row_test(d, halved, pair)
    assert twice.error == pytest.approx(once.error)
    apart = Layout(pair.y, pair.run, pair.seed, np.arange(len(pair.y)))
    assert apart.variance(halved)[0] == pytest.approx(
        once.error**2 / 3, rel=0.35
    )  # half, were they different


def test_nothing_differs_and_all_differ_alike() -> None:
    _, psi, layout = two()
    same = row_test(np.zeros(4), 0 * psi, layout)
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)
    alike = row_test(np.full(4, 0.1), 0 * psi, layout)
    assert alike.mean == pytest.approx(0.1)
    assert math.isnan(alike.p)


@pytest.mark.parametrize(
    ("d", "says"), [([0.1] * 3, "3.*4 runs"), ([0.1, math.nan, 0.1, 0.1], "finite score of both")]
)
def test_bad_input_is_named(d, says) -> None:
    _, psi, layout = two()
    with pytest.raises(ValueError, match=says):
        row_test(d, psi, layout)


def test_welch() -> None:
    assert welch([2.0, 0.0], [5, 1]) == pytest.approx(5)
    assert welch([0.0, 0.0], [5, 1]) == math.inf
    assert welch([1e-200, 1e-200], [3, 3]) == pytest.approx(6)
    assert welch([1.0, 0.0], [0.5, math.inf]) == 1.0


def nearest_mean(x, y, fold, random):
    """Decisions of nearest class means on half of the features, drawn anew in every fold: training is unstable."""
    out = np.empty(len(y), dtype=np.int64)
    for j in range(int(fold.max()) + 1):
        train, keep = fold != j, random.permutation(x.shape[1])[: x.shape[1] // 2]
        means = np.stack([x[train & (y == c)][:, keep].mean(0) for c in range(int(y.max()) + 1)])
        out[~train] = ((x[~train][:, keep, None] - means.T) ** 2).sum(1).argmin(1)
    return out


def test_false_alarms_where_training_is_unstable() -> None:
    """Two equal recipes. By rows alone, as a McNemar test or a bootstrap of the predictions does, every sixth comparison
    "finds" a difference."""
    random, trials, k, c = np.random.default_rng(5), 250, 3, 3
    y = np.repeat(np.arange(c), [120, 60, 30])
    fold = np.concatenate([np.arange(n) % k for n in (120, 60, 30)])
    order = np.argsort(fold, kind="stable")
    layout = Layout(y[order], fold[order], np.zeros(k), order)
    alarms = {"rows and training": 0, "rows alone": 0}
    for _ in range(trials):
        x = random.normal(size=(len(y), 8)) + 0.8 * np.random.default_rng(0).normal(size=(c, 8))[y]
        psi, score = [], []
        for _ in range(2):
            d = nearest_mean(x, y, fold, random)
            psi.append(decision_influence(layout.y, layout.run, d[order], c, "balanced_accuracy"))
            hit = d == y
            score.append([np.mean([hit[(fold == j) & (y == a)].mean() for a in range(c)]) for j in range(k)])
        difference, moved = np.subtract(*score), psi[0] - psi[1]
        alarms["rows and training"] += row_test(difference, moved, layout).p < 0.05
        alarms["rows alone"] += abs(difference.mean()) > 1.96 * math.sqrt(layout.variance(moved)[0])
    assert alarms["rows and training"] <= 0.06 * trials
    assert alarms["rows alone"] > 0.12 * trials


def test_three_folds_show_a_clear_loser() -> None:
    """Some .64 against .96 in a table of twelve recipes (66 pairs): the t-test on three folds can hardly ever say so."""
    shown = {"rows": 0, "folds": 0}
    for seed in range(40):
        d, psi, layout = two(seed, n=480, k=3, gap=0.32)
        shown["rows"] += 66 * row_test(d, psi, layout).p < 0.05
        shown["folds"] += 66 * corrected_t_test(d.tolist(), 1 / 3)[3] < 0.05
    assert shown["rows"] >= 24
    assert shown["folds"] <= 4


def test_the_winner_of_equal_recipes_owes_its_lead_to_luck() -> None:
    random, excess, corrected = np.random.default_rng(0), [], []
    for _ in range(200):
        moved = random.normal(size=(10, 200)) * 0.02 / math.sqrt(200)
        score = 0.7 + 0.02 * random.normal(size=10)
        excess.append(score.max() - 0.7)
        corrected.append(expected_of_winner(score, moved, draws=500) - 0.7)
    assert np.mean(excess) > 0.025
    assert abs(np.mean(corrected)) < 0.2 * np.mean(excess)


def test_a_clear_winner_owes_nothing_to_luck() -> None:
    moved = np.random.default_rng(0).normal(size=(5, 200)) * 0.01 / math.sqrt(200)
    score = np.array([0.9, 0.5, 0.5, 0.4, 0.3])
    assert expected_of_winner(score, moved) == pytest.approx(0.9, abs=1e-3)
