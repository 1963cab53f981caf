"""What the one-vs-rest (sigmoid) losses share: targets, the focal term, the reduction over classes and rows.

A binary term with logit ``z`` and target ``t`` is a function of the signed logit ``s = z if t else -z``
alone, because ``p_t = sigmoid(s)``: its cross-entropy is ``softplus(-s)``, its error ``1 - p_t`` is
``sigmoid(-s)``. Nothing here ever takes the logarithm of a probability. The softmax losses' conventions hold,
with three additions: logits ``[B]`` ask one binary question a row, float targets may be multi-hot, and the
mean has more normalisers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._common import Vector, along_classes, check, per_class, wide

BinaryNormalizer = Literal["weights", "batch", "elements", "positives"]


class Binary(NamedTuple):
    """Targets spread over the classes.

    Attributes:
        logits: float32 or float64, ``[B, C, d1, ...]`` (or ``[B]``).
        target: the same shape: bool where the labels are hard, float in [0, 1] where they are soft.
        valid: bool ``[B, d1, ...]``, False where the label is ``ignore_index``; None if every row counts.
        given: the targets as they came, class indices or soft labels.
    """

    logits: Tensor
    target: Tensor
    valid: Tensor | None
    given: Tensor

    def elements(self) -> Tensor | None:
        """``valid``, broadcastable to the logits."""
        if self.valid is None or self.logits.dim() == 1:
            return self.valid
        return self.valid.unsqueeze(1)


def binary(
    logits: Tensor,
    target: Tensor,
    reduction: str,
    *,
    ignore_index: int,
    label_smoothing: float = 0.0,
    background: bool = False,
) -> Binary:
    """One 0/1 question a class: integer labels become one-hot, float targets of the logits' shape are taken
    as they are.

    With ``background`` the label C is a row without a positive; otherwise a label out of range is an error on
    the CPU and a device assertion on CUDA.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit, or ``label_smoothing`` outside [0, 1].
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing={label_smoothing} must lie in [0, 1]")
    if logits.dim() == 1:
        if target.is_floating_point() and target.shape != logits.shape:
            raise ValueError(
                f"target has shape {tuple(target.shape)}, the logits {tuple(logits.shape)}; make them equal"
            )
        soft = check(
            logits.unsqueeze(1),
            target.unsqueeze(1) if target.is_floating_point() else target,
            reduction,
            least=1,
        )
    else:
        soft = check(logits, target, reduction, least=1)
    z = wide(logits)
    if soft:
        valid, t = None, target.to(z.dtype)
    else:
        valid = target != ignore_index
        t = target == 1 if z.dim() == 1 else _one_hot(z, torch.where(valid, target, 0).long(), background)
    if label_smoothing:
        t = t.to(z.dtype) * (1 - label_smoothing) + label_smoothing / 2
    return Binary(z, t, valid, target)


def focal_term(b: Binary, gamma: float = 0.0, detach: bool = False) -> Tensor:
    """``(1 - p_t)^gamma * cross-entropy`` of every element; ``gamma=0`` is binary cross-entropy.

    The modulator is ``exp(gamma * log(1 - p_t))``, so its gradient is exact where p_t rounds to 1, also for
    gamma < 1.
    """
    if b.target.dtype == torch.bool:
        return _focal(torch.where(b.target, -b.logits, b.logits), gamma, detach)
    return b.target * _focal(-b.logits, gamma, detach) + (1 - b.target) * _focal(b.logits, gamma, detach)


def positive_negative(
    b: Binary, positive: float, negative: float, gamma: float = 0.0, detach: bool = False
) -> Tensor:
    """:func:`focal_term` with one factor for the positives and another for the negatives."""
    if b.target.dtype == torch.bool:
        term = focal_term(b, gamma, detach)
        return torch.where(b.target, positive * term, negative * term)
    of_positive, of_negative = _focal(-b.logits, gamma, detach), _focal(b.logits, gamma, detach)
    return positive * b.target * of_positive + negative * (1 - b.target) * of_negative


def gradient_length(b: Binary) -> Tensor:
    """``|sigmoid(z) - t|`` of every element, detached: the size of the cross-entropy's gradient."""
    z = b.logits.detach()
    if b.target.dtype == torch.bool:
        return torch.sigmoid(torch.where(b.target, -z, z))
    return (torch.sigmoid(z) - b.target).abs()


def reduced_binary(
    element: Tensor,
    b: Binary,
    *,
    weight: Vector | None = None,
    reduction: str,
    normalizer: str,
) -> Tensor:
    """Sum elements over the classes, weigh the rows, and reduce them; over nothing the mean is 0.

    Args:
        element: a loss for every element, the logits' shape.
        weight: ``[C]``; a row has the weight of its class (1 for background), of its soft label the mean.
        normalizer: the mean divides by the rows' ``weights``, the number of valid rows (``batch``), of their
            ``elements`` (rows x C), or of ``positives`` (at least 1).
    """
    if normalizer not in ("weights", "batch", "elements", "positives"):
        raise ValueError(
            f"normalizer={normalizer!r} is unknown; choose 'weights', 'batch', 'elements' or 'positives'"
        )
    loss = element.sum(1) if element.dim() > 1 else element
    mass = torch.ones_like(loss) if b.valid is None else b.valid.to(loss.dtype)
    rows = mass
    if weight is not None:
        own = _row_weight(per_class("weight", weight, b.logits), b)
        loss, mass = loss * own, mass * own if normalizer == "weights" else mass
    if b.valid is not None:
        loss = torch.where(b.valid, loss, 0.0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if normalizer == "positives":
        positive = b.target.sum(1) if element.dim() > 1 else b.target
        total = (positive * rows).sum().clamp(min=1)
    else:
        total = mass.sum()
    if normalizer == "elements" and element.dim() > 1:
        total = total * element.shape[1]
    return loss.sum() / torch.where(total > 0, total, 1.0)


def _one_hot(z: Tensor, y: Tensor, background: bool) -> Tensor:
    if background:
        return y.unsqueeze(1) == along_classes(torch.arange(z.shape[1], device=z.device), z)
    return torch.zeros_like(z, dtype=torch.bool).scatter_(1, y.unsqueeze(1), True)


def _row_weight(w: Tensor, b: Binary) -> Tensor:
    if b.given.is_floating_point():
        return (b.given.to(w.dtype) * along_classes(w, b.logits)).sum(1)
    y = b.given.clamp(0, w.numel() - 1)
    return torch.where(y == b.given, w[y.long()], 1.0)


def _focal(against: Tensor, gamma: float, detach: bool) -> Tensor:
    """Of the logit against the target: ``log(1 + e^x)`` and, with it, ``log(1 - p) = x - log(1 + e^x)``."""
    error = F.softplus(against, threshold=40)  # beyond it log(1 + e^x) is x to the last digit, in float64 too
    if not gamma:
        return error
    modulator = torch.exp(gamma * (against - error))
    return error * (modulator.detach() if detach else modulator)
