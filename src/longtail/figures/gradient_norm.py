"""Gradient norm: how hard a loss pulls at each row, and GHM's density of such norms.

Source: Li, Liu and Wang, "Gradient Harmonized Single-stage Detector", AAAI 2019, equations 4 to 6.

| symbol | here |
|---|---|
| g | the norm of a row's gradient |
| GD(g) | :func:`density` |
| epsilon | ``width`` |
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.examples import Examples
from longtail.labels import Labels
from longtail.part import at
from longtail.recipe import Stage
from longtail.seeds import generator

BINS = 30
"""Of norms, as GHM's; probabilities have as many."""
GRID = 121
"""Points at which a density is drawn."""


def gradient_norm(logits: Tensor, loss: Any, labels: Labels, batch_size: int) -> Tensor:
    """The norm of each row's gradient with respect to its logits ``[N]``, times the batch size, so that for
    cross-entropy it is ``|| softmax - onehot ||``.

    Running state (GHM's density, seesaw's counts) is warmed up by a first pass over the rows.

    Args:
        logits: ``[N, C]``.
        loss: a part, as a stage holds it; of a switch the last phase.
        labels: of the rows.
        batch_size: rows that a loss of a whole batch (GHM, dice) sees together.
    """
    facts = {
        "counts": labels.counts, "prior": labels.prior, "num_classes": labels.num_classes, "labels": labels,
    }  # fmt: skip
    built = at(loss, 1.0).build(**facts)
    order = torch.randperm(len(labels), generator=generator("probe", 0))
    norm = torch.zeros(len(labels))
    for _ in range(2):
        for rows in order.split(batch_size):
            z = logits[rows].detach().requires_grad_()
            value = built(z, labels.y[rows])
            (gradient,) = torch.autograd.grad(value.sum(), z)
            norm[rows] = (gradient.norm(dim=1) * (len(rows) if value.dim() == 0 else 1)).float()
    return norm


def measure(logits: Tensor, stage: Stage, examples: Examples) -> dict[str, Any]:
    """Histograms of p_t by class, of v with GHM's density over it, and how v is shared out over g.

    ``p_t`` is the softmax probability of the true class, ``g`` is ``1 - p_t``, and ``v`` the norm of the gradient of the
    stage's loss, over its largest value.

    Args:
        logits: ``[N, C]`` of the examples.
        stage: whose loss is differentiated.

    Returns:
        ``p``: counts by class ``[C][BINS]`` over [0, 1]; ``norm``: counts ``[BINS]`` of v; ``density``: GHM's of v at
        ``GRID`` points, per row; ``pull``: the share of the summed gradient norm by g, ``[BINS]``.
    """
    y = examples.labels.y
    p = torch.softmax(logits.double(), -1).gather(1, y[:, None]).squeeze(1).clamp(0, 1)
    norm = gradient_norm(logits, stage.loss, examples.labels, stage.batch_size).double()
    v, g = norm / norm.max().clamp(min=1e-300), 1 - p
    counts = [torch.histc(p[y == c], BINS, 0, 1).tolist() for c in range(examples.labels.num_classes)]
    return {
        "p": counts,
        "norm": torch.histc(v, BINS, 0, 1).tolist(),
        "density": (density(v.numpy(), np.linspace(0, 1, GRID), 1 / BINS) / len(v)).tolist(),
        "pull": shared_out(norm, g, BINS).tolist(),
    }


def shared_out(pull: Tensor, g: Tensor, bins: int) -> Tensor:
    """The share of the summed pull by bin of g in [0, 1], float64 ``[bins]``.

    >>> shared_out(torch.tensor([1.0, 3.0]), torch.tensor([0.1, 0.9]), 2).tolist()
    [0.25, 0.75]
    """
    slot = (g * bins).long().clamp(0, bins - 1)
    pull = pull.double()
    total = torch.zeros(bins, dtype=torch.float64).index_add_(0, slot, pull)
    return total / pull.sum().clamp(min=1e-300)


def density(v: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    """GHM's gradient density (equations 5 and 6 there): rows within ``width / 2`` of each point, over the part of that
    interval which lies in [0, 1].

    >>> density(np.array([0.0, 0.5, 0.5]), np.array([0.0, 0.5]), 0.1)
    array([20., 20.])
    """
    v = np.sort(v)
    low, high = at - width / 2, at + width / 2
    inside = np.searchsorted(v, high, "right") - np.searchsorted(v, low, "left")
    return inside / (np.minimum(high, 1) - np.maximum(low, 0))


__all__ = ["BINS", "GRID", "density", "gradient_norm", "measure", "shared_out"]
