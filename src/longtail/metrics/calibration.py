"""Calibration: are the probabilities true? Reliability bins, ECE, MCE and class-wise ECE.

Papers: Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017 (ECE, eq. 3; MCE, eq. 5); Kull et
al., *Beyond temperature scaling*, NeurIPS 2019 (class-wise ECE, eq. 4).

| symbol in the paper | here |
|---|---|
| M (bins) | ``bins``, of equal width, ``(lo, hi]`` |
| conf(B_m), acc(B_m) | ``confidence``, ``accuracy`` of :func:`reliability_bins` |
| abs(B_m) / n | ``weight`` / its sum |

Differs from the authors' code in that a confidence of exactly 0 falls into the first bin; MiSLAS's
``utils/metric.py``, which uses the same ``(lo, hi]`` bins, drops it. Errors are fractions, not percent.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from longtail.metrics.inputs import ArrayLike, as_labels, as_probs, as_tensor


def bin_edges(bins: int) -> Tensor:
    """The edges of ``bins`` bins of equal width on [0, 1], float64 ``[bins + 1]``.

    >>> bin_edges(4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1")
    return torch.as_tensor(np.linspace(0.0, 1.0, bins + 1))


def bin_index(confidence: Tensor, bins: int) -> Tensor:
    """The bin of each confidence, 0..bins-1; bins are closed on the right, and 0 belongs to the first."""
    edges = bin_edges(bins).to(confidence.device)
    return (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)


def reliability_bins(
    confidence: ArrayLike, correct: ArrayLike, bins: int = 15, weight: ArrayLike | None = None
) -> dict[str, Tensor]:
    """Mean confidence and accuracy by bin of confidence.

    Args:
        confidence: probability of the decision, in [0, 1], ``[N]``.
        correct: whether the decision was right, ``[N]``.
        weight: one weight an example, ``[N]``; None is 1.

    Returns:
        ``confidence``, ``accuracy`` and ``weight`` (the sum of weights), float64 ``[bins]``. An empty bin is
        0 in all three.

    >>> reliability_bins([0.9, 0.8, 0.3], [True, False, False], bins=2)["accuracy"].tolist()
    [0.0, 0.5]
    """
    conf, hit = as_tensor(confidence).double(), as_tensor(correct).double()
    w = torch.ones_like(conf) if weight is None else as_tensor(weight).double().to(conf.device)
    if not conf.shape == hit.shape == w.shape or conf.dim() != 1:
        shapes = f"{tuple(conf.shape)}, {tuple(hit.shape)}, {tuple(w.shape)}"
        raise ValueError(f"confidence, correct and weight must be [N] of one length, got shapes {shapes}")
    index = bin_index(conf, bins)
    mass, c, a = (torch.bincount(index, weights=v, minlength=bins) for v in (w, w * conf, w * hit))
    safe = torch.where(mass > 0, mass, 1.0)
    return {"confidence": c / safe, "accuracy": a / safe, "weight": mass}


def expected_calibration_error(binned: dict[str, Tensor]) -> float:
    """ECE: the weighted mean over bins of |accuracy - confidence|, in [0, 1].

    >>> expected_calibration_error(reliability_bins([0.9, 0.7], [True, False], bins=10))
    0.39999999999999997
    """
    gap = (binned["accuracy"] - binned["confidence"]).abs()
    return float((binned["weight"] * gap).sum() / binned["weight"].sum())


def max_calibration_error(binned: dict[str, Tensor]) -> float:
    """MCE: the largest |accuracy - confidence| of a bin, in [0, 1]; noisy where a bin holds few examples."""
    return float((binned["accuracy"] - binned["confidence"]).abs().max())


def reliability(
    probs: ArrayLike, y: ArrayLike, bins: int = 15, weight: ArrayLike | None = None
) -> dict[str, Tensor]:
    """The reliability diagram of the most probable class: :func:`reliability_bins` of its probability.

    Args:
        probs: ``[N, C]``; y: ``[N]``; weight: ``[N]``, from :func:`longtail.metrics.importance` for another
            prior.
    """
    p = as_probs(probs)
    labels = as_labels(y, p.shape[1], length=len(p)).to(p.device)
    confidence, best = p.max(1)
    return reliability_bins(confidence, best == labels, bins, weight)


def class_residuals(p: Tensor, labels: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """The place of each p_ij among the bins of all classes, and p_ij - 1[y_i = j], ``[N, C]`` each."""
    n, c = p.shape
    residual = p.clone()
    residual[torch.arange(n, device=p.device), labels] -= 1
    return bin_index(p, bins) + bins * torch.arange(c, device=p.device), residual


def classwise_calibration_error(
    probs: ArrayLike, y: ArrayLike, bins: int = 15, weight: ArrayLike | None = None
) -> float:
    """Class-wise ECE: the ECE of each class's own probability, averaged over all C classes, in [0, 1].

    A class without an example counts too: its probability should be near 0.

    >>> classwise_calibration_error([[0.8, 0.2], [0.6, 0.4]], [0, 1], bins=1)
    0.2
    """
    p = as_probs(probs)
    labels = as_labels(y, p.shape[1], length=len(p)).to(p.device)
    w = torch.ones(len(p), dtype=p.dtype) if weight is None else as_tensor(weight).double()
    cell, residual = class_residuals(p, labels, bins)
    terms = (w.to(p.device)[:, None] * residual).flatten()
    gaps = torch.bincount(cell.flatten(), weights=terms, minlength=p.shape[1] * bins).view(-1, bins)
    return float(gaps.abs().sum(1).mean() / w.sum())
