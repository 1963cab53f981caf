"""The columns of a sheet: found as people name them, and what their cells look like."""

from __future__ import annotations

import re
from typing import Any

from longtail.formats.delimited import looks_like_number
from longtail.formats.read_column import looks_like_quantity
from longtail.formats.sheet import MISSING, Sheet
from longtail.words import nearest

IMAGE_NAMES = ("image", "img", "picture", "photo")


def find(sheet: Sheet, wanted: str | int, what: str) -> str:
    """The column called ``wanted``: exactly, or but for case and spaces, or by number (0 first, -1 last).

    Raises:
        ValueError: there is none; the columns are listed.
    """
    columns = [str(c) for c in sheet.frame.columns]
    if str(wanted) in columns:
        return str(wanted)
    close = [c for c in columns if c.strip().lower() == str(wanted).strip().lower()]
    if len(close) == 1:
        return close[0]
    number = int(wanted) if re.fullmatch(r"-?[0-9]+", str(wanted)) else len(columns)
    if -len(columns) <= number < len(columns):
        return columns[number]
    shown = ", ".join(map(repr, columns[:20])) + (
        f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    )
    near = nearest(str(wanted), columns)
    raise ValueError(f"{sheet.path}: no column {wanted!r} for {what}=; the columns are {shown}{near}")


def column_type(column: Any) -> str:
    """ "image", "embedding", "number" (dates too), "text" (free text) or "word" (a category), from a sample."""
    sample = column.iloc[:2000].dropna().iloc[:500].tolist() if scalar(column) else list(column[:5])
    first = next((v for v in sample if v is not None), None)
    if isinstance(first, bytes) or (isinstance(first, dict) and "bytes" in first):
        return "image"
    if isinstance(first, list | tuple) or getattr(first, "ndim", 0) > 0:
        return "embedding"
    values = [str(v).strip() for v in sample]
    values = [v for v in values if v.lower() not in MISSING]
    if not values:
        return "word" if column.dtype in ("object", "str") else "number"
    if sum(map(looks_like_number, values)) > 0.9 * len(values) or looks_like_quantity(values):
        return "number"
    # A Chinese character says about as much as four letters; a full-width text has no spaces to count.
    length = sum(len(v) + 3 * sum(c > "\u2e7f" for c in v) for v in values) / len(values)
    distinct = len(set(values)) / len(values)
    return "text" if length >= 20 and distinct > 0.5 else "word"


def scalar(column: Any) -> bool:
    """Are its cells single values, no lists, arrays or bytes?"""
    first = next((v for v in column.iloc[:100] if v is not None), None)
    return not isinstance(first, list | tuple | dict | bytes) and not getattr(first, "ndim", 0)
