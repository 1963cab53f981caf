"""Which column is the label, which the text, which are features; and what kind of data that makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longtail.formats.columns import IMAGE_NAMES, column_type, find, scalar
from longtail.formats.delimited import LABEL_NAMES, TEXT_NAMES
from longtail.formats.identifiers import KEEP, less, like_keys, names_rows, numbers_rows
from longtail.formats.reading import Doubt
from longtail.formats.sheet import Sheet


@dataclass
class Roles:
    """The columns' roles. ``label`` is None where none is asked for."""

    kind: str
    label: str | None
    features: list[str]
    notes: list[str] = field(default_factory=list)


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
    sheet: Sheet,
    kind: str | None,
    text: str | None,
    rest: list[str],
    chosen: bool,
    notes: list[str],
    remedy: str = KEEP,
) -> tuple[str, list[str]]:
    """The kind and the input columns among ``rest``.

    Args:
        chosen: were these columns named? If not, those that identify rows are left out.
        remedy: how to keep one that is left out; empty where that cannot be asked for.
    """
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
        rest = less(sheet, rest, by_type, numbers_rows, notes, remedy)
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
        rest = less(sheet, rest, by_type, names_rows, notes, remedy)
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
    if len(columns) == 2 and len(free) == 2 and all(scalar(sheet.frame[c]) for c in columns):
        column = min(reversed(columns), key=lambda c: sheet.frame[c].nunique())
        notes.append(f"label: column {column!r}, which has the fewer different values")
        return column
    words = [c for c in free if scalar(sheet.frame[c])]
    if not words:
        raise ValueError(f"{sheet.path}: no column that could be the label among {', '.join(free)}")
    notes.append(f"label: the last column, {words[-1]!r} (name another with label=)")
    return words[-1]
