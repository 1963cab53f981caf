"""Sheet: a table as it lies in a file (csv, tsv, jsonl, parquet), before its columns have a role."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "<na>"})
"""Cells that mean "no value", in lower case and without spaces around."""


@dataclass
class Sheet:
    """Columns of text cells (delimited files) or of whatever types the format keeps.

    Attributes:
        frame: the cells; a column a column.
        named: did the file name its columns? (otherwise they are f0, f1, ...)
        decimal_comma: may "7,4" be a number here? (the delimiter is a semicolon)
        class_names: names that the file declares for the integers of a column (Hugging Face ClassLabel).
    """

    path: Path
    frame: Any
    named: bool = True
    decimal_comma: bool = False
    class_names: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked if its name ends in .gz."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def read_json(path: Path, encoding: str | None) -> Sheet:
    """JSON lines, or one JSON list of objects. A key that a row lacks is a missing value there.

    Raises:
        ValueError: a line that is not JSON, or not an object; the line is named.
    """
    import pandas as pd

    from longtail.data.encoding import decode

    text, notes = decode(read_bytes(path), path, encoding)
    if text.lstrip()[:1] == "[":
        try:
            rows: Iterable[tuple[str, Any]] = [
                (f"entry {i + 1}", row) for i, row in enumerate(json.loads(text))
            ]
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}") from error
    else:
        rows = _json_lines(path, text)
    columns: dict[str, list[Any]] = {}
    n = 0
    for where, row in rows:
        if not isinstance(row, dict):
            raise ValueError(
                f"{path}, {where}: {type(row).__name__} where an object like"
                f' {{"text": "...", "label": "..."}} is needed'
            )
        for key, value in row.items():
            column = columns.setdefault(key, [])
            column.extend([None] * (n - len(column)))
            column.append(value)
        n += 1
    if not n:
        raise ValueError(f"{path}: no rows")
    for key, column in columns.items():
        absent = n - len(column)
        column.extend([None] * absent)
        if any(isinstance(v, dict) for v in column):
            raise ValueError(f"{path}, column {key!r}: holds objects; flatten them into columns of their own")
    frame = pd.DataFrame({key: pd.Series(column, dtype=object) for key, column in columns.items()})
    return Sheet(path, frame, notes=notes)


def _json_lines(path: Path, text: str) -> Iterable[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {number}: not JSON ({error}): mend or remove the line"
                ) from error


def read_parquet(path: Path) -> Sheet:
    """A parquet file; class names come from the Hugging Face metadata where there are any.

    Raises:
        ValueError: not a parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without an extension type or index of pandas: the columns as the file has them.
        table = pq.ParquetFile(path).read()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: not a readable parquet file ({error})") from error
    names: dict[str, list[str]] = {}
    metadata = table.schema.metadata or {}
    if b"huggingface" in metadata:
        features = json.loads(metadata[b"huggingface"]).get("info", {}).get("features", {})
        for column, feature in features.items():
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names"):
                names[column] = list(feature["names"])
    frame = table.replace_schema_metadata(None).to_pandas()
    return Sheet(path, frame, class_names=names)
