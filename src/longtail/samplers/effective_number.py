"""Sampling by the effective number of examples.

Cao et al., *Learning imbalanced datasets with label-distribution-aware margin loss*, NeurIPS 2019 (its
"resample" baseline), with the weight of Cui et al., *Class-balanced loss based on effective number of
samples*, CVPR 2019, eq. 2: an example of class j is drawn with a probability proportional to (1 - beta) / (1
- beta**n_j), hence

    q_j ~ n_j (1 - beta) / (1 - beta**n_j)

| paper | here |
|---|---|
| beta | ``beta`` |

beta = 0 is instance-balanced, beta -> 1 class-balanced. *Differs from the authors' code in* nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.samplers.drawn import Drawn, Rows, check_number


def example_weight(counts: Tensor, beta: float) -> Tensor:
    """(1 - beta) / (1 - beta**n_j), the weight of one example of each class, float64 ``[C]``.

    >>> example_weight(torch.tensor([1, 2]), 0.5).tolist()
    [1.0, 0.6666666666666666]
    """
    n = counts.double().clamp(min=1)
    if beta == 0:
        return torch.ones_like(n)
    return (1 - beta) / -torch.expm1(n * math.log(beta))  # 1 - beta**n, without cancellation


class EffectiveNumberSampler(Drawn):
    """Draws with q_j ~ n_j (1 - beta) / (1 - beta**n_j), with replacement.

    Args:
        beta: in [0, 1); with 0.9999 and classes below 500 examples nearly class-balanced.
        length: draws an epoch; None takes the number of examples.

    Raises:
        ValueError: ``beta`` lies outside [0, 1).

    >>> from longtail.labels import Labels
    >>> EffectiveNumberSampler(beta=0.0).stream_prior(Labels.of([0, 0, 0, 1])).tolist()
    [0.75, 0.25]
    """

    def __init__(self, beta: float = 0.9999, length: int | None = None) -> None:
        super().__init__(length)
        check_number("beta", beta)
        if not 0 <= beta < 1:
            raise ValueError(f"beta={beta} must lie in [0, 1): 0 is instance-balanced, near 1 class-balanced")
        self.beta = beta

    def drawn(self, labels: Rows, t: float = 0.0) -> Tensor:
        """q_j ~ n_j (1 - beta) / (1 - beta**n_j), float64 ``[C]``."""
        q = labels.counts * example_weight(labels.counts, self.beta)
        return q / q.sum()
