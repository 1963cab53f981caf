"""Class-wise ECE: the mean over all classes of the calibration error of that class's probability (Kull et al., NeurIPS
2019). A class without an example counts too: its probability should be near 0.
"""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.calibration import class_residuals
from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms


def _terms(batch: Batch) -> Terms:
    return class_residuals(batch.p, batch.y, batch.bins)


GAPS = Sum("gaps", ("class", "bin"), _terms)


def classwise_ece(seen: Seen) -> Tensor:
    return seen["gaps"].abs().sum(1).mean() / seen.total


METRICS = (
    Metric(
        name="classwise_ece",
        title="class-wise ECE",
        meaning="The mean over classes of the gap between a class's probability and its frequency.",
        better="lower",
        needs="probabilities",
        weights="rows",
        of=classwise_ece,
        sums=(GAPS,),
        place=95,
        importance=0,
    ),
)
