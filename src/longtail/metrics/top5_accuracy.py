"""Top-5 accuracy: the share of rows whose true class is among the five most probable. Of more than ten classes only: of
fewer, half of them would be right.

As scikit-learn's ``top_k_accuracy_score``: of equal probabilities those of later classes come first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms

K = 5
FROM = 11
"""Classes from which on it is given."""


def _terms(batch: Batch) -> Terms:
    later = torch.arange(batch.num_classes, device=batch.p.device) > batch.y[:, None]
    true = batch.true[:, None]
    before = ((batch.p > true) | ((batch.p == true) & later)).sum(1)
    return None, (before < K).double()


TOP5 = Sum("top5", (), _terms)


def top5_accuracy(seen: Seen) -> Tensor:
    return seen["top5"] / seen.total


METRICS = (
    Metric(
        name="top5_accuracy",
        title="top-5 accuracy",
        meaning="The share of rows whose class is among the five most probable.",
        better="higher",
        needs="probabilities",
        weights="rows",
        of=top5_accuracy,
        sums=(TOP5,),
        smooth=True,
        least_classes=FROM,
        place=15,
        importance=5,
        short="top 5",
    ),
)
