"""Shuffled cycles inside each class: what class-aware and m-per-class sampling deal their examples from.

A class larger than ``ALONE`` is shuffled on its own (there are at most N / ``ALONE`` of them), all smaller ones by sorts
of many classes at once, of keys that hold the class in the high bits, a random number in the middle and the example's
place in the class in the low ones.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.samplers.drawn import Rows
from longtail.samplers.scatter import shuffle

ALONE = 1 << 12
"""Examples of a class. Part of what a seed means, as is ``SLAB``."""
SLAB = 1 << 18
"""Examples sorted at once: what fits the cache."""


def ranges(begin: Tensor, size: Tensor) -> Tensor:
    """``begin[0] .. begin[0] + size[0] - 1``, then those of the next, and so on.

    >>> ranges(torch.tensor([5, 9, 2]), torch.tensor([2, 0, 3])).tolist()
    [5, 6, 2, 3, 4]
    """
    return spread(begin - (size.cumsum(0) - size), size).add_(torch.arange(int(size.sum())))


def spread(value: Tensor, times: Tensor) -> Tensor:
    """``torch.repeat_interleave``, in half the time.

    >>> spread(torch.tensor([7, 8]), torch.tensor([2, 1])).tolist()
    [7, 7, 8]
    """
    return torch.from_numpy(value.numpy().repeat(times.numpy()))


def deal(labels: Rows, rounds: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each class's examples, shuffled afresh ``rounds[c]`` times and laid one after another.

    Args:
        rounds: int64 ``[C]``; 0 leaves a class out.

    Returns:
        ``(dealt, start)``: example indices, and where each class starts in them, ``[C]``.

    >>> from longtail.labels import Labels
    >>> dealt, start = deal(Labels.of([0, 0, 1]), torch.tensor([2, 1]), torch.Generator().manual_seed(0))
    >>> dealt[:4].view(2, 2).sort().values.tolist(), dealt[4:].tolist(), start.tolist()
    ([[0, 1], [0, 1]], [2], [0, 4])
    """
    counts = labels.counts
    size = counts * rounds
    start = size.cumsum(0) - size
    dealt = torch.empty(int(size.sum()), dtype=torch.int64)
    for c in ((counts > ALONE) & (rounds > 0)).nonzero().flatten().tolist():
        n, begin, of = int(counts[c]), int(start[c]), labels.holding(c)
        for at in range(begin, begin + int(size[c]), n):
            dealt[at : at + n] = shuffle(of, generator)
    _deal_small(dealt, start, labels, torch.where(counts <= ALONE, rounds, 0), generator)
    return dealt, start


def _deal_small(
    dealt: Tensor, start: Tensor, labels: Rows, rounds: Tensor, generator: torch.Generator
) -> None:
    """The part of :func:`deal` that sorts."""
    order, first = labels.by_class
    c = spread(torch.arange(len(rounds)), rounds)  # the class of each shuffle
    n = labels.counts[c]
    to = start[c] + ranges(torch.zeros_like(rounds), rounds) * n
    slab = n.cumsum(0).sub_(1).div(SLAB, rounding_mode="floor")
    cuts = [k for k in torch.bincount(slab).tolist() if k]
    place = ALONE.bit_length()
    for size, at, of in zip(n.split(cuts), to.split(cuts), first[c].split(cuts)):
        which = spread(torch.arange(len(size)), size)
        within = torch.arange(len(which)).sub_((size.cumsum(0) - size)[which])
        # Equal random numbers in a class (at most one pair in 2**30) stay as they stood.
        high = 63 - len(size).bit_length()
        key = torch.randint(1 << (high - place), (len(which),), generator=generator).bitwise_left_shift_(
            place
        )
        key.add_(which << high).add_(within)
        key.numpy().sort()  # vectorised, several times faster than torch.sort
        key.bitwise_and_((1 << place) - 1)
        dealt[within.add_(at[which])] = order[key.add_(of[which])]


class Decks:
    """A shuffled deck of each class's examples; a deck that runs out is shuffled anew.

    Args:
        usable: int64 ``[C]``, how many of a deck's examples are dealt before it is shuffled anew.
        shuffles: int64 ``[C]``, how many shuffles of the class's examples make a deck; 0 for a class without any.

    >>> from longtail.labels import Labels
    >>> decks = Decks(Labels.of([0, 0, 1]), torch.tensor([2, 1]), torch.tensor([1, 1]), torch.Generator())
    >>> decks.take(torch.tensor([2, 3])).sort().values.tolist()
    [0, 1, 2, 2, 2]
    """

    def __init__(self, labels: Rows, usable: Tensor, shuffles: Tensor, generator: torch.Generator) -> None:
        self.labels, self.usable, self.shuffles, self.generator = labels, usable, shuffles, generator
        self.size = labels.counts * shuffles
        self.cards, self.first = deal(labels, shuffles, generator)
        self.used = torch.zeros_like(usable)

    def take(self, need: Tensor) -> Tensor:
        """The next ``need[c]`` examples of each class, class after class; ``need`` int64 ``[C]``."""
        out = torch.empty(int(need.sum()), dtype=torch.int64)
        begin, old = need.cumsum(0) - need, torch.minimum(need, self.usable - self.used)
        new = need - old
        from_old = self.cards[ranges(self.first + self.used, old)]
        self.used += old
        if not bool(new.any()):
            return from_old
        out[ranges(begin, old)] = from_old
        decks = -(-new // self.usable.clamp(min=1))
        dealt, start = deal(self.labels, decks * self.shuffles, self.generator)
        c = spread(torch.arange(len(need)), decks)
        turn = ranges(torch.zeros_like(decks), decks)
        of_deck = torch.minimum(self.usable[c], new[c] - turn * self.usable[c])
        out[ranges(begin + old, new)] = dealt[ranges(start[c] + turn * self.size[c], of_deck)]
        # The last deck of each is what the next call goes on with.
        size = torch.where(decks > 0, self.size, 0)
        self.cards[ranges(self.first, size)] = dealt[ranges(start + (decks - 1) * size, size)]
        self.used = torch.where(decks > 0, new - (decks - 1) * self.usable, self.used)
        return out
