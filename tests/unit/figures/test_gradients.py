"""gradients: what is drawn against derivatives by hand and against GHM-C's definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.figures import named
from longtail.figures.gradients import log_odds, pulls
from longtail.labels import Labels


@pytest.fixture(scope="module")
def rows() -> tuple[torch.Tensor, Labels]:
    draw = torch.Generator().manual_seed(1)
    return 3 * torch.randn(200, 4, generator=draw), Labels.of(torch.randint(0, 4, (200,), generator=draw))


def test_log_odds_are_those_of_the_softmax(rows):
    p = torch.softmax(rows[0].double(), 1)
    assert torch.allclose(log_odds(rows[0]), (p / (1 - p)).log())
    sure = log_odds(torch.tensor([[0.0, 900.0]]))
    assert sure.tolist() == [[-900.0, 900.0]]


def test_pulls_are_the_papers(rows):
    logits, labels = rows
    p = torch.softmax(logits.double(), 1).numpy()
    error = p - np.eye(4)[labels.y.numpy()]
    found = pulls(logits, labels, gamma=2.0)
    assert found["CE"].numpy() == pytest.approx(np.linalg.norm(error, axis=1), abs=1e-5)
    p_t = p[np.arange(200), labels.y]
    factor = (1 - p_t) ** 2 - 2 * p_t * (1 - p_t) * np.log(p_t)  # dFL/dlog p_t over dCE/dlog p_t
    assert found["focal"].numpy() == pytest.approx(factor * np.linalg.norm(error, axis=1), abs=1e-5)
    slot = np.minimum((np.abs(error) * 30).astype(int), 29)
    held = np.bincount(slot.ravel(), minlength=30)
    weight = error.size / (np.maximum(held, 1) * (held > 0).sum())
    assert found["GHM-C"].numpy() == pytest.approx(np.linalg.norm(weight[slot] * error, axis=1), rel=1e-4)


def test_what_is_drawn_adds_up(subject):
    figure = named("gradients")
    drawn = figure.of(subject, easy=0.2, outlying=0.8)
    found = drawn.numbers
    assert sum(map(sum, found["share"].values())) == pytest.approx(1)
    assert sum(found["rows"].values()) == pytest.approx(1)
    judged = subject.judged()
    p = torch.softmax(judged.logits.double(), 1)
    norm = (p - torch.eye(3)[judged.labels.y]).norm(dim=1) / 2**0.5
    assert found["rows"]["easy"] == pytest.approx(float((norm < 0.2).double().mean()))
    assert found["rows"]["outlying"] == pytest.approx(float((norm > 0.8).double().mean()))
    pull = norm[norm > 0.8].sum() / norm.sum()
    assert found["pull_by_sort"]["CE"]["outlying"] == pytest.approx(float(pull), abs=1e-5)
    for pulls_by_norm in found["pull"].values():
        assert sum(pulls_by_norm) == pytest.approx(1)
    assert "each judged by erm trained on the other 2 of 3 folds (2 epochs)" in drawn.caption


def test_rows_that_trained_are_said_to_be(subject):
    assert "erm was trained on them" in named("gradients").of(subject, held=False).caption


def test_limits_must_part(subject):
    with pytest.raises(ValueError, match=r"easy=0\.9 and outlying=0\.5 must part"):
        named("gradients").of(subject, easy=0.9, outlying=0.5)
