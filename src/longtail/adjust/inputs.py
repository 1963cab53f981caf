"""Checks of what users hand in: logits, probabilities, labels, priors. An error names the row and the
remedy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.prior import distribution

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

ROUNDING = 1e-6
"""What float32 leaves of a sum of 1. An adjuster read from its file has every bit of the one that was written."""


def as_array(x: Any) -> np.ndarray[Any, Any]:
    """A numpy array from a numpy array, a torch tensor (any device) or nested sequences."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()
    return np.asarray(x)


def looks_like_probabilities(x: np.ndarray[Any, Any]) -> bool:
    """Is every row non-negative with sum 1 (to 1e-3)? Real logits never are, by accident."""
    return bool(x.size) and bool((x >= 0).all()) and bool((np.abs(x.sum(-1) - 1) < 1e-3).all())


def check_rows(logits: Any, num_classes: int) -> None:
    """Raise if ``logits`` cannot be logits of ``num_classes`` classes (1: any number)."""
    if logits.ndim < 1 or (num_classes > 1 and logits.shape[-1] != num_classes):
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}; expected {num_classes} classes on the last axis"
        )
    if logits.shape[-1] > 1 and looks_like_probabilities(as_array(logits)):
        raise ValueError(
            "logits are non-negative and sum to 1 in every row: they look like probabilities. "
            "Pass log_probabilities(probs)"
        )


def check_logits(logits: Any) -> Floats:
    """Held-out logits ``[N, C]`` as float64.

    Raises:
        ValueError: not two-dimensional, empty, a row with NaN or infinity, or probabilities.
    """
    z = as_array(logits).astype(np.float64)
    if z.ndim != 2 or z.shape[0] < 1 or z.shape[1] < 2:
        raise ValueError(
            f"logits have shape {z.shape}; expected [N, C] with at least one row and two classes"
        )
    _finite(z, "logits", "log_probabilities(probs) floors zeros")
    check_rows(z, z.shape[1])
    return z


def check_probabilities(probs: Any) -> Floats:
    """Probabilities ``[N, C]`` as float64, rows summing to 1 within 1e-3.

    Raises:
        ValueError: not two-dimensional, a row with NaN, below 0, above 1, or with another sum.
    """
    p = as_array(probs).astype(np.float64)
    if p.ndim != 2 or p.shape[0] < 1 or p.shape[1] < 2:
        raise ValueError(f"probs have shape {p.shape}; expected [N, C] with at least one row and two classes")
    _finite(p, "probs", "drop or repair it")
    outside = (p < 0).any(1) | (p > 1 + 1e-6).any(1)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(
            f"probs row {row} holds {p[row].min():g}..{p[row].max():g}, outside [0, 1]: are these logits? "
            "Pass them as logits (or softmax(logits))"
        )
    off = np.abs(p.sum(1) - 1) > 1e-3
    if off.any():
        row = int(off.argmax())
        raise ValueError(
            f"probs row {row} sums to {p[row].sum():.6g}, not 1 ({int(off.sum())} of {len(p)} rows are off): "
            "divide each row by its sum if they are scores of exclusive classes"
        )
    return p


def check_labels(y: Any, rows: int, num_classes: int) -> Ints:
    """Class indices ``[N]`` as int64.

    Raises:
        ValueError: another length than the logits', a label outside 0..C-1, or not integers.
    """
    labels = as_array(y)
    if labels.shape != (rows,):
        raise ValueError(f"y has shape {labels.shape}; expected one label for each of the {rows} rows")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"y holds {labels.dtype}, expected integers 0..{num_classes - 1}")
    bad = (labels < 0) | (labels >= num_classes)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"y row {row} is {labels[row]}; labels must lie in 0..{num_classes - 1}")
    return labels.astype(np.int64)


def check_prior(name: str, prior: Any, num_classes: int | None = None) -> Floats:
    """A class prior ``[C]`` as float64, summing to 1; with no bit changed where it does, up to rounding.

    Raises:
        ValueError: fewer than two classes; else see :func:`longtail.prior.distribution`.
    """
    p = distribution(name, prior, num_classes)
    if len(p) < 2:
        raise ValueError(f"{name} has {len(p)} numbers; a prior needs two classes or more")
    return p if abs(p.sum() - 1) <= ROUNDING else p / p.sum()


def log_probabilities(probs: Any, floor: float = 1e-12) -> Any:
    """Logits from probabilities: ``log(max(p, floor))``, numpy or torch as they came.

    >>> log_probabilities(np.array([[1.0, 0.0]])).round(3).tolist()
    [[0.0, -27.631]]
    """
    check_probabilities(probs)
    return probs.clamp_min(floor).log() if hasattr(probs, "clamp_min") else np.log(np.maximum(probs, floor))


def softmax(logits: Floats) -> Floats:
    """Row-wise softmax of float64 logits ``[N, C]``.

    >>> softmax(np.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    """
    e = np.exp(logits - logits.max(1, keepdims=True))
    p: Floats = e / e.sum(1, keepdims=True)
    return p


def _finite(x: Floats, name: str, remedy: str) -> None:
    bad = ~np.isfinite(x).all(1)
    if bad.any():
        row = int(bad.argmax())
        value = x[row][~np.isfinite(x[row])][0]
        raise ValueError(f"{name} row {row} holds {value} ({int(bad.sum())} of {len(x)} rows do): {remedy}")
