"""Thresholds: decisions for a metric; the probabilities stay."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pytest
import torch

from longtail.adjust import Thresholds, from_json
from longtail.adjust.thresholds import _line_search, fit_weights, score_decisions
from longtail.metrics import evaluate
from longtail.testing.adjuster import held_out


def probabilities(rows: int = 400, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    z, y = held_out(rows, gain)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True), y


@pytest.mark.parametrize(
    "metric, key", [("macro_f1", "macro_f1"), ("balanced_accuracy", "balanced_accuracy")]
)
def test_the_metric_rises_on_held_out_and_on_fresh_data(metric: str, key: str) -> None:
    p, y = probabilities(4000)
    half = slice(0, 2000), slice(2000, None)
    fitted = Thresholds(metric).fit(p[half[0]], y[half[0]])
    for rows, gain in zip(half, (0.02, 0.0)):
        plain = evaluate(p[rows], y[rows])[key]
        tuned = evaluate(p[rows], y[rows], decisions=fitted.decide(p[rows]))[key]
        assert tuned > plain + gain, (tuned, plain)


@pytest.mark.parametrize("metric, beta", [("macro_f1", 1.0), ("f_beta", 2.0), ("balanced_accuracy", 1.0)])
@pytest.mark.parametrize("ties", [False, True])
def test_a_step_finds_the_best_weight_there_is(metric: str, beta: float, ties: bool) -> None:
    """Running sums against scoring every weight at which a decision changes, one by one."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        c, n = int(rng.integers(2, 7)), int(rng.integers(3, 40))
        p = rng.dirichlet(np.full(c, 0.5), n)
        if ties:
            p = np.round(4 * p + 0.1)
            p /= p.sum(1, keepdims=True)
        y = rng.integers(0, rng.integers(1, c + 1), n)  # some classes have no example
        a = rng.uniform(0.2, 5, c)
        for j in range(c):
            others = (p * a).copy()
            others[:, j] = -1.0
            rival, other, own = others.max(1), others.argmax(1), p[:, j]
            between = (a[j] / 1000, a[j] * 1000)
            true = np.bincount(y, minlength=c).astype(float)
            weight, score = _line_search(own, rival, other, y, true, j, between, metric, beta)
            edges = np.unique(rival[own > 0] / own[own > 0])
            edges = edges[(edges > between[0]) & (edges < between[1])]
            edges = np.concatenate([[between[0]], edges, [between[1]]])
            tried = [
                score_decisions(np.where(own * w > rival, j, other), y, c, metric, beta)
                for w in np.sqrt(edges[:-1] * edges[1:])[edges[1:] > edges[:-1] * (1 + 1e-9)]
            ]
            assert score == pytest.approx(max(tried), abs=1e-12)
            reached = score_decisions(np.where(own * weight > rival, j, other), y, c, metric, beta)
            assert reached == pytest.approx(score, abs=1e-12)


def test_many_classes_are_fitted_in_seconds() -> None:
    rng = np.random.default_rng(0)
    z = 1.5 * rng.normal(size=(4000, 200))
    y = rng.integers(0, 200, 4000)
    z[np.arange(4000), y] += 3
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    began = time.process_time()
    fitted = Thresholds("macro_f1").fit(p, y)
    assert time.process_time() - began < 20
    assert len(fitted.weights) == 200


def test_two_classes_reach_the_best_single_threshold() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.15).astype(int)
    p1 = 1 / (1 + np.exp(-(2 * y - 2.5 + rng.normal(size=200))))
    p = np.stack([1 - p1, p1], 1)
    best = max(score_decisions((p1 > t).astype(int), y, 2, "macro_f1") for t in np.linspace(0, 1, 2001))
    found = fit_weights(p, y, "macro_f1")
    assert score_decisions((p * found).argmax(1), y, 2, "macro_f1") >= best - 0.01


def test_few_rows_of_a_class_do_not_move_the_decisions_far() -> None:
    """Four rows of the rare class: weights fitted to the end lose up to .16 macro F1 on fresh rows."""
    centres, counts = 1.8 * np.eye(2), np.array([400, 4])

    def drawn(counts: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.repeat(np.arange(2), counts)
        x = np.random.default_rng(seed).normal(size=(len(y), 2)) + centres[y]
        e = np.exp(1.8 * x) * np.array([400, 4])
        return e / e.sum(1, keepdims=True), y

    fresh, truth = drawn(40 * counts, 99)
    plain = score_decisions(fresh.argmax(1), truth, 2, "macro_f1")
    gains, to_the_end = [], []
    for seed in range(16):
        p, y = drawn(counts, seed)
        decided = Thresholds("macro_f1").fit(p, y).decide(fresh)
        gains.append(score_decisions(decided, truth, 2, "macro_f1") - plain)
        decided = (fresh * fit_weights(p, y, "macro_f1")).argmax(1)
        to_the_end.append(score_decisions(decided, truth, 2, "macro_f1") - plain)
    assert min(gains) > -0.01 > min(to_the_end)
    assert np.mean(gains) > 0


def test_no_gain_on_other_rows_leaves_the_most_probable_class() -> None:
    rng = np.random.default_rng(0)
    p, y = rng.dirichlet(np.ones(3), 60), rng.integers(0, 3, 60)  # nothing to be found
    fitted = [Thresholds("macro_f1").fit(p, rng.permutation(y)).weights for _ in range(20)]
    assert sum(set(w) == {1.0} for w in fitted) >= 8
    assert Thresholds("macro_f1").fit(p[:1], y[:1]).weights == (1.0, 1.0, 1.0)


def test_f_beta_trades_precision_for_recall() -> None:
    p, y = probabilities(2000)
    recall = [np.mean(Thresholds("f_beta", beta=b).fit(p, y).decide(p)[y > 0] > 0) for b in (0.25, 4.0)]
    assert recall[1] > recall[0]


def test_scores_are_the_metrics_room_s() -> None:
    p, y = probabilities(300)
    decided = p.argmax(1)
    want = evaluate(p, y, decisions=decided)
    assert score_decisions(decided, y, 5, "macro_f1") == pytest.approx(want["macro_f1"], rel=1e-12)
    assert score_decisions(decided, y, 5, "balanced_accuracy") == pytest.approx(want["balanced_accuracy"])


@pytest.mark.parametrize("rows", [5, 6, 7])
def test_tiny_held_out_sets(rows: int) -> None:
    p, y = probabilities(rows)
    fitted = Thresholds("macro_f1").fit(p, y)
    assert np.isfinite(fitted.weights).all()
    assert score_decisions(fitted.decide(p), y, 5, "macro_f1") >= score_decisions(
        p.argmax(1), y, 5, "macro_f1"
    )


def test_numpy_and_torch_and_json_agree_and_probabilities_stay() -> None:
    p, y = probabilities()
    kept = p.copy()
    fitted = Thresholds("balanced_accuracy").fit(torch.from_numpy(p), torch.from_numpy(y))
    a, b = fitted.decide(p), fitted.decide(torch.from_numpy(p))
    assert isinstance(b, torch.Tensor)
    assert b.dtype == torch.int64
    assert a.tolist() == b.tolist()
    assert (p == kept).all()
    again = from_json(json.loads(json.dumps(fitted.to_json())))
    assert again.weights == fitted.weights
    prior = np.full(5, 0.2)
    assert fitted.assumes(prior) is prior


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"metric": "accuracy"}, "metric='accuracy'"),
        ({"metric": ((0.0, 1.0), (1.0, 0.0))}, "costs: longtail.costs.Costs"),
        ({"beta": 2.0}, "f_beta"),
        ({"metric": "f_beta", "beta": 0.0}, "beta=0.0"),
        ({"weights": (1.0, -1.0)}, "positive"),
    ],
)
def test_bad_settings(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Thresholds(**arguments)


def test_bad_input() -> None:
    p, y = probabilities(20)
    with pytest.raises(RuntimeError, match="not fitted"):
        Thresholds().decide(p)
    with pytest.raises(ValueError, match="these thresholds know 2"):
        Thresholds(weights=(1.0, 2.0)).decide(p)
    with pytest.raises(ValueError, match="are these logits"):
        Thresholds().fit(held_out(20)[0], y)
    assert list(itertools.islice(Thresholds(weights=(1.0,) * 5).decide(p), 3)) == p[:3].argmax(1).tolist()
