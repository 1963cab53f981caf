"""Cost curve: the cost of a classifier of two classes, over every ratio of costs and every prior at once.

Source: Drummond and Holte, *Cost curves: An improved method for visualizing classifier performance* (Machine Learning 65,
2006). With the class k against the other, prior p and costs C:

    x = p_k a / (p_k a + p_o b),   a = C[k, o] - C[k, k],   b = C[o, k] - C[o, o]
    y(x) = x FNR(x) + (1 - x) FPR(x)

x is the share of the largest avoidable cost that misses of k can have; y is the expected cost above that of right
decisions, as a share of the largest. The cheapest decision depends on prior and costs through x alone: it is k where the
odds of k under a balanced prior exceed (1 - x) / x.

Differs from the paper: y is of the decisions that are taken at x, not the lower envelope over all thresholds, which only
test labels could tell (as in Hernández-Orallo, Flach and Ferri, *Brier curves*, ICML 2011).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.comparison.outputs import Outputs
from longtail.costs import Costs
from longtail.prior import Prior

STEPS = 50
"""The curve is known at x = 0, 1 / STEPS, ..., 1."""


def cost_curve(outputs: Outputs, costs: Costs | None, k: int) -> dict[str, Any]:
    """``y`` at each x, and the class k that it is ``of``; empty where there is no such curve: other than two classes, no
    costs or costs of each row, errors that cost no more than right decisions, a class without a test row, or a prior that
    is not known.
    """
    known = outputs.meaning.source != "none" and operating_point(costs, [0.5, 0.5], k) is not None
    if not known or not 0 < int((outputs.y == k).sum()) < len(outputs.y):
        return {}
    p = outputs.meaning.probabilities(outputs.logits, Prior.balanced()).double()
    odds = p[:, k].log() - p[:, 1 - k].log()
    x = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
    limit = ((1 - x) / x).log()
    missed = _share_up_to(odds[outputs.y == k], limit)
    alarmed = 1 - _share_up_to(odds[outputs.y != k], limit)
    return {"of": k, "y": (x * missed + (1 - x) * alarmed).tolist()}


def operating_point(costs: Costs | None, prior: Any, k: int) -> float | None:
    """x of the class k of two, under a prior ``[2]``; None where no x can be told.

    >>> round(operating_point(Costs(((0.0, 1.0), (20.0, 0.0))), [0.95, 0.05], 1), 6)
    0.512821
    """
    if costs is None or costs.columns or len(costs.cells) != 2:
        return None
    c, o = costs.matrix(), 1 - k
    a, b = float(c[k, o] - c[k, k]), float(c[o, k] - c[o, o])
    missed, alarmed = float(prior[k]) * a, float(prior[o]) * b
    return missed / (missed + alarmed) if a > 0 and b > 0 and missed + alarmed > 0 else None


def _share_up_to(values: Tensor, limit: Tensor) -> Tensor:
    """The share of the values that are not above each limit."""
    return torch.searchsorted(values.sort().values, limit, right=True) / len(values)
