"""JSON in the forms in which people have tables: lines, records, columns, or rows under one key."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from longtail.formats.encoding import decode
from longtail.formats.sheet import Sheet, suffix_of
from longtail.words import printable

WRAPPERS = ("data", "rows", "records", "items", "examples", "instances", "results", "samples", "train")
NEEDED = '{"text": "...", "label": "..."}'


def read_json(path: Path, data: bytes, encoding: str | None, skip_bad: bool = False) -> Sheet:
    """JSON lines, or one JSON value. A key that a row lacks is a missing value there.

    One value may be a list of objects, a list of lists, an object of columns (as ``DataFrame.to_json`` writes),
    ``{"columns": [...], "data": [...]}``, or an object with the rows under one key (``{"data": [...]}``).

    Args:
        skip_bad: leave out lines that are not JSON objects, and count them.

    Raises:
        ValueError: a line that is not JSON, or not an object, which is named; JSON of another form.
    """
    import pandas as pd

    text, notes = decode(data, path, encoding)
    whole = _parsed(path, text)
    if isinstance(whole, list | dict):
        rows: Iterable[tuple[str, Any]] = _rows_of(path, whole, notes)
    else:
        rows = _json_lines(path, text, skip_bad)
    columns: dict[str, list[Any]] = {}
    n, bad = 0, []
    for where, row in rows:
        if not isinstance(row, dict):
            if skip_bad:
                bad.append(where)
                continue
            what = (
                row
                if isinstance(row, _Broken)
                else f"{type(row).__name__} where an object like {NEEDED} is needed"
            )
            raise ValueError(f"{path}, {where}: {what}")
        for key, value in row.items():
            column = columns.setdefault(printable(str(key)), [])
            column.extend([None] * (n - len(column)))
            column.append(value)
        n += 1
    if bad:
        notes.append(f"{len(bad)} rows that are no JSON objects are left out (first: {bad[0]})")
    if not n:
        raise ValueError(f"{path}: no rows")
    if not columns:
        raise ValueError(f"{path}: {n} rows without a single key; rows are objects like {NEEDED}")
    for key, column in columns.items():
        column.extend([None] * (n - len(column)))
        if any(isinstance(v, dict) and "bytes" not in v for v in column):
            raise ValueError(
                f"{path}, column {key!r}: holds objects; flatten them into columns of their own"
                " (pandas.json_normalize does)"
            )
    frame = pd.DataFrame({key: pd.Series(column, dtype=object) for key, column in columns.items()})
    return Sheet(path, frame, notes=notes)


class _Broken(str):
    """What is wrong with a line that is not JSON."""


def _parsed(path: Path, text: str) -> Any:
    """The file as one JSON value; None where it is JSON lines."""
    start = text.lstrip()[:1]
    lines = sum(1 for line in text.split("\n") if line.strip())
    try:
        found = json.loads(text) if start in "[{" else None
    except ValueError as error:
        first = next((line for line in text.split("\n") if line.strip()), "")
        if start == "[" and not _is_json(first):
            raise ValueError(f"{path}: not JSON: {error}: mend the file, or write it again") from error
        return None
    except RecursionError as error:
        raise ValueError(f"{path}: JSON nested too deep to be a table") from error
    # One object on one line is a file of JSON lines that has a single row, unless it holds the rows.
    if isinstance(found, dict) and lines == 1:
        held = any(isinstance(v, dict | list) for v in found.values())
        if not held or suffix_of(path) in (".jsonl", ".ndjson"):
            return None
    if (
        isinstance(found, list)
        and lines == 1
        and found
        and not any(isinstance(v, dict | list) for v in found)
    ):
        return None
    return found


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _rows_of(path: Path, whole: Any, notes: list[str]) -> list[tuple[str, Any]]:
    if isinstance(whole, dict):
        _refuse_detection(path, whole)
        whole = _records(path, whole, notes)
    if whole and all(isinstance(row, list) for row in whole):
        widths = sorted({len(row) for row in whole})
        if len(widths) > 1:
            raise ValueError(f"{path}: rows of {widths[0]} to {widths[-1]} cells; all need the same number")
        notes.append(f"rows without names: columns named f0..f{widths[0] - 1}")
        whole = [{f"f{i}": v for i, v in enumerate(row)} for row in whole]
    return [(f"entry {i + 1}", row) for i, row in enumerate(whole)]


def _records(path: Path, whole: dict[str, Any], notes: list[str]) -> list[Any]:
    """Rows from an object: of columns, of rows by index, or around the rows."""
    columns, data = whole.get("columns"), whole.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(r, list) for r in data):
        notes.append("columns and rows apart, as pandas writes with orient='split'")
        return [dict(zip(map(str, columns), row)) for row in data]
    lists = {k: v for k, v in whole.items() if isinstance(v, list)}
    tables = [k for k, v in lists.items() if v and all(isinstance(row, dict) for row in v)]
    known = [k for k in tables if k.lower() in WRAPPERS]
    chosen = known[0] if known else tables[0] if len(tables) == 1 else None
    if chosen is not None:
        others = [k for k in tables if k != chosen]
        notes.append(f"the rows under {chosen!r}" + (f"; not read: {', '.join(others)}" if others else ""))
        return list(lists[chosen])
    if lists and len(lists) == len(whole) and len({len(v) for v in lists.values()}) == 1:
        notes.append("a list per column")
        return [dict(zip(lists, row)) for row in zip(*lists.values())]
    if whole and all(isinstance(v, dict) for v in whole.values()):
        inner = [list(v) for v in whole.values()]
        if all(all(not isinstance(cell, dict | list) for cell in v.values()) for v in whole.values()):
            if _numbered(inner[0]):
                notes.append("an object per column, as pandas writes")
                index = list(dict.fromkeys(key for keys in inner for key in keys))
                return [{c: v.get(i) for c, v in whole.items()} for i in index]
            notes.append("an object per row")
            return list(whole.values())
    raise ValueError(
        f"{path}: JSON, but no table: {', '.join(map(repr, list(whole)[:8]))} at the top. Wanted is a list of rows like"
        f' {NEEDED}, or {{"data": [rows]}}. To convert: pandas.json_normalize(rows).to_csv("data.csv", index=False)'
    )


def _numbered(keys: list[str]) -> bool:
    return bool(keys) and all(key.isdecimal() for key in keys)


def _refuse_detection(path: Path, whole: dict[str, Any]) -> None:
    if {"images", "annotations"} <= set(whole):
        raise ValueError(
            f"{path}: a COCO file: boxes on pictures, several per picture. What is classified here has one label per"
            " row. To convert: cut each box out of its picture, and save it as FOLDER/CATEGORY/NUMBER.png"
        )
    if {"shapes", "imagePath"} <= set(whole):
        raise ValueError(
            f"{path}: a labelme file: shapes on one picture. What is classified here has one label per picture: save the"
            " pictures as FOLDER/CLASS/NUMBER.png"
        )


def _json_lines(path: Path, text: str, skip_bad: bool) -> Iterable[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                yield f"line {number}", _Broken(f"not JSON ({error}): mend or remove the line")
