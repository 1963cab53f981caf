"""The unknown deployment prior is found, with intervals that cover it."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.adjust import estimate_prior

MEANS = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])
SOURCE = np.array([0.8, 0.15, 0.05])
TARGET = np.array([0.2, 0.3, 0.5])


def sample(n: int, prior: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the Bayes classifier for SOURCE, on data from ``prior``."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=prior)
    x = MEANS[y] + rng.normal(size=(n, 2))
    return np.log(SOURCE) - 0.5 * ((x[:, None] - MEANS) ** 2).sum(-1), y


@pytest.mark.parametrize("method", ["em", "bbse"])
def test_it_finds_the_prior_and_covers_it(method: str) -> None:
    held = sample(3000, SOURCE, seed=99) if method == "bbse" else None
    covered = []
    for seed in range(8):
        z, _ = sample(2000, TARGET, seed)
        e = estimate_prior(z, SOURCE, method=method, held=held, resamples=60)
        assert np.abs(np.array(e.prior) - TARGET).max() < 0.06
        assert sum(e.prior) == pytest.approx(1)
        covered += [lo <= t <= hi for lo, t, hi in zip(e.low, TARGET, e.high)]
        assert all(lo <= p <= hi for lo, p, hi in zip(e.low, e.prior, e.high))
    assert np.mean(covered) >= 0.75  # 24 intervals at 95 %


def test_no_shift_is_found_where_there_is_none() -> None:
    e = estimate_prior(sample(3000, SOURCE, 0)[0], SOURCE)
    assert np.abs(np.array(e.prior) - SOURCE).max() < 0.03


def test_a_class_that_is_gone() -> None:
    e = estimate_prior(sample(1000, np.array([0.5, 0.5, 0.0]), 0)[0], SOURCE)
    assert e.prior[2] < 0.02
    assert e.low[2] < 1e-3


def test_fewer_rows_more_uncertainty() -> None:
    width = [
        np.subtract(e.high, e.low).mean()
        for n in (100, 3000)
        if (e := estimate_prior(sample(n, TARGET, 0)[0], SOURCE))
    ]
    assert width[0] > 3 * width[1]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"method": "mle"}, "method='mle'"),
        ({"method": "bbse"}, "needs held"),
        ({"method": "bbse", "held": (np.array([[1.0, 0, 0]]) * 3, np.array([0]))}, "no example of class 1"),
        ({"assumed_prior": [0.9, 0.1, 0.0]}, "assumed_prior is 0 for class 2"),
        ({"assumed_prior": [0.5, 0.5]}, r"assumed_prior=\[0.5, 0.5\] has shape"),
        ({"resamples": 1}, "resamples=1"),
        ({"logits": np.full((3, 3), 1 / 3)}, "probabilities"),
        ({"logits": np.array([[1.0, 2.0, 0.0], [np.inf, 1.0, 0.0]])}, "row 1"),
    ],
)
def test_bad_input(changes, message: str) -> None:
    arguments = {"logits": sample(20, SOURCE, 0)[0], "assumed_prior": SOURCE, **changes}
    with pytest.raises(ValueError, match=message):
        estimate_prior(**arguments)
