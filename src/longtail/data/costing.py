"""Costing: columns of the data that say what a decision costs in each row; they may be inputs too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.data.dataset import Dataset
from longtail.formats.columns import find
from longtail.formats.read_column import read
from longtail.formats.sheet import Sheet


def numbers_beside(sheet: Sheet, names: Sequence[str], argument: str = "costs") -> dict[str, Tensor]:
    """The columns of those names as numbers, float64 ``[N]`` each.

    Args:
        sheet: all columns of the file, or of what is in memory.
        names: as the user wrote them; each is found as any column is.
        argument: what names them, for the messages.

    Raises:
        ValueError: no such column, or a row without a number in it.

    >>> import pandas as pd
    >>> numbers_beside(Sheet(Path("loans.csv"), pd.DataFrame({"amount": ["5", "2.5"]})), ["amount"])["amount"].tolist()
    [5.0, 2.5]
    """
    out = {}
    for name in names:
        column = sheet.frame[find(sheet, name, argument)]
        values, how, _ = read(column, name, decimal_comma=sheet.decimal_comma)
        place = f"{sheet.path}, column {name!r}"
        if how.kind != "number":
            raise ValueError(f"{place} holds {how.kind}s; {argument}= needs a number in each row")
        found = torch.from_numpy(values.to_numpy(dtype="float64").copy())
        if not bool(torch.isfinite(found).all()):
            row = int((~torch.isfinite(found)).nonzero()[0])
            raise ValueError(f"{place}: row {row + 1} has no number there; {argument}= needs one in each row")
        out[name] = found
    return out


def costs_in(raw: Any, names: Sequence[str]) -> dict[str, Tensor]:
    """Columns of costs in rows in memory, where these are a data frame; what is not there is left out."""
    if not hasattr(raw, "columns"):
        return {}
    columns = [str(c) for c in raw.columns]
    frame = raw.reset_index(drop=True).set_axis(columns, axis="columns")
    return numbers_beside(Sheet(Path("X"), frame), [name for name in names if name in columns])


def with_costs(data: Dataset, costs: Mapping[str, Tensor]) -> Dataset:
    """A data set with columns of costs; one that is an input too is said to be."""
    known = set(map(str, data.raw.columns)) if hasattr(data.raw, "columns") else set()
    notes = tuple(
        f"column {name!r} says what decisions cost, and is an input too (drop= leaves it out)"
        for name in costs
        if name in known
    )
    if not costs:
        return data
    beside = replace(data.beside, costs={**data.costs_of, **costs})
    return replace(data, beside=beside, notes=(*data.notes, *notes))
