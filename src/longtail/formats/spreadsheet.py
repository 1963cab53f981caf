"""Spreadsheets: xlsx, read by pandas and openpyxl."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from longtail.formats.header import finish, has_header, names_of
from longtail.formats.how import How, Wanted
from longtail.formats.sheet import Sheet


def read_xlsx(path: Path, data: bytes, how: How, wanted: Wanted | None) -> Sheet:
    """One sheet of an xlsx file: the one that is asked for, or the first that holds anything.

    Raises:
        ImportError: openpyxl is not installed.
        ValueError: no such sheet; a damaged file; nothing in it.
    """
    import pandas as pd

    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{path}: to read xlsx, install openpyxl (pip install 'longtail[excel]'), or save the sheet as csv"
        ) from error
    try:
        sheets: dict[Any, Any] = pd.read_excel(
            io.BytesIO(data), sheet_name=None, header=None, dtype=object, engine="openpyxl"
        )
    except Exception as error:  # openpyxl, its XML parser and zlib have many ways to refuse a damaged file
        raise ValueError(f"{path}: not a readable xlsx file ({error})") from error
    filled = [name for name, frame in sheets.items() if frame.notna().to_numpy().any()]
    if not filled:
        raise ValueError(f"{path}: the file is empty")
    name, notes = _choose(path, list(sheets), filled, how.sheet)
    frame = sheets[name].dropna(how="all").dropna(how="all", axis=1).reset_index(drop=True)
    if not len(frame):
        raise ValueError(f"{path}, sheet {name!r}: the sheet is empty")
    frame.columns = [f"f{i}" for i in range(frame.shape[1])]
    cells = frame.map(lambda v: "" if v is None or v != v else str(v))
    named = has_header(cells, wanted) if how.header is None else how.header
    raw = [str(c) for c in cells.iloc[0]] if named else None
    if raw is not None:
        names, said = names_of(raw)
        notes += said
        frame, cells = frame.iloc[1:].reset_index(drop=True), cells.iloc[1:].reset_index(drop=True)
        frame.columns = cells.columns = names
    elif how.header is None:
        notes.append(f"no header found: columns named f0..f{frame.shape[1] - 1}")
    if not len(frame):
        raise ValueError(f"{path}, sheet {name!r}: a header and no rows")
    kept, said = finish(cells, raw)
    notes += said
    # Excel keeps numbers as numbers and dates as dates: so do we.
    frame = frame.loc[kept.index, kept.columns].reset_index(drop=True).infer_objects()
    return Sheet(path, frame, named, notes=notes)


def _choose(
    path: Path, sheets: list[Any], filled: list[Any], asked: str | int | None
) -> tuple[Any, list[str]]:
    if asked is None:
        others = [str(s) for s in filled if s != filled[0]]
        if not others:
            return filled[0], []
        return filled[0], [f"sheet {filled[0]!r} is read; not read: {', '.join(others)} (sheet=)"]
    if asked in sheets:
        return asked, []
    if str(asked).isdecimal() and int(asked) < len(sheets):
        return sheets[int(asked)], []
    raise ValueError(f"{path}: no sheet={asked!r}; there are {', '.join(map(repr, sheets))}")
