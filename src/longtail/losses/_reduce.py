"""Reductions: per-target losses to one number, over nothing 0 rather than NaN; and sums over ranks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Reduction = Literal["none", "mean", "sum"]
Normalizer = Literal["weights", "batch"]


def reduced(
    loss: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    mass: Tensor | None = None,
    ignored_are_zero: bool = False,
    reduction: str,
    normalizer: str,
    ignore_index: int,
) -> Tensor:
    """Weigh per-target losses of *hard* labels, zero the ignored ones, and reduce.

    The mean divides by the sum of the targets' weights (``normalizer="weights"``) or by their number
    (``"batch"``), ignored ones not counted; over nothing it is 0, not NaN. ``mass`` are class weights that the
    losses hold already, for the normaliser alone. Losses that :func:`longtail.losses._odds.nll` gives are 0 where
    ignored; not to see to it again makes the compiler's loops shorter.
    """
    if normalizer not in ("weights", "batch"):
        raise ValueError(f"normalizer={normalizer!r} is unknown; choose 'weights' or 'batch'")
    valid = target != ignore_index
    counted = mass if weight is None else weight
    y = target if counted is None else torch.where(valid, target, 0).long()
    loss = loss if weight is None else loss * weight[y]
    loss = loss if ignored_are_zero else torch.where(valid, loss, 0.0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if counted is None or normalizer == "batch":
        return loss.sum() / valid.sum().clamp(min=1)
    total = torch.where(valid, counted[y], 0.0).sum()
    return loss.sum() / torch.where(total > 0, total, 1.0)


def reduced_soft(loss: Tensor, reduction: str) -> Tensor:
    """Reduce per-target losses of soft labels: the mean is over the targets; over nothing it is 0."""
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / max(loss.numel(), 1)


def summed_over_ranks(batch_statistic: Tensor) -> Tensor:
    """The sum over the processes of a distributed run; itself in a single process. Stateful losses count
    with it.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        batch_statistic = batch_statistic.clone()
        torch.distributed.all_reduce(batch_statistic)
    return batch_statistic
