"""Random under-sampling: drop examples of large classes until none exceeds a target count.

See He and Garcia, *Learning from imbalanced data*, TKDE 2009, section 3.1. What is dropped is drawn anew each
epoch, so that over the epochs all examples are seen; a single epoch is the classical method.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers.drawn import join
from longtail.samplers.over_sample import check_target
from longtail.samplers.scatter import pieces, scatter, shuffle
from longtail.samplers.some_of_each import some_of_each


class UnderSample:
    """At most the target count of each class, without replacement; shuffled.

    Args:
        to: largest count of a class; None takes the smallest class that has examples.
        ratio: smallest class over the largest after sampling, in (0, 1], instead of ``to``.

    Raises:
        ValueError: ``to`` below 1, ``ratio`` outside (0, 1], or both given.

    >>> labels = Labels.of([0, 0, 0, 1])
    >>> labels.y[UnderSample()(labels, torch.Generator().manual_seed(0))].sort().values.tolist()
    [0, 1]
    """

    def __init__(self, to: int | None = None, ratio: float | None = None) -> None:
        self.to, self.ratio = check_target(to, ratio)

    def counts(self, labels: Labels) -> Tensor:
        """Examples of each class in an epoch, int64 ``[C]``."""
        n = labels.counts
        to = self.to if self.to is not None else int(int(n[n > 0].min()) / (self.ratio or 1.0))
        return n.clamp(max=to)

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor:
        """Class frequencies of the epoch, exact, float64 ``[C]``."""
        counts = self.counts(labels).double()
        return counts / counts.sum()

    def size(self, labels: Labels, t: float = 0.0) -> int:
        """Indices in an epoch."""
        return int(self.counts(labels).sum())

    def chunks(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        kept = some_of_each(labels, self.counts(labels), generator)
        for piece in scatter(len(kept), pieces(len(kept)), generator):
            yield shuffle(kept[piece], generator)

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), self.size(labels, t))
