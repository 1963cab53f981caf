"""GHM-R. Li, Liu and Wang, "Gradient Harmonized Single-stage Detector", AAAI 2019. For regression.

Equation: ``d = prediction - target``, ``ASL1 = sqrt(d^2 + mu^2) - mu``, ``g = |d| / sqrt(d^2 + mu^2)``, and
``L = (1/N) sum_e (N / (R_{b(e)} n)) ASL1_e`` as in GHM-C. It takes predictions and real targets of one shape
(box offsets, say), not logits and classes.

=================  =========================
symbol             argument
=================  =========================
mu                 ``mu``
M, alpha (EMA)     ``bins``, ``momentum`` of the module
=================  =========================

Use it for box regression beside GHM-C, where outliers dominate an L1 loss.

Differs from the authors' code in the running average, as GHM-C does (``start="zero"`` is theirs), and in the
mask, which is true or false: theirs lets fractional label weights into N but not into the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.losses._checks import check_finite, wide
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
from longtail.losses._reduce import Reduction


def ghm_r(
    prediction: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    mu: float = 0.02,
    bins: int = 10,
    bin_weight: BinWeight = batch_weight,
    reduction: Reduction = "mean",
) -> Tensor:
    """Gradient-harmonised smooth L1 loss, by default from this batch alone (momentum 0).

    Args:
        prediction, target: floats of one shape, in the unit of ``mu``.
        mask: bool, broadcastable to ``prediction``; elements where it is False do not count.
        mu: below it an error is squared rather than absolute; > 0.
        bins: number of ranges of gradient length.
        bin_weight: ``(counts [bins], total) -> weights [bins]``; the module passes its running average.
        reduction: ``"none"`` (one an element), ``"mean"`` (over the valid elements) or ``"sum"``.

    Raises:
        ValueError: shapes or numbers that do not fit. TypeError: predictions that are not floating.

    >>> round(ghm_r(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])).item(), 3)
    0.49
    """
    check_finite(mu=mu)
    if not prediction.is_floating_point():
        raise TypeError(f"prediction must be floating, got {prediction.dtype}")
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must have one shape; "
            "GHM-R is a regression loss: for classes use ghm_c"
        )
    check_bins(bins)
    if mu <= 0:
        raise ValueError(f"mu={mu} must be above 0")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")
    x = wide(prediction)
    d = x - target.to(x.dtype)
    root = torch.sqrt(d * d + mu * mu)
    valid = None if mask is None else mask.to(torch.bool).expand_as(d)
    slot, counts = slots((d.detach() / root.detach()).abs(), valid, bins)
    weight, total = weights(counts, bin_weight, x.dtype)
    element = (root - mu) * looked_up(weight, slot)
    if valid is not None:
        element = torch.where(valid, element, 0.0)
    if reduction == "none":
        return element
    return element.sum() if reduction == "sum" else element.sum() / total.clamp(min=1)


class GHMR(nn.Module):
    """GHM-R; arguments as in :func:`ghm_r`. The running density is summed over ranks and moves in training
    mode only.

    Args:
        momentum: share of the past in the running density, in [0, 1).
        start: how the average starts: ``"unbiased"``, ``"zero"`` (published) or ``"first"``.

    >>> GHMR()(torch.zeros(4, 4), torch.ones(4, 4)).shape
    torch.Size([])
    """

    tasks = frozenset({"regression"})

    def __init__(
        self,
        *,
        mu: float = 0.02,
        bins: int = 10,
        momentum: float = 0.7,
        start: Start = "unbiased",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check_finite(mu=mu, momentum=momentum)
        self.density = RunningWeight(bins, momentum, start)
        self.mu, self.bins = mu, bins
        self.reduction: Reduction = reduction

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return ghm_r(
            prediction,
            target,
            mask=mask,
            mu=self.mu,
            bins=self.bins,
            bin_weight=self.density,
            reduction=self.reduction,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: a regression loss has no classes."""
        return None
