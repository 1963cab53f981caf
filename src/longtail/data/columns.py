"""Which column is the label, which the text, which are features; and what kind of data that makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from longtail.data.delimited import LABEL_NAMES, TEXT_NAMES, looks_like_number, unquoted
from longtail.data.sheet import MISSING, Sheet
from longtail.words import nearest

IMAGE_NAMES = ("image", "img", "picture", "photo")
INDEX_NAMES = ("id", "index", "idx", "row_id", "unnamed: 0", "__index_level_0__", "uid", "guid")


@dataclass
class Roles:
    """The columns' roles. ``label`` is None where none is asked for."""

    kind: str
    label: str | None
    features: list[str]
    notes: list[str] = field(default_factory=list)


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


def roles(
    sheet: Sheet,
    kind: str | None,
    text: str | int | None,
    label: str | int | None,
    features: Sequence[str | int] | None,
) -> Roles:
    """Give every column its role. Columns without one are named in the notes.

    Raises:
        ValueError: a column that is not there; no feature left; an image column read as something else.
    """
    columns = [str(c) for c in sheet.frame.columns]
    if len(columns) < 2:
        raise ValueError(
            f"{sheet.path}: a single column ({columns[0]!r}); a feature and a label column are needed"
        )
    notes: list[str] = []
    text_column = find(sheet, text, "text") if text is not None else None
    chosen = [find(sheet, f, "features") for f in features] if features is not None else None
    label_column = _label(sheet, label, [text_column, *(chosen or [])], notes)
    if label_column in (text_column, *(chosen or [])):
        raise ValueError(
            f"{sheet.path}: column {label_column!r} is both the label and an input: name another"
        )
    rest = chosen or [c for c in columns if c != label_column]
    kind, inputs = inputs_of(sheet, kind, text_column, rest, chosen is not None, notes)
    return Roles(kind, label_column, inputs, notes)


def inputs_of(
    sheet: Sheet, kind: str | None, text: str | None, rest: list[str], chosen: bool, notes: list[str]
) -> tuple[str, list[str]]:
    """The kind and the input columns among ``rest``."""
    if text is not None and kind in (None, "text"):
        others = [c for c in rest if c != text]
        if others:
            notes.append(f"text in column {text!r}; not used: {', '.join(map(repr, others[:8]))}")
        return "text", [text]
    by_type = {c: column_type(sheet.frame[c]) for c in rest}
    for wanted in ("image", "embedding"):
        found = [c for c in rest if by_type[c] == wanted]
        if found and kind in (None, wanted):
            known = [c for c in found if c.lower() in IMAGE_NAMES]
            if len(found) > 1 and not known:
                raise ValueError(
                    f"{sheet.path}: several {wanted} columns ({', '.join(found)}): choose with features="
                )
            return wanted, [(known or found)[0]]
    if kind in ("image", "embedding"):
        if kind == "embedding":
            return "embedding", rest
        raise ValueError(
            f"{sheet.path}: kind='image', but no column holds image bytes; columns: {', '.join(rest)}"
        )
    if not chosen:
        index = [c for c in rest if _is_index(sheet, c)]
        if index and len(index) < len(rest):
            notes.append(f"columns that number the rows are left out: {', '.join(map(repr, index))}")
            rest = [c for c in rest if c not in index]
    prose = [c for c in rest if by_type[c] == "text"]
    named = [c for c in rest if c.lower().strip() in TEXT_NAMES and by_type[c] != "number"]
    best = (named or prose)[:1] if len(named) == 1 or len(prose) == 1 or named else []
    if kind == "text":
        words = best or [c for c in rest if by_type[c] != "number"]
        if len(words) != 1:
            raise ValueError(
                f"{sheet.path}: kind='text', but which column? Name it with text=: {', '.join(rest)}"
            )
        return inputs_of(sheet, "text", words[0], rest, chosen, notes)
    if kind is None and best and (len(rest) == 1 or named):
        notes.append(f"kind: text, in column {best[0]!r}")
        return inputs_of(sheet, "text", best[0], rest, chosen, notes)
    if prose and kind is None:
        notes.append(f"column {prose[0]!r} looks like free text; pass text={prose[0]!r} to read it so")
    if kind is None:
        notes.append(f"kind: table, {len(rest)} feature columns")
    return "table", rest


def column_type(column: Any) -> str:
    """ "image", "embedding", "number", "text" (free text) or "word" (a category), from a sample."""
    sample = (
        [v for v in column.iloc[:2000] if v is not None and v == v][:500]
        if _scalar(column)
        else list(column[:5])
    )
    first = next((v for v in sample if v is not None), None)
    if isinstance(first, bytes) or (isinstance(first, dict) and "bytes" in first):
        return "image"
    if isinstance(first, list | tuple) or getattr(first, "ndim", 0) > 0:
        return "embedding"
    values = [str(v).strip() for v in sample]
    values = [v for v in values if v.lower() not in MISSING]
    if not values:
        return "word" if column.dtype in ("object", "str") else "number"
    if sum(map(looks_like_number, values)) > 0.9 * len(values):
        return "number"
    # A Chinese character says about as much as four letters; a full-width text has no spaces to count.
    length = sum(len(v) + 3 * sum(c > "\u2e7f" for c in v) for v in values) / len(values)
    distinct = len(set(values)) / len(values)
    return "text" if length >= 20 and distinct > 0.5 else "word"


def table(
    sheet: Sheet, columns: Sequence[str], kinds: Mapping[str, str] | None = None
) -> tuple[Any, list[str]]:
    """The feature columns: numbers as float64 (missing: NaN), all else as text (missing: None).

    ``kinds`` says which columns are to be read as a "number" or as a "word", whatever they look like.
    """
    import pandas as pd

    out, notes = {}, []
    for name in columns:
        out[name], said = _feature(sheet, name, (kinds or {}).get(name))
        notes += said
    return pd.DataFrame(out), notes


def _feature(sheet: Sheet, name: str, kind: str | None) -> tuple[Any, list[str]]:
    import numpy as np
    import pandas as pd

    column = sheet.frame[name]
    if kind == "word":
        return _words(column), []
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        numbers, said = _finite(column.astype("float64"), name)
        return numbers, said
    if pd.api.types.is_datetime64_any_dtype(column):
        days = (column - pd.Timestamp(0, tz=getattr(column.dtype, "tz", None))) / pd.Timedelta(days=1)
        return days.astype("float64"), [f"column {name!r}: dates read as days since 1970"]
    if column_type(column) in ("image", "embedding"):
        raise ValueError(
            f"{sheet.path}, column {name!r}: holds {'bytes' if column_type(column) == 'image' else 'lists'}, which a"
            " table has no use for; choose other columns with features="
        )
    notes: list[str] = []
    fast = _all_numbers(column)
    if fast is not None:
        return _finite(fast, name)
    cells = _words(column)
    gone = cells.isna().to_numpy(dtype=bool)
    numbers = pd.to_numeric(cells.where(~gone, None), errors="coerce").astype("float64")
    bad = numbers.isna().to_numpy() & ~gone
    if bad.any():
        again = cells[bad].map(unquoted)
        if sheet.decimal_comma:
            again = again.str.replace(r"^([+-]?[0-9]+),([0-9]+)$", r"\1.\2", regex=True)
        found = pd.to_numeric(again, errors="coerce").astype("float64")
        if found.notna().any() and found.notna().mean() > 0.9:
            notes.append(f"column {name!r}: {cells[bad].iloc[0]} is read as {again.iloc[0]}")
            numbers = numbers.where(~bad, found.reindex(numbers.index))
            bad = numbers.isna().to_numpy() & ~gone
    filled = int((~gone).sum())
    if not filled:
        return pd.Series(np.nan, index=column.index), [f"column {name!r}: empty in every row"]
    if kind == "number" or bad.sum() <= 0.05 * filled:
        if bad.any():
            row = int(bad.nonzero()[0][0])
            notes.append(
                f"column {name!r}: {int(bad.sum())} of {filled} cells are not numbers (row {row + 1}:"
                f" {cells.iloc[row]!r}):"
                " read as missing"
            )
        numbers, said = _finite(numbers, name)
        return numbers, notes + said
    return cells, notes


def _words(column: Any) -> Any:
    """Cells as text without spaces around; missing ones None. A float that is whole is written as a whole number."""

    def word(value: Any) -> str | None:
        if value is None or value != value:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value).strip()
        return None if text.lower() in MISSING else text

    import pandas as pd

    found = {value: word(value) for value in column.unique()}
    return pd.Series(
        [found[v] if v == v else None for v in column], index=column.index, name=column.name, dtype=object
    )


def _all_numbers(column: Any) -> Any:
    """A column of text in which every cell is a number, as float64; None for any other column."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.dtype == object:
        return None
    try:
        numbers = pc.cast(pc.utf8_trim_whitespace(pa.array(column, type=pa.large_string())), pa.float64())
    except pa.ArrowInvalid:
        return None
    return pd.Series(numbers.to_numpy(zero_copy_only=False), index=column.index)


def _finite(numbers: Any, name: str) -> tuple[Any, list[str]]:
    import numpy as np

    infinite = np.isinf(numbers.to_numpy())
    if not infinite.any():
        return numbers, []
    return numbers.where(~infinite, np.nan), [
        f"column {name!r}: {int(infinite.sum())} infinite values read as missing"
    ]


def _label(sheet: Sheet, label: str | int | None, taken: list[str | None], notes: list[str]) -> str:
    columns = [str(c) for c in sheet.frame.columns]
    if label is not None:
        return find(sheet, label, "label")
    free = [c for c in columns if c not in taken]
    if not free:
        raise ValueError(f"{sheet.path}: no column left for the label; name fewer features")
    for known in LABEL_NAMES:
        for column in free:
            if sheet.named and column.strip().lower() == known:
                notes.append(f"label: column {column!r}")
                return column
    if len(columns) == 2 and len(free) == 2 and all(_scalar(sheet.frame[c]) for c in columns):
        column = min(reversed(columns), key=lambda c: sheet.frame[c].nunique())
        notes.append(f"label: column {column!r}, which has the fewer different values")
        return column
    words = [c for c in free if _scalar(sheet.frame[c])]
    if not words:
        raise ValueError(f"{sheet.path}: no column that could be the label among {', '.join(free)}")
    notes.append(f"label: the last column, {words[-1]!r} (name another with label=)")
    return words[-1]


def _is_index(sheet: Sheet, name: str) -> bool:
    lowered = name.lower().strip()
    if lowered not in INDEX_NAMES and not re.fullmatch(r"f0", lowered):
        return False
    column = sheet.frame[name]
    if not _scalar(column) or column.nunique() < len(column):
        return False
    if lowered != "f0":
        return True
    if not sheet.named:
        return False
    return list(column.iloc[:1000].astype(str)) == [str(i) for i in range(min(len(column), 1000))]


def _scalar(column: Any) -> bool:
    first = next((v for v in column.iloc[:100] if v is not None), None)
    return not isinstance(first, list | tuple | dict | bytes) and not getattr(first, "ndim", 0)
