"""Worst-class recall: the smallest recall of a class that occurs."""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.balanced_accuracy import recall
from longtail.metrics.metric import Metric, Seen
from longtail.metrics.sums import PLAIN_HITS


def worst_class_recall(seen: Seen) -> Tensor:
    return recall(seen)[seen.occurs].min()


METRICS = (
    Metric(
        name="worst_class_recall",
        title="worst-class recall",
        meaning="The smallest recall of a class.",
        better="higher",
        needs="decisions",
        weights="within classes",
        of=worst_class_recall,
        sums=(PLAIN_HITS,),
        place=50,
        importance=100,
        short="worst class",
    ),
)
