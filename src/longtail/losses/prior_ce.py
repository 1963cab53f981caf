"""Prior cross-entropy, the first term of LADE. Hong et al., "Disentangling Label Distribution", CVPR 2021.

Equation: ``L_i = CE(z + log pi, y)``: the logits estimate ``log p(x | y) - log p(x)``, free of the prior.

=================  =========================
symbol             argument
=================  =========================
p_s(y)             ``prior``
=================  =========================

Use it when the class distribution at test time is known or varies: add its log to the logits, nothing is
trained again.

It is logit adjustment with tau = 1; at test, add ``log p_target``. Differs from the authors' code in the
epsilon: theirs takes ``log(pi + 1e-9)``, ours is off by default (``eps``). Without it an empty class is
counted as the rarest present one.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import Vector, check_not_negative, share
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of
from longtail.losses.logit_adjusted import log_power


def prior_ce(
    logits: Tensor,
    target: Tensor,
    prior: Vector | None = None,
    *,
    counts: Vector | None = None,
    eps: float = 0.0,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on ``logits + log prior``.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        prior: class shares of the training stream ``[C]``; or
        counts: training examples per class ``[C]``, in its place.
        eps: added to the prior inside the logarithm.
        weight, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import torch
    >>> round(prior_ce(torch.zeros(1, 2), torch.tensor([1]), prior=(0.75, 0.25)).exp().item(), 4)
    4.0
    """
    check_not_negative(eps=eps)
    shift = log_power(share(counts, prior, logits), 1.0, eps)
    return cross_entropy_of(
        logits, target, shift=shift, counts=counts, prior=prior, weight=weight,
        reduction=reduction, normalizer=normalizer, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


class PriorCE(ClassLoss):
    """Prior cross-entropy; arguments as in :func:`prior_ce`.

    Raises:
        ValueError: a prior or counts that are negative or all zero.

    >>> import torch
    >>> PriorCE(prior=(0.75, 0.25)).assumes(torch.tensor([0.75, 0.25])).tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        prior: Vector | None = None,
        *,
        counts: Vector | None = None,
        eps: float = 0.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_not_negative(eps=eps)
        self.eps = eps
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return prior_ce(logits, target, eps=self.eps, label_smoothing=self.label_smoothing, **self.common)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """The prior the logits carry: ``seen * weight / prior``."""
        if self.label_smoothing:
            return None
        prior = seen / floored(self.sizes.to(seen))
        return self.weighted(prior)
