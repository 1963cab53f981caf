"""Open-set evaluation against a slow reference written from the paper's counts, and scikit-learn's AUROC."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from longtail.metrics import open_set, threshold_for, unknown_score


def draw(n=400, c=5, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, c)) * 2
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    y = np.where(rng.random(n) < 0.3, -1, p.argmax(1))
    return p, np.where((rng.random(n) < 0.25) & (y >= 0), rng.integers(0, c, n), y)


def slow(p, y, probability):
    """F of the paper: predictions below the probability are 'unknown'; counted one by one."""
    tp = fp = fn = 0
    for row, label in zip(p, y):
        guess = int(row.argmax()) if row.max() >= probability else -1
        tp += guess == label and label != -1
        fp += guess != label and label != -1
        fn += guess != label and label == -1
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return precision, recall, 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("probability", [0.1, 0.4, 0.6, 0.8])
def test_is_the_slow_reference(probability):
    p, y = draw()
    found = open_set(p, y, threshold=1 - probability)
    expected = slow(p, y, probability)
    assert (found["precision"], found["recall"], found["f_measure"]) == pytest.approx(expected)
    accepted = p.max(1) >= probability
    assert found["known_rejected"] == pytest.approx(1 - accepted[y >= 0].mean())
    assert found["unknown_rejected"] == pytest.approx(1 - accepted[y < 0].mean())
    assert found["known_accuracy"] == pytest.approx(((p.argmax(1) == y) & accepted)[y >= 0].mean())
    assert found["auroc"] == pytest.approx(roc_auc_score(y < 0, 1 - p.max(1)))


def test_a_score_of_ones_own_and_ties():
    p, y = draw()
    score = np.round(p[:, 0], 1)
    found = open_set(torch.tensor(p), torch.tensor(y), threshold=0.5, score=score)
    assert found["auroc"] == pytest.approx(roc_auc_score(y < 0, score))
    assert found["unknown_rejected"] == pytest.approx((score > 0.5)[y < 0].mean())


def test_without_unknown_inputs_it_is_accuracy():
    p, y = draw()
    found = open_set(p[y >= 0], y[y >= 0], threshold=1.0)
    assert found["precision"] == pytest.approx((p.argmax(1) == y)[y >= 0].mean())
    assert found["recall"] == 1
    assert math.isnan(found["unknown_rejected"])
    assert math.isnan(found["auroc"])


def test_everything_rejected_is_zero():
    p, y = draw()
    found = open_set(p, y, threshold=0.0)
    assert (found["f_measure"], found["precision"], found["unknown_rejected"]) == (0, 0, 1)


@pytest.mark.parametrize("rejected", [0.0, 0.05, 0.5])
def test_the_threshold_rejects_that_share_of_known_inputs(rejected):
    score = unknown_score(draw()[0])
    assert float((score > threshold_for(score, rejected)).double().mean()) == pytest.approx(
        rejected, abs=1 / 400
    )


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (lambda p, y: open_set(p, y - 1), "class indices must lie"),
        (lambda p, y: open_set(p, np.full(len(y), -1)), "known ones too"),
        (lambda p, y: open_set(p, y, score=np.ones(3)), "score has shape"),
        (lambda p, y: open_set(p, y, threshold=float("nan")), "threshold=nan"),
        (lambda p, y: threshold_for([]), "0 entries"),
        (lambda p, y: threshold_for([0.1], rejected=1.0), "rejected=1.0"),
    ],
)
def test_bad_arguments_say_what_they_got(bad, match):
    with pytest.raises(ValueError, match=match):
        bad(*draw())
