"""The cache: a folder of entries, one file a key, safe to share between processes and to kill at any moment.

A file's name begins with the version of longtail that wrote it: another version computes anew.

An entry is one safetensors file: tensors, and JSON with a checksum in its header. It is written to a temporary file and
renamed, so a reader sees all of it or nothing; a damaged entry is reported, removed, and computed anew.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from longtail import __version__
from longtail.store.checked import load_checked, save_checked
from longtail.store.store import Entry

_ENTRY = re.compile(r"\.?\d[\w.+]*-[0-9a-f]{16,}(\.partial)?\.safetensors(\.[0-9a-f]{32})?$")
"""An entry's name, or the temporary one under which it is written."""


class Cache:
    """Tensors and JSON by key, such as trained stages: :class:`longtail.store.Entries` in a folder.

    Args:
        folder: made when something is put there; None keeps nothing.

    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(folder)
    ...     cache.put("key", {"w": torch.ones(2)}, {"epochs": 3})
    ...     tensors, facts = cache.get("key")
    >>> tensors["w"].tolist(), facts
    ([1.0, 1.0], {'epochs': 3})
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = Path(folder) if folder is not None else None

    def __contains__(self, key: str) -> bool:
        return self.folder is not None and self._file(key).exists()

    def get(self, key: str) -> Entry | None:
        """The tensors and the JSON stored under ``key``; None if there is none, or if it is damaged (then it is said)."""
        if key not in self:
            return None
        file = self._file(key)
        try:
            return load_checked(file)
        except FileNotFoundError:  # another process cleaned up in between
            return None
        except (ValueError, OSError, KeyError) as why:
            self.refuse(key, str(why))
            return None

    def put(self, key: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Store under ``key``, atomically; a concurrent writer of the same key writes the same thing."""
        if self.folder is not None:
            save_checked(self._file(key), tensors, facts)

    def drop(self, key: str) -> None:
        """Forget ``key``."""
        if self.folder is not None:
            self._file(key).unlink(missing_ok=True)

    def refuse(self, key: str, why: str) -> None:
        """Forget what cannot be used, and warn of it."""
        if self.folder is not None:
            file = self._file(key)
            warnings.warn(
                f"{file} is damaged ({why}). It was removed: what was in it is computed anew by the same call",
                stacklevel=3,
            )
            file.unlink(missing_ok=True)

    @property
    def scratch(self) -> Path | None:
        """The folder, for nameless files of what is too large for memory; None is the system's."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self._entries())

    def clear(self) -> int:
        """Remove every entry, of other versions and of killed writers too; returns the bytes freed. Only files that a
        cache wrote are touched, and the folder goes with the last of them.
        """
        freed = 0
        for file in self._entries():
            freed += file.stat().st_size
            file.unlink()
        if self.folder is not None and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        return freed

    def _entries(self) -> list[Path]:
        if self.folder is None or not self.folder.is_dir():
            return []
        return [file for file in self.folder.iterdir() if file.is_file() and _ENTRY.match(file.name)]

    def _file(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{__version__}-{key}.safetensors"
