"""Streaming: the metrics of ``evaluate`` from batches, where the predictions don't fit in memory or sit on several ranks.

Those that need the order of all rows (ROC-AUC, average precision) are left out. The others are functions of sums, so
batches, merged parts and ranks give the same result up to rounding. Memory is O(C * bins).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from longtail.metrics.entities import Entities
from longtail.metrics.inputs import ArrayLike, as_costs, as_labels, as_probs, as_tensor, as_weight
from longtail.metrics.metric import Batch, Metric, Seen
from longtail.metrics.room import chosen, sums_of
from longtail.metrics.weighting import class_weights


class Streaming:
    """Accumulates batches of probabilities and labels.

    Args:
        num_classes: C.
        prior: the deployment prior ``[C]``; it needs ``counts``. None is the evaluation set's own.
        counts: examples of each class in the whole evaluation set, over all batches and ranks, ``[C]``
            (labels are cheap to count beforehand; the weights follow from them); where rows have weights, their sums.
        groups: class indices by name, as ``Labels.groups`` gives; their mean recalls are reported under these
            names.
        bins: of the calibration errors.
        device: where the sums are kept.
        metrics: names, or metrics of your own; None is every one of the room that needs no order.
        costs: of decisions, ``[C, C]``, for the metrics of costs.
        sequences: are rows tagged tokens? Then each batch comes with its entities.

    Raises:
        ValueError: a prior without counts, or a metric that there is not or that needs all rows at once.

    >>> s = Streaming(2)
    >>> for p, y in [([[0.9, 0.1]], [0]), ([[0.6, 0.4]], [1])]:
    ...     s.update(p, y)
    >>> s.compute()["accuracy"]
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        *,
        prior: ArrayLike | None = None,
        counts: ArrayLike | None = None,
        groups: Mapping[str, Tensor] | None = None,
        bins: int = 15,
        device: torch.device | str = "cpu",
        metrics: Sequence[str | Metric] | None = None,
        costs: ArrayLike | None = None,
        sequences: bool = False,
    ) -> None:
        if prior is not None and counts is None:
            raise ValueError(
                "prior needs counts, the evaluation set's examples per class: count its labels first"
            )
        if counts is not None and tuple(as_tensor(counts).shape) != (num_classes,):
            raise ValueError(f"counts has shape {tuple(as_tensor(counts).shape)}; it must be [{num_classes}]")
        self.num_classes, self.bins, self.groups = num_classes, bins, dict(groups or {})
        self.costs = None if costs is None else as_tensor(costs).double().to(device)
        wanted = chosen(num_classes, self.groups, metrics, costs is not None, sequences)
        if metrics is not None and (ordered := [m.name for m in wanted if m.needs == "order"]):
            raise ValueError(f"metrics: {ordered[0]} needs the order of all rows: take evaluate")
        self.metrics = tuple(m for m in wanted if m.needs != "order")
        ones = torch.ones(num_classes, dtype=torch.float64)
        weights = ones if prior is None or counts is None else class_weights(counts, prior)
        self.class_weight = weights.to(device)
        self.kinds = sums_of(self.metrics)
        self.sums = {
            name: torch.zeros(kind.shape(num_classes, bins), dtype=torch.float64, device=device)
            for name, kind in self.kinds.items()
        }

    def update(
        self,
        probs: ArrayLike,
        y: ArrayLike,
        decisions: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        entities: Entities | None = None,
    ) -> None:
        """Add a batch: ``probs [B, C]``, ``y [B]``, ``decisions [B]`` where they are not the most probable class,
        ``weight [B]`` where rows have one, and ``entities`` of tagged tokens."""
        batch, w = batch_of(
            probs, y, decisions, weight, self.num_classes, self.bins, self.class_weight.device
        )
        batch = replace(batch, entities=entities)
        if self.costs is not None:
            batch = replace(batch, costs=as_costs(self.costs, self.num_classes, len(batch.y)))
        self.add(batch, w)

    def add(self, batch: Batch, weight: Tensor) -> None:
        """Add rows with their own weights ``[B]``, unchecked."""
        weighted = self.class_weight[batch.y] * weight
        for name, kind in self.kinds.items():
            self.sums[name] += kind.added(batch, weighted if kind.weighted else weight)

    def merge(self, other: Streaming) -> None:
        """Add what ``other`` (made with the same arguments) has seen."""
        same = (self.num_classes, self.bins, set(self.sums)) == (
            other.num_classes,
            other.bins,
            set(other.sums),
        )
        if not same or not torch.equal(self.class_weight.cpu(), other.class_weight.cpu()):
            raise ValueError(
                "merge: the other one was made with other classes, bins, metrics, prior or counts"
            )
        for name, value in other.sums.items():
            self.sums[name] += value.to(self.class_weight.device)

    def all_reduce(self) -> None:
        """Sum over the ranks of the default ``torch.distributed`` group; call it once, before ``compute``."""
        for value in self.sums.values():
            torch.distributed.all_reduce(value)

    @property
    def seen(self) -> Seen:
        """What was added, for a metric.

        Raises:
            ValueError: nothing was added yet.
        """
        seen = Seen(self.sums, self.class_weight, self.groups)
        if not float(seen.total) > 0:
            raise ValueError("no example of a class with a positive prior was added: call update first")
        return seen

    def compute(self) -> dict[str, float]:
        """The metrics by name, nan where one is not defined; see :func:`longtail.metrics.evaluate`.

        Raises:
            ValueError: nothing was added yet.
        """
        seen = self.seen
        return {m.name: float(m.of(seen)) for m in self.metrics}


def batch_of(
    probs: ArrayLike,
    y: ArrayLike,
    decisions: ArrayLike | None,
    weight: ArrayLike | None,
    num_classes: int | None,
    bins: int,
    device: torch.device | None = None,
) -> tuple[Batch, Tensor]:
    """Checked rows, and their own weights ``[B]``."""
    p = as_probs(probs)
    p = p if device is None else p.to(device)
    c = num_classes or p.shape[1]
    if p.shape[1] != c:
        raise ValueError(f"probs has {p.shape[1]} columns for num_classes={c}")
    labels = as_labels(y, c, length=len(p)).to(p.device)
    chosen = p.argmax(1) if decisions is None else as_labels(decisions, c, "decisions", len(p)).to(p.device)
    return Batch(p, labels, chosen, bins), as_weight(weight, len(p)).to(p.device)
