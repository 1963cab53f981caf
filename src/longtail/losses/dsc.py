"""DSC, the self-adjusting Dice loss. Li et al., "Dice Loss for Data-imbalanced NLP Tasks", ACL 2020.

Equation: ``q = (1 - p)^alpha p`` and, for each example, ``L = 1 - (2 q t + s) / (q + t + s)``; easy examples
fade.

=================  =========================
symbol             argument
=================  =========================
alpha              ``alpha``; 0 is the plain Dice of one example
gamma              ``smooth``
(squared)          ``squared``: ``q^2 + t^2`` in the denominator
(example, set)     ``region="example"`` as in the paper; ``"batch"``: one overlap a class over all examples
=================  =========================

Use it for tagging tokens, where nearly all examples are easy and the score is F1.

More than two classes: every class against the rest, summed (``classes="sum"``); ``"true"`` takes the label's
class only. Differs from the authors' code, which unless squared divides a per-example numerator by a batch-wide
denominator. For alpha > 0 the loss rises again as p nears 1, by design; it is no proper score.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from longtail.losses._checks import check, check_finite, check_labels, wide
from longtail.losses._example import example_rows
from longtail.losses._overlap import (
    DSCRegion,
    check_dsc,
    log_one_minus,
    over_classes,
    overlap,
    pooled,
    ratio,
    reduced_examples,
    softmax_targets,
)  # fmt: skip
from longtail.losses._reduce import Reduction

OverClasses = Literal["sum", "mean", "true"]


def dsc(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    smooth: float = 1.0,
    squared: bool = False,
    region: DSCRegion = "example",
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
            value, which each gives.
        ignore_index: hard targets of this value count for nothing.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z, y = torch.tensor([[0.0, 0.0], [9.0, -9.0]]), torch.tensor([0, 1])
    >>> [round(v, 3) for v in dsc(z, y, alpha=0.0, reduction="none").tolist()]
    [0.533, 1.0]
    """
    check_finite(alpha=alpha, smooth=smooth)
    check_dsc(alpha, smooth, region)
    if region == "example" and not target.is_floating_point():
        check(logits, target, reduction)
        if classes not in ("sum", "mean", "true"):
            raise ValueError(f"classes={classes!r} is unknown; choose 'sum', 'mean' or 'true'")
        check_labels(target, logits.shape[1], ignore_index)
        valid = target != ignore_index
        loss = example_rows(
            wide(logits), torch.where(valid, target, 0).long(), alpha=alpha, smooth=smooth, squared=squared,
            only_label=classes == "true",
        )  # fmt: skip
        return reduced_examples(loss / logits.shape[1] if classes == "mean" else loss, valid, reduction)
    log_p, t, valid = softmax_targets(logits, target, reduction, ignore_index)
    q = torch.exp(log_p + alpha * log_one_minus(log_p)) if alpha else log_p.exp()
    if region == "batch":
        value, some = overlap(q, t, valid, smooth=smooth, squared=squared, region="batch")
        return pooled(over_classes(value, classes), some, region, reduction)
    value = ratio(q, t, smooth=smooth, squared=squared)
    loss = (value * t).sum(1) if classes == "true" else over_classes(value, classes)
    shape = logits.shape[:1] + logits.shape[2:]
    return reduced_examples(loss.reshape(shape), valid.reshape(shape), reduction)


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
        region: DSCRegion = "example",
        classes: OverClasses = "sum",
        reduction: Reduction = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        check_finite(alpha=alpha, smooth=smooth)
        check_dsc(alpha, smooth, region)
        self.alpha, self.smooth, self.squared, self.ignore_index = alpha, smooth, squared, ignore_index
        self.region: DSCRegion = region
        self.classes: OverClasses = classes
        self.reduction: Reduction = reduction

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return dsc(
            logits, target, alpha=self.alpha, smooth=self.smooth, squared=self.squared, region=self.region,
            classes=self.classes, reduction=self.reduction, ignore_index=self.ignore_index,
        )  # fmt: skip

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: overlap is no proper score."""
        return None
