"""Weighing: rows that count more than others, as rows that are there more often."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def weights_of(weight: Any, n: int, name: str = "sample_weight") -> Any:
    """Weights of rows as float64 ``[n]``.

    Args:
        name: of the argument, for messages.

    Raises:
        ValueError: another number of weights, a negative one or one that is not finite, or all zero.
    """
    weights = np.array(weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"{name} has shape {weights.shape}; it needs one number for each of {n} rows")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"{name} must be finite and not negative")
    if not weights.sum() > 0:
        raise ValueError(f"{name}: all weights are zero; at least one must be positive")
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


def by_weight(rows: Tensor, y: Tensor, weight: Tensor | None, seed: int) -> Tensor:
    """Some rows, each as often as its weight says (:func:`repeated`, class by class), sorted int64 indices.

    Args:
        rows: indices; y, weight: the class and the weight of every row of the data ``[N]``; None leaves rows as they are.

    >>> rows, y = torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1])
    >>> by_weight(rows, y, torch.tensor([1.0, 3.0, 1.0]).double(), 0).tolist()
    [0, 1, 1, 1, 2]
    """
    if weight is None:
        return rows
    order = rows[torch.argsort(y[rows], stable=True)]
    drawn = order[torch.from_numpy(repeated(weight[order].numpy(), np.random.RandomState(seed % 2**32)))]
    return drawn.sort()[0]
