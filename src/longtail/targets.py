"""Targets: the rows of truth. The training loop hands them on in batches; what they mean is the loss's and the task's.

:class:`longtail.labels.Labels`, one class per row, are such rows.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from longtail.classes import Classes
from longtail.inputs import Index


class Targets(Protocol):
    """What is true of each row, in the order of the rows of input."""

    @property
    def classes(self) -> Classes:
        """The classes, and how many rows hold each."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rows and the classes."""
        ...

    def __len__(self) -> int:
        """N, the number of rows."""
        ...

    def take(self, index: Tensor) -> Targets:
        """The rows at ``index``, int64 ``[n]``, in its order; the classes stay."""
        ...

    def to(self, device: torch.device | str) -> Targets:
        """The same, to be read in batches on a device."""
        ...

    def batch(self, index: Index, device: torch.device | str) -> Tensor:
        """What a loss is given for the rows at ``index``, on a device."""
        ...

    def holding(self, c: int) -> Tensor:
        """The rows that hold class ``c``, ascending, int64 ``[counts[c]]``."""
        ...
