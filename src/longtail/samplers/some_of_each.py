"""A random set of so many examples of each class, without replacement, at a cost that grows with the set."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers.cycles import ranges, spread
from longtail.samplers.drawn import places


def some_of_each(labels: Labels, m: Tensor, generator: torch.Generator) -> Tensor:
    """``m[c]`` different examples of class c, every set of them equally likely: int64 ``[m.sum()]``, in no useful order.

    Draws with replacement, and again for those that came before, until there are enough: what they hold is a random set.
    Where more than half of a class is asked for, the rest is drawn.

    Args:
        m: int64 ``[C]``, at most the counts.

    >>> some_of_each(Labels.of([0, 0, 1]), torch.tensor([2, 0]), torch.Generator()).sort().values.tolist()
    [0, 1]
    """
    order, start = labels.by_class
    n, classes = labels.counts, torch.arange(labels.num_classes)
    few = m <= n - m
    need, taken, out = torch.where(few, m, n - m), torch.zeros(len(labels), dtype=torch.bool), []
    while bool(need.any()):
        c = spread(classes, need)
        place = places(n, c, generator).add_(start[c])
        place.numpy().sort()
        new = ~taken[place]
        new[1:] &= place[1:] != place[:-1]
        place = place[new]
        taken[place] = True
        got = torch.searchsorted(place, start).diff()
        need = need - got
        out.append(order[place[spread(few, got)]])
    place = ranges(start[:-1][~few], n[~few])
    return torch.cat([*out, order[place[~taken[place]]]])
