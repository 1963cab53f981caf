"""Sample weights, as rows drawn more or less often."""

from __future__ import annotations

from typing import Any

import numpy as np


def weights_of(weight: Any, n: int) -> Any:
    """Sample weights as float64 ``[n]``.

    Raises:
        ValueError: another number of weights, a negative one or one that is not finite, or all zero.
    """
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}; it needs one number for each of {n} rows")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("sample_weight must be finite and not negative")
    if not weights.sum() > 0:
        raise ValueError("sample_weight: all weights are zero; at least one must be positive")
    return weights


def repeated(weights: Any, random: np.random.RandomState) -> Any:
    """Rows by weight, as indices: whole weights repeat a row so many times (0 leaves it out); other weights, and whole
    ones that sum to more than ``10 n``, draw ``n`` rows, each floor or ceil of its share, by systematic sampling: any run
    of rows (a class, where rows are sorted by class) gets its share to within a row.

    Args:
        weights: float64 ``[n]``, not negative.

    >>> repeated(np.array([2.0, 0.0, 1.0]), np.random.RandomState(0)).tolist()
    [0, 0, 2]
    """
    n, total = len(weights), weights.sum()
    if (weights == np.floor(weights)).all() and total <= 10 * n:
        return np.repeat(np.arange(n), weights.astype(np.int64))
    edges = np.floor(np.cumsum(weights) / total * n + random.uniform()).astype(np.int64)
    return np.repeat(np.arange(n), np.diff(edges, prepend=0))
