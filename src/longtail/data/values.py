"""The columns of a sheet as raw rows: a data frame, texts, or embeddings."""

from __future__ import annotations

from typing import Any

from longtail.data.arrays import matrix
from longtail.data.columns import Roles, column_type, table
from longtail.data.encoding import clean
from longtail.data.sheet import Sheet


def raw_of(sheet: Sheet, role: Roles, notes: list[str]) -> Any:
    """What ``Dataset.raw`` is for a table, texts or embeddings; what was done is added to the notes."""
    if role.kind == "table":
        frame, said = table(sheet, role.features)
        notes += said
        return frame
    if role.kind == "text":
        return _texts(sheet.frame[role.features[0]], notes)
    return _embeddings(sheet, role.features, notes)


def _texts(column: Any, notes: list[str]) -> list[str]:
    gone = column.isna()
    if gone.any():
        notes.append(f"{int(gone.sum())} rows have no text: kept as empty")
    texts = [clean("" if missing else str(v)) for v, missing in zip(column, gone)]
    empty = sum(not t.strip() for t in texts) - int(gone.sum())
    if empty > 0:
        notes.append(f"{empty} rows have an empty text: kept")
    return texts


def _embeddings(sheet: Sheet, features: list[str], notes: list[str]) -> Any:
    import numpy as np

    if column_type(sheet.frame[features[0]]) == "embedding":
        column = sheet.frame[features[0]]
        lengths = {0 if v is None else len(v) for v in column}
        if len(lengths) > 1:
            raise ValueError(
                f"{sheet.path}, column {features[0]!r}: vectors of lengths {sorted(lengths)[:5]}; one is"
                " needed"
            )
        try:
            array = np.stack([np.asarray(v, dtype=np.float64) for v in column])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{sheet.path}, column {features[0]!r}: lists that hold no numbers") from error
    else:
        frame, said = table(sheet, features)
        notes += said
        words = [c for c in features if frame[c].dtype.kind not in "fiub"]
        if words:
            raise ValueError(f"{sheet.path}: kind='embedding', but column {words[0]!r} holds words or dates")
        array = frame.to_numpy()
    rows, said = matrix(array, sheet.path)
    notes += said
    return rows
