"""Average precision: the mean precision at the places of a class's rows, in the order of its probability.

One class against the rest, and the mean over the classes (macro one-vs-rest), as scikit-learn's
``average_precision_score``. A class is left out of the mean where it has no row, or all.

``average_precision_rarest`` is that of the rarest class. It says how many false alarms finding those rows costs. The
ROC-AUC, dominated by the many rows of other classes, does not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.metric import Metric, Seen


def average_precisions(seen: Seen) -> Tensor:
    """Average precision of each class against the rest, ``[C]``; nan where the class has no row, or all."""
    assert seen.rows is not None
    r = seen.rows.ranked
    found = r.own_to + r.rest_to
    return r.mean(r.own_to / torch.where(found > 0, found, 1.0))  # rows of weight 0 may come first


def average_precision(seen: Seen) -> Tensor:
    return average_precisions(seen).nanmean()


def average_precision_rarest(seen: Seen) -> Tensor:
    return average_precisions(seen)[seen.rarest]


METRICS = (
    Metric(
        name="average_precision",
        title="average precision",
        meaning="The precision at the rows of a class, sorted by its probability; mean over rows and classes.",
        better="higher",
        needs="order",
        weights="rows",
        of=average_precision,
        by_class=("average_precision", average_precisions),
        place=66,
        importance=9,
        short="AP",
    ),
    Metric(
        name="average_precision_rarest",
        title="average precision, rarest class",
        meaning="The average precision of the rarest class: how many false alarms finding it costs.",
        better="higher",
        needs="order",
        weights="rows",
        of=average_precision_rarest,
        place=67,
        importance=11,
        short="AP, rarest",
    ),
)
