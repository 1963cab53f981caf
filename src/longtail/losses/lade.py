"""LADE. Hong et al., "Disentangling Label Distribution for Long-tailed Visual Recognition", CVPR 2021.

Equation: ``L = PriorCE + alpha R``, ``R = -sum_j pi_j (A_j - S_j - lambda S_j^2)``, where ``A_j`` is the
mean of ``z_ij`` over the batch's examples of class j (0 if there is none) and ``S_j = log mean_i exp(z_ij)
/ (C pi_j)`` over the whole batch: a Donsker-Varadhan estimate of each logit's density ratio, regularised by
``lambda S_j^2``.

=================  =========================
symbol             argument
=================  =========================
p_s(y)             ``prior``
alpha              ``strength``
lambda             ``penalty``
=================  =========================

Use it as prior cross-entropy with large batches, where the class means of a batch are worth something.

R belongs to the batch: it is added to every target's loss, so that sum and mean follow from
``reduction="none"``. Differs from the authors' code in its epsilons (``log(pi + 1e-9)``, a count + 1e-8),
off by default: ``prior_eps``, ``count_eps``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import (
    Vector,
    along_classes,
    check,
    check_labels,
    check_not_negative,
    per_class,
    share,
    wide,
)
from longtail.losses._fused import fused
from longtail.losses._module import ClassLoss
from longtail.losses._odds import nll
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced
from longtail.losses.logit_adjusted import log_power


def lade_regulariser(
    logits: Tensor,
    target: Tensor,
    prior: Vector,
    *,
    penalty: float = 0.1,
    prior_eps: float = 0.0,
    count_eps: float = 0.0,
    ignore_index: int = -100,
) -> Tensor:
    """The regulariser R of one batch, a scalar; 0 for a batch without targets.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``.
        prior: class frequencies of the training stream ``[C]``.
        penalty: lambda, the weight of the squared log-mean.
        prior_eps: added to the priors inside the logarithms.
        count_eps: added to a class's count in the batch.
        ignore_index: targets of this value count for nothing.

    >>> import torch
    >>> z, y = torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])
    >>> round(lade_regulariser(z, y, prior=(0.5, 0.5), penalty=0.0).item(), 4)  # log mean exp(z) - 2
    -0.5662
    """
    check(logits, target, "mean", soft=False)
    z, pi = wide(logits), per_class("prior", prior, logits)
    check_labels(target, z.shape[1], ignore_index)
    valid = target != ignore_index
    y = torch.where(valid, target, 0).long()
    ones = valid.to(z.dtype)
    count = torch.zeros_like(pi).scatter_add(0, y.flatten(), ones.flatten())
    each = pi / (count + count_eps if count_eps > 0 else count.clamp_min(1))
    # What log_mean adds to the log of the sum of exponentials: -log(number of targets) - log(C pi).
    offset = (
        math.log(1 / z.shape[1] + prior_eps) - log_power(pi, 1.0, prior_eps) - ones.sum().clamp_min(1).log()
    )
    constants = (y.unsqueeze(1), ones.unsqueeze(1), (each[y] * ones).unsqueeze(1))
    value = fused(
        _maths, _kernel, z, *constants, along_classes(pi, z), along_classes(offset, z), penalty, by_row=False
    )
    return torch.where(ones.sum() > 0, value, 0.0)


def _maths(
    z: Tensor, at: Tensor, valid: Tensor, each: Tensor, pi: Tensor, offset: Tensor, penalty: float
) -> Tensor:
    """R; ``each`` is ``pi_y / (examples of y in the batch)``, ``valid`` 0 or 1, both one a target."""
    rows = [d for d in range(z.dim()) if d != 1]
    log_mean = _squarable(torch.logsumexp(z + (valid - 1) * 1e30, rows, keepdim=True) + offset)
    return (pi * (log_mean + penalty * log_mean**2)).sum() - (each * z.gather(1, at)).sum()


def _squarable(log_mean: Tensor) -> Tensor:
    """Its square stays inside float32, and its product with the prior of an empty class 0."""
    return log_mean.clamp(-1e18, 1e18)


def _kernel(
    z: Tensor, at: Tensor, valid: Tensor, each: Tensor, pi: Tensor, offset: Tensor, penalty: float
) -> tuple[Tensor, Tensor]:
    rows = [d for d in range(z.dim()) if d != 1]
    e = z + (valid - 1) * 1e30
    if not len(e):
        return e.sum(), e
    top = e.amax(rows, keepdim=True)
    total = e.sub_(top).exp_().sum(rows, keepdim=True)
    log_mean = _squarable(top + total.log() + offset)
    value = (pi * (log_mean + penalty * log_mean**2)).sum() - (each * z.gather(1, at)).sum()
    slope = e.mul_(pi * (1 + 2 * penalty * log_mean) / total).mul_(valid)
    return value, slope.scatter_add_(1, at, -each)


def lade(
    logits: Tensor,
    target: Tensor,
    prior: Vector | None = None,
    *,
    counts: Vector | None = None,
    strength: float = 0.1,
    penalty: float = 0.1,
    prior_eps: float = 0.0,
    count_eps: float = 0.0,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
) -> Tensor:
    """Prior cross-entropy plus ``strength`` times :func:`lade_regulariser`.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``; the class means of R are not defined for soft labels.
        prior: class shares of the training stream ``[C]``; or
        counts: training examples per class ``[C]``, in its place.
        strength: 0.1 on CIFAR-LT; 0 is prior cross-entropy.
        penalty, prior_eps, count_eps: as in :func:`lade_regulariser`.
        weight, reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: soft labels, or shapes that do not fit.

    >>> import torch
    >>> round(lade(torch.zeros(2, 2), torch.tensor([0, 1]), prior=(0.5, 0.5)).item(), 4)
    0.6931
    """
    check_not_negative(strength=strength, penalty=penalty, prior_eps=prior_eps, count_eps=count_eps)
    check(logits, target, reduction, soft=False)
    w = None if weight is None else per_class("weight", weight, logits)
    pi = share(counts, prior, logits)
    shift = log_power(pi, 1.0, prior_eps)
    loss = nll(logits, target, shift=shift, ignore_index=ignore_index)
    if strength:
        loss = loss + strength * lade_regulariser(
            logits,
            target,
            pi,
            penalty=penalty,
            prior_eps=prior_eps,
            count_eps=count_eps,
            ignore_index=ignore_index,
        )
    return reduced(
        loss,
        target,
        weight=w,
        expected=expected_weight(normalizer, w, counts, prior, logits),
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )


class LADE(ClassLoss):
    """LADE; arguments as in :func:`lade`.

    Raises:
        ValueError: a prior or counts that are negative or all zero.

    >>> import torch
    >>> LADE(prior=(0.75, 0.25), strength=0.0).assumes(torch.tensor([0.75, 0.25])).tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        prior: Vector | None = None,
        *,
        counts: Vector | None = None,
        strength: float = 0.1,
        penalty: float = 0.1,
        prior_eps: float = 0.0,
        count_eps: float = 0.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_not_negative(strength=strength, penalty=penalty, prior_eps=prior_eps, count_eps=count_eps)
        self.strength, self.penalty, self.prior_eps, self.count_eps = strength, penalty, prior_eps, count_eps

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return lade(
            logits,
            target,
            strength=self.strength,
            penalty=self.penalty,
            prior_eps=self.prior_eps,
            count_eps=self.count_eps,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """``seen * weight / prior`` at strength 0; else None: lambda pulls each logit's log-mean to a value
        of its own.
        """
        if self.strength:
            return None
        prior = seen / floored(self.sizes.to(seen))
        return self.weighted(prior)
