"""Influences against the metrics themselves: values, numeric derivatives, and a bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.comparison.influence import (
    GROUPS,
    decision_influence,
    decision_table,
    loss_influence,
    parts,
)
from longtail.metrics import evaluate

C = 4
MEMBERS = {"many": [0], "medium": [1], "few": [2, 3]}
PRIORS = (None, np.full(C, 1 / C), np.array([0.1, 0.2, 0.3, 0.4]))


def toy(n: int = 300, seed: int = 0, runs: int = 3):
    rng = np.random.default_rng(seed)
    y = np.sort(rng.choice(C, size=n, p=[0.55, 0.3, 0.1, 0.05]))
    y = np.tile(y, runs)
    z = rng.normal(size=(len(y), C)) + 1.5 * np.eye(C)[y]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return y, np.repeat(np.arange(runs), n), p, p.argmax(1)


def table_of(y, d, weight=None):
    return np.bincount(y * C + d, weights=weight, minlength=C * C).reshape(C, C)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1", *GROUPS])
def test_values_are_those_of_evaluate_and_derivatives_are_numeric(metric, prior) -> None:
    y, _, p, d = toy(runs=1)
    want = evaluate(p, y, prior=prior, groups={k: np.array(v) for k, v in MEMBERS.items()})[metric]
    m = table_of(y, d).astype(float)
    value, table = decision_table(m, metric, prior, MEMBERS)
    assert value == pytest.approx(want)
    step = 1e-5
    for c in range(C):
        for a in range(C):
            for b in range(C):
                moved = m.copy()  # a row of class c is decided b instead of a: the class keeps its size
                moved[c, a] -= step
                moved[c, b] += step
                if moved.min() < 0:
                    continue
                slope = (decision_table(moved, metric, prior, MEMBERS)[0] - value) / step
                assert slope == pytest.approx(table[c, b] - table[c, a], abs=1e-6)


def test_classes_that_do_not_occur() -> None:
    m = np.zeros((C, C))
    m[0, 0], m[0, 1], m[1, 1] = 5, 1, 2
    for metric, want in (("balanced_accuracy", (5 / 6 + 1) / 2), ("macro_f1", (10 / 11 + 4 / 5) / 2)):
        value, table = decision_table(m, metric)
        assert value == pytest.approx(want)
        assert np.isfinite(table).all()
    assert np.isnan(decision_table(m, "few", None, MEMBERS)[0])
    with pytest.raises(ValueError, match="metric='auc'"):
        decision_table(m, "auc")


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1", "nll"])
@pytest.mark.parametrize("prior", PRIORS[:2])
def test_the_variance_is_that_of_a_bootstrap_within_classes(metric, prior) -> None:
    y, run, p, d = toy(n=1200)
    loss = -np.log(p[np.arange(len(y)), y])
    if metric == "nll":
        psi = loss_influence(y, run, loss, C, prior)
    else:
        psi = decision_influence(y, run, d, C, metric, prior)
    linear = np.mean([(psi[run == r] ** 2).sum() for r in range(3)])
    rng, drawn = np.random.default_rng(1), []
    for r in range(3):
        own, values = np.flatnonzero(run == r), []
        blocks = [own[y[own] == c] for c in range(C)]
        for _ in range(250):
            take = np.concatenate([rng.choice(b, size=len(b)) for b in blocks])
            if metric == "nll":
                w = np.ones(C) if prior is None else prior / (np.bincount(y[own], minlength=C) / len(own))
                values.append(np.average(loss[take], weights=w[y[take]]))
            else:
                values.append(decision_table(table_of(y[take], d[take]), metric, prior)[0])
        drawn.append(np.var(values))
    assert linear == pytest.approx(np.mean(drawn), rel=0.15)


def test_influences_sum_to_zero_within_a_class_over_all_runs_of_equal_size() -> None:
    y, run, p, d = toy()
    psi = decision_influence(y, run, d, C, "balanced_accuracy")
    assert np.bincount(y, weights=psi) == pytest.approx(np.zeros(C), abs=1e-12)
    psi = loss_influence(y, run, -np.log(p[np.arange(len(y)), y]), C, PRIORS[1])
    assert np.bincount(y, weights=psi) == pytest.approx(np.zeros(C), abs=1e-12)


def test_a_single_row_of_a_class_in_a_fold_still_has_an_influence() -> None:
    y = np.array([0, 0, 0, 1, 0, 0, 0, 1])
    run = np.repeat([0, 1], 4)
    psi = decision_influence(y, run, np.array([0, 0, 0, 1, 0, 0, 0, 0]), 2, "balanced_accuracy")
    assert psi[[3, 7]].tolist() == [0.25, -0.25]


def test_parts_of_one_run() -> None:
    assert parts(np.zeros(4)) == [slice(0, 4)]
