"""Influences against a bootstrap, and where rows or classes are few. Derivatives are a law of metrics: tests/laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.comparison import influence as module
from longtail.comparison.influence import influence, parts, smooth, terms_of
from longtail.metrics import evaluate
from longtail.testing.metric import entities_of

C = 4
MEMBERS = {"many": [0], "medium": [1], "few": [2, 3]}
GROUPS = {name: torch.tensor(members) for name, members in MEMBERS.items()}
PRIORS = (None, np.full(C, 1 / C), np.array([0.1, 0.2, 0.3, 0.4]))


def toy(n: int = 300, seed: int = 0, runs: int = 3):
    rng = np.random.default_rng(seed)
    y = np.sort(rng.choice(C, size=n, p=[0.55, 0.3, 0.1, 0.05]))
    y = np.tile(y, runs)
    z = rng.normal(size=(len(y), C)) + 1.5 * np.eye(C)[y]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return y, np.repeat(np.arange(runs), n), p, p.argmax(1)


def of(metric, y, run, p, d, prior=None, classes=C):
    made = smooth()[metric]
    p, label, d = map(torch.as_tensor, (p, y, d))
    entities = entities_of(label, d, classes)
    terms = terms_of(p, label, d, [made], 1 - torch.eye(classes), entities=entities)
    return influence(made, terms, y, run, classes, prior, MEMBERS)


def test_the_smooth_metrics() -> None:
    assert set(smooth()) == {
        "accuracy", "top5_accuracy", "balanced_accuracy", "macro_f1", "macro_f1_argmax", "mcc", "many", "medium", "few",
        "nll", "nll_skill", "brier", "expected_cost", "cost_saving", "entity_f1", "entity_f1_macro",
    }  # fmt: skip


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1", "nll", "mcc", "nll_skill"])
@pytest.mark.parametrize("prior", PRIORS[:2])
def test_the_variance_is_that_of_a_bootstrap_within_classes(metric, prior) -> None:
    y, run, p, d = toy(n=1200)
    psi = of(metric, y, run, p, d, prior)
    linear = np.mean([(psi[run == r] ** 2).sum() for r in range(3)])
    rng, drawn = np.random.default_rng(1), []
    for r in range(3):
        own, values = np.flatnonzero(run == r), []
        blocks = [own[y[own] == c] for c in range(C)]
        for _ in range(250):
            take = np.concatenate([rng.choice(b, size=len(b)) for b in blocks])
            values.append(evaluate(p[take], y[take], prior=prior, metrics=[metric])[metric])
        drawn.append(np.var(values))
    assert linear == pytest.approx(np.mean(drawn), rel=0.15)


@pytest.mark.parametrize("metric", smooth())
@pytest.mark.parametrize("prior", PRIORS)
def test_influences_sum_to_zero_within_a_class_over_all_runs_of_equal_size(metric, prior) -> None:
    y, run, p, d = toy()
    p, d = np.tile(p[:300], (3, 1)), np.tile(d[:300], 3)
    psi = of(metric, y, run, p, d, prior)
    assert np.bincount(y, weights=psi) == pytest.approx(np.zeros(C), abs=1e-12)
    assert np.abs(psi).max() > 1e-4 or metric == "top5_accuracy"


def test_a_single_row_of_a_class_in_a_fold_still_has_an_influence() -> None:
    y = np.array([0, 0, 0, 1, 0, 0, 0, 1])
    run = np.repeat([0, 1], 4)
    d = np.array([0, 0, 0, 1, 0, 0, 0, 0])
    psi = of("balanced_accuracy", y, run, np.eye(2)[d], d, classes=2)
    assert psi[[3, 7]].tolist() == [0.25, -0.25]


def test_where_a_metric_is_not_defined_no_row_moves_it() -> None:
    y, run = np.array([0, 0, 1, 0, 0, 0]), np.repeat([0, 1], 3)
    d = np.array([0, 1, 1, 0, 1, 0])
    psi = of("mcc", y, run, np.eye(C)[d], d)
    assert psi[3:].tolist() == [0, 0, 0]
    assert np.abs(psi[:3]).max() > 0.1
    assert of("few", y, run, np.eye(C)[d], d).tolist() == [0] * 6


def test_classes_that_do_not_occur_leave_numbers_finite() -> None:
    y, d = np.array([0] * 6 + [1] * 2), np.array([0] * 5 + [1] * 3)
    for metric in smooth():
        assert np.isfinite(of(metric, y, np.zeros(8), np.eye(C)[d] * 0.9 + 0.025, d)).all()


def test_rows_may_come_in_chunks(monkeypatch) -> None:
    y, run, p, d = toy()
    whole = of("brier", y, run, p, d, PRIORS[1])
    monkeypatch.setattr(module, "CHUNK", 50)
    assert of("brier", y, run, p, d, PRIORS[1]).tolist() == whole.tolist()


def test_parts_of_one_run() -> None:
    assert parts(np.zeros(4)) == [slice(0, 4)]
