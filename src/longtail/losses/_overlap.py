"""What the overlap losses (Dice, DSC) share: probabilities and targets position by position, and the overlap
of a region.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._checks import LabelError, along_classes, check, check_labels, looks, wide

Region = Literal["sample", "batch"]
DSCRegion = Literal["example", "batch"]


def softmax_targets(
    logits: Tensor, target: Tensor, reduction: str, ignore_index: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities ``[B, C, P]``, targets ``[B, C, P]`` in [0, 1] and which of the P positions count,
    bool ``[B, 1, P]``.
    """
    soft = check(logits, target, reduction)
    z = wide(logits)
    if soft:
        t, valid = target.to(z.dtype), torch.ones_like(z[:, :1], dtype=torch.bool)
    else:
        check_labels(target, z.shape[1], ignore_index)
        valid = (target != ignore_index).unsqueeze(1)
        index = torch.where(valid, target.unsqueeze(1), 0).long()
        t = torch.zeros_like(z).scatter_(1, index, 1.0)
    return tuple(x.flatten(2) if x.dim() > 2 else x.unsqueeze(2) for x in (torch.log_softmax(z, 1), t, valid))  # type: ignore[return-value]


def binary_targets(
    logits: Tensor, target: Tensor, mask: Tensor | None, reduction: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, targets and validity of one positive class, each ``[B, 1, P]``.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating, got {logits.dtype}: pass the head's raw outputs")
    if logits.dim() == 0 or target.numel() != logits.numel() or target.shape[:1] != logits.shape[:1]:
        raise ValueError(
            f"target has shape {tuple(target.shape)}; for one positive class it must be that of the logits, "
            f"{tuple(logits.shape)}. For class indices use the loss of the same name without 'binary'"
        )
    z = wide(logits).unsqueeze(1).flatten(2) if logits.dim() > 1 else wide(logits).reshape(-1, 1, 1)
    t = target.to(z.dtype).reshape(z.shape)
    if mask is not None and mask.numel() != logits.numel():
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}; it must be that of the target, {tuple(target.shape)}"
        )
    valid = torch.ones_like(z, dtype=torch.bool) if mask is None else mask.reshape(z.shape) != 0
    wrong = valid & ~((t >= 0) & (t <= 1))
    if looks(target) and wrong.detach().numpy().any():
        raise LabelError(
            f"target holds label {t[wrong][0].item():g}, out of [0, 1]: leave what has no label out with mask="
        )
    t = torch.where(valid, torch.where(wrong, torch.nan, t), 0.0)
    return torch.where(valid & z.isinf(), torch.nan, z), t, valid


def log_one_minus(log_p: Tensor) -> Tensor:
    """``log(1 - p_c)`` for every class of a log-softmax, exact where p_c is 0 or 1 to the last digit."""
    top = log_p.detach().argmax(1, keepdim=True)
    is_top = along_classes(torch.arange(log_p.shape[1], device=log_p.device), log_p) == top
    of_top = torch.logsumexp(log_p.masked_fill(is_top, -torch.inf), 1, keepdim=True)
    # Every other class has p <= 1/2, where the plain form keeps its digits.
    of_rest = torch.log(-torch.expm1(log_p.masked_fill(is_top, -1.0)))
    return torch.where(is_top, of_top, of_rest)


def ratio(p: Tensor, t: Tensor, *, smooth: float, squared: bool, over: tuple[int, ...] = ()) -> Tensor:
    """``1 - (2 sum p t + s) / (sum p + sum t + s)``, the sums over the dimensions ``over``; 0 where there is
    nothing.
    """
    above, below = 2 * p * t, p * p + t * t if squared else p + t
    if over:
        above, below = above.sum(over), below.sum(over)
    below = below + smooth
    nothing = below == 0  # false for NaN, which is to be seen
    return torch.where(nothing, 0.0, 1 - (above + smooth) / torch.where(nothing, 1.0, below))


def overlap(
    p: Tensor, t: Tensor, valid: Tensor, *, smooth: float, squared: bool, region: str
) -> tuple[Tensor, Tensor]:
    """The loss of each class, ``[B, C]`` (one row with ``region="batch"``), and whether a row has a position
    that counts.

    Raises:
        ValueError: ``region`` or ``smooth`` out of range.
    """
    if region not in ("sample", "batch"):
        raise ValueError(f"region={region!r} is unknown; choose 'sample' or 'batch'")
    p, t = p * valid, t * valid
    value = ratio(p, t, smooth=smooth, squared=squared, over=(2,) if region == "sample" else (0, 2))
    some = valid.any(2).any(1)
    return (value, some) if region == "sample" else (value.unsqueeze(0), some.any(0, keepdim=True))


def over_classes(value: Tensor, classes: str) -> Tensor:
    """``[B, C, ...]`` to ``[B, ...]``."""
    if classes not in ("mean", "sum"):
        raise ValueError(f"classes={classes!r} is unknown; choose 'mean' or 'sum'")
    return value.mean(1) if classes == "mean" else value.sum(1)


def pooled(value: Tensor, counts: Tensor, region: str, reduction: str) -> Tensor:
    """Reduce the losses of regions, ``counts`` False for those without a position; over nothing the mean is 0.

    With the batch as its region there is one value, which every reduction gives.
    """
    value = torch.where(counts, value, 0.0)
    if region == "batch":
        return value.squeeze(0)
    if reduction == "none":
        return value
    return value.sum() if reduction == "sum" else value.sum() / counts.sum().clamp(min=1)


def check_smooth(smooth: float) -> None:
    """Raise ValueError where ``smooth`` is negative."""
    if smooth < 0:
        raise ValueError(
            f"smooth={smooth} must be at least 0 (1 is usual; 0 leaves regions without the class at loss 1)"
        )


def sigmoid_power(z: Tensor, alpha: float) -> Tensor:
    """``(1 - p)^alpha p`` of a sigmoid, with an exact gradient at saturation."""
    return torch.exp(F.logsigmoid(z) + alpha * F.logsigmoid(-z)) if alpha else torch.sigmoid(z)


def reduced_examples(loss: Tensor, valid: Tensor, reduction: str) -> Tensor:
    """Reduce the losses of single examples; over nothing the mean is 0."""
    loss = torch.where(valid, loss, 0.0)
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / valid.sum().clamp(min=1)


def check_dsc(alpha: float, smooth: float, region: str) -> None:
    """Raise ValueError where an argument of DSC is out of range."""
    if alpha < 0:
        raise ValueError(f"alpha={alpha} must be at least 0 (0 is plain Dice, 1 the paper's form)")
    if region not in ("example", "batch"):
        raise ValueError(f"region={region!r} is unknown; choose 'example' or 'batch'")
    check_smooth(smooth)
