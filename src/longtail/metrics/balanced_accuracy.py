"""Balanced accuracy: the mean recall of the classes that occur."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.metric import Metric, Seen
from longtail.metrics.sums import PLAIN_HITS


def recall(seen: Seen) -> Tensor:
    """The share of each class's rows that is decided right, ``[C]``; nan for a class that does not occur."""
    rows = torch.where(seen.occurs, seen["count"], 1.0)
    return torch.where(seen.occurs, seen["plain_hits"] / rows, torch.nan)


def balanced_accuracy(seen: Seen) -> Tensor:
    return recall(seen)[seen.occurs].mean()


METRICS = (
    Metric(
        name="balanced_accuracy",
        title="balanced accuracy",
        meaning="Mean recall of the classes: each counts the same, however rare.",
        better="higher",
        needs="decisions",
        weights="within classes",
        of=balanced_accuracy,
        sums=(PLAIN_HITS,),
        smooth=True,
        by_class=("recall", recall),
        place=20,
        importance=40,
        short="bal. acc",
    ),
)
