"""Embeddings: ready-made features, as a column of vectors, columns of numbers, or what is in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from longtail.formats.arrays import matrix
from longtail.formats.columns import column_type
from longtail.formats.sheet import Sheet
from longtail.kinds.table.read import WHERE, table


def embeddings_of(x: Any) -> Tensor:
    """float32 ``[N, d]``."""
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    return matrix(array, WHERE)[0]


def embeddings_in(sheet: Sheet, features: list[str], notes: list[str]) -> Any:
    """The embeddings of a file's columns; what was done is added to the notes."""
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
