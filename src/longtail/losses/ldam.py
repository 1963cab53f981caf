"""LDAM. Cao et al., "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS 2019.

Equation: ``L_i = w_y CE( s (cos - m_y onehot(y)), y )`` with ``m_j = max_m (n_min / n_j)^{1/4}``.

=================  =========================
symbol             argument
=================  =========================
n_j                ``counts``
max m_j            ``max_margin``
s                  ``scale``
w (DRW)            ``weight``
=================  =========================

Use it with a normalised head and a deferred ``weight`` (LDAM-DRW), when the rarest classes have few examples
and ranking matters more than probabilities.

The logits must be cosines in [-1, 1], from a normalised head *without* a scale; with a head that scales
already, pass ``scale=1`` and ``max_margin`` times the head's scale. Differs from the authors' code in the
treatment of an empty class only: it takes the largest margin, where theirs is infinite. Soft labels q
(mixup) take ``q_j m_j`` off each logit.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import Vector, check_finite, frequency, warn_if_batch
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of


def ldam_margins(counts: Tensor, max_margin: float = 0.5) -> Tensor:
    """``max_margin (n_min / n_j)^{1/4}``: the rarest class gets ``max_margin``. ``[C] -> [C]``.

    >>> import torch
    >>> ldam_margins(torch.tensor([16.0, 1.0])).tolist()
    [0.25, 0.5]
    """
    n = floored(counts)
    return max_margin * (n.amin() / n) ** 0.25


def ldam(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    max_margin: float = 0.5,
    scale: float = 30.0,
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy on scaled cosines with a larger margin for rarer classes.

    Args:
        logits: cosines ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        max_margin: the margin of the rarest class, in cosine.
        scale: factor of cosine and margin.
        weight, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: shapes that do not fit.

    >>> import torch
    >>> z, y, n = torch.tensor([[1.0, 0.5]]), torch.tensor([1]), torch.tensor([16, 1])
    >>> round(ldam(z, y, n, scale=1.0).item(), 4)  # CE of (1.0, 0.5 - 0.5)
    1.3133
    """
    check_finite(max_margin=max_margin, scale=scale)
    margin = scale * ldam_margins(frequency(counts, prior, logits), max_margin)
    return cross_entropy_of(
        logits, target, scale=scale, margin=margin, counts=counts, prior=prior, weight=weight,
        reduction=reduction, normalizer=normalizer, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


class LDAM(ClassLoss):
    """LDAM; arguments as in :func:`ldam`. Deferred re-weighting (DRW) is a switch of losses, not an argument.

    Raises:
        ValueError: counts or a prior that are negative or all zero, a negative margin or a scale that is not positive.

    >>> import torch
    >>> LDAM(counts=torch.tensor([100, 1]))(torch.tensor([[0.9, -0.9]]), torch.tensor([0])).item() < 1e-6
    True
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        max_margin: float = 0.5,
        scale: float = 30.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite(max_margin=max_margin, scale=scale)
        if max_margin < 0 or scale <= 0:
            raise ValueError(f"max_margin={max_margin} must be at least 0 and scale={scale} above 0")
        self.max_margin, self.scale = max_margin, scale
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return ldam(
            logits,
            target,
            max_margin=self.max_margin,
            scale=self.scale,
            label_smoothing=self.label_smoothing,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: the margin changes the shape of the posterior, not only its prior."""
        return None
