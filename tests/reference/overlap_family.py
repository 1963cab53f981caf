"""Slow independent implementations of the overlap losses: one example and one class at a time, in 80-bit floats."""

from __future__ import annotations

import numpy as np
from softmax_family import Long, rows, stacked
from torch import Tensor, nn


def _softmax(row: np.ndarray) -> tuple[list[Long], list[Long]]:
    """p and 1 - p of each class."""
    e = [np.exp(z - max(row)) for z in row]
    total = sum(e)
    return [v / total for v in e], [sum(e[:c] + e[c + 1 :]) / total for c in range(len(e))]


def _overlap(q: Long, t: float, smooth: float, squared: bool) -> Long:
    power = 2 if squared else 1
    return 1 - (2 * q * t + Long(smooth)) / (q**power + Long(t) ** power + Long(smooth))


def dice(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        p, _ = _softmax(row)
        out.append(np.mean([_overlap(v, c == y, module.smooth, module.squared) for c, v in enumerate(p)]))
    return stacked(out)


def dsc(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        p, rest = _softmax(row)
        q = [r ** Long(module.alpha) * v for v, r in zip(p, rest)]
        out.append(sum(_overlap(v, c == y, module.smooth, module.squared) for c, v in enumerate(q)))
    return stacked(out)


def binary(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for z, t in zip(rows(logits), target.tolist()):
        p, rest = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z))
        out.append(_overlap(rest ** Long(getattr(module, "alpha", 0)) * p, t, module.smooth, module.squared))
    return stacked(out)
