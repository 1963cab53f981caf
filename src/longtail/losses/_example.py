"""Overlap of single examples: Dice and DSC of a softmax with hard labels, every class against the rest.

``q_c = (1 - p_c)^alpha p_c`` and ``L = sum_c 1 - (2 q_c t_c + s) / (q_c + t_c + s)``, squares below where
``squared``. With ``v_c = dL_c / dq_c`` and ``w_c = v_c q_c`` the slope is

    dL / dz_j = w_j (1 - alpha p_j) - p_j sum_c w_c + p_j sum_{c != j} alpha w_c p_c / (1 - p_c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._checks import along_classes
from longtail.losses._fused import fused
from longtail.losses._overlap import log_one_minus, ratio


def example_rows(
    z: Tensor, label: Tensor, *, alpha: float, smooth: float, squared: bool, only_label: bool = False
) -> Tensor:
    """``L`` of every example, ``[B, d1, ...]``, of wide logits and labels int64 ``[B, d1, ...]``.

    With ``only_label`` the label's class is all there is in the sum.
    """
    return fused(_maths, _kernel, z, label.unsqueeze(1), alpha, smooth, squared, only_label).squeeze(1)


def _maths(z: Tensor, at: Tensor, alpha: float, smooth: float, squared: bool, only_label: bool) -> Tensor:
    log_p = torch.log_softmax(z, 1)
    q = torch.exp(log_p + alpha * log_one_minus(log_p)) if alpha else log_p.exp()
    t = (at == along_classes(torch.arange(z.shape[1], device=z.device), z)).to(z.dtype)
    value = ratio(q, t, smooth=smooth, squared=squared)
    return (value * t if only_label else value).sum(1, keepdim=True)


def _kernel(
    z: Tensor, at: Tensor, alpha: float, smooth: float, squared: bool, only_label: bool
) -> tuple[Tensor, Tensor]:
    p = torch.softmax(z, 1)
    if not alpha:
        value, w = _value_and_w(p, at, smooth, squared, only_label)
        return value, w.sub_(p.mul_(w.sum(1, keepdim=True)))
    # 1 - p keeps its digits but for the largest p, where it is the sum of the others.
    top, of_top = p.max(1, keepdim=True)
    rest = 1 - p
    rest.scatter_(1, of_top, p.scatter_(1, of_top, 0.0).sum(1, keepdim=True))
    p.scatter_(1, of_top, top)
    value, w = _value_and_w(
        p * rest if alpha == 1 else rest.pow(alpha).mul_(p), at, smooth, squared, only_label
    )
    total = w.sum(1, keepdim=True)
    h = rest.clamp_min_(torch.finfo(z.dtype).tiny).reciprocal_().mul_(p).mul_(w).mul_(alpha)
    h_top = h.gather(1, of_top)  # by itself: it may be huge where the others' p is next to nothing
    h_others = h.scatter_(1, of_top, 0.0).sum(1, keepdim=True)
    h = h.neg_().add_(h_others + h_top - total).scatter_(1, of_top, h_others - total)
    return value, w.addcmul_(w, p, value=-alpha).addcmul_(h, p)


def _value_and_w(
    q: Tensor, at: Tensor, smooth: float, squared: bool, only_label: bool
) -> tuple[Tensor, Tensor]:
    """``L`` ``[B, 1, ...]``, and ``w_c = q_c dL_c / dq_c``: of every class as a negative, then the label's again."""
    own = q.gather(1, at)
    if squared:
        below = own * own + 1 + smooth
        of_own = 1 - (2 * own + smooth) / below
        w_own = -2 * own * (below - (2 * own + smooth) * own) / (below * below)
    else:
        below = own + 1 + smooth
        of_own, w_own = 1 - (2 * own + smooth) / below, -own * (2 + smooth) / (below * below)
    if only_label:
        return of_own, torch.zeros_like(q).scatter_(1, at, w_own)
    # As a negative: n / (n + s) with n = q or q^2, so w = (1 or 2) s n / (n + s)^2; where there is nothing, 0.
    n = q * q if squared else q
    inverse = (n + smooth).clamp_min_(torch.finfo(q.dtype).tiny).reciprocal_()
    negative = inverse * n
    w = inverse.mul_(smooth * (2 if squared else 1)).mul_(negative)
    value = negative.scatter_(1, at, of_own).sum(1, keepdim=True)
    return value, w.scatter_(1, at, w_own)
