"""GHM-C. Li, Liu and Wang, "Gradient Harmonized Single-stage Detector", AAAI 2019.

Equation: one-vs-rest cross-entropy in which every range of gradient lengths ``g = |sigmoid(z) - t|`` weighs
the same, ``L = (1/N) sum_e (N / (R_{b(e)} n)) BCE_e``: N elements, R_b of them in bin b, n bins that are not
empty.

=================  =========================
symbol             argument
=================  =========================
M                  ``bins``
alpha (EMA)        ``momentum`` of the module
N                  ``normalizer="elements"``: the valid ones of B x C
=================  =========================

Use it where both easy examples and outliers (wrong labels) are many: focal loss fades the first only.

Differs from the authors' code in the running average: theirs starts at 0, so that with momentum .75 the first
weights are four times too large, and an empty bin's average stands still. Here the average *share* of each
bin is unbiased from the first step. ``start="zero"`` is theirs, ``start="first"`` that of an NLP port. The
weights are constants to the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.losses._binary import (
    Binary,
    BinaryNormalizer,
    binary,
    binary_kernel,
    binary_maths,
    focal_rows,
    gradient_length,
    loud,
    reduced_binary,
)
from longtail.losses._checks import along_classes, check_finite
from longtail.losses._density import (
    BinWeight,
    RunningWeight,
    Start,
    batch_weight,
    check_bins,
    looked_up,
    slots,
    weights,
)
from longtail.losses._fused import blocks, fused
from longtail.losses._reduce import Reduction


def ghm_c(
    logits: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    bins: int = 30,
    bin_weight: BinWeight = batch_weight,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "elements",
    ignore_index: float = -100,
) -> Tensor:
    """Gradient-harmonised cross-entropy, by default from this batch alone (momentum 0).

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; ``[B]`` or ``[B, 1, ...]`` for one binary question
            a row.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits``.
        mask: bool, broadcastable to the logits; elements where it is False do not count.
        bins: number of ranges of gradient length.
        bin_weight: ``(counts [bins], total) -> weights [bins]``; the module passes its running average.
        reduction, normalizer, ignore_index: as in :func:`longtail.losses.sigmoid_focal`.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z, y = torch.tensor([[2.0, -2.0], [2.0, -2.0], [2.0, -2.0]]), torch.tensor([0, 0, 1])
    >>> rows = ghm_c(z, y, bins=2, reduction="none")  # two easy rows weigh as one hard one
    >>> [round(v, 3) for v in rows.tolist()]
    [0.19, 0.19, 6.381]
    """
    check_bins(bins)
    b = binary(logits, target, reduction, ignore_index=ignore_index)
    valid = b.elements()
    if mask is not None:
        valid = mask.to(torch.bool) if valid is None else mask.to(torch.bool) & valid
        b = b._replace(logits=torch.where(mask.to(torch.bool), b.logits, 0.0))
    parts = [_slots(b.of(rows), valid, rows, bins) for rows in blocks(b.logits)]
    slot, counts = torch.cat([s for s, _ in parts]), torch.stack([c for _, c in parts]).sum(0)
    weight, total = weights(counts, bin_weight, b.logits.dtype)
    if b.label is None:
        w = looked_up(weight, slot)
        rows = focal_rows(b, w, w)
    else:
        rows = loud(
            fused(_maths, _kernel, b.logits, b.label, slot, along_classes(weight, b.logits)).squeeze(1)
        )
    if reduction == "mean" and normalizer == "elements":  # masked elements are not counted either
        return reduced_binary(rows, b, reduction="sum", normalizer="batch") / total.clamp(min=1)
    return reduced_binary(rows, b, reduction=reduction, normalizer=normalizer)


def _slots(b: Binary, valid: Tensor | None, rows: slice, bins: int) -> tuple[Tensor, Tensor]:
    some = valid if valid is None or len(valid) == 1 else valid[rows]
    return slots(gradient_length(b), some, bins)


def _maths(z: Tensor, label: Tensor, slot: Tensor, weight: Tensor) -> Tensor:
    w = looked_up(weight.flatten(), slot)
    return binary_maths(z, label, None, w, w, 0.0, False)


def _kernel(z: Tensor, label: Tensor, slot: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    w = looked_up(weight.flatten(), slot)
    return binary_kernel(z, label, None, w.gather(1, label), w, 0.0, False)


class GHMC(nn.Module):
    """GHM-C; arguments as in :func:`ghm_c`. The running density is summed over ranks and moves in training
    mode only.

    Args:
        momentum: share of the past in the running density, in [0, 1).
        start: how the average starts: ``"unbiased"``, ``"zero"`` (published) or ``"first"``.

    >>> GHMC(bins=10, momentum=0.75)(torch.zeros(2, 3), torch.tensor([0, 2])).isfinite().item()
    True
    """

    tasks = frozenset({"single-label", "multi-label"})

    def __init__(
        self,
        *,
        bins: int = 30,
        momentum: float = 0.75,
        start: Start = "unbiased",
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "elements",
        ignore_index: float = -100,
    ) -> None:
        super().__init__()
        check_finite(momentum=momentum)
        self.density = RunningWeight(bins, momentum, start)
        self.bins, self.ignore_index = bins, ignore_index
        self.reduction: Reduction = reduction
        self.normalizer: BinaryNormalizer = normalizer

    def forward(self, logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return ghm_c(
            logits, target, mask=mask, bins=self.bins, bin_weight=self.density, reduction=self.reduction,
            normalizer=self.normalizer, ignore_index=self.ignore_index,
        )  # fmt: skip

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: the weights depend on each element's own error."""
        return None
