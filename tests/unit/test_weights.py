"""Class weights: values by hand, normalisation, empty classes, errors."""

import pytest
import torch

from longtail.weights import cost_sensitive, effective_number, inverse, inverse_sqrt, median_frequency

COUNTS = torch.tensor([100, 10, 1])
ALL = [inverse, inverse_sqrt, cost_sensitive, effective_number, median_frequency]


@pytest.mark.parametrize("weight", ALL)
def test_rarer_classes_weigh_more_and_empty_ones_as_the_rarest(weight) -> None:
    w = weight(torch.tensor([100, 0, 10, 1]))
    assert w.dtype == torch.float64
    assert bool(torch.isfinite(w).all())
    assert w[0] < w[2] < w[3] == w[1]
    torch.testing.assert_close(w[[0, 2, 3]], weight(COUNTS))


def test_values_by_hand() -> None:
    torch.testing.assert_close(inverse(COUNTS), torch.tensor([1, 10, 100]).double() * 3 / 111)
    torch.testing.assert_close(inverse(COUNTS, power=2.0), torch.tensor([1, 100, 10000]).double() * 3 / 10101)
    torch.testing.assert_close(cost_sensitive(COUNTS), torch.tensor([0.01, 0.1, 1.0]).double())
    torch.testing.assert_close(median_frequency(COUNTS), torch.tensor([0.1, 1.0, 10.0]).double())
    raw = torch.tensor([(1 - 0.9) / (1 - 0.9**n) for n in (100, 10, 1)], dtype=torch.float64)
    torch.testing.assert_close(effective_number(COUNTS, beta=0.9), raw * 3 / raw.sum())


@pytest.mark.parametrize("weight", [inverse, inverse_sqrt, effective_number])
def test_classes_with_examples_average_one(weight) -> None:
    w = weight(torch.tensor([100, 0, 10, 1]))
    assert w[[0, 2, 3]].mean().item() == pytest.approx(1)


def test_effective_number_between_uniform_and_inverse() -> None:
    assert effective_number(COUNTS, beta=0.0).tolist() == [1, 1, 1]
    torch.testing.assert_close(effective_number(COUNTS, beta=1 - 1e-14), inverse(COUNTS), rtol=1e-9, atol=0)


@pytest.mark.parametrize("weight", ALL)
@pytest.mark.parametrize("counts", [[], [[1, 2]], [0, 0], [3, -1]], ids=str)
def test_bad_counts_are_named(weight, counts) -> None:
    with pytest.raises(ValueError, match="counts"):
        weight(counts)


@pytest.mark.parametrize("beta", [1.0, -0.1, 2.0])
def test_bad_beta_is_named(beta: float) -> None:
    with pytest.raises(ValueError, match="beta="):
        effective_number(COUNTS, beta=beta)
