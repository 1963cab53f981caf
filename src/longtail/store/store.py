"""What a store is: where trained stages, finished runs and what they said of test rows are kept, by key.

Whoever computes asks for keys and knows no place. :class:`longtail.store.FolderStore` is a folder; another store is a
class with these methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

Entry = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors by name, and JSON."""


class Entries(Protocol):
    """Tensors and JSON by key. Two processes may use the same; a killed one leaves an entry whole, or none."""

    def __contains__(self, key: str) -> bool: ...

    def get(self, key: str) -> Entry | None:
        """What is kept under ``key``, equal to the last bit; None if there is none, or it is damaged (that is said)."""

    def put(self, key: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Keep it, in place of what was there."""

    def drop(self, key: str) -> None:
        """Forget ``key``, whether it is there or not."""

    def refuse(self, key: str, why: str) -> None:
        """Forget what its reader cannot use, and say so."""

    @property
    def scratch(self) -> Path | None:
        """A folder of this machine for what is too large for memory; None is the system's."""


class Records(Protocol):
    """JSON objects by key, written whole or not at all."""

    def __contains__(self, key: str) -> bool: ...

    def get(self, key: str) -> dict[str, Any] | None:
        """What is kept under ``key``; None if there is none.

        Raises:
            Damaged: it is not as it was written. The message says where it lies.
        """

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep it, in place of what was there."""

    def set_aside(self, key: str) -> tuple[str, str]:
        """Keep what cannot be used under another name, for its owner to look at. Returns where it was, and that name."""


class Store(Protocol):
    """Everything that a comparison keeps to go on from. It travels to worker processes, so it can be pickled.

    Attributes:
        stages: trained stages and other costly steps, by the key of what was computed.
        outputs: what runs said of their test rows, by the identity of the run.
        runs: finished runs, by their identity.
    """

    @property
    def stages(self) -> Entries: ...

    @property
    def outputs(self) -> Entries: ...

    @property
    def runs(self) -> Records: ...

    def records(self, room: str) -> Records:
        """Further JSON by key, apart from other rooms."""
