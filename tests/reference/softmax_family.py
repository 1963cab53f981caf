"""Slow independent implementations: numpy in 80-bit floats, one example and one class at a time."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

Long = np.longdouble


def rows(logits: Tensor) -> np.ndarray:
    return logits.detach().numpy().astype(Long)


def log_softmax(z: np.ndarray) -> np.ndarray:
    top = max(z)
    return z - top - np.log(sum(np.exp(v - top) for v in z))


def cross_entropy(z: np.ndarray, y: int) -> Long:
    """``log(1 + sum_{j != y} e^{z_j - z_y})``, right down to the tiniest loss."""
    return log_one_plus_others(z, y)[0]


def log_one_plus_others(z: np.ndarray, y: int) -> tuple[Long, Long]:
    """``(-log p_y, 1 - p_y)``."""
    gaps = [z[j] - z[y] for j in range(len(z)) if j != y]
    top = max(gaps)
    log_others = top + np.log(sum(np.exp(g - top) for g in gaps))
    if log_others > 0:
        return log_others + np.log1p(np.exp(-log_others)), 1 / (1 + np.exp(-log_others))
    odds = np.exp(log_others)
    return np.log1p(odds), odds / (1 + odds)


def stacked(values: list[Long]) -> Tensor:
    return torch.tensor([float(v) for v in values], dtype=torch.float64)


def prior_of(counts: Tensor) -> list[Long]:
    return [Long(int(n)) / Long(int(counts.sum())) for n in counts]


def plain(module, logits: Tensor, target: Tensor) -> Tensor:
    return stacked([cross_entropy(z, int(y)) for z, y in zip(rows(logits), target)])


def shifted(module, logits: Tensor, target: Tensor) -> Tensor:
    """Balanced softmax, logit adjustment, prior cross-entropy: tau log n, tau log prior."""
    tau = getattr(module, "tau", 1.0)
    mass = [Long(float(v)) for v in (module.prior if module.counts is None else module.counts)]
    shift = np.array([tau * np.log(v) for v in mass])
    return stacked([cross_entropy(z + shift, int(y)) for z, y in zip(rows(logits), target)])


def ldam(module, logits: Tensor, target: Tensor) -> Tensor:
    n = [int(v) for v in module.counts]
    out = []
    for z, y in zip(rows(logits), target):
        v = z.copy()
        v[int(y)] -= Long(module.max_margin) * (Long(min(n)) / n[int(y)]) ** Long(0.25)
        out.append(cross_entropy(Long(module.scale) * v, int(y)))
    return stacked(out)


def vs(module, logits: Tensor, target: Tensor) -> Tensor:
    n, tau = [int(v) for v in module.counts], getattr(module, "tau", 0.0)
    out = []
    for z, y in zip(rows(logits), target):
        v = [
            z[j] / (Long(max(n)) / n[j]) ** Long(module.gamma) + tau * np.log(Long(n[j]) / sum(n))
            for j in range(len(n))
        ]
        out.append(cross_entropy(np.array(v), int(y)))
    return stacked(out)


def focal(module, logits: Tensor, target: Tensor) -> Tensor:
    out = []
    for z, y in zip(rows(logits), target):
        nll, miss = log_one_plus_others(z, int(y))
        out.append(miss ** Long(module.gamma) * nll)
    return stacked(out)


def label_aware_smoothing(module, logits: Tensor, target: Tensor) -> Tensor:
    n = [int(v) for v in module.counts]
    out = []
    for z, y in zip(rows(logits), target):
        u = (n[int(y)] - min(n)) / (max(n) - min(n))
        eps = module.tail + (module.head - module.tail) * math.sin(u * math.pi / 2)
        others = [-v for j, v in enumerate(log_softmax(z)) if j != int(y)]
        out.append((1 - eps) * cross_entropy(z, int(y)) + eps * sum(others) / len(others))
    return stacked(out)


def lade(module, logits: Tensor, target: Tensor) -> Tensor:
    z, prior = rows(logits), prior_of(module.prior * 10**12)
    regulariser = Long(0)
    for j, pi in enumerate(prior):
        own = [z[i][j] for i in range(len(z)) if int(target[i]) == j]
        a = sum(own) / len(own) if own else Long(0)
        s = np.log(sum(np.exp(z[i][j]) / (len(prior) * pi) for i in range(len(z))) / len(z))
        regulariser -= pi * (a - s - module.penalty * s * s)
    return shifted(module, logits, target) + float(module.strength * regulariser)


def influence_balanced(module, logits: Tensor, target: Tensor, features: Tensor) -> Tensor:
    out = []
    for z, y, f in zip(rows(logits), target, features.detach().numpy()):
        nll, miss = log_one_plus_others(z, int(y))
        out.append(nll * module.alpha / (2 * miss * sum(abs(v) for v in f) + module.eps))
    return stacked(out)


def softmax_eql(module, logits: Tensor, target: Tensor) -> Tensor:
    """With gamma = 1: every rare class is left out, unless it is the label."""
    n = [int(v) for v in module.counts]
    out = []
    for z, y in zip(rows(logits), target):
        keep = [j for j in range(len(n)) if j == int(y) or n[j] >= module.threshold * sum(n)]
        out.append(cross_entropy(z[keep], keep.index(int(y))))
    return stacked(out)


def seesaw(module, logits: Tensor, target: Tensor) -> Tensor:
    n = [int(v) for v in module.seen]
    for y in target:
        n[int(y)] += 1
    n = [max(v, 1) for v in n]
    out = []
    for z, y in zip(rows(logits), target):
        y, s = int(y), np.exp(log_softmax(z))
        v = z.copy()
        for j in range(len(n)):
            if j != y:
                v[j] += module.p * np.log(Long(min(n[j], n[y])) / n[y])
                v[j] += module.q * np.log(max(s[j] / max(s[y], Long(module.eps)), Long(1)))
        out.append(cross_entropy(v, y))
    return stacked(out)
