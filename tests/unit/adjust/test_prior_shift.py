"""PriorShift recovers Bayes posteriors, and says what it assumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.adjust import BiasTemperature, Chain, PriorShift, Temperature

MEANS = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])
SOURCE = np.array([0.9, 0.08, 0.02])


def log_posterior(x: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Exact, for unit Gaussians at MEANS."""
    z = np.log(prior) - 0.5 * ((x[:, None] - MEANS) ** 2).sum(-1)
    return z - np.logaddexp.reduce(z, axis=1, keepdims=True)


def draw(n: int, prior: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=prior)
    return MEANS[y] + rng.normal(size=(n, 2)), y


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("to", ["balanced", (0.2, 0.3, 0.5), (0.0, 0.5, 0.5)], ids=str)
def test_the_bayes_posterior_under_the_new_prior(to) -> None:
    x, _ = draw(200, SOURCE)
    target = np.full(3, 1 / 3) if to == "balanced" else np.array(to)
    shift = PriorShift(SOURCE, to=to)
    with np.errstate(divide="ignore"):
        want = np.exp(log_posterior(x, target))
    np.testing.assert_allclose(softmax(shift(log_posterior(x, SOURCE))), want, rtol=1e-10)
    np.testing.assert_allclose(shift.assumes(SOURCE), target, rtol=1e-12)


def test_there_and_back_is_the_identity() -> None:
    z = np.random.default_rng(0).normal(size=(20, 3))
    to = np.array([0.2, 0.3, 0.5])
    back = PriorShift(to, to=SOURCE)(PriorShift(SOURCE, to=to)(z))
    np.testing.assert_allclose(back, z, atol=1e-12)


@pytest.mark.parametrize("neutral", [PriorShift(SOURCE, tau=0.0), PriorShift(SOURCE, to=SOURCE)], ids=repr)
def test_neutral_settings_change_nothing(neutral: PriorShift) -> None:
    z = np.random.default_rng(0).normal(size=(20, 3))
    assert (neutral(z) == z).all()
    assert neutral.keeps_argmax
    np.testing.assert_allclose(neutral.assumes(SOURCE), SOURCE)


def test_the_prior_of_logits_that_assumed_another_one() -> None:
    """Whatever prior r the logits assume, softmax(z + log(to / prior)) assumes r * to / prior."""
    r, x = np.array([0.5, 0.3, 0.2]), draw(50, SOURCE)[0]
    shift = PriorShift(SOURCE, tau=0.7)
    want = np.exp(log_posterior(x, shift.assumes(r)))
    np.testing.assert_allclose(softmax(shift(log_posterior(x, r))), want, rtol=1e-10)


@pytest.mark.parametrize("gain", [1.0, 3.0])
@pytest.mark.parametrize("assumed", [(0.9, 0.08, 0.02), (1 / 3, 1 / 3, 1 / 3), (0.05, 0.15, 0.8)], ids=str)
def test_a_fitted_calibrator_makes_any_prior_known(assumed, gain: float) -> None:
    """Logits of unknown prior and sureness -> fit on natural held-out data -> the balanced Bayes posterior."""
    x, y = draw(20_000, SOURCE)
    z = gain * log_posterior(x, np.array(assumed))
    calibrated = BiasTemperature().fit(z, y)
    held = calibrated.assumes(np.zeros(3))
    np.testing.assert_allclose(held, np.bincount(y) / len(y), rtol=0.02)
    fresh, _ = draw(2000, np.full(3, 1 / 3), seed=1)
    raw = gain * log_posterior(fresh, np.array(assumed))
    got = softmax(PriorShift(held)(calibrated(raw)))
    want = np.exp(log_posterior(fresh, np.full(3, 1 / 3)))
    assert np.abs(got - want).mean() < 0.02
    if gain != 1:
        assert np.abs(softmax(raw) - want).mean() > 0.05  # it was needed


def test_the_fit_finds_the_temperature_and_keeps_calibrated_logits() -> None:
    x, y = draw(20_000, SOURCE)
    z = log_posterior(x, SOURCE)
    assert abs(Temperature().fit(3 * z, y).temperature - 3) < 0.15
    assert abs(Temperature().fit(z, y).temperature - 1) < 0.05


def test_tau_is_tuned_towards_the_better_one() -> None:
    x, y = draw(20_000, SOURCE)
    z, flat = log_posterior(x, SOURCE), log_posterior(x, np.full(3, 1 / 3))
    assert abs(PriorShift(SOURCE, tau=None).fit(z, y).tau - 1) <= 0.2
    assert PriorShift(SOURCE, tau=None).fit(flat, y).tau <= 0.2
    assert PriorShift(SOURCE, tau=0.5).fit(z, y).tau == 0.5


def test_a_chain_is_its_steps() -> None:
    x, y = draw(2000, SOURCE)
    z = 3 * log_posterior(x, SOURCE)
    chain = Chain((BiasTemperature(), PriorShift(SOURCE))).fit(z, y)
    alone = BiasTemperature().fit(z, y)
    np.testing.assert_array_equal(chain(z), PriorShift(SOURCE)(alone(z)))
    assert not chain.keeps_argmax
    assert chain.fitted


def test_a_class_that_was_never_seen() -> None:
    prior = torch.tensor([0.75, 0.25, 0.0], dtype=torch.float64)
    with pytest.raises(ValueError, match="prior is 0 for class 2"):
        PriorShift(prior)
    bias = PriorShift(prior, unseen="rarest").bias.tolist()
    assert bias == pytest.approx([-np.log(0.75), *[-np.log(0.25)] * 2])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"prior": [0.5, 0.4]}, r"prior=\[0.5, 0.4\] sums to 0.9, not 1"),
        ({"prior": [1.5, -0.5]}, r"prior\[1\] is -0.5"),
        ({"prior": [float("nan"), 1.0]}, r"prior\[0\] is nan"),
        ({"prior": [0.5, 0.5], "to": [1.0]}, r"to=\[1.0\] has shape"),
        ({"prior": [0.5, 0.5], "to": "uniform"}, "to='uniform' must be 'balanced'"),
        ({"prior": [0.5, 0.5], "tau": -1.0}, "tau=-1.0"),
        ({"prior": [0.5, 0.5], "unseen": "skip"}, "unseen='skip'"),
    ],
)
def test_bad_settings(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PriorShift(**arguments)
