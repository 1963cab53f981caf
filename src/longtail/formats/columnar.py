"""Columnar files: parquet, and feather (Arrow)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from longtail.formats.sheet import Sheet
from longtail.words import printable


def read_parquet(path: Path, data: bytes | None = None) -> Sheet:
    """A parquet file; class names come from the Hugging Face metadata where there are any.

    Args:
        data: the file's bytes where they were unpacked; None reads the file.

    Raises:
        ValueError: not a parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without an extension type or index of pandas: the columns as the file has them.
        table = pq.ParquetFile(path if data is None else io.BytesIO(data)).read()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable parquet file ({_short(error)})") from error
    return _sheet(path, table)


def read_feather(path: Path, data: bytes | None = None) -> Sheet:
    """A feather file, as pandas and R write it; or any other Arrow file.

    Raises:
        ValueError: not a feather file.
    """
    import pyarrow as pa
    from pyarrow import feather

    try:
        source = path.read_bytes() if data is None else data
        table = feather.read_table(io.BytesIO(source), memory_map=False, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a readable feather file ({_short(error)})") from error
    return _sheet(path, table)


def _holds_objects(kind: Any) -> bool:
    """Is this a column of objects, or of lists of them? An image with its bytes is none."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_objects(kind.value_type)
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") < 0
    return bool(pa.types.is_map(kind))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _sheet(path: Path, table: Any) -> Sheet:
    import pyarrow as pa

    names: dict[str, list[str]] = {}
    metadata = table.schema.metadata or {}
    if b"huggingface" in metadata:
        try:
            features = json.loads(metadata[b"huggingface"]).get("info", {}).get("features", {})
        except (ValueError, AttributeError):
            features = {}
        for column, feature in features.items():
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names"):
                names[column] = list(feature["names"])
    notes = []
    for column in table.schema:
        if _holds_objects(column.type):
            notes.append(
                f"column {column.name!r} holds objects: left out (flatten it into columns to use it)"
            )
            table = table.drop_columns([column.name])
    try:
        # Offsets that a damaged file holds would be followed out of memory, and end the process.
        table.validate(full=True)
        frame = table.replace_schema_metadata(None).to_pandas()
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ValueError(f"{path}: columns that cannot be read ({_short(error)})") from error
    if not len(frame) or not len(frame.columns):
        raise ValueError(f"{path}: no rows")
    frame.columns = [printable(str(c)) for c in frame.columns]
    return Sheet(path, frame, class_names=names, notes=notes)
