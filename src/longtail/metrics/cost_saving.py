"""Cost saving: 1 - expected cost / (that of deciding the same class for every row, the class that costs least so).

1 is free of cost, 0 is no better than deciding without a look at the row, and below 0 is worse than that (Bahnsen et al.,
*Example-Dependent Cost-Sensitive Decision Trees*, Expert Systems with Applications 2015). Not defined where the best such
class costs nothing, or is a gain.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.expected_cost import COST, expected_cost
from longtail.metrics.metric import NOT_DEFINED, Batch, Metric, Seen, Sum, Terms


def _terms(batch: Batch) -> Terms:
    return torch.arange(batch.num_classes, device=batch.y.device).expand_as(batch.cost), batch.cost


CONSTANT = Sum("constant_cost", ("class",), _terms)
"""What it would cost to decide each class for every row."""


def constant_cost(seen: Seen) -> Tensor:
    """What the cheapest class to decide for every row costs on average."""
    return seen["constant_cost"].min() / seen.total


def cost_saving(seen: Seen) -> Tensor:
    if not bool(constant_cost(seen) > 0):
        return NOT_DEFINED
    return 1 - expected_cost(seen) / constant_cost(seen)


METRICS = (
    Metric(
        name="cost_saving",
        title="cost saving",
        meaning="The part of the cost of the best single class for every row that is saved: 1 is all of it, 0 nothing.",
        better="higher",
        needs="decisions",
        weights="rows",
        of=cost_saving,
        sums=(COST, CONSTANT),
        smooth=True,
        of_costs=True,
        place=98,
        importance=50,
        short="saving",
    ),
)
