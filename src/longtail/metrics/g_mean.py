"""G-mean: the geometric mean of the recalls; 0 as soon as one is 0."""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.balanced_accuracy import recall
from longtail.metrics.metric import Metric, Seen
from longtail.metrics.sums import PLAIN_HITS


def g_mean(seen: Seen) -> Tensor:
    return recall(seen)[seen.occurs].log().mean().exp()


METRICS = (
    Metric(
        name="g_mean",
        title="G-mean",
        meaning="Geometric mean of the recalls of the classes; 0 as soon as one of them is 0.",
        better="higher",
        needs="decisions",
        weights="within classes",
        of=g_mean,
        sums=(PLAIN_HITS,),
        place=40,
        importance=0,
    ),
)
