"""Class-aware sampling: visit the classes in turn, and each class's examples in turn.

Shen et al., *Relay backpropagation for effective learning of deep convolutional neural networks*, ECCV 2016;
used by OLTR (Liu et al., CVPR 2019), cRT (Kang et al., ICLR 2020) and MiSLAS (Zhong et al., CVPR 2021).

| paper | here |
|---|---|
| images a visit: 4 (OLTR, decoupling, LFME), 1 (MiSLAS) | ``k`` |

*Differs from the authors' code in* the epoch: theirs is nominally C * n_max long and cut off by the training
loop after about N / batch steps; here an epoch is N examples (``length``). Cycles start anew each epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longtail.samplers import drawn
from longtail.samplers.cycles import Decks
from longtail.samplers.drawn import Rows, check_draws, check_length, check_size, join, powers


class ClassAware:
    """Shuffled passes over the classes; each visit takes the next ``k`` examples of the class's own shuffled
    cycle.

    Within a class no example comes again before all its others came; class-balanced up to the last pass.

    Args:
        k: consecutive examples of a class; a class with fewer than ``k`` examples repeats them.
        length: examples an epoch; None takes N.

    Raises:
        TypeError, ValueError: ``k`` or ``length`` is no whole number, below 1, or more than any epoch holds.

    >>> from longtail.labels import Labels
    >>> labels = Labels.of([0, 0, 0, 0, 1, 1])
    >>> labels.y[ClassAware(k=1)(labels, torch.Generator().manual_seed(0))].bincount().tolist()
    [3, 3]
    """

    def __init__(self, k: int = 1, length: int | None = None) -> None:
        check_draws("k", k)
        self.k, self.length = k, check_length(length)

    tasks = frozenset({"single-label", "multi-label"})

    def stream_prior(self, labels: Rows, t: float = 0.0) -> Tensor:
        """Uniform over the classes that have examples, float64 ``[C]``; of several labels per row the share of rows with
        each, since other labels come along with the one that is visited.
        """
        return labels.shown_by(powers(labels.counts, 0.0))

    def size(self, labels: Rows, t: float = 0.0) -> int:
        """Indices in an epoch."""
        return self.length or len(labels)

    def chunks(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        present = labels.counts > 0
        c, left = int(present.sum()), self.size(labels)
        check_size(c * self.k, f"k={self.k} for {c} classes", len(labels))
        decks = Decks(labels, labels.counts, present.long(), generator)
        at_once = max(drawn.CHUNK // (c * self.k), 1)
        while left > 0:
            passes = min(at_once, -(-left // (c * self.k)))
            dealt = decks.take(present * (passes * self.k)).view(c, passes, self.k)
            columns = torch.rand(passes, c, dtype=torch.float64, generator=generator)
            order = torch.from_numpy(columns.numpy().argsort(1))
            yield dealt[order, torch.arange(passes)[:, None]].flatten()[:left]
            left -= passes * c * self.k

    def __call__(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), self.size(labels, t))
