"""Balanced softmax. Ren et al., "Balanced Meta-Softmax for Long-Tailed Visual Recognition", NeurIPS 2020.

Equation: ``L_i = -log( n_y e^{z_y} / sum_j n_j e^{z_j} )``: cross-entropy on ``z + log n``.

=================  =========================
symbol             argument
=================  =========================
n_j                ``counts``
=================  =========================

Use it first: one stage, no hyper-parameter, a strong tail, and logits whose prior is known exactly.

Differs from the authors' code in nothing for classes that have examples. A class without any is counted as
the rarest class that has some; the authors' ``log 0`` gives an infinite loss, or NaN gradients, when such a
label turns up.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import (
    Vector,
    frequency,
    warn_if_batch,
)
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of


def balanced_softmax(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on ``logits + log counts``. At test time use the logits as they are: they carry a
    uniform prior.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        weight, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import torch
    >>> loss = balanced_softmax(torch.zeros(1, 2), torch.tensor([1]), counts=torch.tensor([3, 1]))
    >>> round(loss.exp().item(), 4)
    4.0
    """
    shift = floored(frequency(counts, prior, logits)).log()
    return cross_entropy_of(
        logits, target, shift=shift, counts=counts, prior=prior, weight=weight,
        reduction=reduction, normalizer=normalizer, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


class BalancedSoftmax(ClassLoss):
    """Balanced softmax; arguments as in :func:`balanced_softmax`.

    Raises:
        ValueError: counts or a prior that are negative or all zero.

    >>> import torch
    >>> loss = BalancedSoftmax(counts=torch.tensor([3, 1]))
    >>> loss.assumes(torch.tensor([0.75, 0.25])).tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return balanced_softmax(logits, target, label_smoothing=self.label_smoothing, **self.common)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """The prior the logits carry: ``seen * weight / counts``; uniform for a natural stream."""
        if self.label_smoothing:
            return None
        prior = seen / floored(self.sizes.to(seen))
        return self.weighted(prior)
