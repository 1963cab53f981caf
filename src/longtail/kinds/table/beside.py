"""Columns that look like groups or times: folds at random flatter where rows of one group, or of one season, stand on
both sides.
"""

from __future__ import annotations

import re
from typing import Any

from longtail.labels import Labels

NAMES = (
    "author", "client", "customer", "device", "donor", "driver", "group", "hospital", "household", "id", "machine",
    "participant", "patient", "person", "session", "site", "speaker", "student", "subject", "user",
)  # fmt: skip
"""Words in the name of a column of groups."""
REPEATS = 2.0
"""Rows of a group, on average, from which on it is one."""


def beside(raw: Any, labels: Labels) -> tuple[str, ...]:
    """What to warn of, a line for each column.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"patient": ["ann", "bo", "ann", "bo"] * 5, "x": range(20)})
    >>> beside(frame, Labels.of([0, 1] * 10))[0][:60]
    "column 'patient' is called like a group, and has 2 values in"
    """
    lines = []
    for name in raw.columns:
        column = raw[name]
        if column.dtype.kind == "M":
            lines.append(
                f"column {str(name)!r} holds dates: if the model will meet later rows than it learnt from, compare with "
                f"time={str(name)!r}"
            )
        elif set(re.split(r"[\W_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name)).lower())) & set(NAMES):
            values = column.nunique(dropna=True)
            if values > 1 and len(column) >= REPEATS * values:
                lines.append(
                    f"column {str(name)!r} is called like a group, and has {values:,} values in {len(column):,} rows: if "
                    f"rows of one belong together, compare with group={str(name)!r}"
                )
    return tuple(lines)
