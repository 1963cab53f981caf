"""Columns that say which row it is, not what it is like: row numbers, keys, names. A model learns nothing from them,
or, where rows lie sorted by class, too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from longtail.formats.sheet import Sheet

NAMES = ("id", "index", "idx", "row_id", "unnamed: 0", "__index_level_0__", "uid", "guid")
_KEY = re.compile(
    r"(?i:(?:^|[\W_])(?:ids?|idx|index|uuid|guid|key|no|nr|number|rownum)$|^id[\W_])|[a-z](?:ID|Id)$"
)
_ID = re.compile(r"(?i:(?:^|[\W_])ids?$)|[a-z](?:ID|Id)$")

LEAST_ROWS = 20
"""In a shorter table, another value in every row is no sign of an identifier, unless the name says so."""


KEEP = " (to keep one, list the columns with --features)"


def less(
    sheet: Sheet,
    columns: Sequence[str],
    kinds: Mapping[str, str],
    identifies: Callable[[Sheet, str, str], bool],
    notes: list[str],
    remedy: str = KEEP,
) -> list[str]:
    """``columns`` without those that identify rows; all of them where none would be left.

    Args:
        kinds: "number", "word" or "text" by column, as ``longtail.formats.columns.column_type`` says.
        identifies: ``numbers_rows`` or ``names_rows``.
        notes: what is left out is said here, and how to keep it.
        remedy: how to keep it; empty where that cannot be asked for.
    """
    found = [c for c in columns if identifies(sheet, c, kinds[c])]
    if not found or len(found) == len(columns):
        return list(columns)
    what = (
        "columns that number the rows"
        if identifies is numbers_rows
        else "columns with another word in each row"
    )
    shown = ", ".join(map(repr, found[:8])) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    notes.append(f"{what} are left out: {shown}{remedy}")
    return [c for c in columns if c not in found]


def numbers_rows(sheet: Sheet, name: str, cells: str) -> bool:
    """Another value in each row, and a name that says so, or 0, 1, 2, ... from the first row to the last."""
    column, lowered = sheet.frame[name], name.lower().strip()
    if cells not in ("number", "word") or not _all_different(column):
        return False
    if lowered in NAMES:
        return True
    if lowered == "f0" and sheet.named:
        return _counts_from(column, 0)
    if cells != "number" or len(column) < LEAST_ROWS or not sheet.named or not _whole(column):
        return False
    return _KEY.search(name.strip()) is not None or _counts_from(column, 0) or _counts_from(column, 1)


def like_keys(sheet: Sheet, columns: Sequence[str], kinds: Mapping[str, str]) -> list[str]:
    """Columns of many whole numbers that are called an ID, though several rows have the same: of a person, or a part."""
    found = [c for c in columns if kinds[c] == "number" and _ID.search(c.strip()) and _whole(sheet.frame[c])]
    return [c for c in found if sheet.frame[c].nunique() >= LEAST_ROWS]


def names_rows(sheet: Sheet, name: str, cells: str) -> bool:
    """Another word or text in each row."""
    column = sheet.frame[name]
    return cells in ("word", "text") and len(column) >= LEAST_ROWS and _all_different(column)


def _all_different(column: Any) -> bool:
    import numpy as np

    # A look at some rows spares most columns the count.
    head = column.iloc[:1000]
    if not len(head) or isinstance(head.iloc[0], list | dict) or np.ndim(head.iloc[0]) > 0:
        return False
    return bool(head.nunique() == len(head) and column.nunique() == len(column))


def _counts_from(column: Any, start: int) -> bool:
    import numpy as np

    numbers = column.astype("float64").to_numpy()
    return bool((numbers == np.arange(start, start + len(numbers))).all())


def _whole(column: Any) -> bool:
    """Are these whole numbers, written as such?"""
    import pandas as pd

    if pd.api.types.is_integer_dtype(column.dtype):
        return True
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        return False
    return bool(column.str.fullmatch(r"\s*[0-9]{1,15}\s*").all())
