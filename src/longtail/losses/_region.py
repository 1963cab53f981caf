"""Overlap of regions: Dice of a softmax with hard labels, every class against the rest.

Over the positions R of a region ``I_c = sum_R p_c t_c``, ``D_c = sum_R (p_c + t_c) + s`` (squares where ``squared``) and
``L = sum_c 1 - (2 I_c + s) / D_c``, so ``dL / dp_c = (2 I_c + s) / D_c^2 (1 or 2 p_c) - 2 t_c / D_c`` at every
position, and ``dL / dz_j = p_j (dL / dp_j - sum_c p_c dL / dp_c)``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._checks import along_classes
from longtail.losses._fused import fused
from longtail.losses._overlap import ratio


def region_loss(
    z: Tensor, label: Tensor, valid: Tensor, *, smooth: float, squared: bool, batch: bool
) -> Tensor:
    """``L`` of each sample's positions, ``[B]``, or of the whole batch's, ``[1]``.

    Args:
        z: wide logits ``[B, C, P]``. label: int64 ``[B, P]``. valid: bool ``[B, P]``; False belongs to no region.
    """
    counts = valid.unsqueeze(1).to(z.dtype)
    value = fused(
        _maths,
        _kernel,
        z,
        label.unsqueeze(1),
        counts,
        smooth,
        squared,
        (0, 2) if batch else (2,),
        by_row=not batch,
    )
    return value.flatten()


def _maths(
    z: Tensor, at: Tensor, counts: Tensor, smooth: float, squared: bool, over: tuple[int, ...]
) -> Tensor:
    t = (at == along_classes(torch.arange(z.shape[1], device=z.device), z)).to(z.dtype) * counts
    p = torch.softmax(z, 1) * counts
    value = ratio(p, t, smooth=smooth, squared=squared, over=over)
    return value.sum(-1).reshape(-1, 1, 1)


def _kernel(
    z: Tensor, at: Tensor, counts: Tensor, smooth: float, squared: bool, over: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    p = torch.softmax(z, 1)
    own = p.gather(1, at).mul_(counts)
    by_class = z.new_zeros(z.shape[:2])
    inside = by_class.scatter_add(1, at.squeeze(1), own.squeeze(1)).unsqueeze(2)
    labels = by_class.scatter_add(1, at.squeeze(1), counts.squeeze(1)).unsqueeze(2)
    mass = (p * p * counts if squared else p * counts).sum(2, keepdim=True)
    if 0 in over:
        inside, labels, mass = (x.sum(0, keepdim=True) for x in (inside, labels, mass))
    above, below = 2 * inside + smooth, mass + labels + smooth
    nothing = below == 0
    below = torch.where(nothing, 1.0, below)
    value = torch.where(nothing, 0.0, 1 - above / below).sum(1, keepdim=True)
    per_p = (above / below**2).expand(len(z), -1, 1)
    u = p * (2 * per_p) if squared else per_p.expand(z.shape).clone()
    at_label = (-2 / below).expand(len(z), -1, 1).squeeze(2).gather(1, at.squeeze(1))
    u.scatter_add_(1, at, at_label.unsqueeze(1))
    inner = (u * p).sum(1, keepdim=True)
    return value, u.sub_(inner).mul_(p).mul_(counts)
