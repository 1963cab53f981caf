"""ECE: the calibration error of the most probable class, a fraction (Guo et al., ICML 2017); see ``calibration``."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.calibration import bin_index
from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms


def _mass(batch: Batch) -> Terms:
    return bin_index(batch.top[0], batch.bins), None


def _confidence(batch: Batch) -> Terms:
    return bin_index(batch.top[0], batch.bins), batch.top[0]


def _right(batch: Batch) -> Terms:
    return bin_index(batch.top[0], batch.bins), batch.right


SUMS = (
    Sum("bin_mass", ("bin",), _mass),
    Sum("bin_confidence", ("bin",), _confidence),
    Sum("bin_hits", ("bin",), _right),
)


def ece(seen: Seen) -> Tensor:
    weight = seen["bin_mass"]
    mass = torch.where(weight > 0, weight, 1.0)
    gap = (seen["bin_hits"] / mass - seen["bin_confidence"] / mass).abs()
    return (weight * gap).sum() / weight.sum()


METRICS = (
    Metric(
        name="ece",
        title="ECE",
        meaning="How true the probabilities are: the mean gap between confidence and accuracy.",
        better="lower",
        needs="probabilities",
        weights="rows",
        of=ece,
        sums=SUMS,
        place=90,
        importance=50,
        short="ECE",
    ),
)
