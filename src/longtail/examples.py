"""Examples: inputs in memory and their labels, ready for the training loop."""

from __future__ import annotations

import hashlib
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


Inputs = Tensor | SparseRows
"""What a net is fed: uint8 images ``[N, 3, H, W]`` (0..255), float features ``[N, d]``, or sparse rows."""


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
        """SHA-256 over the inputs and the labels: the data's part of a cache key."""
        h = hashlib.sha256(self.labels.fingerprint.encode())
        for x in (self.x,) if self.unlabelled is None else (self.x, self.unlabelled):
            for t in (x,) if isinstance(x, Tensor) else x.tensors():
                h.update(repr((tuple(t.shape), str(t.dtype))).encode())
                h.update(t.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data)
        return h.hexdigest()

    def take(self, index: Tensor) -> Examples:
        """The examples at ``index``; the classes and what is unlabelled stay."""
        return Examples(self.x[index], self.labels.take(index), self.name, self.unlabelled)
