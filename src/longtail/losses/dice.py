"""Soft Dice loss. Milletari et al., "V-Net", 3DV 2016; smoothing and use on text: Li et al., "Dice Loss for
Data-imbalanced NLP Tasks", ACL 2020.

Equation: over a region R, ``L = 1 - (2 sum_R p t + s) / (sum_R p + sum_R t + s)``; squared:
``sum_R p^2 + sum_R t^2`` below. ``p`` is the softmax, one class at a time against the rest; ``binary_dice`` has
that of a sigmoid.

=================  =========================
symbol             argument
=================  =========================
R                  ``region="sample"``: all positions of one sample; ``"batch"``: those of the whole batch
s (gamma, eps)     ``smooth``
p^2, t^2 (V-Net)   ``squared``
=================  =========================

Use it for segmentation, where the score is an overlap and the foreground is small.

For logits ``[B, C]`` a sample's region is one element; pass ``region="batch"`` for a set-level Dice. The loss
is no proper score: its logits need a calibrator. Differs from public code: one port divides a *per-sample*
numerator by a *batch-wide* denominator (its multi-class form that is not squared); here both always run over
the same region.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from longtail.losses._checks import check, check_finite, check_labels, wide
from longtail.losses._overlap import Region, check_smooth, over_classes, overlap, pooled, softmax_targets
from longtail.losses._reduce import Reduction
from longtail.losses._region import region_loss
from longtail.losses.dsc import dsc

OverClasses = Literal["mean", "sum"]


def dice(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    squared: bool = False,
    region: Region = "sample",
    classes: OverClasses = "mean",
    reduction: Reduction = "mean",
    ignore_index: int = -100,
) -> Tensor:
    """Soft Dice loss of a softmax, every class against the rest.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        smooth: added above and below; >= 0, and above 0 where a region may lack a class.
        squared: square p and t in the denominator.
        region: what the sums run over, ``"sample"`` or ``"batch"``.
        classes: ``"mean"`` or ``"sum"`` over the classes.
        reduction: over samples: ``"none"`` (``[B]``), ``"mean"`` (over samples that are not ignored entirely)
            or ``"sum"``. With ``region="batch"`` there is one value, which each gives.
        ignore_index: positions with this hard target belong to no region.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> import torch
    >>> z = torch.tensor([[9.0, -9.0], [9.0, -9.0]])
    >>> [round(v, 3) for v in dice(z, torch.tensor([0, 1]), reduction="none").tolist()]
    [0.0, 0.5]
    """
    check_finite(smooth=smooth)
    check_smooth(smooth)
    if region not in ("sample", "batch"):
        raise ValueError(f"region={region!r} is unknown; choose 'sample' or 'batch'")
    if classes not in ("mean", "sum"):
        raise ValueError(f"classes={classes!r} is unknown; choose 'mean' or 'sum'")
    if logits.dim() == 2 and region == "sample" and not target.is_floating_point():  # an example is a region
        return dsc(
            logits, target, alpha=0.0, smooth=smooth, squared=squared, classes=classes, reduction=reduction,
            ignore_index=ignore_index,
        )  # fmt: skip
    if target.is_floating_point():
        log_p, t, valid = softmax_targets(logits, target, reduction, ignore_index)
        value, some = overlap(log_p.exp(), t, valid, smooth=smooth, squared=squared, region=region)
        return pooled(over_classes(value, classes), some, region, reduction)
    check(logits, target, reduction)
    check_labels(target, logits.shape[1], ignore_index)
    valid = target != ignore_index
    z, label, valid = (
        x.flatten(d) if x.dim() > d else x.unsqueeze(d)
        for x, d in ((wide(logits), 2), (torch.where(valid, target, 0).long(), 1), (valid, 1))
    )
    loss = region_loss(z, label, valid, smooth=smooth, squared=squared, batch=region == "batch")
    loss = loss / z.shape[1] if classes == "mean" else loss
    return pooled(loss, valid.any() if region == "batch" else valid.any(1), region, reduction)


class Dice(nn.Module):
    """Soft Dice loss of a softmax; arguments as in :func:`dice`.

    >>> import torch
    >>> Dice()(torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])).shape
    torch.Size([])
    """

    def __init__(
        self,
        *,
        smooth: float = 1.0,
        squared: bool = False,
        region: Region = "sample",
        classes: OverClasses = "mean",
        reduction: Reduction = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        check_finite(smooth=smooth)
        self.smooth, self.squared, self.ignore_index = smooth, squared, ignore_index
        self.region: Region = region
        self.classes: OverClasses = classes
        self.reduction: Reduction = reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return dice(
            logits,
            target,
            smooth=self.smooth,
            squared=self.squared,
            region=self.region,
            classes=self.classes,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: overlap is no proper score."""
        return None
