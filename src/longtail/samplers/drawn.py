"""Draws with replacement from a class distribution: the ground that most samplers stand on.

A class is drawn from q, then one of its examples uniformly: an example of class j has probability q_j / n_j.
Classes are drawn by Walker's alias table, exact and one table look-up a draw, so that an epoch of ten million
takes about a second, and ``torch.multinomial``'s limit of 2**24 outcomes does not apply. An epoch comes in
chunks of ``CHUNK``; joined, the chunks are the epoch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.label_sets import LabelSets
from longtail.labels import Labels
from longtail.roles import InChunks, KeepsTogether, KnowsDrawnSize, KnowsSize

Rows = Labels | LabelSets
"""Rows of one class each, or of several labels; a row is drawn by one of its labels."""

MOST = 1 << 28
"""Indices of an epoch that a sampler gives without being asked twice: 2 GiB of them."""
CHUNK = 1 << 18
"""Examples drawn at a time. Part of what a seed means: another value gives other draws."""


def alias_table(q: Tensor) -> tuple[Tensor, Tensor]:
    """Walker's alias table of a distribution: ``(keep [C] float64, alias [C] int64)``.

    Column j is drawn uniformly, and then stays j with probability ``keep[j]`` or becomes ``alias[j]``.

    >>> keep, alias = alias_table(torch.tensor([0.75, 0.25]))
    >>> keep.tolist(), alias.tolist()
    ([1.0, 0.5], [0, 0])
    """
    scaled = (q.double() / q.double().sum() * len(q)).tolist()
    keep, alias = [1.0] * len(scaled), list(range(len(scaled)))
    small = [j for j, s in enumerate(scaled) if s < 1]
    large = [j for j, s in enumerate(scaled) if s >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        keep[low], alias[low] = scaled[low], high
        scaled[high] -= 1 - scaled[low]
        if scaled[high] < 1:
            small.append(large.pop())
    # What rounding leaves in `small` holds mass 1 up to 1e-16; but a class of probability zero must never
    # stay.
    likeliest = int(q.argmax())
    for j in small:
        if q[j] == 0:
            keep[j], alias[j] = 0.0, likeliest
    return torch.tensor(keep, dtype=torch.float64), torch.tensor(alias)


def draw(labels: Rows, q: Tensor, num: int, generator: torch.Generator) -> Iterator[Tensor]:
    """``num`` example indices with class distribution ``q``, in chunks: int64 tensors of at most ``CHUNK``.

    Args:
        q: float ``[C]``, zero for a class without examples.
    """
    keep, alias = alias_table(q)
    for begin in range(0, num, CHUNK):
        size = min(CHUNK, num - begin)
        u = torch.rand(size, dtype=torch.float64, generator=generator).mul_(len(keep))
        column = u.long().clamp_(max=len(keep) - 1)
        c = torch.where(u.sub_(column) < keep[column], column, alias[column])
        yield examples(labels, c, generator)


def examples(labels: Rows, c: Tensor, generator: torch.Generator) -> Tensor:
    """A random example of each class in ``c``, with replacement: int64, as long as ``c``.

    >>> examples(Labels.of([1, 0, 1]), torch.tensor([0, 0]), torch.Generator()).tolist()
    [1, 1]
    """
    order, start = labels.by_class
    return order[places(labels.counts, c, generator).add_(start[c])]


def places(n: Tensor, c: Tensor, generator: torch.Generator) -> Tensor:
    """For each class in ``c`` a random number of 0..n[c]-1, int64, as long as ``c``.

    >>> places(torch.tensor([1, 9]), torch.tensor([0, 0]), torch.Generator()).tolist()
    [0, 0]
    """
    u = torch.rand(len(c), dtype=torch.float64, generator=generator)
    below = n.double().nextafter(torch.zeros((), dtype=torch.float64))  # u * n itself may be rounded up to n
    return u.mul_(below[c]).long()


def join(chunks: Iterator[Tensor], size: int) -> Tensor:
    """Chunks of ``size`` indices in all as one int64 tensor, never held twice.

    >>> join(iter([torch.tensor([4, 5]), torch.tensor([6])]), 3).tolist()
    [4, 5, 6]
    """
    out, begin = torch.empty(size, dtype=torch.int64), 0
    for chunk in chunks:
        out[begin : begin + len(chunk)] = chunk
        begin += len(chunk)
    return out


def blocks(sampler: Any, labels: Labels, generator: torch.Generator, t: float) -> Iterator[Tensor]:
    """The epoch of any sampler in pieces: its ``chunks``, or what it gives, cut up."""
    if isinstance(sampler, InChunks):
        yield from sampler.chunks(labels, generator, t)
    else:
        yield from sampler(labels, generator, t).split(CHUNK)


def size_of(sampler: Any, labels: Labels, generator: torch.Generator, t: float) -> int | None:
    """Indices in the epoch that ``generator`` would give: any sampler's ``size``, or its ``drawn_size`` where that is
    drawn; None where only drawing the epoch tells."""
    if isinstance(sampler, KnowsSize):
        return int(sampler.size(labels, t))
    return sampler.drawn_size(labels, generator, t) if isinstance(sampler, KnowsDrawnSize) else None


def together_in(sampler: Any) -> int:
    """Indices in a row that must stay on one rank: what the sampler says, or 1."""
    return int(sampler.together) if isinstance(sampler, KeepsTogether) else 1


def powers(counts: Tensor, power: float) -> Tensor:
    """The class distribution q_j ~ n_j**power, float64 ``[C]``; a class without examples gets 0.

    >>> powers(torch.tensor([9, 1, 0]), 0.5).tolist()
    [0.75, 0.25, 0.0]
    """
    n = counts.double()
    q = torch.where(n > 0, (n.clamp(min=1) / n.max()) ** power, 0.0)
    return q / q.sum()


def check_draws(name: str, value: int) -> int:
    """``value`` itself: so many indices of an epoch.

    Raises:
        TypeError: it is no whole number. ValueError: it is below 1 or above ``MOST``.
    """
    check_size(check_whole(name, value), f"{name}={value}")
    return value


def check_whole(name: str, value: int, least: int = 1) -> int:
    """``value`` itself.

    Raises:
        TypeError: it is no whole number. ValueError: it is below ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r} must be a whole number, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}={value} must be at least {least}")
    return int(value)


def check_size(indices: float, asked: str, examples: int = 0) -> None:
    """Raise ValueError where an epoch would hold more indices than ``MOST``, and than the data has examples."""
    if not indices <= max(MOST, examples):
        raise ValueError(
            f"{asked} asks for an epoch of {indices:.3g} indices, and a sampler gives at most {max(MOST, examples):.3g}: "
            "ask for fewer"
        )


def check_number(name: str, value: float) -> None:
    """Raise TypeError where ``value`` is no number, ValueError where it is NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name}={value!r} must be a number, got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name}={value} must be a finite number")


def check_length(length: int | None) -> int | None:
    """``length`` itself: draws of an epoch, or None for as many as there are examples.

    Raises:
        TypeError: it is no whole number. ValueError: it is below 1, or more than ``MOST``.
    """
    return None if length is None else check_draws("length", length)


class Drawn(ABC):
    """A sampler that draws with replacement; a subclass gives the class distribution.

    Args:
        length: draws an epoch; None takes the number of examples, N.

    ``sampler(labels, generator, t)`` gives the indices of one epoch, ``chunks`` the same piece by piece.
    """

    def __init__(self, length: int | None = None) -> None:
        self.length = check_length(length)

    tasks = frozenset({"single-label", "multi-label"})

    @abstractmethod
    def drawn(self, labels: Rows, t: float = 0.0) -> Tensor:
        """How often each class is drawn at progress ``t``, float64 ``[C]``, summing to 1."""

    def stream_prior(self, labels: Rows, t: float = 0.0) -> Tensor:
        """The class frequencies that training sees at progress ``t``, float64 ``[C]``; of several labels per row the
        share of rows with each, since other labels come along with the one that is drawn.
        """
        return labels.shown_by(self.drawn(labels, t))

    def size(self, labels: Rows, t: float = 0.0) -> int:
        """Indices in an epoch."""
        return self.length or len(labels)

    def chunks(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        return draw(labels, self.drawn(labels, t), self.size(labels, t), generator)

    def __call__(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), self.size(labels, t))
