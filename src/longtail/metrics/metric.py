"""Metric: what a file of this room declares of one number, and what that number is computed from.

A metric is a function of sums over rows, so it comes from batches, merged parts and ranks as from all rows at once, and
its derivative to the weight of a row follows from it (:mod:`longtail.comparison.influence`). One that needs the order of
all rows (``needs="order"``) is a function of the rows themselves.

A new metric is one file with ``METRICS``, a tuple of these; :mod:`longtail.metrics.room` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from longtail.metrics.entities import Entities
from longtail.metrics.ranked import Ranked, ranked


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows that are scored.

    Attributes:
        p: probabilities, float64 ``[B, C]``.
        y, decisions: classes, int64 ``[B]``.
        bins: of the calibration errors.
        costs: of each decision, float64 ``[C, C]`` (true, decided), or ``[B, C, C]`` where rows have their own; None: no
            costs are declared.
        flags: rows that are taken for a class at a threshold, bool ``[B]``, by the name of a point.
        entities: those that begin at each row, where rows are tagged tokens; None: they are not.
    """

    p: Tensor
    y: Tensor
    decisions: Tensor
    bins: int = 15
    costs: Tensor | None = None
    flags: Mapping[str, Tensor] = field(default_factory=dict)
    entities: Entities | None = None

    @property
    def num_classes(self) -> int:
        return self.p.shape[1]

    @cached_property
    def top(self) -> tuple[Tensor, Tensor]:
        """The largest probability and its class, ``[B]``; the first of equal ones."""
        confidence, best = self.p.max(1)
        return confidence, best

    @cached_property
    def true(self) -> Tensor:
        """The probability of the true class, ``[B]``."""
        return self.p.gather(1, self.y[:, None]).squeeze(1)

    @cached_property
    def hit(self) -> Tensor:
        """1 where the decision is right, float64 ``[B]``."""
        return (self.decisions == self.y).double()

    @cached_property
    def cost(self) -> Tensor:
        """What each decision would cost, ``[B, C]``.

        Raises:
            ValueError: no costs are declared.
        """
        if self.costs is None:
            raise ValueError("costs are needed for this metric: costs=[[0, 1], [20, 0]], say")
        if self.costs.dim() == 2:
            return self.costs[self.y]
        return self.costs[torch.arange(len(self.y), device=self.y.device), self.y]

    @cached_property
    def right(self) -> Tensor:
        """1 where the most probable class is the true one, float64 ``[B]``."""
        return (self.top[1] == self.y).double()


Terms = tuple[Tensor | None, Tensor | None]
"""What rows add to a sum: the place, int64 ``[B]`` or ``[B, C]`` (None: the sum is one number); how much (None: 1)."""


@dataclass(frozen=True)
class Sum:
    """A sum over rows.

    Attributes:
        name: metrics that name the same sum share it.
        over: its shape: of "class" and "bin"; () is one number.
        of: what each row of a batch adds. A place of several dimensions counts row by row.
        weighted: a row counts as often as the prior says (and its own weight); else by its own weight alone.
    """

    name: str
    over: tuple[Literal["class", "bin"], ...]
    of: Callable[[Batch], Terms]
    weighted: bool = True

    def shape(self, num_classes: int, bins: int) -> tuple[int, ...]:
        return tuple({"class": num_classes, "bin": bins}[way] for way in self.over)

    def added(self, batch: Batch, weight: Tensor) -> Tensor:
        """What a batch adds, with the weights ``[B]`` of its rows."""
        place, much = self.of(batch)
        if much is None:
            terms = weight
        else:
            terms = (weight[:, None] if much.dim() == 2 else weight) * much
        if place is None:
            return terms.sum()
        shape = self.shape(batch.num_classes, batch.bins)
        flat = torch.bincount(place.flatten(), weights=terms.flatten(), minlength=torch.Size(shape).numel())
        return flat.view(shape)


def _labels(batch: Batch) -> Terms:
    return batch.y, None


COUNT = Sum("count", ("class",), _labels, weighted=False)
"""Rows of each class by their own weights: every metric may use it."""


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows, for a metric that needs their order: probabilities ``[N, C]``, classes and weights ``[N]``."""

    p: Tensor
    y: Tensor
    weight: Tensor

    @cached_property
    def ranked(self) -> Ranked:
        """Where each row stands in the order of its class's probability."""
        return ranked(self.p, self.y, self.weight)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a metric is a function of.

    Attributes:
        sums: by name, float64.
        class_weight: how often a row of each class counts under the prior, ``[C]``.
        groups: class indices by name.
        rarest: the rarest class.
        rows: all rows; None where they were seen in batches.
    """

    sums: Mapping[str, Tensor]
    class_weight: Tensor
    groups: Mapping[str, Tensor] = field(default_factory=dict)
    rarest: int = 0
    rows: Rows | None = None

    def __getitem__(self, name: str) -> Tensor:
        return self.sums[name]

    @cached_property
    def true(self) -> Tensor:
        """The weight of the rows of each class, ``[C]``."""
        return self.sums["count"] * self.class_weight

    @cached_property
    def total(self) -> Tensor:
        """The weight of all rows."""
        return self.true.sum()

    @cached_property
    def occurs(self) -> Tensor:
        """Classes with a row and a positive prior, bool ``[C]``."""
        return self.true > 0


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number that says what a classifier is worth, for one set of rows.

    Attributes:
        name: in ``results.csv``, and to ask for it.
        title: in tables; ``short`` where there is little room.
        meaning: what it says, in a sentence for newcomers.
        better: is a "higher" or a "lower" value the better one?
        needs: what it looks at. "decisions": the decided classes alone; "probabilities": those of each row by itself;
            "order": all rows sorted by the probability of a class.
        weights: which weights of rows it takes. "rows": each row counts by its weight, so the prior moves it; "within
            classes": only the weights of a class's rows against each other count, so no prior moves it.
        of: the value, a float64 tensor without dimensions; nan where it is not defined.
        sums: that ``of`` uses, beside ``COUNT``.
        smooth: has it a derivative to trust? Then differences of it are tested on rows.
        by_class: the name and the values ``[C]`` of what it is the mean of, where it is one; nan where not defined.
        least_classes: with fewer classes it says nothing, and is left out.
        group: it is of this group of classes, and is left out where there is no such group.
        of_costs: it is of declared costs, and is left out where there are none.
        of_sequences: it is of entities in sequences of tagged tokens, and is left out where rows are no such tokens.
        place: in lists and on pages, from the first to the last.
        importance: in the terminal columns with more stay longest; 1: on the page only; 0: in the files only.
    """

    name: str
    title: str
    meaning: str
    better: Literal["higher", "lower"]
    needs: Literal["decisions", "probabilities", "order"]
    weights: Literal["rows", "within classes"]
    of: Callable[[Seen], Tensor]
    sums: tuple[Sum, ...] = ()
    smooth: bool = False
    by_class: tuple[str, Callable[[Seen], Tensor]] | None = None
    least_classes: int = 1
    group: str | None = None
    of_costs: bool = False
    of_sequences: bool = False
    place: float = 100.0
    importance: int = 2
    short: str | None = None

    def applies(
        self, num_classes: int, groups: Mapping[str, Tensor], costs: bool = False, sequences: bool = False
    ) -> bool:
        """Does it say something for so many classes and these groups, with declared costs or without, of tagged tokens in
        sequences or of other rows?"""
        return (
            num_classes >= self.least_classes
            and (self.group is None or self.group in groups)
            and (costs or not self.of_costs)
            and (sequences or not self.of_sequences)
        )


NOT_DEFINED = torch.tensor(torch.nan, dtype=torch.float64)
