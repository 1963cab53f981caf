"""A column of labels to class indices: spaces, quotes, 6 and 6.0 are sorted out; what looks like no classes is refused,
unless the user named the column as the label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from longtail.formats.delimited import unquoted
from longtail.formats.reading import Doubt
from longtail.formats.sheet import MISSING
from longtail.labels import natural
from longtail.words import printable

MISSING_LABELS = MISSING - {"?", "-", "none", "null", "na"}
"""Cells that mean "no label". "none", "null" and the like are names that a class may well have."""


def classes_of(
    values: Any, where: str, declared: list[str] | None = None, named: bool = False
) -> tuple[Tensor, tuple[str, ...], list[str]]:
    """Class indices int64 ``[N]``, class names in natural order, and what was done.

    Args:
        values: a column (a ``pandas.Series`` or a sequence) of labels, of whatever type.
        where: the file and the column, for messages.
        declared: names of the classes 0, 1, ... where the file declares them; classes without a row are kept.
        named: did the user name this column as the label? Then it is, and what it looks like is a warning, not an error.

    Raises:
        ValueError: a row without a label; a single class; unless ``named``, a continuous column, or too many values.

    >>> y, names, notes = classes_of(["6.0", "10 ", "6"], "wine.csv, column 'quality'")
    >>> y.tolist(), names
    ([0, 1, 0], ('6', '10'))
    """
    import pandas as pd

    column = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    if any(isinstance(v, list | dict | set) or (hasattr(v, "shape") and v.shape) for v in column):
        raise ValueError(f"{where}: holds lists; one label per row is needed")
    if not len(column):
        raise ValueError(f"{where}: no rows")
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
        doubt, distinct = _doubt(numbers, len(column)), len(set(numbers))
        if doubt and not named:
            raise ValueError(
                f"{where}: {doubt}, not classes: name the label column with label=, or bin it into classes first"
            )
        if doubt:
            notes.append(
                Doubt(
                    f"{where}: {doubt}; read as {distinct} classes, as you named it the label. If it is a quantity, bin "
                    "it into classes first"
                )
            )
        names_of = [_number_name(v) for v in numbers]
        floats = [b for b, name in zip(bare, names_of) if b != name]
        if floats:
            notes.append(f"{where}: {floats[0]} is read as class {names_of[bare.index(floats[0])]}")
        order = sorted(set(names_of), key=float)
        if not doubt and len(order) > 30 and order != [str(k) for k in range(len(order))]:
            notes.append(
                f"{where}: {len(order)} different whole numbers ({order[0]} to {order[-1]}) are read as classes; if they "
                "are a quantity, bin them first"
            )
    else:
        names_of = [printable(b) for b in bare]
        if names_of != bare:
            odd = next(n for n, b in zip(names_of, bare) if n != b)
            notes.append(f"{where}: characters that act on a terminal are written as their codes ({odd})")
        if len(set(bare)) > max(10, len(column) / 2):
            many = f"{where}: {len(set(bare))} different values in {len(column)} rows"
            if not named:
                raise ValueError(f"{many} are no classes; name the label column with label=")
            notes.append(Doubt(f"{many}: many classes with few rows each"))
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


def indices_of(values: Any, names: Sequence[str]) -> Tensor:
    """The index of each label among known classes, int64 ``[N]``; -1 where it is missing or none of them.

    >>> indices_of(["6.0", " 3", "?"], ("3", "6")).tolist()
    [1, 0, -1]
    """
    import pandas as pd

    codes, found = pd.factorize(pd.Series(list(values), dtype=object), use_na_sentinel=True)
    place = {name: k for k, name in enumerate(names)}
    known = [-1]  # the last is that of a missing label
    for value in found:
        cell = printable(unquoted(_cell(value).strip()))
        number = _numbers([cell])
        known.insert(-1, place.get(cell, place.get(_number_name(number[0]), -1) if number else -1))
    return torch.tensor(known, dtype=torch.int64)[torch.from_numpy(codes.astype("int64"))]


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


def _doubt(numbers: list[float], n: int) -> str:
    """Why these numbers look like no classes; "" where they may be."""
    distinct = len(set(numbers))
    fractions = any(v != int(v) for v in numbers)
    if not ((distinct > 30 and (fractions or distinct > n / 4)) or distinct > max(10, n / 2)):
        return ""
    what = "a continuous quantity" if fractions else "a quantity or an identifier"
    return f"{distinct} different numbers in {n} rows ({min(numbers):g} to {max(numbers):g}) look like {what}"


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
