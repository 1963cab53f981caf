"""A folder as a store: ``cache/`` holds stages, ``runs/`` finished runs and their outputs, side by side.

The names of all files that a comparison goes on from are made here and in :mod:`longtail.store.cache`, and nowhere else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtail import __version__
from longtail.files import read_json, write_json
from longtail.store.cache import Cache

OURS = ("cache", "runs")
"""The folders in the folder."""


@dataclass(frozen=True)
class FolderStore:
    """:class:`longtail.store.Store` in a folder, which is made when something is put there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FolderStore(Path(folder))
    ...     store.runs.put("identity", {"recipe": "erm"})
    ...     store.runs.get("identity"), "another" in store.runs
    ({'recipe': 'erm'}, False)
    """

    folder: Path

    @property
    def stages(self) -> Cache:
        return Cache(self.folder / "cache")

    @property
    def outputs(self) -> Cache:
        return Cache(self.folder / "runs")

    @property
    def runs(self) -> FolderRecords:
        return self.records("runs")

    def records(self, room: str) -> FolderRecords:
        return FolderRecords(self.folder / room)


@dataclass(frozen=True)
class FolderRecords:
    """:class:`longtail.store.Records` in a folder: a JSON file with a checksum for each key."""

    folder: Path

    def __contains__(self, key: str) -> bool:
        return self._file(key).exists()

    def get(self, key: str) -> dict[str, Any] | None:
        return read_json(self._file(key), checked=True) if key in self else None

    def put(self, key: str, value: dict[str, Any]) -> None:
        write_json(self._file(key), value, checked=True)

    def set_aside(self, key: str) -> tuple[str, str]:
        file = self._file(key)
        aside = file.with_suffix(".damaged")
        os.replace(file, aside)
        return str(file), aside.name

    def _file(self, key: str) -> Path:
        return self.folder / f"{__version__}-{key}.json"


def stores_in(folder: Path) -> list[FolderStore]:
    """The stores that a verb left in ``folder``: its own, and those of several data sets, a folder each."""
    found = [folder, *(one for one in folder.iterdir() if one.is_dir())]
    return [FolderStore(one) for one in found if any((one / name).is_dir() for name in OURS)]
