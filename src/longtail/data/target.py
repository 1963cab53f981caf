"""A column of labels to class indices: spaces, quotes, 6 and 6.0 are sorted out, continuous ones refused."""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import Tensor

from longtail.data.delimited import unquoted
from longtail.data.sheet import MISSING
from longtail.labels import natural

MISSING_LABELS = MISSING - {"?", "-", "none", "null", "na"}
"""Cells that mean "no label". "none", "null" and the like are names that a class may well have."""


def classes_of(
    values: Any, where: str, declared: list[str] | None = None
) -> tuple[Tensor, tuple[str, ...], list[str]]:
    """Class indices int64 ``[N]``, class names in natural order, and what was done.

    Args:
        values: a column (a ``pandas.Series`` or a sequence) of labels, of whatever type.
        where: the file and the column, for messages.
        declared: names of the classes 0, 1, ... where the file declares them; classes without a row are kept.

    Raises:
        ValueError: a row without a label; a single class; a continuous column, or one of too many values.

    >>> y, names, notes = classes_of(["6.0", "10 ", "6"], "wine.csv, column 'quality'")
    >>> y.tolist(), names
    ([0, 1, 0], ('6', '10'))
    """
    import pandas as pd

    column = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    if any(isinstance(v, list | dict) or (hasattr(v, "shape") and v.shape) for v in column.iloc[:1]):
        raise ValueError(f"{where}: holds lists; one label a row is needed")
    codes, found = pd.factorize(column, use_na_sentinel=True)
    cells = [_cell(v) for v in found]
    trimmed = [c.strip() for c in cells]
    bare = [unquoted(c) for c in trimmed]
    gone = [i for i, c in enumerate(bare) if c.lower() in MISSING_LABELS]
    _refuse_missing(codes, gone, where)
    notes = []
    if trimmed != cells:
        notes.append(f"{where}: spaces around labels removed")
    if bare != trimmed:
        example = next(t for t, b in zip(trimmed, bare) if t != b)
        notes.append(f"{where}: quotes around labels removed ({example})")
    numbers = _numbers(bare)
    if numbers is not None:
        _refuse_continuous(numbers, len(column), where)
        names_of = [_number_name(v) for v in numbers]
        floats = [b for b, name in zip(bare, names_of) if b != name]
        if floats:
            notes.append(f"{where}: {floats[0]} is read as class {names_of[bare.index(floats[0])]}")
        order = sorted(set(names_of), key=float)
        if len(order) > 30 and order != [str(k) for k in range(len(order))]:
            notes.append(
                f"{where}: {len(order)} different whole numbers ({order[0]} to {order[-1]}) are read as classes; if they "
                "are a quantity, bin them first"
            )
    else:
        if len(set(bare)) > max(10, len(column) / 2):
            raise ValueError(
                f"{where}: {len(set(bare))} different values in {len(column)} rows are no classes; name"
                " the label column"
                " with label="
            )
        names_of = bare
        order = sorted(set(names_of), key=natural)
    if declared is not None:
        order, names_of = _declared(order, names_of, declared, where)
        empty = len(order) - len(set(names_of))
        notes.append(
            f"{where}: names of {len(order)} classes as declared"
            + (f", {empty} without a row" if empty else "")
        )
    if len(order) < 2:
        raise ValueError(f"{where}: every row has the label {order[0]!r}; at least two classes are needed")
    place = {name: k for k, name in enumerate(order)}
    index = torch.tensor([place[name] for name in names_of], dtype=torch.int64)
    return index[torch.from_numpy(codes.astype("int64"))], tuple(order), notes


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value.item() if hasattr(value, "item") else value)


def _refuse_missing(codes: Any, gone: list[int], where: str) -> None:
    bad = codes < 0
    for code in gone:
        bad = bad | (codes == code)
    rows = bad.nonzero()[0]
    if len(rows):
        shown = ", ".join(str(r + 1) for r in rows[:5]) + (" ..." if len(rows) > 5 else "")
        raise ValueError(
            f"{where}: {len(rows)} of {len(codes)} rows have no label (row {shown}, counting data rows"
            " from 1):"
            " fill them in, or remove these rows"
        )


def _numbers(cells: list[str]) -> list[float] | None:
    out = []
    for cell in cells:
        try:
            out.append(float(cell))
        except ValueError:
            return None
        if not math.isfinite(out[-1]) or "_" in cell:
            return None
    # "007" and "7" are different words; numbers in which a leading zero matters are names.
    return None if any(re.match(r"[+-]?0[0-9]", cell) for cell in cells) else out


def _number_name(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _refuse_continuous(numbers: list[float], n: int, where: str) -> None:
    distinct = len(set(numbers))
    fractions = any(v != int(v) for v in numbers)
    if (distinct > 30 and (fractions or distinct > n / 4)) or distinct > max(10, n / 2):
        what = "a continuous quantity" if fractions else "a quantity or an identifier"
        raise ValueError(
            f"{where}: {distinct} different numbers in {n} rows ({min(numbers):g} to {max(numbers):g})"
            f" look like {what},"
            " not classes: name the label column with label=, or bin it into classes first"
        )


def _declared(
    order: list[str], names_of: list[str], declared: list[str], where: str
) -> tuple[list[str], list[str]]:
    if all(name in declared for name in order) and not all(name.isdecimal() for name in order):
        return list(declared), names_of
    for name in order:
        if not name.isdecimal() or int(name) >= len(declared):
            raise ValueError(
                f"{where}: label {name} has no name: the file declares names for 0..{len(declared) - 1}"
            )
    unique = [n if declared.count(n) == 1 else f"{n} ({i})" for i, n in enumerate(declared)]
    return unique, [unique[int(name)] for name in names_of]
