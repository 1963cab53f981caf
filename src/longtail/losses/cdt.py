"""Class-dependent temperatures (CDT). Ye et al., "Identifying and Compensating for Feature Deviation",
arXiv:2001.01385.

Equation: ``L_i = CE(z / a, y)`` with ``a_j = (n_max / n_j)^gamma``.

=================  =========================
symbol             argument
=================  =========================
N_c                ``counts``
gamma              ``gamma``
=================  =========================

Use it as the multiplicative half of VS, when features of rare classes drift at test time; tune gamma from 0
up.

Differs from the authors' code in nothing; an empty class is counted as the rarest class that has examples.
"""

from __future__ import annotations

from torch import Tensor

from longtail.losses._checks import (
    Vector,
    check_finite,
    frequency,
    warn_if_batch,
)
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of
from longtail.losses.vs import class_scale


def cdt(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    gamma: float = 0.2,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on logits divided by a temperature a class, in training only; test on the logits as
    they are.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        gamma: exponent of the temperature; 0 is cross-entropy.
        weight, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import torch
    >>> z, y, n = torch.tensor([[1.0, 4.0]]), torch.tensor([1]), torch.tensor([4, 1])
    >>> round(cdt(z, y, n, gamma=0.5).item(), 4)  # CE of (1, 4 / 2)
    0.3133
    """
    check_finite(gamma=gamma)
    return cross_entropy_of(
        logits, target, scale=class_scale(frequency(counts, prior, logits), gamma),
        counts=counts, prior=prior, weight=weight, reduction=reduction, normalizer=normalizer, ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )  # fmt: skip


class CDT(ClassLoss):
    """Cross-entropy with class-dependent temperatures; arguments as in :func:`cdt`.

    Raises:
        ValueError: counts or a prior that are negative or all zero.

    >>> import torch
    >>> round(CDT(counts=torch.tensor([4, 1]))(torch.zeros(1, 2), torch.tensor([0])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        gamma: float = 0.2,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite(gamma=gamma)
        self.gamma = gamma
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return cdt(logits, target, gamma=self.gamma, label_smoothing=self.label_smoothing, **self.common)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None, unless gamma is 0: the temperatures change the shape of the posterior."""
        if self.gamma or self.label_smoothing:
            return None
        return self.weighted(seen)
