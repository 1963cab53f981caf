"""Accuracy: the share of right decisions."""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.metric import Metric, Seen
from longtail.metrics.sums import HITS


def accuracy(seen: Seen) -> Tensor:
    """Right decisions over all."""
    return seen["hits"].sum() / seen.total


METRICS = (
    Metric(
        name="accuracy",
        title="accuracy",
        meaning="The share of right decisions.",
        better="higher",
        needs="decisions",
        weights="rows",
        of=accuracy,
        sums=(HITS,),
        smooth=True,
        place=10,
        importance=0,
    ),
)
