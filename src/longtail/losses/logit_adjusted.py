"""Logit-adjusted cross-entropy. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

Equation: ``L_i = CE(z + tau log pi, y)``; with a target prior, ``CE(z + tau (log pi - log pi_target), y)``.

=================  =========================
symbol             argument
=================  =========================
pi                 ``prior``
tau                ``tau``
(deployed prior)   ``target_prior``; None is uniform
=================  =========================

Use it as balanced softmax with a dial: ``tau`` below 1 gives up less head accuracy, ``target_prior`` trains
for the distribution you deploy under.

Differs from the authors' code in the epsilon: theirs takes ``log(pi^tau + 1e-12)``, ours is off by default
(``eps``). Without it, a class of prior 0 is counted as the rarest class above 0.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import (
    Vector,
    check_finite,
    check_not_negative,
    checked_prior,
    per_class,
    share,
)
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of


def logit_adjusted(
    logits: Tensor,
    target: Tensor,
    prior: Vector | None = None,
    *,
    counts: Vector | None = None,
    tau: float = 1.0,
    target_prior: Vector | None = None,
    eps: float = 0.0,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on ``logits + tau log prior``.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        prior: class shares of the training stream ``[C]``; or
        counts: training examples per class ``[C]``, in its place.
        tau: strength; 0 is cross-entropy, 1 is balanced softmax.
        target_prior: the class distribution to be carried by the logits instead of the uniform one, ``[C]``.
        eps: added to ``prior^tau`` inside the logarithm.
        weight, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import torch
    >>> z, y = torch.zeros(1, 2), torch.tensor([1])
    >>> round(logit_adjusted(z, y, prior=(0.75, 0.25)).exp().item(), 6)
    4.0
    """
    check_finite(tau=tau)
    check_not_negative(eps=eps)
    shift = log_power(share(counts, prior, logits), tau, eps)
    if target_prior is not None:
        shift = shift - log_power(per_class("target_prior", target_prior, logits), tau, eps)
    return cross_entropy_of(
        logits, target, shift=shift, counts=counts, prior=prior, weight=weight,
        reduction=reduction, normalizer=normalizer, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


def log_power(prior: Tensor, tau: float, eps: float) -> Tensor:
    """``log(prior^tau + eps)``; with ``eps=0`` an empty class is counted as the rarest present one."""
    return (prior**tau + eps).log() if eps > 0 else tau * floored(prior).log()


class LogitAdjusted(ClassLoss):
    """Logit-adjusted cross-entropy; arguments as in :func:`logit_adjusted`.

    Raises:
        ValueError: a prior or counts that are negative or all zero.

    >>> import torch
    >>> LogitAdjusted(prior=(0.9, 0.1), tau=1.0).assumes(torch.tensor([0.9, 0.1])).tolist()
    [0.5, 0.5]
    """

    target_prior: Tensor | None

    def __init__(
        self,
        prior: Vector | None = None,
        *,
        counts: Vector | None = None,
        tau: float = 1.0,
        target_prior: Vector | None = None,
        eps: float = 0.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite(tau=tau)
        check_not_negative(eps=eps)
        known = None if target_prior is None else checked_prior("target_prior", target_prior)
        self.register_buffer("target_prior", known)
        self.tau, self.eps = tau, eps
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return logit_adjusted(
            logits,
            target,
            tau=self.tau,
            target_prior=self.target_prior,
            eps=self.eps,
            label_smoothing=self.label_smoothing,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """The prior the logits carry: ``seen * weight * (target_prior / prior)^tau``."""
        if self.label_smoothing:
            return None
        prior = seen / floored(self.sizes.to(seen)) ** self.tau
        if self.target_prior is not None:
            prior = prior * floored(self.target_prior.to(seen)) ** self.tau
        return self.weighted(prior)
