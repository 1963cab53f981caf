"""Sheet: a table as it lies in a file, before its columns have a role; and the bytes of a file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "<na>"})
"""Cells that mean "no value", in lower case and without spaces around."""

PACKED = (".gz", ".bz2", ".xz", ".zip")


@dataclass
class Sheet:
    """Columns of text cells (delimited files) or of whatever types the format keeps.

    Attributes:
        frame: the cells; a column a column.
        named: did the file name its columns? (otherwise they are f0, f1, ...)
        decimal_comma: may "7,4" be a number here? (the delimiter is no comma)
        class_names: names that the file declares for the integers of a column (Hugging Face ClassLabel).
    """

    path: Path
    frame: Any
    named: bool = True
    decimal_comma: bool = False
    class_names: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def suffix_of(path: Path) -> str:
    """The ending in lower case, without the one of a compression.

    >>> suffix_of(Path("Train.CSV.gz"))
    '.csv'
    """
    name = path.name.lower()
    for ending in PACKED:
        if name.endswith(ending) and "." in name[: -len(ending)]:
            name = name.removesuffix(ending)
    return Path(name).suffix


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked if they are packed by gzip, bzip2, xz, or as the only file of a zip archive.

    Raises:
        ValueError: a damaged archive, or one of several files.
    """
    return unpack(path.read_bytes(), path)


def unpack(data: bytes, path: Path) -> bytes:
    """As :func:`read_bytes`, of bytes that have been read."""
    openers = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
    opener = next((o for mark, o in openers.items() if data.startswith(mark)), None)
    names: list[str] = []
    try:
        if opener is not None:
            return opener(data)
        if not data.startswith(b"PK\x03\x04"):
            return data
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n]
            if len(names) == 1:
                return archive.read(names[0])
    # A cut file is an OSError, an EOFError or a ValueError, by the kind of archive; a password a RuntimeError.
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(f"{path}: a damaged archive ({error}): copy or download it again") from error
    raise ValueError(f"{path}: a zip archive of {len(names)} files: unpack it, and name one of them")
