"""Weighted cross-entropy of shifted and scaled logits: what every CE-shaped loss of this room is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._checks import (
    Vector,
    along_classes,
    check,
    check_labels,
    check_smoothing,
    per_class,
    wide,
)
from longtail.losses._odds import nll, scaled
from longtail.losses._reduce import expected_weight, reduced, reduced_soft


def cross_entropy_of(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    weight: Vector | None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: str,
    normalizer: str,
    ignore_index: int,
    label_smoothing: float,
) -> Tensor:
    """Weighted cross-entropy of ``z' = scale z + shift - margin * (label)``.

    With soft labels the margin is weighed by them. With ``normalizer="weights"`` their mean divides by the number of
    targets, as in PyTorch.
    """
    soft = check(logits, target, reduction)
    check_smoothing(label_smoothing)
    w = None if weight is None else per_class("weight", weight, logits)
    e = expected_weight(normalizer, w, counts, prior, logits)
    if not soft and (label_smoothing == 0 or w is None):
        loss = nll(
            logits, target, scale=scale, shift=shift, margin=margin, smoothing=label_smoothing,
            ignore_index=ignore_index,
        )  # fmt: skip
        return reduced(
            loss, target, weight=w, expected=e, ignored_are_zero=True, reduction=reduction, normalizer=normalizer,
            ignore_index=ignore_index,
        )  # fmt: skip
    z = scaled(wide(logits), scale, shift)
    if soft:
        target = target.to(z.dtype)
        if margin is not None:
            z = z - target * along_classes(margin, z)
        loss = F.cross_entropy(z, target, weight=w, reduction="none", label_smoothing=label_smoothing)
        return reduced_soft(loss, reduction, e)
    check_labels(target, z.shape[1], ignore_index)
    # The smoothed part of the target has the weights of its own classes, and the mean those of the labels.
    valid = target != ignore_index
    y = torch.where(valid, target, 0).long()
    if margin is not None:
        z = z.scatter_add(1, y.unsqueeze(1), -margin[y].unsqueeze(1))
    loss = F.cross_entropy(z, y, weight=w, reduction="none", label_smoothing=label_smoothing)
    return reduced(
        loss,
        target,
        mass=w,
        weight=None,
        expected=e,
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )
