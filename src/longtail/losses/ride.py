"""RIDE's loss. Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts", ICLR
2021.

Equation:
``L = sum_k [ CE(z_k - s m_y onehot(y), y; w) + lambda T^2 KL( softmax(zbar / T_c) || softmax(z_k / T_c) ) ]``
over experts k, zbar their mean, a constant; lambda is negative and pushes the experts apart. ``T_c = T v_c``,
``T`` before KL its mean.

=================  =========================
symbol             argument
=================  =========================
lambda             ``diversity`` (-.45 CIFAR-100-LT, -.2 ImageNet-LT)
T                  ``temperature``
v_c                ``tail_softness``: ``(C pi_c rho + 1 - rho)`` over its maximum; None for all 1
m, s               ``max_margin``, ``scale``: LDAM's margin, times the scale the logits already have; no
                   margin without ``counts`` or ``prior``
w                  ``weight``
=================  =========================

Use it with a net of several experts that share their first stages.

Differs from the authors' code in the epochs: theirs brings w and v_c in after 160; a recipe does so with
``switch``. Experts' losses are summed, not averaged. It takes ``(expert_logits [B, K, C], target)``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._checks import (
    Vector,
    check,
    check_finite,
    check_finite_or_none,
    frequency,
    warn_if_batch,
    wide,
)
from longtail.losses._contrast import within
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of
from longtail.losses.ldam import ldam_margins


def ride(
    expert_logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    diversity: float = -0.45,
    temperature: float = 1.0,
    tail_softness: float | None = None,
    max_margin: float = 0.5,
    scale: float = 30.0,
    individual: float = 1.0,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
) -> Tensor:
    """The individual loss of each expert and the diversity between them.

    Args:
        expert_logits: ``[B, K, C]`` of K experts, scaled.
        target: class indices ``[B]``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``. Neither: plain cross-entropy (then no ``tail_softness``).
        diversity: factor of the KL terms.
        temperature: base temperature of the KL terms, > 0.
        tail_softness: rho of the class-wise temperature, in [0, 1]; None has one temperature.
        max_margin, scale: LDAM's margin of the rarest class and the scale in the logits.
        individual: factor of the cross-entropies.
        weight: class weights ``[C]`` of the cross-entropies.
        reduction: ``"none"`` (``[B]``), ``"mean"`` or ``"sum"``; in the mean, KL terms are divided by the
            number of targets.
        normalizer, ignore_index: of the cross-entropies, as in :func:`longtail.losses.cross_entropy`.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z = torch.zeros(2, 3, 4)
    >>> round(ride(z, torch.tensor([0, 1]), None).item(), 4)  # equal experts: 3 log 4
    4.1589
    """
    check_finite_or_none(tail_softness=tail_softness)
    check_finite(
        diversity=diversity,
        temperature=temperature,
        max_margin=max_margin,
        scale=scale,
        individual=individual,
    )
    if expert_logits.dim() != 3:
        raise ValueError(f"expert_logits have shape {tuple(expert_logits.shape)}; need [B, K, C]")
    batch, experts, classes = expert_logits.shape
    check(expert_logits.movedim(1, 2)[..., 0], target, reduction, soft=False)
    if temperature <= 0:
        raise ValueError(f"temperature={temperature} must be above 0")
    if tail_softness is not None and ((counts is None and prior is None) or not 0 <= tail_softness <= 1):
        raise ValueError(f"tail_softness={tail_softness} must lie in [0, 1], and needs counts or prior")
    # Their mean, and what the margins' scale makes of them, stay finite; what is infinite becomes NaN.
    z = within(wide(expert_logits), 1e37)
    n = None if counts is None and prior is None else frequency(counts, prior, z[:, 0])
    flat, every = z.flatten(0, 1), target.repeat_interleave(experts)
    each = cross_entropy_of(
        flat, every, margin=None if n is None else scale * ldam_margins(n, max_margin), weight=weight,
        counts=counts, prior=prior, reduction=reduction, normalizer=normalizer, ignore_index=ignore_index,
        label_smoothing=0.0,
    )  # fmt: skip
    soft = z.new_full((classes,), temperature)
    if n is not None and tail_softness is not None:
        v = classes * tail_softness * n / n.sum() + 1 - tail_softness
        soft = soft * (v / v.amax())
    log_p = torch.log_softmax(z.mean(1).detach() / soft, 1)
    kl = (log_p.exp().unsqueeze(1) * (log_p.unsqueeze(1) - torch.log_softmax(z / soft, 2))).sum((1, 2))
    valid = target != ignore_index
    kl = torch.where(valid, kl, 0.0) * (diversity * soft.mean() ** 2)
    if reduction == "none":
        return individual * each.reshape(batch, experts).sum(1) + kl
    if reduction == "sum":
        return individual * each + kl.sum()
    return individual * experts * each + kl.sum() / valid.sum().clamp(min=1)


class RIDE(ClassLoss):
    """RIDE's loss; arguments as in :func:`ride`.

    >>> RIDE(counts=torch.tensor([90, 9, 1]))(torch.zeros(2, 3, 3), torch.tensor([0, 2])).shape
    torch.Size([])
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        diversity: float = -0.45,
        temperature: float = 1.0,
        tail_softness: float | None = None,
        max_margin: float = 0.5,
        scale: float = 30.0,
        individual: float = 1.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite_or_none(tail_softness=tail_softness)
        check_finite(
            diversity=diversity,
            temperature=temperature,
            max_margin=max_margin,
            scale=scale,
            individual=individual,
        )
        self.diversity, self.temperature, self.tail_softness = diversity, temperature, tail_softness
        self.max_margin, self.scale, self.individual = max_margin, scale, individual

    def forward(self, expert_logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return ride(
            expert_logits,
            target,
            diversity=self.diversity,
            temperature=self.temperature,
            tail_softness=self.tail_softness,
            max_margin=self.max_margin,
            scale=self.scale,
            individual=self.individual,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: margins and diversity change the shape of the posterior, not only its prior."""
        return None
