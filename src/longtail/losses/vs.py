"""Vector scaling (VS). Kini et al., "Label-Imbalanced and Group-Sensitive Classification under
Overparameterization", NeurIPS 2021.

Equation: ``L_i = CE(Delta z + iota, y)`` with ``Delta_j = (n_j / n_max)^gamma`` and ``iota_j = tau log(n_j
/ N)``.

=================  =========================
symbol             argument
=================  =========================
n_j                ``counts``
gamma              ``gamma``; 0 is logit adjustment
tau                ``tau``; 0 is CDT
=================  =========================

Use it in place of LDAM or logit adjustment when you train to zero error: there the shift alone no longer
moves the boundary, and the factor does. Two hyper-parameters to tune.

Differs from the authors' code in nothing: their ``Delta_list`` is the reciprocal of the paper's Delta, and
they divide by it. An empty class is counted as the rarest class that has examples.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import (
    Vector,
    check_finite,
    frequency,
    warn_if_batch,
)
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of


def vs(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    gamma: float = 0.3,
    tau: float = 1.0,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on logits with a factor and a shift a class, in training only; test on the logits as
    they are.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        gamma: strength of the factor ``(n / n_max)^gamma``.
        tau: strength of the shift ``tau log(n / N)``.
        weight, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import torch
    >>> z, y, n = torch.tensor([[1.0, 0.0]]), torch.tensor([1]), torch.tensor([3, 1])
    >>> round(vs(z, y, n, gamma=0.0, tau=0.0).item(), 4), round(vs(z, y, n).item(), 4)
    (1.3133, 2.2143)
    """
    check_finite(gamma=gamma, tau=tau)
    n = floored(frequency(counts, prior, logits))
    shift = tau * (n / n.sum()).log() if tau else None
    scale = class_scale(n, gamma) if gamma else 1.0
    return cross_entropy_of(
        logits, target, scale=scale, shift=shift, counts=counts, prior=prior, weight=weight, reduction=reduction,
        normalizer=normalizer, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


def class_scale(counts: Tensor, gamma: float) -> Tensor:
    """``(n_j / n_max)^gamma``, the factor of VS and CDT. ``[C] -> [C]``."""
    n = floored(counts)
    return (n / n.amax()) ** gamma


class VS(ClassLoss):
    """Vector-scaling loss; arguments as in :func:`vs`.

    Raises:
        ValueError: counts or a prior that are negative or all zero.

    >>> import torch
    >>> VS(counts=torch.tensor([3, 1]), gamma=0.0).assumes(torch.tensor([0.75, 0.25])).tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        gamma: float = 0.3,
        tau: float = 1.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite(gamma=gamma, tau=tau)
        self.gamma, self.tau = gamma, tau
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return vs(
            logits,
            target,
            gamma=self.gamma,
            tau=self.tau,
            label_smoothing=self.label_smoothing,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """``seen * weight / prior^tau`` where gamma is 0; else None: the factor changes the shape of the
        posterior.
        """
        if self.gamma or self.label_smoothing:
            return None
        prior = seen / floored(self.sizes.to(seen)) ** self.tau
        return self.weighted(prior)
