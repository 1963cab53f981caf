"""m per class: every batch holds ``batch_size / m`` classes with ``m`` examples each, for losses that compare
within a batch.

Hermans et al., *In defense of the triplet loss for person re-identification*, 2017, section 2 ("PK batches").

| paper | here |
|---|---|
| K images a class | ``m`` |
| P classes a batch | ``batch_size // m`` |

*Differs from the authors' code in* nothing that matters here; classes of a batch are drawn without
replacement, and batches come in index order, so the loader's batch size (that of one rank) must be the same and it must
not shuffle. Each rank of a distributed run gets whole batches.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers import drawn
from longtail.samplers.cycles import Decks
from longtail.samplers.drawn import check_draws, join, powers


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
        check_draws("m", m)
        check_draws("batch_size", batch_size)
        if m < 1 or batch_size < m or batch_size % m:
            raise ValueError(f"m={m} must be at least 1 and divide batch_size={batch_size}")
        self.m, self.batch_size = m, batch_size

    @property
    def together(self) -> int:
        """Indices in a row that must stay on one rank: a batch."""
        return self.batch_size

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor:
        """Uniform over the classes that have examples, float64 ``[C]``."""
        return powers(labels.counts, 0.0)

    def size(self, labels: Labels, t: float = 0.0) -> int:
        """Indices in an epoch: N rounded down to whole batches, at least one."""
        return max(len(labels) // self.batch_size, 1) * self.batch_size

    def chunks(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        present = labels.counts.nonzero().flatten()
        p, m = self.batch_size // self.m, self.m
        if p > len(present):
            raise ValueError(
                f"batch_size={self.batch_size} with m={self.m} needs {p} classes and {len(present)} have "
                "examples: use a larger m or a smaller batch"
            )
        # A large class has several visits a shuffle, a small one several shuffles a visit.
        n, some = labels.counts, labels.counts.clamp(min=1)
        usable = torch.where(n >= m, n // m * m, m)
        decks = Decks(labels, usable, torch.where(n > 0, -(-m // some), 0), generator)
        batches, at_once = self.size(labels) // self.batch_size, max(drawn.CHUNK // self.batch_size, 1)
        for begin in range(0, batches, at_once):
            rows = min(at_once, batches - begin)
            c = present[choose(rows, p, len(present), generator)].flatten()
            dealt = decks.take(torch.bincount(c, minlength=labels.num_classes) * m)
            out = torch.empty(len(c), m, dtype=torch.int64)
            out[c.argsort(stable=True)] = dealt.view(-1, m)
            yield out.flatten()

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), self.size(labels, t))


def choose(rows: int, p: int, num: int, generator: torch.Generator) -> Tensor:
    """In each row ``p`` different numbers of 0..num-1, every choice and order equally likely; int64 ``[rows, p]``.

    Floyd's algorithm (Bentley, *Programming pearls*, CACM 1987), on all rows at once, and a shuffle of each row; where it
    would look through longer rows than there are numbers to sort, the first of a random order.

    >>> choose(2, 3, 3, torch.Generator()).sort().values.tolist()
    [[0, 1, 2], [0, 1, 2]]
    """
    if p * p > 50 * num:
        order = torch.rand(rows, num, dtype=torch.float64, generator=generator).numpy().argsort(1)
        return torch.from_numpy(order)[:, :p]
    high = torch.arange(num - p, num)[:, None]
    u = torch.rand(p, rows, dtype=torch.float64, generator=generator)
    pick = torch.minimum(u.mul_(high + 1).long(), high).int().numpy()  # uniform in 0..high
    for j in range(1, p):
        taken = (pick[:j] == pick[j]).any(0)
        pick[j][taken] = num - p + j
    order = torch.rand(rows, p, dtype=torch.float64, generator=generator).numpy().argsort(1)
    return torch.from_numpy(pick).long().T.gather(1, torch.from_numpy(order))
