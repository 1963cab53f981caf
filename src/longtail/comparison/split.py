"""Split: which rows train and which test. Folds, folds in time, one hold-out, or the user's own test set.

A cell is a fold and a seed. Rows of one group never stand on two sides: copies of an input are a group, and so is what
the user declared (``Dataset.beside.group``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from longtail.comparison.folds import check_folds, folds, grouped_inner, inner_split
from longtail.data import Dataset

Cells = list[tuple[int, int]]
Sides = tuple[Tensor, Tensor]


class Split(Protocol):
    """Which rows of a data set train and which test.

    ``together`` is int64 ``[N]``, equal for rows that stay on one side; ``deal`` shuffles.
    """

    @property
    def name(self) -> str: ...
    @property
    def folds(self) -> int:
        """Cells of a seed."""
        ...

    @property
    def trained_share(self) -> float:
        """The share of all rows that a run trains on, about."""
        ...

    @property
    def single(self) -> bool:
        """Is there one test set, and no folds to tell the luck of training from?"""
        ...

    @property
    def shuffles(self) -> bool:
        """Does another seed test other rows?"""
        ...

    @property
    def crosses(self) -> bool:
        """May training rows be folded at random, to predict each by models that did not see it?"""
        ...

    def check(self, data: Dataset, together: Tensor) -> None:
        """Raises ValueError where these rows cannot be split so."""
        ...

    def rows(self, data: Dataset, together: Tensor, fold: int, deal: int) -> Sides:
        """(training rows, test rows), sorted int64 indices."""
        ...

    def final(self, data: Dataset) -> Tensor:
        """The rows that train the model to keep."""
        ...

    def inner(self, data: Dataset, together: Tensor, rows: Tensor, share: float, deal: int) -> Sides:
        """(rows that fit, rows held out) of the training rows: what is tuned or calibrated is so on the latter."""
        ...


@dataclass(frozen=True)
class Folds:
    """``k`` stratified folds, each the test set once: :func:`longtail.comparison.folds.folds`."""

    k: int = 5
    name = "folds"
    single = False
    shuffles = True
    crosses = True

    @property
    def folds(self) -> int:
        return self.k

    @property
    def trained_share(self) -> float:
        return 1 - 1 / self.k

    def check(self, data: Dataset, together: Tensor) -> None:
        check_folds(together, self.k, "group" if data.beside.group is not None else "row")

    def rows(self, data: Dataset, together: Tensor, fold: int, deal: int) -> Sides:
        return folds(data.labels, together, self.k, deal)[fold]

    def final(self, data: Dataset) -> Tensor:
        return torch.arange(len(data))

    def inner(self, data: Dataset, together: Tensor, rows: Tensor, share: float, deal: int) -> Sides:
        return inner(data, together, rows, share, deal)


@dataclass(frozen=True)
class Holdout:
    """One stratified hold-out of ``share`` of the rows, dealt anew for each seed."""

    share: float
    name = "hold-out"
    single = True
    shuffles = True
    crosses = True
    folds = 1

    @property
    def trained_share(self) -> float:
        return 1 - self.share

    def check(self, data: Dataset, together: Tensor) -> None:
        if not 0 < self.share < 1:
            raise ValueError(
                f"holdout={self.share} must lie between 0 and 1: the share of the rows that tests"
            )
        inner(data, together, torch.arange(len(data)), self.share, 0)

    def rows(self, data: Dataset, together: Tensor, fold: int, deal: int) -> Sides:
        return inner(data, together, torch.arange(len(data)), self.share, deal)

    def final(self, data: Dataset) -> Tensor:
        return torch.arange(len(data))

    def inner(self, data: Dataset, together: Tensor, rows: Tensor, share: float, deal: int) -> Sides:
        return inner(data, together, rows, share, deal + 1)


@dataclass(frozen=True)
class InTime:
    """``k`` test parts in order of time, each after its training rows: an expanding window. The first of ``k + 1`` parts
    of about equal size is never tested.

    Attributes:
        k: test parts.
        gap: training rows whose time is less than this before the test part are left out; in the unit of the time,
            seconds for dates.
    """

    k: int = 5
    gap: float = 0.0
    name = "time"
    single = False
    shuffles = False
    crosses = False

    @property
    def folds(self) -> int:
        return self.k

    @property
    def trained_share(self) -> float:
        return 0.5  # of the parts before the test part, on average (k + 1) / 2 of k + 1

    def check(self, data: Dataset, together: Tensor) -> None:
        if self.k < 2:
            raise ValueError(
                f"folds={self.k} must be at least 2: each test part lies after its training rows"
            )
        if not self.gap >= 0:
            raise ValueError(f"gap={self.gap} must be 0 or more")
        starts = self.starts(data)
        if len(starts) < self.k:
            times = len(times_of(data).unique())
            raise ValueError(
                f"folds={self.k}: these rows have {times} different times, which give {len(starts)} test parts: lower "
                "folds"
            )
        for fold in range(self.k):
            train, test = self.rows(data, together, fold, 0)
            said = f"gap={self.gap:g}, folds={self.k}: test part {fold + 1}"
            if not len(train) or not len(test):
                raise ValueError(
                    f"{said} has no row that trains before it (and is of another group): lower gap or folds"
                )
            if len(data.labels.y[train].unique()) < 2:
                raise ValueError(
                    f"{said} has training rows of a single class before it: lower folds, or begin later"
                )

    def starts(self, data: Dataset) -> list[float]:
        """The times at which test parts begin."""
        ordered = times_of(data).sort()[0]
        n = len(ordered)
        wanted = [ordered[round(n * (j + 1) / (self.k + 1))].item() for j in range(self.k)]
        return [t for t in dict.fromkeys(wanted) if t > ordered[0].item()]

    def rows(self, data: Dataset, together: Tensor, fold: int, deal: int) -> Sides:
        time, starts = times_of(data), self.starts(data)
        begin = starts[fold]
        end = starts[fold + 1] if fold + 1 < len(starts) else float("inf")
        test = (time >= begin) & (time < end)
        train = time < begin if self.gap == 0 else time <= begin - self.gap
        if data.beside.group is not None:  # a group that is tested has not been learnt from
            train &= ~torch.isin(data.beside.group, data.beside.group[test])
        return train.nonzero().flatten(), test.nonzero().flatten()

    def final(self, data: Dataset) -> Tensor:
        return torch.arange(len(data))

    def inner(self, data: Dataset, together: Tensor, rows: Tensor, share: float, deal: int) -> Sides:
        time = times_of(data)[rows]
        ordered = time.sort()[0]
        begin = ordered[min(len(ordered) - 1, round(len(ordered) * (1 - share)))]
        held = time >= begin
        fit = time < begin if self.gap == 0 else time <= begin - self.gap
        if data.beside.group is not None:
            fit &= ~torch.isin(data.beside.group[rows], data.beside.group[rows][held])
        if not bool(fit.any()) or len(data.labels.y[rows][fit].unique()) < 2:
            raise ValueError("the earlier training rows have a single class, so none are held out")
        return rows[fit], rows[held]


@dataclass(frozen=True)
class Own:
    """The parts that the data came with (``Dataset.beside.part``): what tests never trains, and where there is a part to
    validate, everything is tuned on it and nothing is trained on it.
    """

    name = "own"
    single = True
    shuffles = False
    folds = 1
    validated: bool = False
    share: float = 0.8

    @classmethod
    def of(cls, data: Dataset) -> Own:
        part = data.beside.part
        assert part is not None
        return cls(bool((part == 1).any()), float((part == 0).double().mean()))

    @property
    def crosses(self) -> bool:
        return not self.validated

    @property
    def trained_share(self) -> float:
        return self.share

    def check(self, data: Dataset, together: Tensor) -> None:
        y = data.labels.y[self.final(data)]
        if len(y.unique()) < 2:
            raise ValueError("the rows that train have a single class: at least two are needed")

    def rows(self, data: Dataset, together: Tensor, fold: int, deal: int) -> Sides:
        assert data.beside.part is not None
        return self.final(data), (data.beside.part == 2).nonzero().flatten()

    def final(self, data: Dataset) -> Tensor:
        """Those that train and those that validate: the latter fit nothing but what is tuned."""
        assert data.beside.part is not None
        return (data.beside.part < 2).nonzero().flatten()

    def inner(self, data: Dataset, together: Tensor, rows: Tensor, share: float, deal: int) -> Sides:
        assert data.beside.part is not None
        if not self.validated:
            return inner(data, together, rows, share, deal)
        held = data.beside.part[rows] == 1
        return rows[~held], rows[held]


def inner(data: Dataset, together: Tensor, rows: Tensor, share: float, deal: int) -> Sides:
    """A stratified hold-out of some rows, whole groups at a time."""
    labels, same = data.labels.take(rows), together[rows]
    group = data.beside.group
    alone = group is None or len(group[rows].unique()) == len(rows)  # a group per row is no group
    split = inner_split if alone else grouped_inner
    fit, held = split(labels, same, share, deal)
    return rows[fit], rows[held]


def together_of(data: Dataset, copies: bool) -> Tensor:
    """The rows that stay on one side, int64 ``[N]``: of one declared group, or (``copies``) with equal inputs, or linked
    through several such.
    """
    same = data.duplicate_of if copies else torch.arange(len(data))
    if data.beside.group is None:
        return same
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    group, copy = data.beside.group.numpy(), same.numpy()
    n, m = int(group.max()) + 1, int(copy.max()) + 1
    links = coo_matrix((np.ones(len(group), dtype=np.int8), (group, copy + n)), shape=(n + m, n + m))
    _, linked = connected_components(links, directed=False)
    return torch.from_numpy(linked[group].astype(np.int64))


def times_of(data: Dataset) -> Tensor:
    """The time of each row."""
    assert data.beside.time is not None
    return data.beside.time
