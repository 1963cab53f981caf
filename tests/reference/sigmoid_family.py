"""Slow independent implementations of the one-vs-rest losses: one element at a time, in 80-bit floats."""

from __future__ import annotations

import numpy as np
from softmax_family import Long, rows, stacked
from torch import Tensor, nn


def _odds_against(z: Long, t: int) -> Long:
    """``e^{-s}``, s the logit of being right."""
    return np.exp(-z if t else z)


def bce(z: Long, t: int) -> Long:
    return np.log1p(_odds_against(z, t))


def error(z: Long, t: int) -> Long:
    odds = _odds_against(z, t)
    return odds / (1 + odds)


def plain(*inputs: Tensor) -> Tensor:
    """What a neutral sigmoid loss is: the sum of the binary cross-entropies."""
    z, target = rows(inputs[0]), inputs[1]
    return stacked([sum(bce(v, int(c == y)) for c, v in enumerate(row)) for row, y in zip(z, target)])


def focal(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        total = Long(0)
        for c, z in enumerate(row):
            t = int(c == y)
            a = 1 if module.alpha is None else module.alpha if t else 1 - module.alpha
            total += a * error(z, t) ** Long(module.gamma) * bce(z, t)
        out.append(total)
    return stacked(out)


def weighted_bce(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    a, out = module.positive_weight, []
    for row, y in zip(rows(logits), target.tolist()):
        out.append(sum((a if c == y else 1) * bce(z, int(c == y)) for c, z in enumerate(row)))
    return stacked(out)


def asl(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        total = Long(0)
        for c, z in enumerate(row):
            if c == y:
                total += error(z, 1) ** Long(module.gamma_pos) * bce(z, 1)
            else:
                p = max(1 - error(z, 1) - Long(module.clip), Long(0))
                total -= p ** Long(module.gamma_neg) * np.log1p(-p)
        out.append(total)
    return stacked(out)


def distribution_balanced(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    shares, out = [Long(p) for p in module.prior.tolist()], []
    for row, y in zip(rows(logits), target.tolist()):
        total = Long(0)
        for c, z in enumerate(row):
            r = (1 / shares[c]) / (1 / shares[y])
            w = module.alpha + 1 / (1 + np.exp(-module.beta * (r - Long(module.mu))))
            x = z + module.kappa * np.log(shares[c] / (1 - shares[c])) / module.negative_scale
            scale = 1 if c == y else Long(module.negative_scale)
            term = error(scale * x, int(c == y)) ** Long(module.gamma) * bce(scale * x, int(c == y)) / scale
            total += w * module.factor * term
        out.append(total)
    return stacked(out)


def logit_adjusted_bce(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    shift = [np.log(Long(p)) - np.log1p(-Long(p)) for p in module.prior.tolist()]
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        out.append(sum(bce(z + module.tau * s, int(c == y)) for c, (z, s) in enumerate(zip(row, shift))))
    return stacked(out)


def eql(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    rare = [n / module.counts.sum().item() < module.threshold for n in module.counts.tolist()]
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        out.append(sum(bce(z, int(c == y)) for c, z in enumerate(row) if c == y or not rare[c]))
    return stacked(out)


def eql_v2(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for row, y in zip(rows(logits), target.tolist()):
        total = Long(0)
        for c, z in enumerate(row):
            r = 1 / (1 + np.exp(-Long(module.gamma) * (module.ratio[c].item() - Long(module.mu))))
            total += (1 + module.alpha * (1 - r) if c == y else r) * bce(z, int(c == y))
        out.append(total)
    return stacked(out)


def _harmonised(lengths: np.ndarray, bins: int) -> np.ndarray:
    """``N / (R_b n)`` of each element."""
    which = [min(int(g * bins), bins - 1) for g in lengths.ravel()]
    used = len(set(which))
    return np.array([len(which) / (which.count(b) * used) for b in which]).reshape(lengths.shape)


def ghm_c(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    z = rows(logits)
    hot = [[int(c == y) for c in range(z.shape[1])] for y in target.tolist()]
    g = np.array([[error(v, t) for v, t in zip(row, ts)] for row, ts in zip(z, hot)])
    w = _harmonised(g, module.bins)
    return stacked([sum(w[i, c] * bce(z[i, c], hot[i][c]) for c in range(z.shape[1])) for i in range(len(z))])


def ghm_r(module: nn.Module, prediction: Tensor, target: Tensor) -> Tensor:
    d = rows(prediction) - rows(target)
    root = np.sqrt(d**2 + Long(module.mu) ** 2)
    return stacked(list(_harmonised(abs(d) / root, module.bins) * (root - module.mu)))


def binary_vs(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    n, out = [Long(v) for v in module.counts.tolist()], []
    for (z0, z1), y in zip(rows(logits), target.tolist()):
        delta = (n[y] / max(n)) ** Long(module.gamma)
        iota = Long(module.tau) * np.log(n[1 - y] / n[y])
        out.append(np.log1p(np.exp(module.scale * (iota - (2 * y - 1) * delta * (z1 - z0)))))
    return stacked(out)
