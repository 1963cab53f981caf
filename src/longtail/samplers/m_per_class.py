"""m per class: every batch holds ``batch_size / m`` classes with ``m`` examples each, for losses that compare
within a batch.

Hermans et al., *In defense of the triplet loss for person re-identification*, 2017, section 2 ("PK batches").

| paper | here |
|---|---|
| K images a class | ``m`` |
| P classes a batch | ``batch_size // m`` |

*Differs from the authors' code in* nothing that matters here; classes of a batch are drawn without
replacement, and batches come in index order, so the loader's batch size must be the same and it must not
shuffle.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers.cycles import deal
from longtail.samplers.drawn import powers

ROWS = 1 << 22  # class numbers drawn at a time


class MPerClass:
    """Batches of ``batch_size // m`` different classes, ``m`` examples each; whole batches only, about N an
    epoch.

    A class with at least ``m`` examples gives ``m`` different ones; a smaller class repeats its own, evenly.

    Args:
        m: examples of a class in a batch.
        batch_size: a multiple of ``m``.

    Raises:
        ValueError: ``m`` is below 1 or does not divide ``batch_size``; the data has fewer classes than a
            batch needs.

    >>> labels = Labels.of([0] * 8 + [1] * 3 + [2])
    >>> batch = MPerClass(m=2, batch_size=4)(labels, torch.Generator().manual_seed(0))[:4]
    >>> labels.y[batch].bincount(minlength=3).sort().values.tolist()
    [0, 2, 2]
    """

    def __init__(self, m: int, batch_size: int) -> None:
        if m < 1 or batch_size < m or batch_size % m:
            raise ValueError(f"m={m} must be at least 1 and divide batch_size={batch_size}")
        self.m, self.batch_size = m, batch_size

    def class_distribution(self, labels: Labels, t: float = 0.0) -> Tensor:
        """Uniform over the classes that have examples, float64 ``[C]``."""
        return powers(labels.counts, 0.0)

    def size(self, labels: Labels, t: float = 0.0) -> int:
        """Indices in an epoch: N rounded down to whole batches, at least one."""
        return max(len(labels) // self.batch_size, 1) * self.batch_size

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        present = labels.counts.nonzero().flatten()
        p = self.batch_size // self.m
        if p > len(present):
            raise ValueError(
                f"batch_size={self.batch_size} with m={self.m} needs {p} classes and {len(present)} have "
                "examples: use a larger m or a smaller batch"
            )
        batches = self.size(labels) // self.batch_size
        some = max(ROWS // len(present), 1)
        picks = [
            torch.rand(min(some, batches - b), len(present), dtype=torch.float64, generator=generator)
            .topk(p, dim=1)
            .indices
            for b in range(0, batches, some)
        ]
        c = present[torch.cat(picks).flatten()]
        visits = torch.bincount(c, minlength=labels.num_classes)
        # The number of each visit among those of its class.
        by_class = c.argsort(stable=True)
        visit = torch.empty_like(c)
        visit[by_class] = torch.arange(len(c)) - (visits.cumsum(0) - visits)[c[by_class]]
        # A large class has several visits a shuffle, a small one several shuffles a visit.
        n = labels.counts.clamp(min=1)
        per_shuffle, shuffles = (n // self.m).clamp(min=1), -(-self.m // n)
        dealt, start = deal(labels, -(-visits // per_shuffle) * shuffles, generator)
        n, per_shuffle, shuffles = n[c], per_shuffle[c], shuffles[c]
        at = start[c] + visit // per_shuffle * shuffles * n + visit % per_shuffle * self.m
        return dealt[(at[:, None] + torch.arange(self.m)).flatten()]
