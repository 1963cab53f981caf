"""Tests on rows that have weights: a row of weight 2 is a row that is there twice, and both are drawn or neither."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail import api
from longtail.comparison.influence import influence, smooth, terms_of
from longtail.comparison.row_test import Layout, row_test
from longtail.comparison.set_test import set_test
from longtail.metrics import evaluate

C = 3
PRIORS = (None, np.array([0.2, 0.3, 0.5]))


def said(rng: np.random.Generator, n: int):
    """Classes, probabilities and decisions of ``n`` rows."""
    y = np.sort(rng.choice(C, size=n, p=[0.6, 0.3, 0.1]))
    z = rng.normal(size=(n, C)) + 1.2 * np.eye(C)[y]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return y, p, p.argmax(1)


def of(metric, y, p, d, prior, weight=None, run=None):
    made = smooth()[metric]
    t = [torch.as_tensor(v) for v in (p, y, d)]
    run = np.zeros(len(y), dtype=int) if run is None else run
    return influence(made, terms_of(*t, [made], 1 - torch.eye(C)), y, run, C, prior, {"few": [2]}, weight)


METRICS = {name for name, m in smooth().items() if not m.of_sequences} - {"many", "medium", "top5_accuracy"}
"""A row that is there twice makes another sequence."""


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("metric", sorted(METRICS))
def test_whole_weights_are_rows_that_are_there_so_often(metric, prior):
    rng = np.random.default_rng(0)
    y, p, d = said(rng, 200)
    w = rng.integers(0, 4, 200)
    times = np.repeat(np.arange(200), w)
    whole = of(metric, y[times], p[times], d[times], prior)
    by_row = np.bincount(times, weights=whole, minlength=200)
    np.testing.assert_allclose(of(metric, y, p, d, prior, w.astype(float)), by_row, atol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "balanced_accuracy", "nll", "mcc"])
def test_the_variance_is_that_of_a_bootstrap_of_weighted_rows(metric, prior):
    """Rows are drawn within their class with the weight that they have; the weight of a class is held fixed."""
    rng = np.random.default_rng(1)
    y, p, d = said(rng, 500)
    w = rng.lognormal(0.0, 0.7, 500)
    total = np.bincount(y, weights=w)
    linear = (of(metric, y, p, d, prior, w) ** 2).sum()
    blocks, values = [np.flatnonzero(y == c) for c in range(C)], []
    for _ in range(600):
        take = np.concatenate([rng.choice(b, size=len(b)) for b in blocks])
        again = w[take] * (total / np.bincount(y[take], weights=w[take]))[y[take]]
        values.append(evaluate(p[take], y[take], prior=prior, weight=again, metrics=[metric])[metric])
    assert linear == pytest.approx(np.var(values), rel=0.2)


def difference(rng: np.random.Generator, n: int, weight, gain: float, prior=None, copies=None):
    """The weighted accuracy of two recipes that are right by luck, and what each row adds to the difference.

    Args:
        copies: the row that each row is a copy of.
    """
    y = np.repeat([0, 1], [n * 4 // 5, n - n * 4 // 5])
    luck = rng.normal(size=(2, n)) + 0.7 * rng.normal(size=n)
    right = luck > np.array([[-0.6 - gain], [-0.6]])
    at = np.arange(n) if copies is None else copies
    y, right = y[at], right[:, at]
    scores, psi = [], []
    for one in right:
        d = np.where(one, y, 1 - y)
        p = np.eye(2)[d] * 0.8 + 0.1
        made = smooth()["accuracy"]
        t = terms_of(*(torch.as_tensor(v) for v in (p, y, d)), [made])
        psi.append(influence(made, t, y, np.zeros(len(y), dtype=int), 2, prior, None, weight))
        scores.append(evaluate(p, y, weight=weight, prior=prior, metrics=["accuracy"])["accuracy"])
    return scores[0] - scores[1], psi[0] - psi[1], y


def alarms(draw, gain=0.0, tries=200, test=set_test, as_they_are=False, n=200):
    """The share of tries in which a difference is shown between recipes that differ by ``gain``."""
    found = []
    for k in range(tries):
        rng = np.random.default_rng(k)
        w = draw(rng, n)
        d, psi, y = difference(rng, n, w, gain)
        layout = Layout(y, np.zeros(n, dtype=int), np.zeros(1), np.arange(n), None if as_they_are else w)
        found.append(test([d], psi, layout).p < 0.05)
    return float(np.mean(found))


DRAWS = {
    "whole": lambda rng, n: rng.integers(1, 6, n).astype(float),
    "importance": lambda rng, n: rng.lognormal(0.0, 1.0, n),
    "few count": lambda rng, n: np.where(rng.random(n) < 0.25, 4.0, 0.2),
}
SLOW = [pytest.param(name, marks=[pytest.mark.slow] if name != "importance" else []) for name in DRAWS]


@pytest.mark.parametrize("name", SLOW)
def test_false_alarms_on_a_test_set_of_weighted_rows(name):
    assert alarms(DRAWS[name]) <= 0.085
    assert alarms(DRAWS[name], gain=0.8, tries=60) > 0.8


def test_copies_that_are_taken_as_rows_of_their_own_raise_alarm_too_often():
    """As a check of the checks: each row three times. As one cluster there is an alarm in twenty, as rows of their own
    many more."""
    n, apart, joined = 120, [], []
    for k in range(150):
        rng = np.random.default_rng(k)
        copies = np.repeat(np.arange(n), 3)
        d, psi, y = difference(rng, n, None, 0.0, copies=copies)
        for found, group in ((apart, np.arange(3 * n)), (joined, copies)):
            layout = Layout(y, np.zeros(3 * n, dtype=int), np.zeros(1), group)
            found.append(set_test([d], psi, layout).p < 0.05)
    assert np.mean(joined) <= 0.085
    assert np.mean(apart) > 0.15


@pytest.mark.parametrize("name", SLOW)
def test_false_alarms_on_folds_of_weighted_rows(name):
    """Five folds whose models do not differ: the test on folds adds the luck of training, so it is on the safe side."""
    found = []
    for k in range(100):
        rng = np.random.default_rng(k)
        parts = [(*difference(rng, 60, w, 0.0), w) for w in (DRAWS[name](rng, 60) for _ in range(5))]
        d, psi, y, w = zip(*parts)
        layout = Layout(
            np.concatenate(y), np.repeat(np.arange(5), 60), np.zeros(5), np.arange(300), np.concatenate(w)
        )
        found.append(row_test(d, np.concatenate(psi), layout).p < 0.05)
    assert np.mean(found) <= 0.06


def frame(n: int, seed: int):
    import pandas as pd

    rng = np.random.default_rng(seed)
    sick = np.arange(n) % 4 == 0
    return pd.DataFrame(
        {
            "a": rng.normal(size=n) + 1.5 * sick,
            "b": rng.normal(size=n),
            "w": rng.integers(1, 4, n),
            "state": np.where(sick, "sick", "healthy"),
        }
    )


@pytest.mark.parametrize("own", [False, True])
def test_a_comparison_with_weights_is_tested_on_rows(tmp_path, own, monkeypatch):
    """And whole weights give the test of rows that are there so often, where these are in one fold."""
    how = {
        "recipes": ["logistic", "random-under+logistic"],
        "baseline": "logistic",
        "label": "state",
        "model": False,
    }
    test = {"test": frame(160, 1)} if own else {"folds": 3}
    if own:
        monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
    found = api.compare(frame(200, 0), weight="w", out=tmp_path / "a", verbose=0, **test, **how)
    tests = found.record.evidence["natural"]["tests"]
    mean, low, high, p = tests["accuracy"]["logistic"]["random-under+logistic"][:4]
    rows = {row.recipe: row for row in found.rows["natural"]}
    assert mean == pytest.approx(
        rows["random-under+logistic"].mean["accuracy"] - rows["logistic"].mean["accuracy"]
    )
    assert low < mean < high
    assert 0 < p <= 1
    if not own:
        page = " ".join((tmp_path / "a" / "report.html").read_text().split())
        assert "its w says, in training, tuning and scores" in page
        assert "a row is drawn with all its weight" in page
    else:
        again = frame(160, 1)
        again = again.loc[again.index.repeat(again["w"])].drop(columns="w")
        first = frame(200, 0)
        first = first.loc[first.index.repeat(first["w"])].drop(columns="w")
        plain = api.compare(first, test=again, out=tmp_path / "b", verbose=0, **how)
        same = plain.record.evidence["natural"]["tests"]["accuracy"]["logistic"]["random-under+logistic"]
        assert same[0] == pytest.approx(mean, abs=0.02)
        assert same[4] == pytest.approx(tests["accuracy"]["logistic"]["random-under+logistic"][4], rel=0.2)
