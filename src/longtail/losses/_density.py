"""Gradient density: how many examples have a gradient of about this size. Shared by the two GHM losses, with
its running state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.losses._reduce import summed_over_ranks

Start = Literal["unbiased", "zero", "first"]
BinWeight = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def slots(length: Tensor, valid: Tensor | None, bins: int) -> tuple[Tensor, Tensor]:
    """The bin of every gradient length in [0, 1], in a small integer type, and how many each holds, float64 ``[bins]``.

    Bin b holds lengths in [b / bins, (b + 1) / bins), the last one 1 as well. ``valid`` broadcasts; where it is
    False the bin is one more, ``bins``, and not counted. ``length`` is overwritten.
    """
    slot = length.mul_(bins).int().clamp_(0, bins - 1)  # NaN, which is no index, goes to some bin
    if valid is not None:
        kept = valid.int()
        slot = slot.mul_(kept).add_((1 - kept).mul_(bins))
    counts = _histogram(slot.flatten(), bins + 1)[:bins]
    return slot if bins > 255 else slot.to(torch.uint8), counts


@torch.no_grad()
def weights(counts: Tensor, bin_weight: BinWeight, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The weight of an element of each bin, and 0 for one that is not valid, ``[bins + 1]``; and the number of valid
    elements.
    """
    total = counts.sum()
    return F.pad(bin_weight(counts, total), (0, 1)).to(dtype), total.to(dtype)


def looked_up(weight: Tensor, slot: Tensor) -> Tensor:
    """``weight[slot]``, several times as fast."""
    return weight.index_select(0, slot.flatten().int()).view_as(slot)


def check_bins(bins: int) -> None:
    """Raise ValueError where there is no bin."""
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1")


def _histogram(slot: Tensor, slots: int) -> Tensor:
    """How often each of 0..slots-1 occurs, exactly, in float64."""
    if slot.is_cuda:  # where adding atomically to a few places is slow
        return torch.histc(slot.float(), bins=slots, min=0, max=slots).double()
    counts = torch.zeros(slots, dtype=torch.float64, device=slot.device)
    return counts.index_add_(0, slot, counts.new_ones(1).expand(len(slot)))


def batch_weight(counts: Tensor, total: Tensor) -> Tensor:
    """Weight of each bin from this batch alone: ``total / (count * number of non-empty bins)``; 0 for an
    empty bin.
    """
    counts, total = summed_over_ranks(counts), summed_over_ranks(total)
    return _weight(counts, total, counts > 0)


class RunningWeight(nn.Module):
    """Weight of each bin from an exponential average of the counts.

    Args:
        bins: number of bins.
        momentum: share of the past, in [0, 1).
        start: ``unbiased`` averages the share of each bin and divides by ``1 - momentum**t``, as Adam does,
            so the first batch already has the right scale; ``zero`` is the published code (counts; starts at
            0; an empty bin keeps its average, the first weights are ``1 / (1 - momentum)`` times too large);
            ``first`` starts at the first batch's counts and takes a bin as empty when its average is.

    Raises:
        ValueError: an argument outside its range.
    """

    average: Tensor
    steps: Tensor

    def __init__(self, bins: int, momentum: float, start: Start) -> None:
        super().__init__()
        check_bins(bins)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum={momentum} must lie in [0, 1)")
        if start not in ("unbiased", "zero", "first"):
            raise ValueError(f"start={start!r} is not one of unbiased, zero, first")
        self.momentum, self.start = momentum, start
        self.register_buffer("average", torch.zeros(bins, dtype=torch.float64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.float64))

    def forward(self, counts: Tensor, total: Tensor) -> Tensor:
        c, n = summed_over_ranks(counts).to(self.average), summed_over_ranks(total).to(self.average)
        sample = c / n.clamp(min=1) if self.start == "unbiased" else c
        average, steps = self.average, self.steps
        if self.training:
            some = n > 0
            average, steps = torch.where(some, self._mixed(sample), average), steps + some
            # New tensors, not the old ones changed: a compiled backward may read what forward read.
            self.average, self.steps = average, steps
        if not self.momentum:
            average = c
        elif self.start == "unbiased":
            average = average / (1 - self.momentum**steps).clamp(min=1e-30) * n
        # A bin the average has never met (in evaluation, say) is weighted by this batch's own count.
        average = torch.where(average > 0, average, c)
        used = average > 0 if self.start == "first" else c > 0
        return _weight(average, n, used).to(counts.dtype)

    def _mixed(self, sample: Tensor) -> Tensor:
        new = self.momentum * self.average + (1 - self.momentum) * sample
        if self.start == "zero":
            return torch.where(sample > 0, new, self.average)
        return torch.where(self.steps > 0, new, sample) if self.start == "first" else new


def _weight(counts: Tensor, total: Tensor, used: Tensor) -> Tensor:
    return torch.where(counts > 0, total / (counts.clamp(min=1e-30) * used.sum().clamp(min=1)), 0.0)
