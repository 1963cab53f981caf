"""Soft Dice loss of a sigmoid, for positives against background. Milletari et al., "V-Net", 3DV 2016.

Equation: over a region R, ``L = 1 - (2 sum_R p t + s) / (sum_R p + sum_R t + s)``; squared: ``sum_R p^2 +
sum_R t^2`` below.

=================  =========================
symbol             argument
=================  =========================
R                  ``region="batch"``: all elements; ``"sample"``: those of one sample
s (gamma, eps)     ``smooth``
p^2, t^2 (V-Net)   ``squared``
=================  =========================

Use it for segmentation or tagging of one rare class, where the score is F1 or an overlap.

Differs from no authors' code known; the several-class form is ``dice``. It is no proper score: its logits need a
calibrator.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.losses._checks import check_finite
from longtail.losses._overlap import Region, binary_targets, check_smooth, overlap, pooled
from longtail.losses._reduce import Reduction


def binary_dice(
    logits: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    smooth: float = 1.0,
    squared: bool = False,
    region: Region = "batch",
    reduction: Reduction = "mean",
) -> Tensor:
    """Soft Dice loss of a sigmoid, for positives against background.

    Args:
        logits: ``[B, ...]``.
        target: 0 and 1, or floats between, shaped as the logits (``[B]`` will do for ``[B, 1]``).
        mask: bool, like ``target``; False belongs to no region.
        smooth, squared, region, reduction: as in :func:`dice`.

    >>> z, t = torch.tensor([9.0, -9.0, 9.0]), torch.tensor([1, 0, 0])
    >>> round(binary_dice(z, t).item(), 3)  # 1 - (2 + 1) / (2 + 1 + 1)
    0.25
    """
    check_finite(smooth=smooth)
    check_smooth(smooth)
    z, t, valid = binary_targets(logits, target, mask, reduction)
    value, some = overlap(torch.sigmoid(z), t, valid, smooth=smooth, squared=squared, region=region)
    return pooled(value.squeeze(1), some, region, reduction)


class BinaryDice(nn.Module):
    """Soft Dice loss of a sigmoid; arguments as in :func:`binary_dice`.

    >>> BinaryDice()(torch.zeros(4), torch.tensor([1, 0, 0, 0])).shape
    torch.Size([])
    """

    def __init__(
        self,
        *,
        smooth: float = 1.0,
        squared: bool = False,
        region: Region = "batch",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check_finite(smooth=smooth)
        self.smooth, self.squared = smooth, squared
        self.region: Region = region
        self.reduction: Reduction = reduction

    def forward(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return binary_dice(
            logits,
            target,
            mask=mask,
            smooth=self.smooth,
            squared=self.squared,
            region=self.region,
            reduction=self.reduction,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: overlap is no proper score."""
        return None
