"""DiVE's distillation loss. He et al., "Distilling Virtual Examples for Long-tailed Recognition", ICCV 2021.

Equation: ``L_i = (1 - alpha) CE(z + log n, y) + alpha T^2 KL(q || softmax(z / T))``,
``q ~ softmax(teacher / T)^power``, a constant.

=================  =========================
symbol             argument
=================  =========================
alpha, tau         ``alpha``, ``temperature``
p (power)          ``power``: below 1 it flattens the teacher; 1 is no power normalisation
n                  ``counts``
=================  =========================

Use it when a balanced-softmax teacher is at hand: its flattened predictions are virtual examples of the tail.

Differs from the authors' code in nothing: the KL term sees the student's raw logits, the cross-entropy those
with the prior added (balanced softmax). It takes ``(logits, target, teacher_logits)``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import Vector, check, check_finite, frequency, warn_if_batch, wide
from longtail.losses._contrast import within
from longtail.losses._module import CountedLoss
from longtail.losses._reduce import Reduction
from longtail.losses._softmax import cross_entropy_of


def dive(
    logits: Tensor,
    target: Tensor,
    teacher_logits: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    alpha: float = 0.5,
    temperature: float = 2.0,
    power: float = 1.0,
    reduction: Reduction = "mean",
    ignore_index: int = -100,
) -> Tensor:
    """Balanced softmax and distillation from a (balanced-softmax) teacher.

    Args:
        logits: the student's, ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        teacher_logits: like ``logits``; no gradient goes there.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        alpha: weight of the distillation, in [0, 1].
        temperature: of both softmaxes in it, > 0.
        power: exponent of the teacher's probabilities, > 0.
        reduction, ignore_index: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z, y = torch.zeros(1, 2), torch.tensor([0])
    >>> round(dive(z, y, z, [3, 1]).item(), 4)  # equal student and teacher: half of -log(3/4)
    0.1438
    """
    check_finite(alpha=alpha, temperature=temperature, power=power)
    soft = check(logits, target, reduction)
    if not 0 <= alpha <= 1 or temperature <= 0 or power <= 0:
        raise ValueError(
            f"alpha={alpha} must lie in [0, 1], temperature={temperature} and power={power} above 0"
        )
    if teacher_logits.shape != logits.shape:
        raise ValueError(
            f"teacher_logits {tuple(teacher_logits.shape)} must have the logits' shape {tuple(logits.shape)}"
        )
    shift = floored(frequency(counts, prior, logits)).log()
    hard = cross_entropy_of(
        logits,
        target,
        shift=shift,
        weight=None,
        reduction="none",
        normalizer="batch",
        ignore_index=ignore_index,
        label_smoothing=0.0,
    )
    taught, z = (within(x, 1e30) for x in (teacher_logits.detach().to(wide(logits).dtype), wide(logits)))
    log_q = torch.log_softmax(taught * (power / temperature), 1)
    kl = (log_q.exp() * (log_q - torch.log_softmax(z / temperature, 1))).sum(1)
    loss = (1 - alpha) * hard + alpha * temperature**2 * kl
    valid = torch.ones_like(loss, dtype=torch.bool) if soft else target != ignore_index
    loss = torch.where(valid, loss, 0.0)
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / valid.sum().clamp(min=1)


class DiVE(CountedLoss):
    """DiVE's loss; arguments as in :func:`dive`.

    >>> DiVE(counts=torch.tensor([9, 3]))(torch.zeros(2, 2), torch.tensor([0, 1]), torch.zeros(2, 2)).shape
    torch.Size([])
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        alpha: float = 0.5,
        temperature: float = 2.0,
        power: float = 1.0,
        reduction: Reduction = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(counts, prior)
        check_finite(alpha=alpha, temperature=temperature, power=power)
        self.alpha, self.temperature, self.power = alpha, temperature, power
        self.ignore_index = ignore_index
        self.reduction: Reduction = reduction

    def forward(self, logits: Tensor, target: Tensor, teacher_logits: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return dive(
            logits,
            target,
            teacher_logits,
            self.counts,
            prior=self.prior,
            alpha=self.alpha,
            temperature=self.temperature,
            power=self.power,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: the teacher's share of the logits has a prior of its own."""
        return None
