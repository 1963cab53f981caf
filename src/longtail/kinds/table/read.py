"""Tables: the columns of a sheet, or of what is in memory, as a data frame of numbers, dates and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from longtail.formats.columns import column_type, scalar
from longtail.formats.missing import with_missing
from longtail.formats.read_column import read
from longtail.formats.reading import Reading, keep
from longtail.formats.sheet import Sheet

if TYPE_CHECKING:
    from longtail.kinds.table.encoder import TableEncoder

WHERE = Path("X")
"""What messages call rows in memory."""


def table(
    sheet: Sheet, columns: Sequence[str], how: Mapping[str, Reading] | None = None
) -> tuple[Any, list[str]]:
    """The feature columns: numbers as float64 (missing: NaN), dates as datetime64 (missing: NaT), all else as words
    (missing: None). How each was read stays beside the frame, for the encoder: see ``longtail.formats.reading.keep``.

    Args:
        how: how a column is read, by name; others are found out.

    Raises:
        ValueError: a column that holds bytes, lists or complex numbers.
    """
    import pandas as pd

    out, readings, notes = {}, {}, []
    for name in columns:
        column = sheet.frame[name]
        if not scalar(column):
            what = "bytes" if column_type(column) == "image" else "lists"
            raise ValueError(
                f"{sheet.path}, column {name!r}: holds {what}, which a table has no use for; choose other columns with"
                " features="
            )
        out[name], readings[name], said = read(column, name, (how or {}).get(name), sheet.decimal_comma)
        notes += said
    return keep(pd.DataFrame(out), readings), notes


def table_like(sheet: Sheet, like: TableEncoder, missing: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """The columns that a model needs, read as training read them; and notes, a ``Doubt`` for what could not be read.

    A column is found by its name, or but for case and spaces.

    Args:
        missing: further cells that mean "no value".

    Raises:
        ValueError: a column that the model needs is missing.
    """
    columns = [str(c) for c in sheet.frame.columns]
    readings = like.readings
    notes: list[str] = []
    source: dict[str, str] = {}
    for name in readings:
        close = [c for c in columns if c.strip().casefold() == name.strip().casefold()]
        if name in columns:
            source[name] = name
        elif len(close) == 1 and close[0] not in readings:
            source[name] = close[0]
            notes.append(f"column {close[0]!r} is taken for {name!r}")
    absent = [name for name in readings if name not in source]
    if absent:
        raise ValueError(
            f"{sheet.path}: no column {', '.join(map(repr, absent[:5]))}, which the model needs ({len(absent)} of its"
            f" {len(readings)} columns are missing); there are {', '.join(map(repr, columns[:20]))}"
        )
    spare = [c for c in columns if c not in source.values()]
    if spare:
        notes.append(
            f"not used: column {', '.join(map(repr, spare[:8]))}"
            + (f" and {len(spare) - 8} more" if len(spare) > 8 else "")
        )
    chosen = sheet.frame[list(source.values())]
    chosen.columns = list(source)
    sheet, emptied = with_missing(replace(sheet, frame=chosen), list(source), missing)
    frame, said = table(sheet, list(source), readings)
    return frame, [*notes, *emptied, *said, *like.doubts(frame)]


def sheet_of(frame: Any) -> Sheet:
    """A data frame as a sheet: column names are strings, rows are numbered anew.

    Raises:
        ValueError: two columns of one name.
    """
    sheet = frame.reset_index(drop=True)
    sheet.columns = [str(c) for c in sheet.columns]
    if not sheet.columns.is_unique:
        twice = sheet.columns[sheet.columns.duplicated()][0]
        raise ValueError(f"X has several columns called {twice!r}: rename all but one")
    return Sheet(WHERE, sheet)


def frame_of(x: Any, names: Sequence[str] | None = None) -> Any:
    """Rows ``[N, d]`` as a data frame of columns x0, x1, ..., or of those names.

    Raises:
        ValueError: not two-dimensional, or another number of columns than names.
    """
    import pandas as pd

    if hasattr(x, "nnz"):
        x = x.toarray()
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if array.ndim != 2:
        raise ValueError(f"X has shape {array.shape}; rows and columns, [N, d], are needed")
    columns = [f"x{k}" for k in range(array.shape[1])] if names is None else list(names)
    if array.shape[1] != len(columns):
        raise ValueError(
            f"X has {array.shape[1]} columns without names; the model takes {len(columns)}: {columns[:20]}"
        )
    if array.dtype.kind in "fiub":
        array = array.astype(np.float64)
    return pd.DataFrame(array, columns=columns)


def has_words(x: Any) -> bool:
    """Is ``x`` an array ``[N, d]`` with words in it?"""
    array = x if isinstance(x, np.ndarray) else np.empty(0)
    if array.ndim != 2 or array.dtype.kind not in "OU":
        return False
    return array.dtype.kind == "U" or any(isinstance(v, str) for v in array.flat)


def rows_like(x: Any, like: TableEncoder, missing: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """Rows in memory as the encoder takes them, and notes; an array's columns go by position."""
    sheet = sheet_of(x if hasattr(x, "columns") else frame_of(x, like.columns))
    return table_like(sheet, like, missing)
