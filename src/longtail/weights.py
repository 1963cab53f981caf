"""Class weights from training counts: ``counts [C] -> weights [C]`` (float64).

Unless it says otherwise a weight is scaled so that the classes with examples average 1 (they sum to C when
none is empty). An empty class is counted as the rarest class that has examples. Each works as a part:
``part(effective_number, beta=.999)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from longtail.by_class import by_class
from longtail.classes import floored


def inverse(counts: Tensor | Sequence[int], *, power: float = 1.0) -> Tensor:
    """``n^-power``, averaging 1. Power 1 is inverse frequency; DisAlign uses 1.2 on ImageNet-LT.

    >>> inverse([3, 1]).tolist()
    [0.5, 1.5]
    """
    _finite(power=power)
    n, present = _counts(counts)
    return _averaging_one((n / n.amax()) ** -power, present)


def inverse_sqrt(counts: Tensor | Sequence[int]) -> Tensor:
    """``n^-1/2``, averaging 1: the smooth variant.

    >>> inverse_sqrt([9, 1]).tolist()
    [0.5, 1.5]
    """
    return inverse(counts, power=0.5)


def cost_sensitive(counts: Tensor | Sequence[int], *, gamma: float = 1.0) -> Tensor:
    """``(n_min / n)^gamma``: the rarest class has weight 1, all others less (Zhang et al., AAAI 2021).

    >>> cost_sensitive([4, 1], gamma=0.5).tolist()
    [0.5, 1.0]
    """
    _finite(gamma=gamma)
    n, _ = _counts(counts)
    return (n.amin() / n) ** gamma


def effective_number(counts: Tensor | Sequence[int], *, beta: float = 0.9999) -> Tensor:
    """``(1 - beta) / (1 - beta^n)``, averaging 1 (Cui et al., CVPR 2019). ``beta=0`` weighs all classes
    alike.

    Raises:
        ValueError: beta outside [0, 1).

    >>> effective_number([500, 5], beta=0.0).tolist()
    [1.0, 1.0]
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta={beta} must lie in [0, 1); its limit 1 is weights.inverse")
    n, present = _counts(counts)
    # 1 - beta^n by expm1: for beta close to 1 the plain form loses its digits.
    mass = -torch.expm1(n * torch.log(torch.tensor(beta, dtype=torch.float64, device=n.device)))
    return _averaging_one(mass.amin() / mass, present)


def median_frequency(counts: Tensor | Sequence[int]) -> Tensor:
    """``median(n) / n``: the class of median size has weight 1 (Eigen and Fergus, ICCV 2015). Empty classes
    not counted.

    >>> median_frequency([100, 10, 1]).tolist()
    [0.1, 1.0, 10.0]
    """
    n, present = _counts(counts)
    return torch.quantile(n[present], 0.5) / n


def _counts(counts: Tensor | Sequence[int]) -> tuple[Tensor, Tensor]:
    """Counts in float64 with empty classes raised to the rarest, and which classes have examples."""
    n = torch.as_tensor(by_class("counts", counts)).double()
    if n.dim() != 1 or n.numel() == 0:
        raise ValueError(f"counts must be [C], one number a class, got shape {tuple(n.shape)}")
    if not bool(torch.isfinite(n).all()) or bool((n < 0).any()) or not bool((n > 0).any()):
        raise ValueError(
            f"counts={n.tolist()[:9]} must be finite, not negative, and not all zero: pass Labels.counts"
        )
    return floored(n), n > 0


def _finite(**numbers: float) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value} must be a finite number")


def _averaging_one(weight: Tensor, present: Tensor) -> Tensor:
    return weight / weight[present].mean()


def expert_priors(counts: Tensor | Sequence[int], *, tau: float = 2.0) -> Tensor:
    """The class priors that SADE's three experts assume, float64 ``[3, C]`` (Zhang et al., NeurIPS 2022): natural
    ``pi``; balanced; and inverted, ``pi_inv ** tau`` with ``pi_inv`` the values of pi in reversed order of size.

    These are no weights: each row sums to 1.

    >>> expert_priors([6, 3, 1], tau=1.0).mul(10).round(decimals=3).tolist()
    [[6.0, 3.0, 1.0], [3.333, 3.333, 3.333], [1.0, 3.0, 6.0]]
    """
    _finite(tau=tau)
    n, _ = _counts(counts)
    order = n.argsort(descending=True, stable=True)
    inverted = torch.empty_like(n)
    inverted[order] = n[order.flip(0)]
    # One size, one value: classes of equal counts share the mean of their places' values.
    sizes, where = n.unique(return_inverse=True)
    shared = torch.zeros_like(sizes).index_add_(0, where, inverted.log()) / torch.bincount(where)
    rows = torch.stack([n.log(), torch.zeros_like(n), tau * shared[where]])
    return rows.softmax(1)


PARTS = (
    cost_sensitive, effective_number, expert_priors, inverse, inverse_sqrt, median_frequency,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
