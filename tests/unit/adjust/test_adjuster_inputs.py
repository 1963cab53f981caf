"""Errors name the row, the value and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.adjust import check_labels, check_logits, check_probabilities, log_probabilities

GOOD = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])


def with_row(row: int, values: list[float]) -> np.ndarray:
    out = GOOD.copy()
    out[row] = values
    return out


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: check_probabilities(with_row(1, [0.2, 0.7])), "row 1 sums to 0.9"),
        (lambda: check_probabilities(with_row(2, [3.0, -2.0])), r"row 2 holds -2\.\.3.*logits"),
        (lambda: check_probabilities(with_row(0, [np.nan, 1.0])), "row 0 holds nan"),
        (lambda: check_probabilities(GOOD[0]), "shape"),
        (lambda: check_probabilities(GOOD[:0]), "at least one row"),
        (lambda: check_logits(GOOD), "look like probabilities"),
        (lambda: check_logits(np.array([[1.0], [2.0]])), "two classes"),
        (lambda: check_logits(np.array([[0.0, 1.0], [2.0, -np.inf]])), "row 1 holds -inf"),
        (lambda: check_labels([0, 1, 2], 3, 2), "row 2 is 2; labels must lie in 0..1"),
        (lambda: check_labels([0, -1, 1], 3, 2), "row 1 is -1"),
        (lambda: check_labels([0.0, 1.0], 2, 2), "integers"),
        (lambda: check_labels([0, 1], 3, 2), "one label for each of the 3 rows"),
    ],
)
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_log_probabilities_floor_zeros_and_keep_the_kind() -> None:
    p = np.array([[1.0, 0.0], [0.5, 0.5]])
    z = log_probabilities(torch.from_numpy(p))
    assert isinstance(z, torch.Tensor)
    np.testing.assert_array_equal(z.numpy(), log_probabilities(p))
    assert z.isfinite().all()
    with pytest.raises(ValueError, match="row 0"):
        log_probabilities(np.array([[3.0, -2.0]]))
