"""Classes: their names, how many training rows each has, and what follows from that. No row of truth is here.

Losses, heads, adjusters, weights and saved models need only this. :class:`longtail.labels.Labels` are the rows.

A class without an example has one rule everywhere, :func:`floored`: it counts as the rarest class that training saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

UNSEEN = "it counts as the rarest class that training saw"
"""What is done about a class without an example, in words."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of some training rows.

    Attributes:
        names: one per class, in the order of the outputs.
        counts: training rows per class, int64 ``[C]``; zeros are legal.
        rows: how many training rows there are, where a row may have several of the classes, or none: labels. None where
            each row has one.

    Raises:
        ValueError: no class, two of the same name, another number of names, a negative count, no row at all, or a label
            with more rows than there are.

    >>> classes = Classes(("a", "b"), torch.tensor([300_000_000, 100_000_000]))
    >>> classes.prior.tolist(), classes.imbalance
    ([0.75, 0.25], 3.0)
    >>> Classes(("news", "sport"), torch.tensor([8, 1]), rows=10).prior.tolist()
    [0.8, 0.1]
    """

    names: tuple[str, ...]
    counts: Tensor
    rows: int | None = None

    @classmethod
    def of(cls, counts: Tensor) -> Classes:
        """Classes without names: they are called 0, 1, 2 ..."""
        return cls(tuple(map(str, range(len(counts)))), counts)

    def __post_init__(self) -> None:
        if self.counts.dim() != 1 or len(self.counts) != len(self.names) or not self.names:
            raise ValueError(f"counts has shape {tuple(self.counts.shape)} for {len(self.names)} class names")
        if len(set(self.names)) != len(self.names):
            raise ValueError("names: two classes have the same name")
        if bool((self.counts < 0).any()) or not (self.several or bool((self.counts > 0).any())):
            raise ValueError("counts must be 0 or more, and not all 0")
        if self.rows is not None and int(self.counts.max()) > self.rows:
            raise ValueError(f"counts hold {int(self.counts.max())}, and there are rows={self.rows}")

    @property
    def num_classes(self) -> int:
        return len(self.names)

    @cached_property
    def prior(self) -> Tensor:
        """The training frequencies, float64 ``[C]``: they sum to 1 where each row has one class; of labels each is the
        share of the rows that have it. 0 for a class without an example.
        """
        counts = self.counts.double()
        return counts / (counts.sum() if self.rows is None else self.rows)

    @property
    def several(self) -> bool:
        """May a row have several of them, or none?"""
        return self.rows is not None

    @property
    def unseen(self) -> tuple[str, ...]:
        """The names of classes without an example."""
        return tuple(name for name, count in zip(self.names, self.counts.tolist()) if not count)

    @property
    def imbalance(self) -> float:
        """Imbalance factor: largest count over the smallest non-zero count."""
        present = self.counts[self.counts > 0]
        return float(present.max() / present.min())

    def groups(self, many: int = 100, few: int = 20) -> dict[str, Tensor]:
        """Class indices by training count: many > ``many``, few < ``few``, medium between.

        >>> classes = Classes(("a", "b", "c"), torch.tensor([200, 50, 1]))
        >>> {k: v.tolist() for k, v in classes.groups().items()}
        {'many': [0], 'medium': [1], 'few': [2]}
        """
        if few > many:
            raise ValueError(f"few={few} must not exceed many={many}")
        n = self.counts
        masks = {"many": n > many, "medium": (n <= many) & (n >= few), "few": n < few}
        return {name: mask.nonzero().flatten() for name, mask in masks.items()}

    def runs(self, n: int) -> tuple[Tensor, ...]:
        """Class indices from the most frequent to the rarest, cut into ``n`` runs of nearly as many classes each.

        Classes without an example are in the last run.

        Raises:
            ValueError: ``n`` is below 1 or above the number of classes that have examples.

        >>> [run.tolist() for run in Classes.of(torch.tensor([2, 1, 3])).runs(2)]
        [[2, 0], [1]]
        """
        order = self.counts.argsort(descending=True, stable=True)
        present = order[: int((self.counts > 0).sum())]
        if not 1 <= n <= len(present):
            raise ValueError(
                f"n={n}: {len(present)} classes with examples make at most {len(present)} runs; ask for fewer "
                "(recipe lfme: experts=2)"
            )
        runs = list(present.tensor_split(n))
        runs[-1] = torch.cat([runs[-1], order[len(present) :]])
        return tuple(runs)


def floored(frequency: Tensor) -> Tensor:
    """Counts or shares ``[C]`` without a zero: a class without an example counts as the rarest class that has one.

    >>> floored(torch.tensor([0.9, 0.1, 0.0])).tolist()
    [0.8999999761581421, 0.10000000149011612, 0.10000000149011612]
    """
    rarest = torch.where(frequency > 0, frequency, torch.inf).amin()
    return torch.maximum(frequency, rarest)
