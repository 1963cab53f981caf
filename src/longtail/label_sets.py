"""Label sets: the labels of each row, any number of them. What follows from their counts is in ``Classes``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.classes import Classes
from longtail.inputs import Index
from longtail.labels import natural


@dataclass(frozen=True, eq=False)
class LabelSets:
    """Rows of several labels each: the :class:`longtail.targets.Targets` of multi-label data. A row may have none.

    Make one with :meth:`LabelSets.of` or :meth:`LabelSets.of_matrix`.

    Attributes:
        start: where each row begins in ``ids``, int64 ``[N + 1]``.
        ids: the labels of all rows, ascending within a row, int64 ``[start[N]]``.
        names: one for each label.
    """

    start: Tensor
    ids: Tensor
    names: tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[Iterable[Any]], names: Sequence[str] | None = None) -> LabelSets:
        """From the labels of each row, by name, or by index where ``names`` are given.

        Args:
            rows: for each row its labels; one that is named twice counts once.
            names: in the order of the outputs; None takes the words in natural order.

        Raises:
            ValueError: no row, no label at all, or one that is not among ``names``.

        >>> sets = LabelSets.of([["wheat", "grain"], [], ["corn", "grain"]])
        >>> sets.names, sets.classes.prior.tolist()
        (('corn', 'grain', 'wheat'), [0.3333333333333333, 0.6666666666666666, 0.3333333333333333])
        >>> sets.batch(slice(0, 2), "cpu").tolist()
        [[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
        """
        held = [list(dict.fromkeys(row)) for row in rows]
        if names is None:
            names = sorted({str(v) for row in held for v in row}, key=natural)
        place: dict[Any, int] = {name: k for k, name in enumerate(names)}
        ids = []
        for i, row in enumerate(held):
            for v in row:
                k = place.get(str(v), v if isinstance(v, int | np.integer) else None)
                if k is None or not 0 <= k < len(names):
                    raise ValueError(
                        f"row {i + 1} has label {v!r}, which is not among names: {', '.join(names[:20])}"
                    )
                ids.append(int(k))
        start = np.concatenate([[0], np.cumsum([len(row) for row in held], dtype=np.int64)])
        return cls._sorted(
            torch.from_numpy(start.astype(np.int64)), torch.tensor(ids, dtype=torch.int64), tuple(names)
        )

    @classmethod
    def of_matrix(cls, indicator: Any, names: Sequence[str] | None = None) -> LabelSets:
        """From a matrix ``[N, C]`` of 0 and 1.

        Raises:
            ValueError: another shape, or a cell that is neither.

        >>> LabelSets.of_matrix([[1, 0], [1, 1]]).ids.tolist()
        [0, 0, 1]
        """
        matrix = (
            torch.as_tensor(np.array(indicator)) if not isinstance(indicator, Tensor) else indicator.cpu()
        )
        if matrix.dim() != 2:
            raise ValueError(f"the labels of rows are a matrix [N, C], got {tuple(matrix.shape)}")
        held = matrix != 0
        if bool((held & (matrix != 1)).any()):
            wrong = matrix[held & (matrix != 1)][0].item()
            raise ValueError(f"the labels of rows are 0 or 1, and there is {wrong:g}")
        start = torch.cat([torch.zeros(1, dtype=torch.int64), held.sum(1).cumsum(0)])
        return cls._sorted(start, held.nonzero()[:, 1], tuple(map(str, names or range(matrix.shape[1]))))

    @classmethod
    def _sorted(cls, start: Tensor, ids: Tensor, names: tuple[str, ...]) -> LabelSets:
        if len(start) < 2:
            raise ValueError("no row: a training set needs at least one")
        if not len(ids):
            raise ValueError("no row has a label")
        rows = torch.repeat_interleave(torch.arange(len(start) - 1), start.diff())
        return cls(start, ids[torch.argsort(rows * len(names) + ids)], names)

    def __len__(self) -> int:
        return len(self.start) - 1

    @cached_property
    def classes(self) -> Classes:
        """The labels and how many of these rows have each."""
        return Classes(self.names, torch.bincount(self.ids.cpu(), minlength=len(self.names)), len(self))

    @property
    def prior(self) -> Tensor:
        """The share of the rows that have each label, float64 ``[C]``."""
        return self.classes.prior

    @property
    def counts(self) -> Tensor:
        """Rows with each label, int64 ``[C]``."""
        return self.classes.counts

    @property
    def num_classes(self) -> int:
        return len(self.names)

    @cached_property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """``(row, label)`` of every label that a row has, row after row, int64 ``[start[N]]`` each."""
        rows = torch.arange(len(self), device=self.ids.device)
        return torch.repeat_interleave(rows, self.start.diff()), self.ids

    @cached_property
    def by_class(self) -> tuple[Tensor, Tensor]:
        """``(order, start)``: the rows with each label, ascending, and where each label starts in it, ``[C + 1]``."""
        row, label = (t.cpu() for t in self.pairs)
        start = torch.cat([torch.zeros(1, dtype=torch.int64), self.counts.cumsum(0)])
        return row[torch.argsort(label, stable=True)], start

    def shown_by(self, drawn: Tensor) -> Tensor:
        """The share of rows with each label, float64 ``[C]``, where a label is drawn and then one of its rows: the other
        labels of that row come along.

        >>> LabelSets.of_matrix([[1, 1], [1, 0]]).shown_by(torch.tensor([0.5, 0.5])).tolist()
        [1.0, 0.75]
        """
        return (drawn.double() / self.counts.clamp(min=1)) @ self.together.double()

    @property
    def cardinality(self) -> float:
        """Labels per row, on average (Tsoumakas & Katakis, 2007); over the number of labels it is the density."""
        return len(self.ids) / len(self)

    @cached_property
    def together(self) -> Tensor:
        """How many rows have both of two labels, int64 ``[C, C]``; on the diagonal the counts.

        >>> LabelSets.of_matrix([[1, 1], [1, 0]]).together.tolist()
        [[2, 1], [1, 1]]
        """
        c, found = len(self.names), torch.zeros(len(self.names), len(self.names), dtype=torch.int64)
        for rows in torch.arange(len(self)).split(max(1, 2**24 // c)):
            held = self.batch(rows, "cpu")
            found += (held.T @ held).long()
        return found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the rows and the names."""
        h = hashlib.sha256(repr(("label sets", self.names)).encode())
        for t in (self.start, self.ids):
            h.update(t.cpu().numpy().tobytes())
        return h.hexdigest()

    def take(self, index: Tensor) -> LabelSets:
        """The rows at ``index``, int64 ``[n]``, in its order; the labels stay."""
        index = index.to(self.start.device)
        size = self.start.diff()[index]
        start = torch.cat([torch.zeros(1, dtype=torch.int64, device=size.device), size.cumsum(0)])
        within = torch.arange(int(start[-1]), device=size.device) - torch.repeat_interleave(start[:-1], size)
        return LabelSets(
            start, self.ids[torch.repeat_interleave(self.start[index], size) + within], self.names
        )

    def to(self, device: torch.device | str) -> LabelSets:
        """The same, to be read in batches on a device."""
        return LabelSets(self.start.to(device), self.ids.to(device), self.names)

    def batch(self, index: Index, device: torch.device | str) -> Tensor:
        """Which labels each row has, float32 ``[B, C]`` of 0 and 1, on a device."""
        if isinstance(index, slice):
            index = torch.arange(len(self), device=self.start.device)[index]
        some = self.take(index)
        out = torch.zeros(len(some), len(self.names), device=some.ids.device)
        out[some.pairs] = 1
        return out.to(device)

    def holding(self, c: int) -> Tensor:
        """The rows that have label ``c``, ascending, int64 ``[counts[c]]``.

        >>> LabelSets.of_matrix([[1, 0], [1, 1]]).holding(1).tolist()
        [1]
        """
        order, start = self.by_class
        return order[int(start[c]) : int(start[c + 1])]


__all__ = ["LabelSets"]
