"""Examples: inputs in memory and their labels, ready for the training loop."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from longtail.labels import Labels


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse matrix by rows (CSR), for bag-of-words inputs: indexing with a tensor gives the rows of a batch.

    Attributes:
        indptr: int64 ``[N + 1]``; indices: int64 ``[nnz]``; values: float32 ``[nnz]``; num_columns: width.
    """

    indptr: Tensor
    indices: Tensor
    values: Tensor
    num_columns: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def shape(self) -> tuple[int, int]:
        return (len(self), self.num_columns)

    @property
    def device(self) -> torch.device:
        return self.indptr.device

    def __getitem__(self, index: Tensor | slice) -> SparseRows:
        if isinstance(index, slice):
            index = torch.arange(len(self), device=self.device)[index]
        length = self.indptr[index + 1] - self.indptr[index]
        indptr = torch.cat([length.new_zeros(1), length.cumsum(0)])
        shift = torch.repeat_interleave(self.indptr[index] - indptr[:-1], length)
        at = torch.arange(int(indptr[-1]), device=self.device) + shift
        return SparseRows(indptr, self.indices[at], self.values[at], self.num_columns)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SparseRows:
        indptr, indices, values = (t.to(device, non_blocking=non_blocking) for t in self.tensors())
        return SparseRows(indptr, indices, values, self.num_columns)

    def dense(self) -> Tensor:
        """The same rows as a dense float tensor ``[N, num_columns]``."""
        out = torch.zeros(self.shape, dtype=self.values.dtype, device=self.device)
        rows = torch.repeat_interleave(torch.arange(len(self), device=self.device), self.indptr.diff())
        return out.index_put_((rows, self.indices), self.values, accumulate=True)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """indptr, indices, values."""
        return (self.indptr, self.indices, self.values)


@dataclass(frozen=True, eq=False)
class TokenRows:
    """Token ids of texts, one ragged row a text: stored end to end, padded only when a batch is read.

    Attributes:
        indptr: int64 ``[N + 1]``; ids: int32 ``[total]``, row i is ``ids[indptr[i] : indptr[i + 1]]``.

    >>> rows = TokenRows(torch.tensor([0, 1, 4]), torch.tensor([7, 8, 9, 9], dtype=torch.int32))
    >>> rows[torch.tensor([1, 0])].padded(0)[0].tolist()
    [[8, 9, 9], [7, 0, 0]]
    """

    indptr: Tensor
    ids: Tensor

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> TokenRows:
        """Rows of ids."""
        lengths = torch.tensor([0, *(len(row) for row in rows)], dtype=torch.int64)
        return cls(lengths.cumsum(0), torch.tensor([i for row in rows for i in row], dtype=torch.int32))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def lengths(self) -> Tensor:
        """Tokens of each row, int64 ``[N]``."""
        return self.indptr.diff()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and tokens of the longest."""
        return (len(self), int(self.lengths.max()) if len(self) else 0)

    @property
    def device(self) -> torch.device:
        return self.indptr.device

    def __getitem__(self, index: Tensor | slice) -> TokenRows:
        if isinstance(index, slice):
            index = torch.arange(len(self), device=self.device)[index]
        length = self.indptr[index + 1] - self.indptr[index]
        indptr = torch.cat([length.new_zeros(1), length.cumsum(0)])
        shift = torch.repeat_interleave(self.indptr[index] - indptr[:-1], length)
        return TokenRows(indptr, self.ids[torch.arange(int(indptr[-1]), device=self.device) + shift])

    def to(self, device: torch.device | str, non_blocking: bool = False) -> TokenRows:
        return TokenRows(*(t.to(device, non_blocking=non_blocking) for t in self.tensors()))

    def padded(self, pad: int) -> tuple[Tensor, Tensor]:
        """Ids int64 and mask bool, ``[N, longest row]`` each; ``pad`` fills up on the right, where the mask is False."""
        place = torch.arange(self.shape[1], device=self.device)
        mask = place < self.lengths[:, None]
        ids = torch.full(mask.shape, pad, dtype=torch.int64, device=self.device)
        ids[mask] = self.ids.long()
        return ids, mask

    def tensors(self) -> tuple[Tensor, Tensor]:
        """indptr, ids."""
        return (self.indptr, self.ids)


Inputs = Tensor | SparseRows
"""What a net is fed: uint8 images ``[N, 3, H, W]`` (0..255), float features ``[N, d]``, or sparse rows. Where only
the backbone looks inside, :class:`TokenRows` serves as well."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs and labels, one row each.

    Attributes:
        x: inputs of N examples; labels: their labels.
        name: for display.
        unlabelled: further inputs without a label, for parts that ask for the fact ``unlabelled``.

    Raises:
        ValueError: inputs and labels differ in length.
    """

    x: Inputs
    labels: Labels
    name: str = field(default="")
    unlabelled: Inputs | None = None

    def __post_init__(self) -> None:
        if len(self.x) != len(self.labels):
            raise ValueError(f"x has {len(self.x)} rows and labels has {len(self.labels)}")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the labelled inputs and their labels: the data's part of a cache key."""
        return _sha256(self.x, self.labels.fingerprint)

    @cached_property
    def unlabelled_fingerprint(self) -> str | None:
        """SHA-256 over what is unlabelled, for the keys of stages that learn from it; None where there is none."""
        return None if self.unlabelled is None else _sha256(self.unlabelled, "unlabelled")

    def take(self, index: Tensor) -> Examples:
        """The examples at ``index``; the classes and what is unlabelled stay."""
        return Examples(self.x[index], self.labels.take(index), self.name, self.unlabelled)


def _sha256(x: Inputs, first: str) -> str:
    h = hashlib.sha256(first.encode())
    for t in (x,) if isinstance(x, Tensor) else x.tensors():
        h.update(repr((tuple(t.shape), str(t.dtype))).encode())
        h.update(t.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()
