"""What the one-vs-rest (sigmoid) losses share: targets, weighted focal terms, the reduction over rows.

A binary term with logit ``z`` and target ``t`` is a function of the logit *against* the target,
``x = -z if t else z``, alone: its cross-entropy is ``log(1 + e^x)``, its error ``1 - p_t`` is ``sigmoid(x)``. Nothing
here ever takes the logarithm of a probability. The softmax losses' conventions hold, with three additions: logits
``[B]`` ask one binary question a row, float targets may be multi-hot, and the mean has more normalisers.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.link import SIGMOID
from longtail.losses._checks import (
    LabelError,
    Vector,
    along_classes,
    check,
    check_labels,
    check_smoothing,
    looks,
    may_be_infinite,
    per_class,
    wide,
)
from longtail.losses._fused import fused
from longtail.losses._reduce import check_normalizer, expected_weight
from longtail.prior import shares as label_shares

BinaryNormalizer = Literal["expected", "batch", "elements", "positives", "weights"]
Factor = float | Tensor


class Binary(NamedTuple):
    """Logits with their targets, hard or soft.

    Attributes:
        logits: float32 or float64, ``[B, C, d1, ...]`` (or ``[B]``).
        soft: targets in [0, 1], like the logits; None where the labels are hard.
        label: the row's positive class, int64 ``[B, 1, d1, ...]``, 0 where it has none; None where they are soft.
        labelled: bool like ``label``, False where the row has no positive; None if every row has one.
        known: bool like the logits, False where a soft label is ``ignore_index``; None if every element has a label.
        valid: bool ``[B, d1, ...]``, False where the label is ``ignore_index``, or no element of the row has one; None if
            every row counts.
        given: the targets: class indices, 0/1 of one question, or soft labels, without smoothing.
    """

    logits: Tensor
    soft: Tensor | None
    label: Tensor | None
    labelled: Tensor | None
    known: Tensor | None
    valid: Tensor | None
    given: Tensor

    def is_label(self) -> Tensor:
        """bool like the logits: the positives, of hard labels; a mask, of which the compiler makes one loop."""
        assert self.label is not None
        return _is_label(self.logits, self.label, self.labelled)

    def of(self, rows: slice) -> Binary:
        """Some of the rows."""
        return Binary(*(None if t is None else t[rows] for t in self))  # type: ignore[arg-type]

    def elements(self) -> Tensor | None:
        """Which elements count, broadcastable to the logits; None if all do."""
        if self.known is not None or self.valid is None or self.logits.dim() == 1:
            return self.valid if self.known is None else self.known
        return self.valid.unsqueeze(1)


def binary(
    logits: Tensor,
    target: Tensor,
    reduction: str,
    *,
    ignore_index: float,
    label_smoothing: float = 0.0,
    background: bool = False,
) -> Binary:
    """One 0/1 question a class: an integer label is its row's one positive, float targets of the logits' shape
    are taken as they are. One output (logits ``[B]`` or ``[B, 1, ...]``) asks one question, and an integer label is its
    answer, 0 or 1, as in ``BCEWithLogitsLoss``.

    With ``background`` the label C is a row without a positive. A label out of range is an error on the CPU; on CUDA a
    device assertion, or a NaN loss where labels are floats.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit, labels out of range, or ``label_smoothing`` outside
            [0, 1].
    """
    check_smoothing(label_smoothing)
    if logits.dim() == 1:
        if target.is_floating_point() and target.shape != logits.shape:
            raise ValueError(
                f"target has shape {tuple(target.shape)}, the logits {tuple(logits.shape)}; make them equal"
            )
        of_columns = target.unsqueeze(1) if target.is_floating_point() else target
        soft = check(logits.unsqueeze(1), of_columns, reduction, least=1)
    else:
        if logits.shape[1] == 1 and target.shape == logits.shape and not target.is_floating_point():
            target = target.squeeze(1)
        soft = check(logits, target, reduction, least=1)
    z = wide(logits)
    if soft:
        t, known = _shares(target, z, ignore_index)
        valid = known if known is None or z.dim() == 1 else known.any(1)
        return Binary(z, _smoothed(t, label_smoothing), None, None, known, valid, t)
    valid = target != ignore_index
    if z.dim() == 1 or (z.shape[1] == 1 and not background):
        check_labels(target, 2, ignore_index)
        answer = torch.where(valid, target, 0).long()
        # A look-up, which complains of what is neither 0 nor 1 on every device.
        t = torch.arange(2, device=z.device, dtype=z.dtype).index_select(0, answer.flatten()).view(z.shape)
        return Binary(z, _smoothed(t, label_smoothing), None, None, None, valid, answer)
    check_labels(target, z.shape[1] + background, ignore_index)
    label = torch.where(target != ignore_index, target, 0).long().unsqueeze(1)
    labelled = None
    if background:
        labelled = label < z.shape[1]
        label = torch.where(labelled | (label > z.shape[1]), label, 0)  # what is above C shall still fail
    if not label_smoothing:
        return Binary(z, None, label, labelled, None, valid, target)
    one = z.new_ones(1).expand(label.shape) if labelled is None else labelled.to(z.dtype)
    t = torch.zeros_like(z).scatter_(1, label, one)
    return Binary(z, _smoothed(t, label_smoothing), None, None, None, valid, target)


def _shares(target: Tensor, z: Tensor, ignore_index: float) -> tuple[Tensor, Tensor | None]:
    """Float labels in [0, 1], 0 where they are ``ignore_index`` (which may be NaN); and where they are not, None if
    nowhere.
    """
    if looks(target):
        t = target.detach().float().numpy() if target.dtype == torch.bfloat16 else target.detach().numpy()
        if t.min() >= 0 and t.max() <= 1:  # False for NaN
            return target.to(z.dtype), None
    known = ~target.isnan() if math.isnan(ignore_index) else target != ignore_index
    wrong = known & ~((target >= 0) & (target <= 1))
    if looks(target) and wrong.detach().numpy().any():
        raise LabelError(
            f"target holds label {target[wrong][0].item():g}, out of [0, 1]: labels must lie there, or equal "
            f"ignore_index={ignore_index}"
        )
    found = torch.where(wrong, torch.nan, target.to(z.dtype))
    return torch.where(known, found, 0.0), known


def multi_hot(b: Binary) -> Tensor:
    """The targets as a float mask like the logits, of hard labels too."""
    return b.is_label().to(b.logits.dtype) if b.soft is None else b.soft


def label_odds(shares: Tensor) -> Tensor:
    """The log odds of each label from the share of rows that have it, ``[C]``, finite."""
    return SIGMOID.evidence(SIGMOID.floored(shares))


def moved_odds(shares: Tensor, factor: Factor) -> Tensor:
    """Shares whose odds are ``factor`` times as large, float64 ``[C]``.

    >>> moved_odds(torch.tensor([0.5, 0.25]), 3.0).tolist()
    [0.75, 0.5]
    """
    held = shares.double() * factor
    return held / (held + 1 - shares.double())


def checked_shares(name: str, shares: Vector) -> Tensor:
    """The share of rows that hold each label, a float64 ``[C]`` tensor; call it at construction only.

    Raises:
        ValueError: see :func:`longtail.prior.shares`; or no label that some rows have and others do not.
    """
    found = torch.from_numpy(label_shares(name, shares))
    if not bool((found > 0).any()) or not bool((found < 1).any()):
        raise ValueError(f"{name}={found.tolist()}: no label tells one row from another")
    return found.to(shares.device if isinstance(shares, Tensor) else "cpu", copy=True)


def _smoothed(t: Tensor, label_smoothing: float) -> Tensor:
    return t * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else t


def focal_rows(
    b: Binary, positive: Factor = 1.0, negative: Factor = 1.0, gamma: float = 0.0, detach: bool = False
) -> Tensor:
    """``sum_c weight (1 - p_t)^gamma (-log p_t)`` of each row, ``[B, d1, ...]``; gamma 0 is cross-entropy.

    The modulator's gradient is exact where p_t rounds to 1, also for gamma < 1.

    Args:
        positive: factor of the positives; a number, ``[C]``, or like the logits.
        negative: that of the negatives.
        detach: treat the modulator as a constant.
    """
    z = b.logits
    positive, negative = _along(positive, z), _along(negative, z)
    if b.label is not None:
        if isinstance(positive, Tensor):
            positive = positive.expand(z.shape).gather(1, b.label)
        return loud(
            fused(
                binary_maths, binary_kernel, z, b.label, b.labelled, positive, negative, gamma, detach
            ).squeeze(1)
        )
    assert b.soft is not None
    z = torch.where(z.isinf(), torch.nan, z)
    value = b.soft * positive * focal_term(-z, gamma, detach) + (1 - b.soft) * negative * focal_term(
        z, gamma, detach
    )
    value = value if b.known is None else torch.where(b.known, value, 0.0)
    return value.sum(1) if z.dim() > 1 else value


def loud(rows: Tensor) -> Tensor:
    """Rows of a hand-written gradient: where the loss is NaN the gradient is NaN too."""
    if not may_be_infinite(rows):
        return rows
    return rows * torch.where(rows.detach().isnan(), torch.nan, 1.0)


def _unless_infinite(value: Tensor, z: Tensor) -> Tensor:
    """``value`` ``[B, 1, ...]``, NaN where a logit of the row is infinite, as in ``BCEWithLogitsLoss``."""
    if not may_be_infinite(z):
        return value
    largest = torch.linalg.vector_norm(z.detach(), torch.inf, dim=1, keepdim=True)
    return torch.where(largest.isinf(), torch.nan, value)


def _along(factor: Factor, z: Tensor) -> Factor:
    return along_classes(factor, z) if isinstance(factor, Tensor) and factor.dim() == 1 < z.dim() else factor


def focal_term(x: Tensor, gamma: float, detach: bool) -> Tensor:
    """Of the logit against the target: ``log(1 + e^x)`` and, with it, ``log(1 - p_t) = x - log(1 + e^x)``."""
    error = F.softplus(x, threshold=40)  # beyond it log(1 + e^x) is x to the last digit, in float64 too
    if not gamma:
        return error
    modulator = torch.exp(gamma * (x - error))
    return error * (modulator.detach() if detach else modulator)


def _is_label(z: Tensor, label: Tensor, labelled: Tensor | None) -> Tensor:
    mask = label == along_classes(torch.arange(z.shape[1], device=z.device), z)
    return mask if labelled is None else mask & labelled


def binary_maths(
    z: Tensor,
    label: Tensor,
    labelled: Tensor | None,
    positive: Factor,
    negative: Factor,
    gamma: float,
    detach: bool,
) -> Tensor:
    """``[B, 1, ...]``."""
    is_label = _is_label(z, label, labelled)
    term = focal_term(torch.where(is_label, -z, z), gamma, detach)
    return _unless_infinite(torch.where(is_label, positive * term, negative * term).sum(1, keepdim=True), z)


def binary_kernel(
    z: Tensor,
    label: Tensor,
    labelled: Tensor | None,
    positive: Factor,
    negative: Factor,
    gamma: float,
    detach: bool,
) -> tuple[Tensor, Tensor]:
    """Every element as a negative, then the label's column over again."""
    value, slope = _value_and_slope(z, gamma, detach)
    as_positive, up = _value_and_slope(-z.gather(1, label), gamma, detach)
    as_positive, up = as_positive * positive, up * -positive
    if isinstance(negative, Tensor) or negative != 1:
        value, slope = value.mul_(negative), slope.mul_(negative)
    if labelled is not None:
        as_positive = torch.where(labelled, as_positive, value.gather(1, label))
        up = torch.where(labelled, up, slope.gather(1, label))
    value = _unless_infinite(value.scatter_(1, label, as_positive).sum(1, keepdim=True), z)
    return value, slope.scatter_(1, label, up)


def _value_and_slope(x: Tensor, gamma: float, detach: bool) -> tuple[Tensor, Tensor]:
    """:func:`focal_term` and its derivative, ``m (1 - p_t) + [not detach] gamma m p_t log(1 + e^x)``, m the modulator."""
    value, miss = F.softplus(x, threshold=40), torch.sigmoid(x)
    if not gamma:
        return value, miss
    modulator = miss.square() if gamma == 2 else miss.pow(gamma)
    if not detach:
        miss = (1 - miss).mul_(value).mul_(gamma).add_(miss)
    return value.mul_(modulator), modulator.mul_(miss)


def gradient_length(b: Binary) -> Tensor:
    """``|sigmoid(z) - t|`` of every element, detached: the size of the cross-entropy's gradient."""
    z = b.logits.detach()
    if b.soft is not None:
        return (torch.sigmoid(z) - b.soft).abs()
    assert b.label is not None
    if torch.compiler.is_compiling():
        return torch.sigmoid(torch.where(b.is_label(), -z, z))
    of_label = z.gather(1, b.label)
    of_label = -of_label if b.labelled is None else torch.where(b.labelled, -of_label, of_label)
    return torch.sigmoid(z).scatter_(1, b.label, torch.sigmoid(of_label))


def reduced_binary(
    rows: Tensor,
    b: Binary,
    *,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: str,
    normalizer: str,
) -> Tensor:
    """Weigh the rows' losses and reduce them; over nothing the mean is 0.

    Args:
        rows: a loss for every row, ``[B, d1, ...]``.
        weight: ``[C]``; a row has the weight of its class (1 for background), of its soft label the mean. Of one
            output: ``(negative, positive)``.
        counts, prior: how frequent these are in training.
        normalizer: the mean divides by the number of valid rows times the ``expected`` weight, or by that of valid rows
            (``batch``), of their ``elements`` (rows x C, those with a label), of ``positives`` (at least 1), or by the
            rows' ``weights``.
    """
    check_normalizer(normalizer, "elements", "positives")
    mass = torch.ones_like(rows) if b.valid is None else b.valid.to(rows.dtype)
    counted, expected = mass, None
    if weight is not None:
        asked = _one_question(b)
        w = per_class("weight", weight, asked)
        expected = expected_weight(normalizer, w, counts, prior, asked)
        own = _row_weight(w, b)
        rows, mass = rows * own, mass * own if normalizer == "weights" else mass
    if b.valid is not None:
        rows = torch.where(b.valid, rows, 0.0)
    if reduction == "none":
        return rows
    if reduction == "sum":
        return rows.sum()
    total = (_positives(b) * counted).sum().clamp(min=1) if normalizer == "positives" else mass.sum()
    if normalizer == "elements" and b.known is not None:
        total = b.known.sum().to(rows.dtype)
    elif normalizer == "elements" and b.logits.dim() > 1:
        total = total * b.logits.shape[1]
    total = torch.where(total > 0, total, 1.0)
    return rows.sum() / (total if expected is None else total * expected)


def _positives(b: Binary) -> Factor:
    if b.soft is not None:
        return b.soft.sum(1) if b.soft.dim() > 1 else b.soft
    return 1.0 if b.labelled is None else b.labelled.squeeze(1).to(b.logits.dtype)


def _one_question(b: Binary) -> Tensor:
    """Like the logits in what :func:`per_class` reads; two classes where the logits are one output."""
    one = b.logits.dim() == 1 or (b.logits.shape[1] == 1 and b.label is None)
    return b.logits.new_empty(0, 2) if one else b.logits


def _row_weight(w: Tensor, b: Binary) -> Tensor:
    if b.logits.dim() == 1 or (b.logits.shape[1] == 1 and b.label is None):
        t = b.given.to(w.dtype)
        t = t.squeeze(1) if t.dim() == b.logits.dim() > 1 else t
        return w[0] * (1 - t) + w[1] * t
    if b.given.is_floating_point():
        return (b.given.to(w.dtype) * along_classes(w, b.logits)).sum(1)
    y = b.given.clamp(0, w.numel() - 1)
    return torch.where(y == b.given, w[y.long()], 1.0)
