"""Sigmoid focal loss, one-vs-rest. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5.

Equation: ``L_i = w_y sum_c alpha_t (1 - p_t)^gamma (-log p_t)``, with ``p_t = sigmoid(z_c)`` for c = y and
``1 - sigmoid(z_c)`` for the others. With ``weight=effective_number(counts)`` it is the class-balanced focal
loss, and at ``gamma=0`` the class-balanced sigmoid loss, of Cui et al., "Class-Balanced Loss", CVPR 2019.

=================  =========================
symbol             argument
=================  =========================
gamma              ``gamma``; 0 is one-vs-rest cross-entropy
alpha              ``alpha``: positives times alpha, negatives times 1 - alpha; None for no such factor
w                  ``weight``; it multiplies all C terms of its row
(per positive)     ``normalizer="positives"``, as RetinaNet does
=================  =========================

Use it for dense detection and multi-label data, where easy negatives outnumber all else; with a class weight for
long-tailed one-vs-rest classifiers. Its sigmoids are no calibrated probabilities.

Differs from the authors' code in the corner gamma < 1, where their gradient is NaN once a sigmoid saturates
and this one is exact. An NLP port stops the modulator's gradient (``detach=True``) and puts alpha on the
negatives. Cui et al. divide by the batch (``normalizer="batch"``) and start the last bias at -log(C - 1),
which is for the head to do.
"""

from __future__ import annotations

from torch import Tensor

from longtail.losses._binary import BinaryNormalizer, binary, focal_rows, moved_odds, reduced_binary
from longtail.losses._checks import Vector, check_finite, check_finite_or_none
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Reduction


def sigmoid_focal(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    background: bool = False,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "expected",
    ignore_index: float = -100,
    label_smoothing: float = 0.0,
    detach: bool = False,
) -> Tensor:
    """Focal loss over C binary questions, summed over the classes of a row.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; ``[B]`` or ``[B, 1, ...]`` for one binary question
            a row.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits`` (soft or multi-hot); of one output 0
            or 1, of any type.
        gamma: focusing exponent, >= 0.
        alpha: factor of the positives, in [0, 1].
        weight: class weights ``[C]``; of one output ``(negative, positive)``.
        counts, prior: how frequent these are in training, one of the two: for the expected weight.
        background: the label C is a row without a positive.
        reduction: ``"none"`` (one a row), ``"mean"`` or ``"sum"``.
        normalizer: the mean divides by the number of rows times the ``"expected"`` weight of one (without ``counts`` or
            ``prior`` it is taken to be 1), by that of rows (``"batch"``), of ``"elements"`` or of ``"positives"``, or by
            the rows' own ``"weights"``.
        ignore_index: targets of this value, single ones among several labels too, count for nothing; NaN is one.
        label_smoothing: every 0/1 target t becomes ``t (1 - eps) + eps / 2``.
        detach: treat the modulating factor as a constant.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> import torch
    >>> z, y = torch.tensor([[4.0, -4.0], [-4.0, 0.0]]), torch.tensor([0, 1])
    >>> [round(v, 4) for v in sigmoid_focal(z, y, reduction="none").tolist()]
    [0.0, 0.1733]
    """
    check_finite_or_none(alpha=alpha)
    check_finite(
        gamma=gamma,
    )
    _check(gamma, alpha)
    b = binary(
        logits,
        target,
        reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        background=background,
    )
    positive, negative = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
    rows = focal_rows(b, positive, negative, gamma, detach)
    return reduced_binary(
        rows, b, weight=weight, counts=counts, prior=prior, reduction=reduction, normalizer=normalizer
    )


def _check(gamma: float, alpha: float | None) -> None:
    if gamma < 0:
        raise ValueError(f"gamma={gamma} must be at least 0 (0 is cross-entropy, 2 is the usual value)")
    if alpha is not None and not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} must lie in [0, 1]: positives weigh alpha, negatives 1 - alpha")


class SigmoidFocal(ClassLoss):
    """Sigmoid focal loss; arguments as in :func:`sigmoid_focal`.

    >>> import torch
    >>> round(SigmoidFocal(gamma=0.0)(torch.zeros(1, 3), torch.tensor([2])).item(), 4)  # 3 log 2
    2.0794
    """

    tasks = frozenset({"single-label", "multi-label"})

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float | None = None,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        background: bool = False,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "expected",
        ignore_index: float = -100,
        label_smoothing: float = 0.0,
        detach: bool = False,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        check_finite_or_none(alpha=alpha)
        check_finite(
            gamma=gamma,
        )
        _check(gamma, alpha)
        self.gamma, self.alpha, self.background = gamma, alpha, background
        self.label_smoothing, self.detach = label_smoothing, detach

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return sigmoid_focal(
            logits,
            target,
            gamma=self.gamma,
            alpha=self.alpha,
            background=self.background,
            label_smoothing=self.label_smoothing,
            detach=self.detach,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: C sigmoids are no distribution over the classes."""
        return None

    def assumes_shares(self, seen: Tensor) -> Tensor | None:
        """Of labels, with ``gamma=0`` alone: the odds that the stream shows, times ``alpha / (1 - alpha)``. None with a
        ``weight`` of whole rows, with smoothing, or where the mean divides by the batch's positives.
        """
        if self.gamma or self.weight is not None or self.label_smoothing or self.normalizer == "positives":
            return None
        if self.alpha in (0, 1):
            return None
        return moved_odds(seen, 1.0 if self.alpha is None else self.alpha / (1 - self.alpha))
