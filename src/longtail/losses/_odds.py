"""The log-odds *against* the label, of which every hard-label softmax loss is a function.

``r = logsumexp_{j != y} z'_j - z'_y`` with ``z' = scale z + shift - margin 1[y]``. Exactly, also at saturation:
``-log p_y = log(1 + e^r)`` and ``1 - p_y = sigmoid(r)``.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._checks import along_classes, check_labels, may_be_infinite, wide
from longtail.losses._fused import fused

OUT = -1e9
# The logit of a class that leaves the sum: finite, so that a sum nobody is left in has gradient 0, not NaN.
FAINT = -75.0
# Exponentials below 1e-38 are denormal numbers, on which a CPU is thirty times slower. e^-75 of the largest
# term is far below the rounding of the sum in either precision.
LIMIT = torch.finfo(torch.float32).max / 4
# Of a scaled logit: the difference of two that are larger would overflow. A logit that is infinite itself is another
# matter: the net has overflowed, and the loss is NaN. Minus infinity hides a class, unless it is the label's.


def log_odds(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    drop: Tensor | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """``r`` of each target, ``[B, d1, ...]`` in float32 or float64; zero where the target is ignored.

    Args:
        scale: a number or ``[C]``. shift: ``[C]`` or like ``logits``. margin: ``[C]``.
        drop: bool like ``logits``; classes that leave the sum, the label excepted.
    """
    return _rows(logits, target, scale, shift, margin, drop, None, ignore_index)


def nll_of(r: Tensor) -> Tensor:
    """``-log p_y`` of the log-odds against the label."""
    return -F.logsigmoid(-r)


def nll(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    smoothing: float | Tensor = 0.0,
    ignore_index: int = -100,
) -> Tensor:
    """``-log p_y`` of ``z'``, for losses that need nothing else; arguments as in :func:`log_odds`.

    Zero where the target is ignored. ``smoothing`` eps, a number or one a target, moves that much of the label to all
    classes alike: it adds ``eps (z'_y - mean_j z'_j)``.
    """
    if isinstance(smoothing, Tensor) or smoothing:
        return _rows(logits, target, scale, shift, margin, None, smoothing, ignore_index)
    if margin is not None or not torch.compiler.is_compiling():
        return _rows(logits, target, scale, shift, margin, None, None, ignore_index, as_nll=True)
    z = scaled(wide(logits), scale, shift)  # which the compiler knows well
    return F.cross_entropy(z, target.long(), reduction="none", ignore_index=ignore_index)


def scaled(z: Tensor, scale: float | Tensor, shift: Tensor | None) -> Tensor:
    """``scale z + shift``, each a number, ``[C]``, or like ``z``."""
    if isinstance(scale, Tensor) or scale != 1.0:
        z = z * (along_classes(scale, z) if isinstance(scale, Tensor) and scale.dim() == 1 else scale)
    if shift is not None:
        z = z + (along_classes(shift, z) if shift.dim() == 1 else shift)
    return z


def _rows(
    logits: Tensor,
    target: Tensor,
    scale: float | Tensor,
    shift: Tensor | None,
    margin: Tensor | None,
    drop: Tensor | None,
    smoothing: float | Tensor | None,
    ignore_index: int,
    as_nll: bool = False,
) -> Tensor:
    z = wide(logits)
    check_labels(target, z.shape[1], ignore_index)
    valid = target != ignore_index
    y = torch.where(valid, target, 0).long()
    rows = fused(
        odds_maths, odds_kernel, z, y.unsqueeze(1),
        along_classes(scale, z) if isinstance(scale, Tensor) else float(scale),
        along_classes(shift, z) if shift is not None and shift.dim() == 1 else shift,
        None if margin is None else margin[y].unsqueeze(1),
        drop,
        smoothing.unsqueeze(1) if isinstance(smoothing, Tensor) else smoothing,
    )  # fmt: skip
    return torch.where(valid, (nll_of(rows) if as_nll else rows).squeeze(1), 0.0)


def odds_maths(
    z: Tensor,
    at: Tensor,
    scale: float | Tensor,
    shift: Tensor | None,
    margin: Tensor | None,
    drop: Tensor | None,
    smoothing: float | Tensor | None,
) -> Tensor:
    """``r``, or with ``smoothing`` the loss. All ``[B, C, ...]`` or ``[B, 1, ...]``."""
    raw, z = z, scaled(z, scale, shift)
    # A masked sum instead of a gather: the compiler makes one loop of it, and of its gradient.
    label = along_classes(torch.arange(z.shape[1], device=z.device, dtype=torch.int32), z) == at.int()
    of_label = torch.where(label, raw, 0.0).sum(1, keepdim=True)
    own = of_label if raw is z else torch.where(label, z, 0.0).sum(1, keepdim=True)
    own = own.clamp(-LIMIT, LIMIT)
    gap = None if smoothing is None else _total(z)
    if margin is not None:
        own, gap = own - margin, None if gap is None else gap - margin
    # One maximum of all, where the kernel takes that of the others: a p_y above 1 - e^-75 is rounded to it, and the
    # compiler's loops are shorter.
    top = z.detach().amax(1, keepdim=True).clamp(-LIMIT, LIMIT)
    others = z if drop is None else torch.where(drop, OUT, z)
    total = torch.where(label, 0.0, (others - top).clamp(FAINT, 0.0).exp()).sum(1, keepdim=True)
    r = torch.where(_overflowed(raw, of_label, smoothing), torch.nan, total.log() + top - own)
    if gap is None or smoothing is None:
        return r
    return nll_of(r) + smoothing * (own - gap / z.shape[1])


def odds_kernel(
    z: Tensor,
    at: Tensor,
    scale: float | Tensor,
    shift: Tensor | None,
    margin: Tensor | None,
    drop: Tensor | None,
    smoothing: float | Tensor | None,
) -> tuple[Tensor, Tensor]:
    if isinstance(scale, Tensor):
        e = z * scale if shift is None else torch.addcmul(shift, z, scale)
    elif shift is not None:
        e = torch.add(shift, z, alpha=scale)
    else:
        e = z * scale if scale != 1.0 else z.clone()
    own = e.gather(1, at).clamp_(-LIMIT, LIMIT)
    gap = None if smoothing is None else _total(e)
    if margin is not None:
        own, gap = own - margin, None if gap is None else gap - margin
    if drop is not None:
        e.add_(drop.to(e.dtype), alpha=OUT)  # several times faster than masked_fill_ on a CPU
    e.scatter_(1, at, -torch.inf)
    top = e.amax(1, keepdim=True).clamp_(-LIMIT, LIMIT)
    total = e.sub_(top).clamp_(FAINT, 0.0).exp_().sum(1, keepdim=True)
    value = top + total.log() - own
    if may_be_infinite(z):
        value = value.masked_fill_(_overflowed(z, z.gather(1, at), smoothing), torch.nan)
    if gap is None or smoothing is None:
        slope = e.mul_(1 / total).scatter_(1, at, -1.0)
    else:
        miss, c = torch.sigmoid(value), z.shape[1]
        value = nll_of(value) + smoothing * (own - gap / c)
        slope = e.mul_(miss / total).sub_(smoothing / c).scatter_(1, at, smoothing * (1 - 1 / c) - miss)
    return value, slope.mul_(scale) if isinstance(scale, Tensor) or scale != 1.0 else slope


def _overflowed(z: Tensor, of_label: Tensor, smoothing: float | Tensor | None) -> Tensor:
    """Is a logit of the row plus infinity, or that of the label (with smoothing: any) minus infinity? ``[B, 1, ...]``."""
    least = of_label.detach() if smoothing is None else z.detach().amin(1, keepdim=True)
    return (z.detach().amax(1, keepdim=True) == torch.inf) | (least == -torch.inf)


def _total(z: Tensor) -> Tensor:
    """The sum over the classes, bounded where it overflows (to either side, or to both and so to nan)."""
    return z.sum(1, keepdim=True).nan_to_num(0.0, LIMIT, -LIMIT).clamp(-LIMIT, LIMIT)
