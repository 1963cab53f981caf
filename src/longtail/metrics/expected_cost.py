"""Expected cost: what a decision costs on average, by declared costs and under the prior.

The number to judge by where errors differ in price (Elkan, *The Foundations of Cost-Sensitive Learning*, IJCAI 2001).
"""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms


def _terms(batch: Batch) -> Terms:
    return None, batch.cost.gather(1, batch.decisions[:, None]).squeeze(1)


COST = Sum("cost", (), _terms)
"""What the decisions cost."""


def expected_cost(seen: Seen) -> Tensor:
    return seen["cost"] / seen.total


METRICS = (
    Metric(
        name="expected_cost",
        title="expected cost",
        meaning="What a decision costs on average, by the costs that you declared.",
        better="lower",
        needs="decisions",
        weights="rows",
        of=expected_cost,
        sums=(COST,),
        smooth=True,
        of_costs=True,
        place=97,
        importance=90,
    ),
)
