"""Load: from what a caller has to a data set; and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail import data as data_room
from longtail.comparison.patience import slowly
from longtail.data import Dataset
from longtail.run.loop import On, ignore

DEFAULT_OUT = "longtail-out"

Given = Any
"""A path, a ``Dataset``, a data frame with a label column, or ``(X, y)``: see ``longtail.data.load``."""


def load(
    data: Given,
    *,
    unlabelled: str | Path | None = None,
    cost_columns: Sequence[str] = (),
    on: On = ignore,
    **how: Any,
) -> Dataset:
    """Read data, unless it is read already; keywords as in ``longtail.data.load``, and ``unlabelled``: a file of rows
    without labels; ``on`` is told, if it takes long.
    """
    found = data
    if not isinstance(found, Dataset):
        with slowly(on, f"reading {found if isinstance(found, str | Path) else 'the data'}"):
            given = {k: v for k, v in how.items() if v is not None}
            found = data_room.load(found, cost_columns=cost_columns, **given)
    elif lacking := [name for name in cost_columns if name not in found.costs_of]:
        found = data_room.with_costs(found, data_room.costs_in(found.raw, lacking))
    return found if unlabelled is None else data_room.with_unlabelled(found, unlabelled)
