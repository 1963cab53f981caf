"""DSC, the self-adjusting Dice loss. Li et al., "Dice Loss for Data-imbalanced NLP Tasks", ACL 2020, eq. 8-9.

Equation: ``q = (1 - p)^alpha p`` and, for each example, ``L = 1 - (2 q t + s) / (q + t + s)``; easy examples
fade.

=================  =========================
symbol             argument
=================  =========================
alpha              ``alpha``; 0 is the plain Dice of one example
gamma              ``smooth``
(squared)          ``squared``: ``q^2 + t^2`` in the denominator
(example, set)     ``region="example"`` as in the paper; ``"batch"`` sums above and below first, as the code
does for two classes
(OHEM)             ``hard_negatives`` of :func:`binary_dsc`: negatives kept for each positive, the hardest;
                   None keeps all
=================  =========================

More than two classes: every class against the rest, summed (``classes="sum"``); ``"true"`` takes the label's
class only. Differs from the authors' code where that mixes a per-example numerator with a batch-wide
denominator (several classes, not squared), and where its hard negatives are two fewer than asked; from an NLP
port where negatives have a negative loss. The loss falls again as p nears 1 for alpha > 0, by design, and is
no proper score.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from longtail.losses._common import Reduction
from longtail.losses._overlap import (
    binary_targets,
    check_smooth,
    log_one_minus,
    over_classes,
    overlap,
    pooled,
    ratio,
    sigmoid_power,
    softmax_targets,
)  # fmt: skip

Region = Literal["example", "batch"]
OverClasses = Literal["sum", "mean", "true"]


def dsc(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    smooth: float = 1.0,
    squared: bool = False,
    region: Region = "example",
    classes: OverClasses = "sum",
    reduction: Reduction = "mean",
    ignore_index: int = -100,
) -> Tensor:
    """Self-adjusting Dice loss of a softmax.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; every position is an example.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        alpha: how fast well-classified examples fade, >= 0.
        smooth: added above and below, >= 0.
        squared: square q and t in the denominator.
        region: ``"example"``, or ``"batch"`` for one overlap a class over all examples.
        classes: ``"sum"`` or ``"mean"`` over the classes against the rest, or the ``"true"`` class only (per
            example).
        reduction: ``"none"`` (one an example), ``"mean"`` or ``"sum"``; with ``region="batch"`` there is one
            value, times B in the sum.
        ignore_index: hard targets of this value count for nothing.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z, y = torch.tensor([[0.0, 0.0], [9.0, -9.0]]), torch.tensor([0, 1])
    >>> [round(v, 3) for v in dsc(z, y, alpha=0.0, reduction="none").tolist()]
    [0.533, 1.0]
    """
    _check(alpha, smooth, region)
    log_p, t, valid = softmax_targets(logits, target, reduction, ignore_index)
    q = torch.exp(log_p + alpha * log_one_minus(log_p)) if alpha else log_p.exp()
    if region == "batch":
        value, some = overlap(q, t, valid, smooth=smooth, squared=squared, region="batch")
        return pooled(over_classes(value, classes), some, len(logits), reduction)
    value = ratio(q, t, smooth=smooth, squared=squared)
    loss = (value * t).sum(1) if classes == "true" else over_classes(value, classes)
    shape = logits.shape[:1] + logits.shape[2:]
    return _reduced(loss.reshape(shape), valid.reshape(shape), reduction)


def binary_dsc(
    logits: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    alpha: float = 1.0,
    smooth: float = 1.0,
    squared: bool = False,
    region: Region = "example",
    hard_negatives: float | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Self-adjusting Dice loss of a sigmoid, for positives against background.

    Args:
        logits: ``[B, ...]``; every element is an example.
        target: 0 and 1, or floats between, shaped as the logits (``[B]`` will do for ``[B, 1]``).
        mask: bool, like ``target``; elements where it is False do not count.
        hard_negatives: keep all positives (t > 0.5) and this many times their number of negatives, rounded
            down, those with the largest logits; None keeps all.
        alpha, smooth, squared, region, reduction: as in :func:`dsc`.

    >>> z, t = torch.tensor([0.0, 0.0]), torch.tensor([1, 0])
    >>> [round(v, 3) for v in binary_dsc(z, t, alpha=0.0, reduction="none").tolist()]
    [0.2, 0.333]
    """
    _check(alpha, smooth, region)
    z, t, valid = binary_targets(logits, target, mask, reduction)
    if hard_negatives is not None:
        valid = valid & _hard(z.detach(), t > 0.5, valid, hard_negatives)
    q = sigmoid_power(z, alpha)
    if region == "batch":
        value, some = overlap(q, t, valid, smooth=smooth, squared=squared, region="batch")
        return pooled(value.squeeze(1), some, len(logits), reduction)
    value = ratio(q, t, smooth=smooth, squared=squared)
    return _reduced(value.reshape(logits.shape), valid.reshape(logits.shape), reduction)


def _hard(z: Tensor, positive: Tensor, valid: Tensor, times: float) -> Tensor:
    """Positives, and the ``times * positives`` negatives with the largest logits; without a host sync."""
    score = torch.where(~positive & valid, z, -torch.inf).flatten()
    rank = torch.empty_like(score, dtype=torch.int64)
    rank[score.argsort(descending=True, stable=True)] = torch.arange(len(score), device=z.device)
    keep = torch.floor((positive & valid).sum() * times)
    return positive | (rank.reshape(z.shape) < keep)


def _reduced(loss: Tensor, valid: Tensor, reduction: str) -> Tensor:
    loss = torch.where(valid, loss, 0.0)
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / valid.sum().clamp(min=1)


def _check(alpha: float, smooth: float, region: str) -> None:
    if alpha < 0:
        raise ValueError(f"alpha={alpha} must be at least 0 (0 is plain Dice, 1 the paper's form)")
    if region not in ("example", "batch"):
        raise ValueError(f"region={region!r} is unknown; choose 'example' or 'batch'")
    check_smooth(smooth)


class DSC(nn.Module):
    """Self-adjusting Dice loss of a softmax; arguments as in :func:`dsc`.

    >>> DSC()(torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])).shape
    torch.Size([])
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        smooth: float = 1.0,
        squared: bool = False,
        region: Region = "example",
        classes: OverClasses = "sum",
        reduction: Reduction = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        _check(alpha, smooth, region)
        self.alpha, self.smooth, self.squared, self.ignore_index = alpha, smooth, squared, ignore_index
        self.region: Region = region
        self.classes: OverClasses = classes
        self.reduction: Reduction = reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return dsc(
            logits, target, alpha=self.alpha, smooth=self.smooth, squared=self.squared, region=self.region,
            classes=self.classes, reduction=self.reduction, ignore_index=self.ignore_index,
        )  # fmt: skip

    def logit_prior(self, seen: Tensor) -> Tensor | None:
        """None: overlap is no proper score."""
        return None


class BinaryDSC(nn.Module):
    """Self-adjusting Dice loss of a sigmoid; arguments as in :func:`binary_dsc`.

    >>> BinaryDSC(hard_negatives=1.0)(torch.zeros(4), torch.tensor([1, 0, 0, 0])).shape
    torch.Size([])
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        smooth: float = 1.0,
        squared: bool = False,
        region: Region = "example",
        hard_negatives: float | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        _check(alpha, smooth, region)
        self.alpha, self.smooth, self.squared, self.hard_negatives = alpha, smooth, squared, hard_negatives
        self.region: Region = region
        self.reduction: Reduction = reduction

    def forward(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return binary_dsc(
            logits,
            target,
            mask=mask,
            alpha=self.alpha,
            smooth=self.smooth,
            squared=self.squared,
            region=self.region,
            hard_negatives=self.hard_negatives,
            reduction=self.reduction,
        )

    def logit_prior(self, seen: Tensor) -> Tensor | None:
        """None: overlap is no proper score."""
        return None
