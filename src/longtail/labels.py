"""Labels: the class of each row. What follows from their numbers alone is in :class:`longtail.classes.Classes`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.classes import Classes
from longtail.inputs import Index


@dataclass(frozen=True, eq=False)
class Labels:
    """Rows of one class each: the :class:`longtail.targets.Targets` of single-label data.

    Make one with :meth:`Labels.of`. A class may have no example.

    Attributes:
        y: class indices, int64 ``[N]``.
        num_classes: C.
        names: one name a class.
    """

    y: Tensor
    num_classes: int
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        y: Any,
        names: Sequence[str] | None = None,
        num_classes: int | None = None,
    ) -> Labels:
        """Labels from class indices 0..C-1, or from class names.

        Args:
            y: a tensor, an array, a ``pandas.Series`` with any index (rows count, not the index) or a list: integers are
                class indices, words are class names.
            names: the classes' names, in the order of their indices; None takes the words in natural order, or 0, 1, ...
            num_classes: C, where it is not the number of names, or one more than the largest index.

        Raises:
            ValueError: no label, a label below 0 or not below ``num_classes``, a missing one, a word that is not among
                ``names``, or another number of names than classes.
            TypeError: labels that are neither integers nor words.

        >>> Labels.of([0, 0, 0, 1]).prior.tolist()
        [0.75, 0.25]
        >>> Labels.of(["rare", "common", "common"]).names
        ('common', 'rare')
        """
        tensor, names = _indices(y, names)
        if tensor.numel() == 0:
            raise ValueError("y is empty: a training set needs at least one example")
        if tensor.is_floating_point() or tensor.is_complex() or tensor.dim() != 1:
            raise TypeError(
                f"y must be integers or words of shape [N], got {tensor.dtype} of shape {tuple(tensor.shape)}"
            )
        tensor = tensor.to(dtype=torch.int64, device="cpu").contiguous()
        low, high = int(tensor.min()), int(tensor.max())
        c = num_classes if num_classes is not None else (len(names) if names is not None else high + 1)
        if low < 0 or high >= c:
            raise ValueError(f"y holds {low}..{high}; labels must lie in 0..{c - 1}: re-index them")
        if names is not None and len(names) != c:
            raise ValueError(f"names has {len(names)} entries for {c} classes")
        return cls(tensor, c, tuple(str(n) for n in names) if names else tuple(str(k) for k in range(c)))

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def classes(self) -> Classes:
        """The classes and how many of these rows each has."""
        return Classes(self.names, torch.bincount(self.y.cpu(), minlength=self.num_classes))

    @property
    def counts(self) -> Tensor:
        """Examples per class, int64 ``[C]``; zeros are legal."""
        return self.classes.counts

    @property
    def prior(self) -> Tensor:
        """Class frequencies, float64 ``[C]``, summing to 1."""
        return self.classes.prior

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the labels, the number of classes and the names."""
        head = repr((self.num_classes, self.names)).encode()
        return hashlib.sha256(head + self.y.cpu().numpy().tobytes()).hexdigest()

    @cached_property
    def by_class(self) -> tuple[Tensor, Tensor]:
        """``(order, start)``: example indices sorted by class, stable, and where each class starts in it, ``[C + 1]``."""
        narrow = torch.int16 if self.num_classes <= 2**15 else torch.int32  # faster to sort, and smaller
        order = torch.argsort(self.y.cpu().to(narrow), stable=True)
        start = torch.cat([torch.zeros(1, dtype=torch.int64), self.counts.cumsum(0)])
        return order, start

    def shown_by(self, drawn: Tensor) -> Tensor:
        """The class frequencies of rows that are drawn by class, ``[C]``: as the classes are drawn."""
        return drawn

    def take(self, index: Tensor) -> Labels:
        """The labels of a subset; the classes stay."""
        return Labels.of(self.y[index], self.names, self.num_classes)

    def to(self, device: torch.device | str) -> Labels:
        """The same labels with ``y`` on a device, to be read there."""
        return Labels(self.y.to(device), self.num_classes, self.names)

    def batch(self, index: Index, device: torch.device | str) -> Tensor:
        """The class of each row at ``index``, int64 ``[B]``, on a device."""
        return self.y[index if isinstance(index, slice) else index.to(self.y.device)].to(device)

    def holding(self, c: int) -> Tensor:
        """The rows of class ``c``, ascending, int64 ``[counts[c]]``.

        >>> Labels.of([1, 0, 1]).holding(1).tolist()
        [0, 2]
        """
        order, start = self.by_class
        return order[int(start[c]) : int(start[c + 1])]


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key under which runs of digits compare as numbers.

    >>> sorted(["class 10", "class 9", "Class 1"], key=natural)
    ['Class 1', 'class 9', 'class 10']
    """
    parts = re.split(r"([0-9]+)", name)
    key = [(0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
    return [*key, (2, 0, name)]


def _indices(y: Any, names: Sequence[str] | None) -> tuple[Tensor, Sequence[str] | None]:
    """Labels as a tensor of whatever type, words as indices into their names, and the names."""
    if isinstance(y, Tensor):
        return y, names
    # An array has the rows of a series in order; torch would ask a series by its index.
    words_in = isinstance(y, list | tuple) and any(isinstance(v, str) for v in y)
    array = np.array(y, dtype=object if words_in else None)
    gone = (
        [i for i, v in enumerate(array) if _missing(v)]
        if array.dtype.kind in "Of" and array.ndim == 1
        else []
    )
    if gone:
        raise ValueError(
            f"y has no label in {len(gone)} of {len(array)} rows (row {gone[0] + 1}): remove them"
        )
    if array.dtype == object and array.ndim == 1:
        array = np.array(array.tolist())
    if array.dtype.kind not in "US" or array.ndim != 1:
        return torch.as_tensor(array), names
    words, index = np.unique(array.astype(str), return_inverse=True)
    chosen = sorted(words.tolist(), key=natural) if names is None else [str(n) for n in names]
    place = {word: k for k, word in enumerate(chosen)}
    if unknown := [w for w in words.tolist() if w not in place]:
        raise ValueError(f"y holds {unknown[0]!r}, which is not among names: {', '.join(chosen[:20])}")
    order = np.array([place[w] for w in words.tolist()], dtype=np.int64)
    return torch.from_numpy(order[index]), chosen


def _missing(value: Any) -> bool:
    return value is None or str(value) in ("nan", "<NA>", "NaT")
