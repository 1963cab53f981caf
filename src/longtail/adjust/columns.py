"""Columns of a table as predictions, whether it lies in a file or in memory.

Columns are ``p_<class>`` or ``logit_<class>``, or bare class names, and ``label`` (optional). One column for two classes
is the probability, or the logit, of the class it names. What the columns hold is never guessed: bare class names need
``kind``, and numbers that contradict their names are an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from longtail.adjust.inputs import Floats, looks_like_probabilities
from longtail.adjust.predictions import NO_LABEL, Predictions, both

PREFIX = {"p_": "probabilities", "logit_": "logits"}
LABELS = ("label", "labels")
DECISIONS = ("prediction", "predicted", "most_probable")
"""Columns of decisions, which are made anew."""


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Attributes:
        of_classes: in class order; or one of two classes.
        kind: what their names say they hold; None where they are bare class names.
        names: the class of each.
        label: the column of labels, or None.
    """

    of_classes: list[str]
    kind: str | None
    names: tuple[str, ...]
    label: str | None


def find_columns(
    where: str,
    header: list[str],
    names: Sequence[str] | None = None,
    label: str | None = None,
    known: Sequence[str] | None = None,
) -> Columns:
    """Which column is what, by its name.

    Args:
        where: the file, or the argument, for messages.
        header: the names of the columns.
        names, label, known: as for :func:`longtail.adjust.read_predictions`.

    Raises:
        ValueError: two columns of one name, no class columns, or a gap in them.

    >>> find_columns("f", ["id", "p_cat", "p_dog", "label"]).names
    ('cat', 'dog')
    """
    if twice := [c for c in header if header.count(c) > 1]:
        raise ValueError(f"{where}: there are two columns {twice[0]!r}; rename or remove one")
    at = label_column(where, header, label)
    return Columns(*_class_columns(where, header, names, known, at), label=at)


def label_column(where: str, header: list[str], label: str | None) -> str | None:
    """The column of labels: the one asked for, or one called label or labels."""
    if label is not None and label not in header:
        shown = ", ".join(map(repr, header[:20]))
        raise ValueError(f"{where}: there is no column {label!r} for label=; it has {shown}")
    return label if label is not None else next((c for c in LABELS if c in header), None)


def predictions_in(
    table: Any,
    where: str,
    names: Sequence[str] | None = None,
    kind: str | None = None,
    label: str | None = None,
    known: Sequence[str] | None = None,
) -> Predictions:
    """The predictions in a data frame; its other columns are kept.

    Args:
        table: a ``pandas.DataFrame``; its index says nothing.
        where: the file, or the argument, for messages.
        names, kind, label, known: as for :func:`longtail.adjust.read_predictions`.

    Raises:
        ValueError: as :func:`longtail.adjust.read_predictions`.

    >>> import pandas
    >>> predictions_in(pandas.DataFrame({"p_1": [0.25, 0.75], "label": [0, 1]}), "predictions").names
    ('0', '1')
    """
    table = table.set_axis([str(c) for c in table.columns], axis=1).reset_index(drop=True)
    found = find_columns(where, list(table.columns), names, label, known)
    if not len(table):
        raise ValueError(f"{where}: there is no row in it")
    values = _numbers(where, table, found.of_classes)
    labels = None if found.label is None else table[found.label].to_numpy(dtype=object)
    if found.kind is None and kind is None:
        like = "probabilities" if looks_like_probabilities(values) else "logits"
        raise ValueError(
            f"{where}: columns named by class alone do not say what they hold; they look like {like}: pass "
            f"kind='{like}' if they are"
        )
    held, called, first = agreed(where, found.kind, kind), found.names, False
    notes: tuple[str, ...] = ()
    if len(found.of_classes) == 1:
        called, first = _two_classes(where, found.of_classes[0], called, names, known, labels)
        complement = "1 - p" if held == "probabilities" else "0"
        notes = (
            f"one column for two classes: {found.of_classes[0]}; that of {called[1 - first]} is {complement}",
        )
    try:
        if len(found.of_classes) == 1:
            values = both(values, held)[:, ::-1] if first else both(values, held)
        read = Predictions.of(values, held, labels, called)
    except ValueError as why:
        raise ValueError(f"{where}: {why}") from None
    taken = {*found.of_classes, found.label, *DECISIONS}
    others = table[[c for c in table.columns if c not in taken]]
    return replace(read, others=others if others.shape[1] else None, notes=(*notes, *read.notes))


def _numbers(where: str, table: Any, columns: list[str]) -> Floats:
    """The class columns as float64 ``[N, C]``; the first cell that is no number is named."""
    import pandas

    out = np.empty((len(table), len(columns)))
    for k, c in enumerate(columns):
        column = table[c]
        if pandas.api.types.is_numeric_dtype(column) and not pandas.api.types.is_bool_dtype(column):
            out[:, k] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        text = column.astype(object).map(
            lambda v: "nan" if v is None or v != v or str(v).lower() in NO_LABEL else str(v)
        )
        numbers = pandas.to_numeric(text, errors="coerce")
        wrong = numbers.isna() & (text != "nan")
        if wrong.any():  # 0,25
            numbers = pandas.to_numeric(text.str.replace(",", ".", n=1), errors="coerce")
            wrong = numbers.isna() & (text != "nan")
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise ValueError(
                f"{where}: row {row}, column {c!r} holds {column.iloc[row]!r}, which is no number"
            )
        out[:, k] = numbers
    return out


def _class_columns(
    where: str,
    columns: list[str],
    names: Sequence[str] | None,
    known: Sequence[str] | None,
    label: str | None,
) -> tuple[list[str], str | None, tuple[str, ...]]:
    """The class columns in class order, what their names say they hold, and the class names."""
    for prefix, said in PREFIX.items():
        found = [c for c in columns if c.startswith(prefix) and c not in (prefix, label)]
        if not found:
            continue
        rest = [c.removeprefix(prefix) for c in found]
        numbered = sorted(rest) == sorted(map(str, range(len(rest)))) and len(rest) > 1
        if numbered and (names is None or not set(names) & set(rest)):
            order = [str(k) for k in range(len(rest))]
            return [prefix + k for k in order], said, tuple(names or order)
        if names is None or len(rest) == 1:
            return found, said, tuple(rest)
        if missing := [n for n in names if n not in rest]:
            raise ValueError(f"{where}: there is no column {prefix + missing[0]!r}; it has {found[:20]}")
        return [prefix + n for n in names], said, tuple(names)
    called = names if names is not None else known
    if called is None:
        raise ValueError(
            f"{where}: no column begins with 'p_' or 'logit_'; give counts by class name, or classes=, if the columns "
            f"are named by class; it has {columns[:20]}"
        )
    if missing := [n for n in called if n not in columns]:
        raise ValueError(f"{where}: there is no column for class {missing[0]!r}; it has {columns[:20]}")
    order = list(names) if names is not None else [c for c in columns if c in set(called)]
    return order, None, tuple(order)


def _two_classes(
    where: str,
    column: str,
    called: tuple[str, ...],
    names: Sequence[str] | None,
    known: Sequence[str] | None,
    labels: Any,
) -> tuple[tuple[str, ...], bool]:
    """The names of two classes of which one has a column, and whether that is the first."""
    own = called[0]
    found = [str(v) for v in dict.fromkeys(labels.tolist() if labels is not None else ())]
    seen = [v for v in found if v.lower() not in NO_LABEL or v == own]
    for two in (names, known, ("0", "1"), seen):
        if two is not None and len(two) == 2 and own in two:
            other = next(n for n in two if n != own)
            order = tuple(two) if two is names or two == ("0", "1") else (other, own)
            return order, order[0] == own
    raise ValueError(
        f"{where}: one column, {column!r}, for two classes: the other is 1 - p, but its name is not known; give counts "
        f"by class name, or classes='OTHER,{own}'"
    )


def agreed(where: str, said: str | None, kind: str | None) -> str:
    """What the numbers are, by the names of the columns and by what the user says."""
    if said is not None and kind is not None and said != kind:
        raise ValueError(
            f"{where}: its columns are named as {said}, and kind='{kind}': rename them or leave kind out"
        )
    return kind or str(said)
