"""Thresholds: decisions for a metric; the probabilities stay."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from longtail.adjust import Thresholds, from_json
from longtail.adjust.thresholds import score_decisions
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


def test_two_classes_reach_the_best_single_threshold() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.15).astype(int)
    p1 = 1 / (1 + np.exp(-(2 * y - 2.5 + rng.normal(size=200))))
    p = np.stack([1 - p1, p1], 1)
    best = max(score_decisions((p1 > t).astype(int), y, 2, "macro_f1") for t in np.linspace(0, 1, 2001))
    fitted = Thresholds("macro_f1").fit(p, y)
    assert score_decisions(fitted.decide(p), y, 2, "macro_f1") >= best - 0.01


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


def test_a_cost_matrix_minimises_expected_cost() -> None:
    p, _ = probabilities(100)
    cost = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) ** 1.5
    rule = Thresholds(tuple(map(tuple, cost.tolist())))
    want = [min(range(5), key=lambda k: sum(row[j] * cost[j, k] for j in range(5))) for row in p]
    assert rule.decide(p).tolist() == want
    assert rule.fitted
    assert rule.fit(p, np.zeros(100, dtype=int)) is rule


def test_zero_one_cost_is_the_argmax() -> None:
    p, _ = probabilities(100)
    rule = Thresholds(tuple(map(tuple, (1 - np.eye(5)).tolist())))
    assert (rule.decide(p) == p.argmax(1)).all()


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
    assert fitted.logit_prior(prior) is prior


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"metric": "accuracy"}, "metric='accuracy'"),
        ({"metric": ((0.0, 1.0),)}, "square"),
        ({"metric": ((0.0, 1.0), (1.0, 0.0)), "weights": (1.0, 1.0)}, "needs no weights"),
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
