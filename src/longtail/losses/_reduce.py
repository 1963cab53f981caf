"""Reductions: per-target losses to one number, over nothing 0 rather than NaN; and sums over ranks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from longtail.losses._checks import Vector, frequency

Reduction = Literal["none", "mean", "sum"]
Normalizer = Literal["expected", "batch", "weights"]


def expected_weight(
    normalizer: str, weight: Tensor | None, counts: Vector | None, prior: Vector | None, like: Tensor
) -> Tensor | None:
    """``sum_c pi_c w_c``, the mean weight of an example of the training set, where the normaliser asks for it. None
    stands for 1: nothing is weighed, or the frequencies of the classes are not known.

    Args:
        weight: ``[C]``. like: logits, whose dimension 1 has length C.
    """
    if normalizer != "expected" or weight is None or (counts is None and prior is None):
        return None
    n = frequency(counts, prior, like)
    expected = (n * weight).sum() / n.sum()
    return torch.where(expected > 0, expected, 1.0)


def check_normalizer(normalizer: str, *more: str) -> None:
    """Raise ValueError where it is unknown; ``more`` are known too."""
    known = ("expected", "batch", "weights", *more)
    if normalizer not in known:
        raise ValueError(f"normalizer={normalizer!r} is unknown; choose {', '.join(map(repr, known))}")


def reduced(
    loss: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    expected: Tensor | None = None,
    mass: Tensor | None = None,
    ignored_are_zero: bool = False,
    reduction: str,
    normalizer: str,
    ignore_index: int,
) -> Tensor:
    """Weigh per-target losses of *hard* labels, zero the ignored ones, and reduce.

    The mean divides by the number of targets, ignored ones not counted, times ``expected``
    (``normalizer="expected"``; None is 1) or by itself (``"batch"``), or by the sum of the targets' weights
    (``"weights"``); over nothing it is 0, not NaN. ``mass`` are class weights that the losses hold already, for the
    normaliser alone. Losses that :func:`longtail.losses._odds.nll` gives are 0 where ignored; not to see to it again
    makes the compiler's loops shorter.
    """
    check_normalizer(normalizer)
    valid = target != ignore_index
    counted = mass if weight is None else weight
    y = target if counted is None else torch.where(valid, target, 0).long()
    loss = loss if weight is None else loss * weight[y]
    loss = loss if ignored_are_zero else torch.where(valid, loss, 0.0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if counted is None or normalizer != "weights":
        total = valid.sum().clamp(min=1)
        return loss.sum() / (total if expected is None else total * expected)
    total = torch.where(valid, counted[y], 0.0).sum()
    return loss.sum() / torch.where(total > 0, total, 1.0)


def reduced_soft(loss: Tensor, reduction: str, expected: Tensor | None = None) -> Tensor:
    """Reduce per-target losses of soft labels: the mean is over the targets, and over ``expected`` (None is 1); over
    nothing it is 0.
    """
    if reduction == "none":
        return loss
    total = loss.sum()
    if reduction == "sum":
        return total
    total = total / max(loss.numel(), 1)
    return total if expected is None else total / expected


def summed_over_ranks(batch_statistic: Tensor) -> Tensor:
    """The sum over the processes of a distributed run; itself in a single process. Stateful losses count
    with it.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        batch_statistic = batch_statistic.clone()
        torch.distributed.all_reduce(batch_statistic)
    return batch_statistic
