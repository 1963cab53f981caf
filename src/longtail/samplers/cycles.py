"""Shuffled cycles inside each class: what class-aware and m-per-class sampling deal their examples from."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.labels import Labels


def deal(labels: Labels, rounds: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each class's examples, shuffled afresh ``rounds[c]`` times and laid one after another.

    Args:
        rounds: int64 ``[C]``; 0 leaves a class out.

    Returns:
        ``(dealt, start)``: example indices, and where each class starts in them, ``[C]``.

    >>> dealt, start = deal(Labels.of([0, 0, 1]), torch.tensor([2, 1]), torch.Generator().manual_seed(0))
    >>> dealt[:4].view(2, 2).sort().values.tolist(), dealt[4:].tolist(), start.tolist()
    ([[0, 1], [0, 1]], [2], [0, 4])
    """
    order, first = labels.by_class
    counts = labels.counts
    size = counts * rounds
    start = size.cumsum(0) - size
    c = torch.repeat_interleave(torch.arange(len(counts)), size)
    within = torch.arange(len(c)) - start[c]
    # One sort shuffles all: the group (class, round) in the high bits, a random number in the low ones. Equal
    # random numbers in a group (at most one pair in 2**30) stay as they stood.
    group = (rounds.cumsum(0) - rounds)[c] + within // counts[c]
    free = 62 - int(rounds.sum()).bit_length()
    key = torch.randint(1 << free, (len(c),), generator=generator).add_(group << free)
    return order[first[c] + within % counts[c]][key.argsort()], start


def class_order(classes: Tensor, visits: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``visits`` classes from shuffled passes over ``classes``, and the number of the pass of each visit.

    >>> order, turn = class_order(torch.tensor([3, 5]), 3, torch.Generator().manual_seed(0))
    >>> order[:2].sort().values.tolist(), turn.tolist()
    ([3, 5], [0, 0, 1])
    """
    passes = -(-visits // len(classes))
    columns = torch.rand(passes, len(classes), dtype=torch.float64, generator=generator).argsort(1)
    return classes[columns.flatten()[:visits]], torch.arange(visits) // len(classes)
