"""Influence: how much each test row moves a metric. The variance of a metric over rows follows from it.

The infinitesimal jackknife (Jaeckel, 1972; Efron, *The Jackknife, the Bootstrap and Other Resampling Plans*, 1982,
chapter 6): give row i the weight 1 + e, and take the derivative of the metric at e = 0. The sum of the squared
derivatives is the variance that a bootstrap over rows has, up to terms of higher order, and nothing is drawn.
Rows are resampled within their class, as the folds are stratified, so derivatives are centred class by class, and the
number of rows of a class is held fixed. A row with a weight of its own moves a metric so many times as far: a row of
weight 2 is a row that is there twice, and both are drawn or neither. The weight of a class is then held fixed.

A smooth metric is a function of sums over rows (:mod:`longtail.metrics.metric`), so its derivative to a row is the sum,
over its sums, of the derivative to the sum times what the row adds to it. No metric is written down a second time here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.metrics import Entities, Metric, Seen, class_weights, found
from longtail.metrics.metric import COUNT, Batch, Terms
from longtail.metrics.room import sums_of

Array = Any
"""A numpy array."""

CHUNK = 2**22


def smooth() -> dict[str, Metric]:
    """The metrics that have a derivative to trust, by name. A smallest recall, a product of recalls, a binned error and
    the order of all rows have none here.
    """
    return {m.name: m for m in found().values() if m.smooth}


def terms_of(
    probabilities: Tensor,
    y: Tensor,
    decisions: Tensor,
    metrics: Sequence[Metric],
    costs: Tensor | None = None,
    flags: Mapping[str, Tensor] | None = None,
    entities: Entities | None = None,
) -> dict[str, Terms]:
    """What each row adds to the sums of some smooth metrics, by the name of the sum.

    Args:
        probabilities: ``[n, C]``; y, decisions: int64 ``[n]``.
        costs: of decisions, ``[C, C]`` or ``[n, C, C]``.
        flags: of points, bool ``[n]`` by name.
        entities: of tagged tokens.
    """
    n, c = probabilities.shape
    step = max(1, CHUNK // c)
    parts: dict[str, list[Terms]] = {}
    for i in range(0, n, step):
        k = slice(i, i + step)
        own = costs[k] if costs is not None and costs.dim() == 3 else costs
        raised = {name: flag[k] for name, flag in (flags or {}).items()}
        begun = None if entities is None else entities.take(k)
        batch = Batch(probabilities[k].double(), y[k], decisions[k], costs=own, flags=raised, entities=begun)
        for name, kind in sums_of(metrics).items():
            parts.setdefault(name, []).append(kind.of(batch))

    def joined(tensors: list[Tensor | None]) -> Tensor | None:
        return None if tensors[0] is None else torch.cat([t for t in tensors if t is not None])

    return {
        name: (joined([place for place, _ in of]), joined([much for _, much in of]))
        for name, of in parts.items()
    }


def influence(
    metric: Metric,
    terms: Mapping[str, Terms],
    y: Array,
    run: Array,
    num_classes: int,
    prior: Array | None = None,
    groups: Mapping[str, Any] | None = None,
    own_weight: Array | None = None,
) -> Array:
    """The influence of every tested row on a metric of its run, centred within its class, float64 ``[n]``.

    The class means that are taken off are over all runs, for one fold may test a single row of a class. The variance of
    the metric of run r over its rows is the sum of the squares, each times n_c / (n_c - 1) for a class of n_c rows. Where
    the metric is not defined, no row moves it.

    Args:
        metric: a smooth one.
        terms: of the test rows of all runs, one run after the other: see :func:`terms_of`.
        y: their classes, ``[n]``.
        run: which run tested the row, 0, 1, ... in order, ``[n]``.
        num_classes: C.
        prior: the deployment prior ``[C]``; None is that of the test rows.
        groups: class indices by name.
        own_weight: how much each row counts, ``[n]``; None is equally.
    """
    c, label = num_classes, torch.as_tensor(np.asarray(y, dtype=np.int64))
    members = {name: torch.as_tensor(np.asarray(g, dtype=np.int64)) for name, g in (groups or {}).items()}
    each = torch.ones(len(label), dtype=torch.float64)
    each = each if own_weight is None else torch.as_tensor(np.asarray(own_weight, dtype=np.float64))
    pooled = torch.bincount(label, weights=each, minlength=c)
    pooled = torch.where(pooled > 0, pooled, 1.0)
    kinds = {s.name: s for s in metric.sums}
    by_class = {
        name: _by_class(terms[name], label, each, c, s.shape(c, 1)) / pooled[:, None]
        for name, s in kinds.items()
    }
    out = np.zeros(len(label))
    for part in parts(run):
        own, counted = label[part], each[part]
        count = torch.bincount(own, weights=counted, minlength=c)
        if not bool((count > 0).any()):
            continue
        weight = class_weights(count, prior)
        sums = {COUNT.name: count}
        for name, s in kinds.items():
            w = counted * weight[own] if s.weighted else counted
            sums[name] = _total(terms[name], part, w, s.shape(c, 1)).requires_grad_()
        value = metric.of(Seen(sums, weight, members))
        if not value.requires_grad or not bool(torch.isfinite(value)):
            continue
        slopes = torch.autograd.grad(value, [sums[name] for name in kinds], allow_unused=True)
        psi = torch.zeros(len(own), dtype=torch.float64)
        for (name, s), slope in zip(kinds.items(), slopes):
            if slope is None:
                continue
            place, much = (None if t is None else t[part] for t in terms[name])
            moved = slope.expand(len(own)) if place is None else slope.flatten()[place]
            moved = moved if much is None else moved * much
            moved = (moved.sum(1) if moved.dim() == 2 else moved) - (by_class[name] @ slope.flatten())[own]
            psi += moved * counted * weight[own] if s.weighted else moved * counted
        out[part] = psi.numpy()
    return out


def _total(terms: Terms, part: slice, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    place, much = (None if t is None else t[part] for t in terms)
    if much is not None and much.dim() == 2:
        weight = weight[:, None]
    added = weight if much is None else weight * much
    if place is None:
        return added.sum()
    return torch.bincount(place.flatten(), weights=added.flatten(), minlength=torch.Size(shape).numel()).view(
        shape
    )


def _by_class(terms: Terms, y: Tensor, weight: Tensor, num_classes: int, shape: tuple[int, ...]) -> Tensor:
    """What the rows of each class add to a sum, each by its own weight, ``[C, places of the sum]``."""
    place, much = terms
    size = torch.Size(shape).numel()
    own = y[:, None] if place is not None and place.dim() == 2 else y
    cell = own * size + (0 if place is None else place)
    amount = torch.ones_like(cell, dtype=torch.float64) if much is None else much.double()
    amount = (amount * (weight[:, None] if amount.dim() == 2 else weight)).flatten()
    return (
        torch.bincount(cell.flatten(), weights=amount, minlength=num_classes * size)
        .view(num_classes, size)
        .double()
    )


def parts(run: Array) -> list[slice]:
    """The rows of each run, where runs follow one another.

    >>> parts(np.array([0, 0, 1]))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    ends = [0, *(np.flatnonzero(np.diff(run)) + 1).tolist(), len(run)]
    return [slice(a, b) for a, b in pairwise(ends)]
