"""Instance-balanced sampling: every example once an epoch, in random order; q_j = n_j / N."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.labels import Labels


class Shuffled:
    """Every example once, shuffled: what a plain ``DataLoader(shuffle=True)`` does.

    >>> Shuffled()(Labels.of([0, 0, 1]), torch.Generator().manual_seed(0)).sort().values.tolist()
    [0, 1, 2]
    """

    def class_distribution(self, labels: Labels, t: float = 0.0) -> Tensor:
        """The training prior, float64 ``[C]``."""
        return labels.prior

    def size(self, labels: Labels, t: float = 0.0) -> int:
        """Indices in an epoch."""
        return len(labels)

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return torch.randperm(len(labels), generator=generator)
