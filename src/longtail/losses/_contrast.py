"""What the embedding losses share: similarities that autocast leaves alone, checks, and the reduction over
anchors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._checks import check_finite, check_finite_or_none, wide


def check_features(features: Tensor, labels: Tensor, dims: int, temperature: float, reduction: str) -> None:
    """Shapes and dtypes of ``(features, labels)``.

    Raises:
        TypeError: features not floating. ValueError: labels that are not integers, shapes that do not fit, or a bad
            number.
    """
    shape = "[B, V, D]" if dims == 3 else "[N, D]"
    if not features.is_floating_point():
        raise TypeError(f"features must be floating, got {features.dtype}")
    if labels.is_floating_point():
        raise ValueError(
            f"labels must be integer class indices, got {labels.dtype}: embedding losses take no soft labels"
        )
    if features.dim() != dims:
        raise ValueError(
            f"features have shape {tuple(features.shape)}; need {shape} (V views of each of B samples)"
        )
    if labels.shape != features.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; features {tuple(features.shape)} need one a row"
        )
    check_finite(temperature=temperature)
    if temperature <= 0:
        raise ValueError(f"temperature={temperature} must be above 0")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")


def check_base(base_temperature: float | None) -> None:
    """Raise ValueError where there is a base temperature and it is not above 0."""
    check_finite_or_none(base_temperature=base_temperature)
    if base_temperature is not None and base_temperature <= 0:
        raise ValueError(f"base_temperature={base_temperature} must be above 0, or None for no factor")


BOUND = 1e15  # of an embedding's coordinates: their products, and sums of those, stay far inside float32


def bounded(x: Tensor) -> Tensor:
    """Embeddings in float32 or float64; coordinates beyond ``BOUND`` are taken for it, so that nothing overflows.
    Infinite ones become NaN: the net has overflowed, and the loss shall say so.
    """
    return within(wide(x), BOUND)


def within(x: Tensor, bound: float) -> Tensor:
    """``x`` clamped to +-bound, NaN where it is infinite."""
    return torch.where(x.isinf(), torch.nan, x.clamp(-bound, bound))


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """``a b^T`` in float32 or float64, whatever autocast says: a temperature of 0.07 magnifies rounding
    14-fold.
    """
    with torch.autocast(a.device.type, enabled=False):
        return wide(a) @ wide(b).T


def without_self(anchors: int, items: int, device: torch.device) -> Tensor:
    """bool ``[anchors, items]``: False where item k is anchor k itself."""
    return torch.arange(anchors, device=device).unsqueeze(1) != torch.arange(items, device=device)


def masked_logsumexp(x: Tensor, mask: Tensor) -> Tensor:
    """``logsumexp`` of each row over the items in ``mask``; very negative, but finite, where there are
    none.
    """
    return torch.logsumexp(x.masked_fill(~mask, torch.finfo(x.dtype).min), 1)


def mean_of(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of each row over ``mask``; 0 over nothing."""
    return torch.where(mask, x, 0.0).sum(1) / mask.sum(1).clamp(min=1)


def reduced_anchors(loss: Tensor, reduction: str) -> Tensor:
    """Reduce over anchors; over no anchor the mean is 0."""
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / max(loss.numel(), 1)
