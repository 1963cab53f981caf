"""DSC of a sigmoid, for positives against background. Li et al., "Dice Loss for Data-imbalanced NLP Tasks",
ACL 2020.

Equation: ``q = (1 - p)^alpha p`` and, for each example, ``L = 1 - (2 q t + s) / (q + t + s)``; easy examples fade.

=================  =========================
symbol             argument
=================  =========================
alpha              ``alpha``; 0 is the plain Dice of one example
gamma              ``smooth``
(squared)          ``squared``: ``q^2 + t^2`` in the denominator
(example, set)     ``region="example"`` as in the paper; ``"batch"`` sums above and below first, as the code does
(OHEM)             ``hard_negatives``: negatives kept for each positive, the hardest; None keeps all
=================  =========================

Use it for tagging tokens of one rare kind, where nearly all examples are easy and the score is F1.

Differs from the authors' code in the hard negatives, of which theirs keeps two fewer than asked; from an NLP
port, where negatives have a negative loss. The several-class form is ``dsc``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.losses._checks import check_finite, check_finite_or_none
from longtail.losses._overlap import (
    DSCRegion,
    binary_targets,
    check_dsc,
    overlap,
    pooled,
    ratio,
    reduced_examples,
    sigmoid_power,
)  # fmt: skip
from longtail.losses._reduce import Reduction


def binary_dsc(
    logits: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    alpha: float = 1.0,
    smooth: float = 1.0,
    squared: bool = False,
    region: DSCRegion = "example",
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
    check_finite_or_none(hard_negatives=hard_negatives)
    check_finite(
        alpha=alpha,
        smooth=smooth,
    )
    check_dsc(alpha, smooth, region)
    _check_times(hard_negatives)
    z, t, valid = binary_targets(logits, target, mask, reduction)
    if hard_negatives is not None:
        valid = valid & _hard(z.detach(), t > 0.5, valid, hard_negatives)
    q = sigmoid_power(z, alpha)
    if region == "batch":
        value, some = overlap(q, t, valid, smooth=smooth, squared=squared, region="batch")
        return pooled(value.squeeze(1), some, region, reduction)
    value = ratio(q, t, smooth=smooth, squared=squared)
    return reduced_examples(value.reshape(logits.shape), valid.reshape(logits.shape), reduction)


def _check_times(hard_negatives: float | None) -> None:
    if hard_negatives is not None and hard_negatives < 0:
        raise ValueError(f"hard_negatives={hard_negatives} must be at least 0, or None to keep all")


def _hard(z: Tensor, positive: Tensor, valid: Tensor, times: float) -> Tensor:
    """Positives, and the ``times * positives`` negatives with the largest logits; without a host sync."""
    score = torch.where(~positive & valid, z, -torch.inf).flatten()
    rank = torch.empty_like(score, dtype=torch.int64)
    rank[score.argsort(descending=True, stable=True)] = torch.arange(len(score), device=z.device)
    keep = torch.floor((positive & valid).sum() * times)
    return positive | (rank.reshape(z.shape) < keep)


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
        region: DSCRegion = "example",
        hard_negatives: float | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check_finite_or_none(hard_negatives=hard_negatives)
        check_finite(
            alpha=alpha,
            smooth=smooth,
        )
        check_dsc(alpha, smooth, region)
        _check_times(hard_negatives)
        self.alpha, self.smooth, self.squared, self.hard_negatives = alpha, smooth, squared, hard_negatives
        self.region: DSCRegion = region
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

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: overlap is no proper score."""
        return None
