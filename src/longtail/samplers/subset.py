"""Sampling from some classes only: what the experts of LFME are trained on.

Xiang, Ding and Han, *Learning from multiple experts*, ECCV 2020, section 3.1: one expert for the many-,
medium- and few-shot classes each. The labels keep their class indices; an expert's head of its own size is
not the sampler's matter.

| paper | here |
|---|---|
| cardinality-adjacent subset | ``group``, ``run`` or ``classes`` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers.cycles import ranges, spread
from longtail.samplers.drawn import blocks, check_whole, size_of, together_in
from longtail.samplers.shuffled import Shuffled


class Subset:
    """Another sampler (shuffled by default) on the examples of some classes.

    Args:
        classes: class indices; or
        group: "many", "medium" or "few", by training count; or
        run: ``(k, n)``, the k-th (from 0) of n runs of classes from the most frequent to the rarest, see
            :meth:`longtail.labels.Labels.runs`.
        many: a class with more examples is "many".
        few: a class with fewer is "few".
        of: the sampler to use inside.

    Raises:
        ValueError: not one of ``classes``, ``group`` and ``run``; no example is left; more runs than classes.

    >>> Subset(classes=(1,))(Labels.of([0, 0, 1]), torch.Generator().manual_seed(0)).tolist()
    [2]
    """

    def __init__(
        self,
        classes: Sequence[int] | None = None,
        group: str | None = None,
        run: tuple[int, int] | None = None,
        many: int = 100,
        few: int = 20,
        of: Callable[..., Tensor] | None = None,
    ) -> None:
        if (classes is not None) + (group is not None) + (run is not None) != 1:
            raise ValueError(f"classes={classes}, group={group!r} and run={run}: give one of the three")
        if run is not None and not 0 <= run[0] < run[1]:
            raise ValueError(f"run={run} must be (k, n) with k in 0..n-1")
        if group not in (None, "many", "medium", "few"):
            raise ValueError(f"group={group!r} must be 'many', 'medium' or 'few'")
        check_whole("many", many, 0)
        check_whole("few", few, 0)
        self.classes = None if classes is None else tuple(classes)
        self.group, self.run, self.many, self.few = group, run, many, few
        self.of: Any = of if of is not None else Shuffled()

    def _inside(self, labels: Labels) -> tuple[Tensor, Labels]:
        """The classes, and their examples' labels, class after class."""
        if self.run is not None:
            chosen = labels.classes.runs(self.run[1])[self.run[0]]
        elif self.classes is None:
            chosen = labels.classes.groups(self.many, self.few)[str(self.group)]
        else:
            if any(not 0 <= c < labels.num_classes for c in self.classes):
                raise ValueError(f"classes={self.classes} must lie in 0..{labels.num_classes - 1}")
            chosen = torch.tensor(self.classes, dtype=torch.int64)
        chosen = chosen.unique()
        size = labels.counts[chosen]
        if not int(size.sum()):
            raise ValueError(
                f"classes={self.classes} group={self.group!r} run={self.run}: none of these classes has an example"
            )
        return chosen, Labels.of(spread(chosen, size), labels.names, labels.num_classes)

    @property
    def together(self) -> int:
        """Indices in a row that must stay on one rank: those of the inner sampler."""
        return together_in(self.of)

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor:
        """What the inner sampler does on the subset, float64 ``[C]``; 0 outside."""
        q: Tensor = self.of.stream_prior(self._inside(labels)[1], t)
        return q

    def drawn_size(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> int:
        """Indices in the epoch that ``generator`` would give."""
        inside = self._inside(labels)[1]
        known = size_of(self.of, inside, generator, t)
        return len(self.of(inside, generator, t)) if known is None else known

    def chunks(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        chosen, inside = self._inside(labels)
        order, start = labels.by_class
        index = order[ranges(start[chosen], labels.counts[chosen])]
        for chunk in blocks(self.of, inside, generator, t):
            yield index[chunk]

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return torch.cat(list(self.chunks(labels, generator, t)))
