"""Source: the rows of input of a data set, wherever they lie. Training and evaluation ask it for one batch after another.

Where the rows lie changes no bit: :func:`longtail.testing.check_source` is the law.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from longtail.inputs import Index, Inputs, PlacedTokens, SparseRows, TokenRows, tensors_of

AT_ONCE = 2**24
"""Bytes that are read from a file at a time, to be hashed."""


@runtime_checkable
class Source(Protocol):
    """Rows of input in a fixed order."""

    def __len__(self) -> int:
        """N, the number of rows."""
        ...

    def fingerprint(self, after: str = "") -> str:
        """SHA-256 over ``after``, then the form and the bytes of all rows, as :func:`sha256` has them.

        Equal rows have equal ones, wherever they lie. ``after`` is hashed first, as in the keys of stages that are
        stored: so a source cannot keep one hash for all.
        """
        ...

    def take(self, index: Tensor) -> Source:
        """The rows at ``index``, int64 ``[n]``, in its order; a row may be there twice."""
        ...

    def to(self, device: torch.device | str) -> Source:
        """The same rows, kept on a device where they fit there; else the source itself."""
        ...

    def batch(self, index: Index, device: torch.device | str) -> Inputs:
        """The rows at ``index``, on a device. No rows are a batch too: it shows form, type and shape."""
        ...

    def whole(self) -> Inputs:
        """All rows at once. Nothing that trains step by step, is solved, or predicts asks for this.

        Raises:
            ValueError: they are too many to be held in memory; the message says how many, and what to do.
        """
        ...


@dataclass(frozen=True, eq=False)
class Resident:
    """Rows in memory, or in that of a device.

    Attributes:
        rows: as a net is fed; see :data:`longtail.inputs.Inputs`.

    >>> source = Resident(torch.tensor([[1.0], [2.0], [3.0]]))
    >>> source.take(torch.tensor([2, 0])).batch(slice(0, 1), "cpu").tolist()
    [[3.0]]
    """

    rows: Inputs

    def __len__(self) -> int:
        return len(self.rows)

    def fingerprint(self, after: str = "") -> str:
        return sha256(after, *((tuple(t.shape), t.dtype, (t,)) for t in tensors_of(self.rows)))

    def take(self, index: Tensor) -> Resident:
        return Resident(self.rows[index.to(self.rows.device)])

    def to(self, device: torch.device | str) -> Resident:
        return Resident(self.rows.to(device))

    def batch(self, index: Index, device: torch.device | str) -> Inputs:
        return self.rows[index if isinstance(index, slice) else index.to(self.rows.device)].to(device)

    def whole(self) -> Inputs:
        return self.rows


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Rows of a tensor that is mapped from a file. They stay there until they are read in batches.

    Attributes:
        values: the tensor ``[M, ...]``.
        rows: the rows of it that count, int64 ``[N]``; None is all.

    >>> source = OnDisk(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([2, 0]))
    >>> source.batch(torch.tensor([1, 1]), "cpu").tolist()
    [[1.0], [1.0]]
    """

    values: Tensor
    rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values if self.rows is None else self.rows)

    def fingerprint(self, after: str = "") -> str:
        row = self.values.shape[1:]
        step = max(1, AT_ONCE // max(1, row.numel() * self.values.element_size()))
        pieces = (self.batch(slice(k, k + step), "cpu") for k in range(0, len(self), step))
        return sha256(after, ((len(self), *row), self.values.dtype, pieces))

    def take(self, index: Tensor) -> OnDisk:
        index = index.cpu()
        return OnDisk(self.values, index if self.rows is None else self.rows[index])

    def to(self, device: torch.device | str) -> OnDisk:
        return self

    def batch(self, index: Index, device: torch.device | str) -> Tensor:
        index = index if isinstance(index, slice) else index.cpu()
        return self.values[index if self.rows is None else self.rows[index]].to(device)

    def whole(self) -> Tensor:
        return self.values if self.rows is None else self.values[self.rows]


def source_of(rows: Source | Inputs) -> Source:
    """Rows as a source: what is none yet is in memory.

    Raises:
        TypeError: neither a source nor rows.

    >>> source_of(torch.zeros(3, 2)).batch(torch.tensor([0]), "cpu").shape
    torch.Size([1, 2])
    """
    if isinstance(rows, Tensor | SparseRows | TokenRows | PlacedTokens):
        return Resident(rows)
    if not isinstance(rows, Source):
        raise TypeError(
            f"x is a {type(rows).__name__}: give a tensor, SparseRows, or a longtail.source.Source; an array becomes a "
            "tensor by torch.from_numpy"
        )
    return rows


def no_rows(source: Source) -> Inputs:
    """No rows, in the form, type and shape of all.

    >>> no_rows(Resident(torch.zeros(5, 3, 8, 8))).shape
    torch.Size([0, 3, 8, 8])
    """
    return source.batch(slice(0, 0), "cpu")


def are_images(source: Source) -> bool:
    """Have its rows four axes with that of the rows?"""
    none = no_rows(source)
    return isinstance(none, Tensor) and none.dim() == 4


def sha256(after: str, *tensors: tuple[tuple[int, ...], torch.dtype, Iterable[Tensor]]) -> str:
    """SHA-256 over ``after``, then the shape, type and bytes of each tensor, which comes in pieces along its first axis.

    >>> x = torch.arange(6.0).view(3, 2)
    >>> sha256("", ((3, 2), x.dtype, (x[:1], x[1:]))) == Resident(x).fingerprint()
    True
    """
    h = hashlib.sha256(after.encode())
    for shape, dtype, pieces in tensors:
        h.update(repr((shape, str(dtype))).encode())
        for t in pieces:
            h.update(t.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()
