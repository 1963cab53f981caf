"""The cache: a folder of trained stages, one file a key, safe to share between processes and to kill at any moment.

A file's name begins with the version of longtail that wrote it: another version trains anew.

An entry is one safetensors file: tensors, and JSON with a checksum in its header. It is written to a temporary file and
renamed, so a reader sees all of it or nothing; a damaged entry is reported, removed, and trained again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail import __version__
from longtail.files import whole

_ENTRY = re.compile(r"\.?\d[\w.+]*-[0-9a-f]{16,}(\.partial)?\.safetensors(\.[0-9a-f]{32})?$")
"""An entry's name, or the temporary one under which it is written."""


class Cache:
    """Trained stages by key.

    Args:
        folder: made if it does not exist; None keeps nothing.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = Path(folder) if folder is not None else None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def __contains__(self, key: str) -> bool:
        return self.folder is not None and self._file(key).exists()

    def get(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The tensors and the JSON stored under ``key``; None if there is none, or if it is damaged (then it is said)."""
        if key not in self:
            return None
        file = self._file(key)
        try:
            return load_checked(file)
        except FileNotFoundError:  # another process cleaned up in between
            return None
        except (ValueError, OSError, KeyError) as why:
            warnings.warn(f"cache entry {file} is damaged ({why}); it is trained again", stacklevel=2)
            file.unlink(missing_ok=True)
            return None

    def put(self, key: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Store under ``key``, atomically; a concurrent writer of the same key writes the same thing."""
        if self.folder is not None:
            save_checked(self._file(key), tensors, facts)

    def drop(self, key: str) -> None:
        """Forget ``key``."""
        if self.folder is not None:
            self._file(key).unlink(missing_ok=True)

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


def save_checked(file: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON into one safetensors file with a checksum, atomically.

    Raises:
        OSError: a full disk, say; safetensors gives it as an error of its own.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {
        name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()
    }
    text = json.dumps(facts, ensure_ascii=False)
    with whole(file) as temporary:
        try:
            save_file(plain, temporary, metadata={"facts": text, "checksum": _checksum(plain, text)})
        except SafetensorError as why:
            if (number := re.search(r"\(os error (\d+)\)", str(why))) is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(file)) from why


def load_checked(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what ``save_checked`` wrote.

    Raises:
        ValueError: the file is cut short, altered, or not one of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="pt") as opened:
            about = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as why:
        raise ValueError(str(why)) from why
    if "facts" not in about or about.get("checksum") != _checksum(tensors, about["facts"]):
        raise ValueError("its checksum does not match")
    return tensors, json.loads(about["facts"])


def pack(tree: Any, tensors: dict[str, Tensor], name: str = "") -> Any:
    """Nested dicts and lists of tensors and plain values to JSON; the tensors go into ``tensors`` by path."""
    if isinstance(tree, Tensor):
        tensors[name] = tree
        return {"tensor": name}
    if isinstance(tree, dict):
        return {"dict": [[k, pack(v, tensors, f"{name}/{k}")] for k, v in tree.items()]}
    if isinstance(tree, list | tuple):
        return {"list": [pack(v, tensors, f"{name}/{i}") for i, v in enumerate(tree)]}
    return {"value": tree}


def unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What ``pack`` took apart; tuples come back as lists.

    Raises:
        ValueError: ``pack`` did not make this.
    """
    if not isinstance(packed, dict) or len(packed) != 1:
        raise ValueError(f"{str(packed)[:80]} is no packed value")
    kind, inside = next(iter(packed.items()))
    if kind == "tensor":
        return tensors[inside]
    if kind == "dict":
        return {k: unpack(v, tensors) for k, v in inside}
    if kind == "list":
        return [unpack(v, tensors) for v in inside]
    if kind == "value":
        return inside
    raise ValueError(f"{kind!r} is no kind of packed value")


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    h = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        t = tensors[name].contiguous()
        h.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        h.update(t.reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()
