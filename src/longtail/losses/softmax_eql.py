"""Softmax equalization loss (SEQL). Tan et al., "Equalization Loss for Long-Tailed Object Recognition",
CVPR 2020, eq. 7-9.

Equation: ``L_i = -log( e^{z_y} / sum_k w_k e^{z_k} )``, ``w_k = 1 - beta_k T_k (1 - y_k)``, ``T_k = 1``
where ``n_k / N < lambda`` and ``beta_k ~ Bernoulli(gamma)`` for every example and class: an example of
another class mostly does not push a rare class down.

=================  =========================
symbol             argument
=================  =========================
n_k                ``counts``
lambda             ``threshold``
gamma              ``gamma``
beta               ``beta``, drawn where not given
=================  =========================

Use it where rare classes are drowned by negatives of the others and a randomised, sampler-free remedy is
wanted; it is no proper score.

``threshold=None`` of the module finds lambda in the counts: the rarest classes that hold ``tail`` of all examples are
rare.

Differs from the authors' code in the sum of exponentials, which here cannot overflow: a class of weight 0
leaves the log-sum-exp.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._checks import (
    Vector,
    along_classes,
    check,
    check_finite,
    frequency,
    per_class,
    warn_if_batch,
)
from longtail.losses._module import ClassLoss
from longtail.losses._odds import log_odds, nll_of
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced
from longtail.losses._tail import check_tail, no_rare_class, tail_threshold


def softmax_eql(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    threshold: float = 5e-3,
    gamma: float = 0.9,
    beta: Tensor | None = None,
    generator: torch.Generator | None = None,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
) -> Tensor:
    """Cross-entropy in which rare classes are left out of other classes' normaliser.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``; which classes to leave out is not defined for soft labels.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        threshold: a class of smaller frequency than this is rare; 0 makes none rare: cross-entropy.
        gamma: the probability of leaving a rare class out.
        beta: the draws, non-zero where a rare class is left out, like ``logits``.
        generator: where the draws come from; None is torch's default generator.
        weight, reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: gamma outside [0, 1], soft labels, or shapes that do not fit.

    >>> import torch
    >>> z, n = torch.zeros(1, 3), torch.tensor([98, 99, 1])
    >>> y = torch.tensor([0, 2])
    >>> loss = softmax_eql(z.expand(2, 3), y, n, threshold=0.1, gamma=1.0, reduction="none")
    >>> [round(v, 4) for v in loss.exp().tolist()]
    [2.0, 3.0]
    """
    check_finite(threshold=threshold, gamma=gamma)
    check(logits, target, reduction, soft=False)
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma={gamma} must lie in [0, 1]: it is a probability")
    n = frequency(counts, prior, logits)
    w = None if weight is None else per_class("weight", weight, logits)
    rare = along_classes(n < threshold * n.sum(), logits)
    if beta is None and 0 < gamma < 1:
        beta = _draws(logits, gamma, generator)
    elif beta is None and gamma == 0:
        rare = torch.zeros_like(rare)
    out = rare if beta is None else rare & beta.bool()
    drop = out.expand(logits.shape)
    loss = nll_of(log_odds(logits, target, drop=drop, ignore_index=ignore_index))
    return reduced(
        loss,
        target,
        weight=w,
        expected=expected_weight(normalizer, w, counts, prior, logits),
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )


def _draws(like: Tensor, gamma: float, generator: torch.Generator | None) -> Tensor:
    """Bernoulli(gamma) of the shape of ``like``, gamma rounded to 1 / 65536: four draws of every 64 random
    bits.
    """
    words = (like.numel() + 3) // 4
    bits = torch.randint(-(2**63), 2**63 - 1, (words,), device=like.device, generator=generator)
    draws = bits.view(torch.int16)[: like.numel()].view(like.shape)
    return draws <= max(round(gamma * 65536), 1) - 32769


class SoftmaxEQL(ClassLoss):
    """Softmax equalization loss; arguments as in :func:`softmax_eql`. The draws come from torch's default
    generator.

    Args:
        threshold: as there; None finds it, see ``tail``.
        tail: with ``threshold=None``, the share of the examples that rare classes may hold together.

    Raises:
        ValueError: counts or a prior that are negative or all zero, gamma outside [0, 1], tail outside [0, 1).

    >>> import torch
    >>> loss = SoftmaxEQL(counts=torch.tensor([98, 99, 1]), threshold=0.1, gamma=1.0)
    >>> round(loss(torch.zeros(1, 3), torch.tensor([0])).exp().item(), 4)
    2.0
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        threshold: float | None = 5e-3,
        tail: float = 0.1,
        gamma: float = 0.9,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_tail(tail)
        self.found = threshold is None
        threshold = tail_threshold(self.sizes, tail) if threshold is None else threshold
        check_finite(threshold=threshold, gamma=gamma)
        if not 0 <= gamma <= 1:
            raise ValueError(f"gamma={gamma} must lie in [0, 1]: it is a probability")
        self.threshold, self.gamma = threshold, gamma

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return softmax_eql(logits, target, threshold=self.threshold, gamma=self.gamma, **self.common)

    def remark(self) -> str | None:
        """What to say before training: that no class is rare."""
        return no_rare_class(self.sizes, "plain cross-entropy", self.threshold, self.found)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: a normaliser that depends on the label makes the loss no proper score."""
        return None
