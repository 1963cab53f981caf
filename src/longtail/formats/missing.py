"""Cells that mean "no value", as the user says or a model remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from longtail.formats.header import looks_like_number
from longtail.formats.sheet import Sheet


def with_missing(sheet: Sheet, columns: Sequence[str], words: Sequence[str]) -> tuple[Sheet, list[str]]:
    """The sheet with cells that mean "no value" emptied in these columns, and what was done.

    A word that is a number means that number, however it is written.
    """
    import pandas as pd

    if not words:
        return sheet, []
    frame, counts = sheet.frame.copy(), {}
    numbers = [float(w) for w in words if looks_like_number(w)]
    plain = {w.strip().lower() for w in words}
    for name in columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            hit = column.isin(numbers)
        elif column.map(lambda v: isinstance(v, str | int | float)).any():
            hit = column.map(lambda v: isinstance(v, str | int | float) and str(v).strip().lower() in plain)
            if numbers:
                hit |= pd.to_numeric(column, errors="coerce").isin(numbers)
        else:
            continue
        if hit.any():
            frame[name] = column.mask(hit.astype(bool))
            counts[name] = int(hit.sum())
    shown = ", ".join(f"{name} ({n})" for name, n in list(counts.items())[:8]) or "no cell"
    return replace(sheet, frame=frame), [f"read as missing ({', '.join(words)}): {shown}"]
