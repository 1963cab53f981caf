"""Inputs: the forms in which rows are fed to a net, in memory. Where the rows of a data set lie is in
:mod:`longtail.source`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


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


@dataclass(frozen=True, eq=False)
class PlacedTokens:
    """Rows that are places in texts, such as words of sentences. A text is kept once for all its rows.

    Attributes:
        texts: the token ids of T texts.
        text: int64 ``[N]``, the text of each row.
        place: int64 ``[N]``, the token of it that the row is.

    >>> rows = PlacedTokens(TokenRows.of([[7], [8, 9]]), torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
    >>> texts, row = rows[torch.tensor([2, 1])].read()
    >>> texts.ids.tolist(), row.tolist()
    ([8, 9], [0, 0])
    """

    texts: TokenRows
    text: Tensor
    place: Tensor

    def __len__(self) -> int:
        return len(self.text)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and tokens of the longest text."""
        return (len(self), self.texts.shape[1])

    @property
    def device(self) -> torch.device:
        return self.text.device

    def __getitem__(self, index: Tensor | slice) -> PlacedTokens:
        return PlacedTokens(self.texts, self.text[index], self.place[index])

    def to(self, device: torch.device | str, non_blocking: bool = False) -> PlacedTokens:
        text, place = (t.to(device, non_blocking=non_blocking) for t in (self.text, self.place))
        return PlacedTokens(self.texts.to(device, non_blocking), text, place)

    def read(self) -> tuple[TokenRows, Tensor]:
        """The texts that these rows stand in, each once, and which of them is each row's, int64 ``[N]``."""
        which, row = self.text.unique(return_inverse=True)
        return self.texts[which], row

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """indptr and ids of the texts, text, place."""
        return (*self.texts.tensors(), self.text, self.place)


Inputs = Tensor | SparseRows
"""What a net is fed: uint8 images ``[N, 3, H, W]`` (0..255), float features ``[N, d]``, or sparse rows. Where only
the backbone looks inside, :class:`TokenRows` and :class:`PlacedTokens` serve as well."""


Index = Tensor | slice
"""Some rows, in order: int64 ``[B]``, on any device; or a slice."""


def tensors_of(x: Inputs | TokenRows | PlacedTokens) -> tuple[Tensor, ...]:
    """The tensors that rows are made of.

    >>> [t.tolist() for t in tensors_of(TokenRows.of([[7], [8, 9]]))]
    [[0, 1, 3], [7, 8, 9]]
    """
    return (x,) if isinstance(x, Tensor) else x.tensors()
