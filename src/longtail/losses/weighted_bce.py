"""Weighted binary cross-entropy, one-vs-rest: the positives of each question count more (or less).

Equation: ``L_i = w_y sum_c [ -a_c t_c log p_c - (1 - t_c) log(1 - p_c) ]`` with ``p = sigmoid(z)``.

=================  =========================
symbol             argument
=================  =========================
a                  ``positive_weight``: a number, or one a class
w                  ``weight``: a factor of the whole row, counted by the normaliser
=================  =========================

Use it for multi-label or binary data whose positives are rare and whose false negatives are dear.

Differs from public code (an NLP collection) in taking no clamp on p, whose gradient vanishes beyond it, and
no silent smoothing of the targets to [0.01, 0.99]: ask for that with ``label_smoothing=0.02``.
"""

from __future__ import annotations

from torch import Tensor

from longtail.losses._binary import BinaryNormalizer, binary, focal_rows, moved_odds, reduced_binary
from longtail.losses._checks import Vector, check_finite, checked_weight, per_class
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Reduction


def weighted_bce(
    logits: Tensor,
    target: Tensor,
    *,
    positive_weight: float | Vector = 1.0,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "expected",
    ignore_index: float = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Binary cross-entropy over C questions, summed over the classes of a row.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; ``[B]`` or ``[B, 1, ...]`` for one binary question
            a row.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits`` (soft or multi-hot); of one output 0
            or 1, of any type.
        positive_weight: factor of the positive terms, a number or ``[C]``.
        weight, counts, prior, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.sigmoid_focal`.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.

    >>> import torch
    >>> z, t = torch.zeros(2), torch.tensor([1.0, 0.0])
    >>> [round(v, 4) for v in weighted_bce(z, t, positive_weight=3.0, reduction="none").tolist()]
    [2.0794, 0.6931]
    """
    if isinstance(positive_weight, float | int):
        check_finite(positive_weight=positive_weight)
    b = binary(logits, target, reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)
    if not isinstance(positive_weight, float | int):
        positive_weight = per_class("positive_weight", positive_weight, b.logits)
    rows = focal_rows(b, positive=positive_weight)
    return reduced_binary(
        rows, b, weight=weight, counts=counts, prior=prior, reduction=reduction, normalizer=normalizer
    )


class WeightedBCE(ClassLoss):
    """Weighted binary cross-entropy; arguments as in :func:`weighted_bce`.

    >>> import torch
    >>> WeightedBCE()(torch.zeros(1, 2), torch.tensor([1])).item() == 2 * torch.tensor(2.0).log().item()
    True
    """

    tasks = frozenset({"single-label", "multi-label"})

    positive_weight: Tensor | float

    def __init__(
        self,
        *,
        positive_weight: float | Vector = 1.0,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "expected",
        ignore_index: float = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        if isinstance(positive_weight, float | int):
            check_finite(positive_weight=positive_weight)
        if isinstance(positive_weight, float | int):
            self.positive_weight = positive_weight
        else:
            self.register_buffer("positive_weight", checked_weight(positive_weight, "positive_weight"))
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return weighted_bce(
            logits,
            target,
            positive_weight=self.positive_weight,
            label_smoothing=self.label_smoothing,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: C sigmoids are no distribution over the classes."""
        return None

    def assumes_shares(self, seen: Tensor) -> Tensor | None:
        """Of labels: the odds that the stream shows, times ``positive_weight`` (Elkan, IJCAI 2001). None with a
        ``weight`` of whole rows, with smoothing, or where the mean divides by the batch's positives.
        """
        if self.weight is not None or self.label_smoothing or self.normalizer == "positives":
            return None
        factor = self.positive_weight
        return moved_odds(seen, factor.to(seen) if isinstance(factor, Tensor) else factor)
