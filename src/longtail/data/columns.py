"""Which column is the label, which the text, which are features; and what kind of data that makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from longtail.data.delimited import LABEL_NAMES, TEXT_NAMES, looks_like_number
from longtail.data.identifiers import less, like_keys, names_rows, numbers_rows
from longtail.data.missing import with_missing
from longtail.data.read_column import looks_like_quantity, read
from longtail.data.reading import Doubt, Reading, keep
from longtail.data.sheet import MISSING, Sheet
from longtail.words import nearest

if TYPE_CHECKING:
    from longtail.data.encode import TableEncoder

IMAGE_NAMES = ("image", "img", "picture", "photo")


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
        rest = less(sheet, rest, by_type, numbers_rows, notes)
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
    if not chosen:
        rest = less(sheet, rest, by_type, names_rows, notes)
        if keys := like_keys(sheet, rest, by_type):
            shown = ", ".join(map(repr, keys[:8]))
            notes.append(
                Doubt(
                    f"read as quantities, though called IDs: {shown}. Leave out with drop= what says whose a row is"
                )
            )
    if prose and kind is None:
        notes.append(f"column {prose[0]!r} looks like free text; pass text={prose[0]!r} to read it so")
    if kind is None:
        notes.append(f"kind: table, {len(rest)} feature columns")
    return "table", rest


def column_type(column: Any) -> str:
    """ "image", "embedding", "number" (dates too), "text" (free text) or "word" (a category), from a sample."""
    sample = column.iloc[:2000].dropna().iloc[:500].tolist() if _scalar(column) else list(column[:5])
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


def table(
    sheet: Sheet, columns: Sequence[str], how: Mapping[str, Reading] | None = None
) -> tuple[Any, list[str]]:
    """The feature columns: numbers as float64 (missing: NaN), dates as datetime64 (missing: NaT), all else as words
    (missing: None). How each was read stays beside the frame, for the encoder: see ``longtail.data.reading.keep``.

    Args:
        how: how a column is read, by name; others are found out.

    Raises:
        ValueError: a column that holds bytes, lists or complex numbers.
    """
    import pandas as pd

    out, readings, notes = {}, {}, []
    for name in columns:
        column = sheet.frame[name]
        if not _scalar(column):
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


def _scalar(column: Any) -> bool:
    first = next((v for v in column.iloc[:100] if v is not None), None)
    return not isinstance(first, list | tuple | dict | bytes) and not getattr(first, "ndim", 0)
