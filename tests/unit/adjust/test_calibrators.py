"""Fitted calibrators against slow independent fits, and on held-out sets too small for comfort."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from longtail.adjust import BiasTemperature, Temperature, VectorScaling
from longtail.testing.adjuster import held_out


def penalised(
    z: np.ndarray, y: np.ndarray, form: str, strength: float
) -> tuple[float, torch.Tensor, torch.Tensor]:
    """The same objective by autograd and torch's own L-BFGS."""
    logits, labels = torch.from_numpy(z), torch.from_numpy(y)
    c = z.shape[1]
    a = torch.zeros(c if form == "vector" else 1, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(c, dtype=torch.float64, requires_grad=True)
    parameters = [a] if form == "temperature" else [a, b]
    optimiser = torch.optim.LBFGS(
        parameters, max_iter=2000, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        scaled = (logits - logits.mean(1, keepdim=True)) * (1 + a) if form == "vector" else logits * a.exp()
        return F.cross_entropy(scaled + b, labels) + strength / len(y) * 0.5 * (a @ a + b @ b)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)
    return float(loss().detach()), a.detach(), b.detach()


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_the_optimum_is_the_optimum(strength: float) -> None:
    z, y = held_out(300)
    _, a, _ = penalised(z, y, "temperature", strength)
    assert Temperature(strength=strength).fit(z, y).temperature == pytest.approx(float((-a).exp()), rel=1e-5)
    _, a, b = penalised(z, y, "bias", strength)
    fitted = BiasTemperature(strength=strength).fit(z, y)
    assert fitted.temperature == pytest.approx(float((-a).exp()), rel=1e-5)
    np.testing.assert_allclose(fitted.bias, b, atol=1e-5)
    _, a, b = penalised(z, y, "vector", strength)
    vector = VectorScaling(strength=strength).fit(z, y)
    np.testing.assert_allclose(vector.scale, 1 + a, atol=1e-5)
    np.testing.assert_allclose(vector.bias, b, atol=1e-5)


def test_biases_make_the_mean_prediction_the_class_frequencies() -> None:
    z, y = held_out(3000)
    fitted = BiasTemperature(strength=1e-6).fit(z, y)
    np.testing.assert_allclose(fitted.assumed_prior, np.bincount(y) / len(y), rtol=1e-4)


@pytest.mark.parametrize("make", [BiasTemperature, VectorScaling])
def test_a_class_absent_from_the_held_out_part_keeps_its_bias(make: type) -> None:
    z, y = held_out(300)
    keep = y != 3
    with pytest.warns(UserWarning, match=r"no held-out example of 1 of 5 classes \(3\)"):
        fitted = make().fit(z[keep], y[keep])
    assert fitted.bias[3] == 0
    assert min(fitted.assumed_prior) > 0
    assert np.isfinite(fitted(z)).all()


@pytest.mark.parametrize("make", [BiasTemperature, VectorScaling])
def test_fewer_examples_than_parameters_is_said_and_safe(make: type) -> None:
    z = np.array([[3.0, 0.0, -1.0], [0.0, 2.0, 0.0]])
    with pytest.warns(UserWarning, match=r"2 held-out examples for [46] parameters|no held-out example of 1"):
        fitted = make().fit(z, np.array([0, 1]))
    assert np.abs(fitted.bias).max() < 2
    assert 0.1 < np.min(fitted.scale) <= np.max(fitted.scale) < 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit(*held_out(300))


@pytest.mark.parametrize("make", [Temperature, BiasTemperature, VectorScaling])
def test_one_example(make: type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = make().fit(np.array([[2.0, 0.0]]), np.array([1]))
    assert np.isfinite(fitted(np.array([[2.0, 0.0]]))).all()


@pytest.mark.parametrize("make", [Temperature, BiasTemperature, VectorScaling])
def test_extreme_logits(make: type) -> None:
    z, y = held_out(300)
    fitted, tame = make().fit(1e4 * z, y), make().fit(z, y)
    assert np.isfinite(fitted(1e4 * z)).all()
    assert np.mean(fitted(1e4 * z).argmax(1) == tame(z).argmax(1)) > 0.95


@pytest.mark.parametrize("make", [Temperature, BiasTemperature, VectorScaling])
def test_not_fitted_is_an_error(make: type) -> None:
    assert not make().fitted
    with pytest.raises(RuntimeError, match="not fitted"):
        make()(np.array([[3.0, -1.0]]))


@pytest.mark.parametrize(
    "make, arguments, message",
    [
        (Temperature, {"temperature": 0.0}, "temperature=0.0"),
        (Temperature, {"strength": -1.0}, "strength=-1.0"),
        (BiasTemperature, {"temperature": 1.0}, "give all of"),
        (
            BiasTemperature,
            {"temperature": 1.0, "bias": [0, 0], "assumes": [0.5, 0.6]},
            r"assumes=\[0.5, 0.6\] sums to 1.1",
        ),
        (VectorScaling, {"weight": [1.0], "bias": [0.0, 0.0], "assumes": [0.5, 0.5]}, "weight has 1 entries"),
    ],
)
def test_bad_settings(make: type, arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)


def test_gradients_flow_and_bfloat16_stays() -> None:
    z = torch.tensor([[3.0, -1.0]], requires_grad=True)
    adjuster = BiasTemperature(2.0, [0.0, 1.0], [0.5, 0.5])
    adjuster(z).sum().backward()
    assert z.grad is not None
    assert z.grad.tolist() == [[0.5, 0.5]]
    assert adjuster(torch.tensor([[3.0, -1.0]], dtype=torch.bfloat16)).dtype == torch.bfloat16


def a_class_not_learnt_yet(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Logits of rows whose classes are as frequent as the prior says; the last class lies far below the others."""
    rng = np.random.default_rng(0)
    prior = np.array([0.6, 0.3, 0.1])
    y = rng.choice(3, n, p=prior)
    z = rng.normal(size=(n, 3)) + 4 * np.eye(3)[y]
    z[:, 2] -= 25
    return z, prior


@pytest.mark.parametrize("as_torch", [False, True])
def test_matched_is_the_fixed_point_of_moving_the_bias_by_the_log_ratio(as_torch: bool) -> None:
    z, prior = a_class_not_learnt_yet()
    start = BiasTemperature(1.5, (0.3, -0.2, 0.0), (0.5, 0.4, 0.1))
    found = start.matched(torch.from_numpy(z) if as_torch else z, prior)
    bias = np.array(start.bias)
    for _ in range(5000):
        scores = np.exp(z / 1.5 + bias)
        bias += np.log(prior) - np.log((scores / scores.sum(1, keepdims=True)).mean(0))
    want = bias - bias.mean()
    assert np.allclose(
        np.array(found.bias) - np.mean(found.bias), want, atol=0.05
    )  # a faint pull to no change
    assert np.allclose(found.assumed_prior, prior, atol=1e-3)
    assert found.temperature == 1.5
    assert not np.allclose(start.bias, found.bias)  # the one it was made from stays as it was


def test_matched_leaves_an_absent_class_where_it_is() -> None:
    z, _ = a_class_not_learnt_yet()
    found = BiasTemperature(1.0, (0.0, 0.0, -1.5), (0.6, 0.3, 0.1)).matched(z, [0.7, 0.3, 0.0])
    assert found.bias[2] == -1.5
    assert np.allclose(found.assumed_prior[:2], (0.7, 0.3), atol=1e-3)


def test_matched_needs_a_fitted_one_and_a_prior() -> None:
    z, prior = a_class_not_learnt_yet()
    with pytest.raises(RuntimeError, match="not fitted"):
        BiasTemperature().matched(z, prior)
    with pytest.raises(ValueError, match=r"prior=.* has shape"):
        BiasTemperature(1.0, (0.0,) * 3, tuple(prior)).matched(z, prior[:2])
