"""Brier score: the mean over rows of sum_j (p_j - 1[j = y])^2, in [0, 2]."""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms


def row_brier(batch: Batch) -> Tensor:
    """The Brier score of each row, ``[B]``: |p|^2 - 2 p_y + 1."""
    return batch.p.square().sum(1) - 2 * batch.true + 1


def _terms(batch: Batch) -> Terms:
    return None, row_brier(batch)


BRIER = Sum("brier", (), _terms)


def brier(seen: Seen) -> Tensor:
    return seen["brier"] / seen.total


METRICS = (
    Metric(
        name="brier",
        title="Brier",
        meaning="How true the probabilities are: their mean squared distance to the truth.",
        better="lower",
        needs="probabilities",
        weights="rows",
        of=brier,
        sums=(BRIER,),
        smooth=True,
        place=80,
        importance=10,
    ),
)
