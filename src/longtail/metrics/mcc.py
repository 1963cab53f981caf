"""Matthews correlation: between true classes and decisions, in [-1, 1]; 0 is no better than chance.

Paper: Gorodkin, *Comparing two K-category assignments by a K-category correlation coefficient*, Computational Biology and
Chemistry 2004. As scikit-learn's ``matthews_corrcoef``, which says 0 where one class alone occurs; here that is not
defined. Where one class alone is decided for, it is 0.
"""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.metric import NOT_DEFINED, Metric, Seen
from longtail.metrics.sums import DECIDED, HITS


def mcc(seen: Seen) -> Tensor:
    if int(seen.occurs.sum()) < 2:
        return NOT_DEFINED
    true, decided, right = (
        seen.true / seen.total,
        seen["decided"] / seen.total,
        seen["hits"].sum() / seen.total,
    )
    together = right - (true * decided).sum()
    if int((decided > 0).sum()) < 2:
        return 0 * together
    return together / ((1 - true.square().sum()) * (1 - decided.square().sum())).sqrt()


METRICS = (
    Metric(
        name="mcc",
        title="Matthews correlation",
        meaning="The correlation of decisions with the truth: 1 is perfect, 0 no better than chance.",
        better="higher",
        needs="decisions",
        weights="rows",
        of=mcc,
        sums=(HITS, DECIDED),
        smooth=True,
        place=37,
        importance=6,
        short="MCC",
    ),
)
