"""Inputs of the metrics: arrays, lists or tensors become checked tensors, float64 and int64, or a clear
error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from longtail.prior import distribution

ArrayLike = Tensor | np.ndarray | Sequence[int] | Sequence[float] | Sequence[Sequence[float]]


def as_tensor(value: ArrayLike) -> Tensor:
    """A detached tensor of any array; lists of numbers become float64."""
    if isinstance(value, Tensor):
        return value.detach()
    return torch.as_tensor(np.require(value, requirements=["C", "W"]))  # a view where the array allows it


def as_probs(probs: ArrayLike) -> Tensor:
    """Probabilities, float64 ``[N, C]``.

    Raises:
        ValueError: not two dimensions, no row, NaN, a negative number, or rows that don't sum to 1 (logits,
            say).
    """
    p = as_tensor(probs)
    if p.dim() != 2 or 0 in p.shape:
        raise ValueError(
            f"probs has shape {tuple(p.shape)}; it must be [N, C] with at least one row and one class"
        )
    p = p.double()
    if not bool(torch.isfinite(p).all()):
        raise ValueError("probs holds nan or infinity: look for a diverged model or a division by zero")
    low, off = float(p.min()), float((p.sum(1) - 1).abs().max())
    if low < -1e-6 or off > 1e-2:
        raise ValueError(
            f"probs has a smallest entry of {low:.4g} and a row sum off 1 by {off:.4g}; "
            "if these are logits, pass them through softmax first"
        )
    return p


def as_labels(y: ArrayLike, num_classes: int, name: str = "y", length: int | None = None) -> Tensor:
    """Class indices, int64 ``[N]``.

    Raises:
        ValueError: empty, another length, or an index outside 0..C-1.
        TypeError: not integers.
    """
    t = as_tensor(y)
    if t.dim() != 1 or t.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(t.shape)}; it must be [N] with at least one entry")
    if t.is_floating_point() or t.is_complex() or t.dtype is torch.bool:
        raise TypeError(f"{name} has dtype {t.dtype}; it must hold integer class indices")
    if length is not None and len(t) != length:
        raise ValueError(f"{name} has {len(t)} entries for {length} rows of probabilities")
    t = t.long()
    low, high = int(t.min()), int(t.max())
    if low < 0 or high >= num_classes:
        raise ValueError(f"{name} holds {low}..{high}; class indices must lie in 0..{num_classes - 1}")
    return t


def as_weight(weight: ArrayLike | None, length: int) -> Tensor:
    """One weight a row, float64 ``[N]``; None is 1.

    Raises:
        ValueError: another length, a negative or non-finite entry, or none above 0.
    """
    if weight is None:
        return torch.ones(length, dtype=torch.float64)
    w = as_tensor(weight).double()
    if w.shape != (length,):
        raise ValueError(f"weight has shape {tuple(w.shape)} for {length} rows of probabilities")
    if not bool(torch.isfinite(w).all()) or float(w.min()) < 0 or not float(w.max()) > 0:
        raise ValueError("weight must be finite numbers of at least 0, and not all 0")
    return w


def as_costs(costs: ArrayLike, num_classes: int, length: int) -> Tensor:
    """Costs of decisions, float64 ``[C, C]``, or ``[N, C, C]`` where rows have their own.

    Raises:
        ValueError: another shape, or a number that is not finite.
    """
    found = as_tensor(costs).double()
    c = num_classes
    if tuple(found.shape) not in ((c, c), (length, c, c)):
        raise ValueError(
            f"costs has shape {tuple(found.shape)}; it must be [{c}, {c}] (true, decided), or [{length}, {c}, {c}]"
        )
    if not bool(torch.isfinite(found).all()):
        raise ValueError("costs must be finite numbers")
    return found


def as_prior(prior: ArrayLike, num_classes: int) -> Tensor:
    """A class distribution, float64 ``[C]``.

    Raises:
        ValueError: see :func:`longtail.prior.distribution`.
    """
    p = torch.from_numpy(distribution("prior", prior, num_classes))
    return p / float(p.sum())
