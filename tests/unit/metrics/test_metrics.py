"""Metrics against scikit-learn, imbalanced-learn and slow loops; priors, absent classes, streaming, bad
input."""

from __future__ import annotations

import math
import pickle
import sys

import numpy as np
import pytest
import torch
from imblearn.metrics import geometric_mean_score
from sklearn import metrics as sk

from longtail.labels import Labels
from longtail.metrics import (
    Streaming,
    class_weights,
    classwise_calibration_error,
    confusion,
    evaluate,
    found,
    importance,
    max_calibration_error,
    per_class,
    reliability,
)
from longtail.testing.ranks import on_ranks

GROUPS = {"many": torch.tensor([0, 1]), "medium": torch.tensor([2]), "few": torch.tensor([3, 4])}


def sample(n: int = 400, c: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Long-tailed labels and probabilities that are informative but wrong often enough."""
    rng = np.random.default_rng(seed)
    y = rng.choice(c, size=n, p=(w := 0.5 ** np.arange(c)) / w.sum())
    y[:c] = np.arange(c)
    z = rng.normal(size=(n, c)) * 1.5
    z[np.arange(n), y] += 1.0
    e = np.exp(z)
    return e / e.sum(1, keepdims=True), y


def slow_ece(conf: np.ndarray, hit: np.ndarray, w: np.ndarray, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        lo, hi = b / bins, (b + 1) / bins
        inside = [i for i in range(len(conf)) if lo < conf[i] <= hi or (b == 0 and conf[i] == 0)]
        total += abs(sum(w[i] * (hit[i] - conf[i]) for i in inside))
    return total / w.sum()


@pytest.mark.parametrize("prior", [None, [0.2] * 5, [0.1, 0.1, 0.1, 0.1, 0.6]])
def test_equals_scikit_learn(prior: list[float] | None) -> None:
    p, y = sample()
    w = np.ones(len(y)) if prior is None else importance(y, prior).numpy()
    d = p.argmax(1)
    got = evaluate(p, y, prior=prior, groups=GROUPS)
    recall = sk.recall_score(y, d, average=None)
    want = {
        "accuracy": sk.accuracy_score(y, d, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, d),
        "macro_f1": sk.f1_score(y, d, average="macro", sample_weight=w),
        "g_mean": geometric_mean_score(y, d, average="multiclass"),
        "worst_class_recall": recall.min(),
        "many": recall[[0, 1]].mean(),
        "medium": recall[2],
        "few": recall[[3, 4]].mean(),
        "nll": sk.log_loss(y, p, sample_weight=w),
        "brier": np.average(((p - np.eye(5)[y]) ** 2).sum(1), weights=w),
        "ece": slow_ece(p.max(1), (d == y).astype(float), w, 15),
        "classwise_ece": np.mean([slow_ece(p[:, c], (y == c).astype(float), w, 15) for c in range(5)]),
    }
    assert {name: got[name] for name in want} == pytest.approx(want, rel=1e-12)
    absent = {"top5_accuracy", "expected_cost", "cost_saving"}  # of five classes, and without costs
    absent |= {"entity_f1", "entity_f1_macro"}  # and these are no tokens
    assert list(got) == [name for name in found() if name not in absent]


def test_weights_make_it_the_expectation_under_the_prior() -> None:
    """Weighting a long-tailed set to a prior gives what a set drawn under that prior gives: repeat rows
    instead."""
    p, y = sample(60, 3)
    n = np.bincount(y)
    repeat = math.lcm(*n.tolist()) // n  # every class equally often
    again = np.repeat(np.arange(60), repeat[y])
    got = evaluate(p, y, prior=[1 / 3] * 3, rarest=2)
    assert got == pytest.approx(evaluate(p[again], y[again], rarest=2), rel=1e-12)


def test_natural_prior_given_or_left_out_is_the_same() -> None:
    p, y = sample()
    own = np.bincount(y) / len(y)
    assert evaluate(p, y, prior=own) == pytest.approx(evaluate(p, y), rel=1e-12)


def test_per_class_and_confusion_equal_scikit_learn() -> None:
    p, y = sample()
    d = p.argmax(1)
    for prior in (None, [0.2] * 5):
        w = np.ones(len(y)) if prior is None else importance(y, prior).numpy()
        got = per_class(p, y, prior=prior)
        want = sk.precision_recall_fscore_support(y, d, sample_weight=w)
        np.testing.assert_allclose(got["precision"], want[0])
        np.testing.assert_allclose(got["recall"], want[1])
        np.testing.assert_allclose(got["f1"], want[2])
        assert got["support"].tolist() == np.bincount(y).tolist()
        np.testing.assert_allclose(confusion(y, d, 5, w), sk.confusion_matrix(y, d, sample_weight=w))


def test_absent_class_is_left_out_and_a_decision_for_it_costs_f1() -> None:
    p = [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]]
    got = evaluate(p, [0, 1, 1], groups={"many": torch.tensor([0, 1]), "few": torch.tensor([2])})
    assert got["balanced_accuracy"] == 0.75
    assert got["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)  # class 2 was decided for, wrongly
    assert math.isnan(got["few"])
    assert got["many"] == 0.75
    recall = per_class(p, [0, 1, 1])["recall"]
    assert recall[:2].tolist() == [1.0, 0.5]
    assert math.isnan(recall[2])
    # the mass of an absent class goes to the others in proportion
    assert class_weights([1, 2, 0], [0.25, 0.25, 0.5]).tolist() == [1.5, 0.75, 0]


def test_class_with_prior_zero_weighs_nothing() -> None:
    p, y = sample()
    with_zero = evaluate(p, y, prior=[0.5, 0.5, 0, 0, 0])
    keep = y < 2
    want = evaluate(p[keep], y[keep], prior=[0.5, 0.5, 0, 0, 0])
    assert with_zero == pytest.approx(want, rel=1e-12)


def test_decisions_change_decisions_only() -> None:
    p, y = sample()
    perfect = evaluate(p, y, decisions=y)
    assert perfect["accuracy"] == perfect["macro_f1"] == perfect["worst_class_recall"] == 1
    plain = evaluate(p, y)
    for name in ("nll", "brier", "ece", "classwise_ece"):
        assert perfect[name] == plain[name]


def test_group_thresholds_of_labels_feed_evaluate() -> None:
    labels = Labels.of([0] * 150 + [1] * 50 + [2] * 5)
    got = evaluate(np.eye(3), [0, 1, 2], groups=labels.classes.groups())
    assert [got[g] for g in ("many", "medium", "few")] == [1, 1, 1]


def test_certain_mistake_is_finite_and_zero_probability_is_binned() -> None:
    got = evaluate([[1.0, 0.0]], [1])
    assert got["nll"] == pytest.approx(-math.log(np.finfo(float).eps))
    assert got["brier"] == 2
    assert got["ece"] == got["classwise_ece"] == 1


def test_reliability_bins_are_closed_on_the_right() -> None:
    got = reliability([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]], [0, 1, 0], bins=2)
    assert got["weight"].tolist() == [1, 2]
    assert got["confidence"].tolist() == [0.5, 0.875]
    assert got["accuracy"].tolist() == [1, 0.5]
    assert max_calibration_error(got) == 0.5


def test_classwise_error_of_true_probabilities_is_small_and_of_wrong_ones_is_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], size=20000)
    y = np.array([rng.choice(3, p=row) for row in p])
    assert classwise_calibration_error(p, y) < 0.02
    sharp = p**3 / (p**3).sum(1, keepdims=True)
    assert classwise_calibration_error(sharp, y) > 0.05


@pytest.mark.parametrize("prior", [None, [0.2] * 5])
def test_streaming_equals_whole(prior: list[float] | None) -> None:
    p, y = sample()
    d = np.random.default_rng(1).integers(0, 5, len(y))
    made = {"prior": prior, "counts": np.bincount(y), "groups": GROUPS, "bins": 10}
    parts = [Streaming(5, **made) for _ in range(2)]
    for i in range(0, len(y), 70):
        parts[(i // 70) % 2].update(p[i : i + 70], y[i : i + 70], d[i : i + 70])
    whole = pickle.loads(pickle.dumps(parts[0]))
    whole.merge(parts[1])
    want = evaluate(p, y, prior=prior, groups=GROUPS, decisions=d, bins=10)
    got = whole.compute()
    assert got == pytest.approx({name: want[name] for name in got}, rel=1e-12)
    assert {name for name in want if name not in got} == {n for n in want if found()[n].needs == "order"}


def test_large_inputs_are_taken_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    p, y = sample()
    whole = evaluate(p, y, decisions=y[::-1].copy())
    monkeypatch.setattr(sys.modules["longtail.metrics.evaluate"], "CHUNK", 37 * 5)
    assert evaluate(p, y, decisions=y[::-1].copy()) == pytest.approx(whole, rel=1e-12)


def test_inputs_of_any_kind_agree() -> None:
    p, y = sample()
    want = evaluate(p, y)
    assert evaluate(torch.tensor(p), torch.tensor(y)) == want
    assert evaluate(p.tolist(), y.tolist()) == want
    assert evaluate(p[::-1], y[::-1].astype(np.int16)) == pytest.approx(want)
    p.flags.writeable = False
    assert evaluate(p, y) == want
    assert evaluate(torch.tensor(p).float(), y) == pytest.approx(want, rel=1e-4)


def _rank(rank: int, folder: str) -> None:
    p, y = sample()
    s = Streaming(5, prior=[0.2] * 5, counts=np.bincount(y), groups=GROUPS)
    s.update(p[rank::2], y[rank::2])
    s.all_reduce()
    torch.save(s.compute(), f"{folder}/{rank}.pt")


def test_two_ranks_equal_one(tmp_path: object) -> None:
    on_ranks(_rank, 2, str(tmp_path))
    p, y = sample()
    want = evaluate(p, y, prior=[0.2] * 5, groups=GROUPS)
    for rank in range(2):
        got = torch.load(f"{tmp_path}/{rank}.pt")
        assert got == pytest.approx({name: want[name] for name in got}, rel=1e-12)


OK = [[0.5, 0.5], [0.1, 0.9]]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: evaluate([[2.0, -1.0]], [0]), ValueError, "softmax"),
        (lambda: evaluate([[2.0, 3.0]], [0]), ValueError, "softmax"),
        (lambda: evaluate([[math.nan, 1.0]], [0]), ValueError, "nan"),
        (lambda: evaluate(np.zeros((0, 2)), np.zeros(0, int)), ValueError, "at least one row"),
        (lambda: evaluate([0.5, 0.5], [0]), ValueError, r"\[N, C\]"),
        (lambda: evaluate(OK, [0, 2]), ValueError, "0..1"),
        (lambda: evaluate(OK, [0, -100]), ValueError, "0..1"),
        (lambda: evaluate(OK, [0]), ValueError, "1 entries for 2 rows"),
        (lambda: evaluate(OK, [0.0, 1.0]), TypeError, "integer"),
        (lambda: evaluate(OK, [0, 1], decisions=[0, 7]), ValueError, "decisions"),
        (lambda: evaluate(OK, [0, 1], prior=[1.0]), ValueError, "one number for each of 2 classes"),
        (lambda: evaluate(OK, [0, 1], prior=[9.0, 1.0]), ValueError, "sums to 10, not 1"),
        (lambda: evaluate(OK, [0, 1], prior=[1.5, -0.5]), ValueError, "numbers from 0 on"),
        (lambda: evaluate(OK, [0, 0], prior=[0.0, 1.0]), ValueError, "without an example"),
        (lambda: evaluate(OK, [0, 1], bins=0), ValueError, "bins=0"),
        (lambda: Streaming(2, prior=[0.5, 0.5]), ValueError, "counts"),
        (lambda: Streaming(2, counts=[1, 2, 3]), ValueError, "counts"),
        (lambda: Streaming(2).compute(), ValueError, "call update"),
        (lambda: Streaming(3).update(OK, [0, 1]), ValueError, "num_classes=3"),
        (lambda: Streaming(2).merge(Streaming(2, bins=3)), ValueError, "merge"),
        (lambda: evaluate(OK, [0, 1], weight=[1.0]), ValueError, "weight has shape"),
        (lambda: evaluate(OK, [0, 1], weight=[1.0, -1.0]), ValueError, "at least 0"),
        (lambda: evaluate(OK, [0, 1], metrics=["f2"]), ValueError, "no metric 'f2'"),
        (lambda: Streaming(2, metrics=["roc_auc"]), ValueError, "order of all rows"),
        (lambda: reliability(OK, [0, 1], weight=[1.0]), ValueError, "one length"),
    ],
)
def test_bad_input_is_named(call: object, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()  # type: ignore[operator]


def test_weights_and_a_prior_go_together() -> None:
    """A prior moves the sums of each class's weights: within a class rows keep their weights against each other."""
    p, y = sample()
    own = np.random.default_rng(3).random(len(y)) * 0.01
    prior = [0.2] * 5
    share = np.bincount(y, weights=own)
    want = sk.accuracy_score(y, p.argmax(1), sample_weight=own * (np.array(prior) / share)[y])
    assert evaluate(p, y, prior=prior, weight=own)["accuracy"] == pytest.approx(want, rel=1e-12)
    got = evaluate(p, y, weight=own)["balanced_accuracy"]
    assert got == pytest.approx(sk.balanced_accuracy_score(y, p.argmax(1), sample_weight=own), rel=1e-12)
