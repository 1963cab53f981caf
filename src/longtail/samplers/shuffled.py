"""Instance-balanced sampling: every example once an epoch, in random order; q_j = n_j / N."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longtail.samplers.drawn import Rows, join
from longtail.samplers.scatter import pieces, scatter, shuffle


class Shuffled:
    """Every example once, shuffled: what a plain ``DataLoader(shuffle=True)`` does.

    >>> from longtail.labels import Labels
    >>> Shuffled()(Labels.of([0, 0, 1]), torch.Generator().manual_seed(0)).sort().values.tolist()
    [0, 1, 2]
    """

    tasks = frozenset({"single-label", "multi-label"})

    def stream_prior(self, labels: Rows, t: float = 0.0) -> Tensor:
        """The training frequencies, float64 ``[C]``."""
        return labels.prior

    def size(self, labels: Rows, t: float = 0.0) -> int:
        """Indices in an epoch."""
        return len(labels)

    def chunks(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        for piece in scatter(len(labels), pieces(len(labels)), generator):
            yield shuffle(piece, generator)

    def __call__(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), len(labels))
