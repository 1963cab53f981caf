"""NLL: the mean of -log p of the true class, in nats."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms

EPS = float(
    torch.finfo(torch.float64).eps
)  # as scikit-learn's log_loss: a certain mistake costs 36 nats, not infinity


def row_nll(batch: Batch) -> Tensor:
    """-log p of the true class of each row, ``[B]``."""
    return -batch.true.clamp(min=EPS).log()


def _terms(batch: Batch) -> Terms:
    return None, row_nll(batch)


NLL = Sum("nll", (), _terms)


def nll(seen: Seen) -> Tensor:
    return seen["nll"] / seen.total


METRICS = (
    Metric(
        name="nll",
        title="NLL",
        meaning="How true the probabilities are: the mean of -log of the probability of the true class.",
        better="lower",
        needs="probabilities",
        weights="rows",
        of=nll,
        sums=(NLL,),
        smooth=True,
        place=70,
        importance=60,
    ),
)
