"""A data set from what is in memory: a data frame with a label column, or ``(X, y)``. What X may be is told in
:mod:`longtail.kinds.memory`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from longtail.data.beside import Beside
from longtail.data.costing import costs_in, numbers_beside, with_costs
from longtail.data.dataset import Dataset
from longtail.data.tokens import READING, in_sentences, tag_notes
from longtail.formats.columns import find
from longtail.formats.target import classes_of
from longtail.kinds import TOKEN
from longtail.kinds.memory import rows_of
from longtail.kinds.roles import roles
from longtail.kinds.table.read import sheet_of
from longtail.kinds.token.tagged import tags_of
from longtail.labels import Labels


def dataset_of(
    given: Any,
    kind: str | None,
    text: str | int | None,
    label: str | int | None,
    features: Sequence[str | int] | None,
    name: str,
    beside: Mapping[str, Any] | None = None,
    cost_columns: Sequence[str] = (),
) -> Dataset:
    """A data frame with a label column, or ``(X, y)``, as a data set.

    Args:
        kind, text, label, features, name: as for ``longtail.data.load``.
        cost_columns: as for ``longtail.data.load``.
        beside: "group", "time", "split" and "weight": a column of the frame, or an array; None where there is none.

    Raises:
        ValueError: neither, or columns that are not there.

    >>> dataset_of(([[1.0], [2.0], [4.0]], ["a", "b", "a"]), None, None, None, None, "toy").labels.names
    ('a', 'b')
    """
    if hasattr(given, "columns"):
        sheet = sheet_of(given)
        costs = numbers_beside(sheet, cost_columns)
        cells, titles = columns_beside(beside or {}, sheet)
        inside = [name for what, name in titles.items() if what not in cells]
        cells |= {what: sheet.frame[titles[what]] for what in titles if what not in cells}
        sheet = replace(sheet, frame=sheet.frame.drop(columns=list(dict.fromkeys(inside))))
        role = roles(sheet, kind, text, label, features)
        x, y = sheet.frame[role.features], sheet.frame[role.label]
        kind, text, features, notes = role.kind, None, role.features, role.notes
        reading, named = {"label": role.label}, label is not None
    elif isinstance(given, tuple) and len(given) == 2:
        (x, y), notes, reading, named = given, [], {}, True
        cells, titles = columns_beside(beside or {}, None)
        costs = costs_in(x, cost_columns)
    else:
        raise ValueError(
            f"data is a {type(given).__name__}; give a path, a data frame with a label column, or (X, y)"
        )
    raw, found, said = rows_of(x, kind, text, features)
    tagged = found is TOKEN
    if tagged:
        y = tags_of(x, y)
        said = [*said, *tag_notes(y, raw)]
    where = f"column {reading['label']!r}" if reading else "y"
    classes, names, more = classes_of(labels_column(y), where, named=named)
    data = Dataset.of(name, found.name, raw, Labels.of(classes, names), [*notes, *said, *more])
    for what, column in cells.items():
        if len(column) != len(data):
            raise ValueError(f"{what} has {len(column)} values for {len(data)} rows")
    beside_rows = Beside.of(cells, titles, "data")
    if tagged:
        beside_rows = in_sentences(beside_rows, raw)
    no_inputs = [f"column {c!r} is the {w}, and no input" for w, c in titles.items() if reading]
    told = (*data.notes, *beside_rows.notes, *no_inputs)
    return with_costs(
        replace(data, reading=dict(READING) if tagged else reading, beside=beside_rows, notes=told), costs
    )


def columns_beside(asked: Mapping[str, Any], sheet: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What is given as arrays, by what it is; and the names of all that is given, columns of the frame included."""
    cells: dict[str, Any] = {}
    names: dict[str, str] = {}
    for what, given in asked.items():
        if given is None:
            continue
        if isinstance(given, str | int):
            if sheet is None:
                raise ValueError(f"{what}={given!r}: (X, y) has no such column: pass the values, one a row")
            names[what] = find(sheet, given, what)
        else:
            cells[what], names[what] = given, what
    return cells, names


def labels_column(y: Any) -> Any:
    """Labels, one a row, as a ``pandas.Series``; of a frame of one column, that column.

    Raises:
        ValueError: several columns.
    """
    import pandas as pd

    if isinstance(y, Tensor):
        y = y.detach().cpu().numpy()
    if hasattr(y, "columns") or np.ndim(y) == 2:
        if np.shape(y)[1] != 1:
            raise ValueError(f"y has {np.shape(y)[1]} columns; one label a row is needed")
        y = y.iloc[:, 0] if hasattr(y, "columns") else np.asarray(y)[:, 0]
    return y.reset_index(drop=True) if isinstance(y, pd.Series) else pd.Series(list(y), dtype=object)
