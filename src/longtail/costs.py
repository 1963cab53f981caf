"""Costs: what each decision costs, by the true class and the decided one. Said in any form, parsed and checked once, at
the door; and the decision that costs least.

Under a prior the class decided is ``argmin_j sum_i p_i C[i, j]``, with p the probabilities under that prior (Elkan, *The
Foundations of Cost-Sensitive Learning*, IJCAI 2001). A cell may name a column of the data: then each row has costs of its
own (example-dependent costs), which have to be known when it is decided.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longtail.by_class import by_class, by_name, plain
from longtail.words import nearest

Array = Any
Cell = float | str
"""A cost; or the name of a column that holds it, row by row."""
Said = Any
"""The forms in which costs are said; see :meth:`Costs.of`."""

TIE = 1e-12
"""Expected costs that differ by less than this share are equal: then the more probable class is decided."""
LISTED = 3
"""Classes up to which every cost is said in words."""


@dataclass(frozen=True)
class Costs:
    """What each decision costs.

    Attributes:
        cells: a row for each true class, in it a cell for each decided class, both in class order. A negative cost is a
            gain, and a right decision may cost something too.

    >>> costs = Costs.of("0,1;20,0", ["healthy", "sick"])
    >>> costs.decide(np.array([[0.97, 0.03], [0.92, 0.08]])).tolist()
    [0, 1]
    >>> costs == Costs.of({"sick": {"healthy": 20, "sick": 0}, "healthy": {"sick": 1, "healthy": 0}}, ["healthy", "sick"])
    True
    """

    cells: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        _check("costs", self.cells, len(self.cells))

    @classmethod
    def of(cls, said: Said, names: Sequence[str], argument: str = "costs", files: bool = False) -> Costs:
        """Costs in whatever form they are said.

        Args:
            said: rows of cells in class order, the true class down and the decided class across: text ("0,1;20,0"),
                nested lists, an array or a tensor; by class name or index: a mapping ``{true: {decided: cost}}``, or a
                pandas DataFrame whose index is the true class; or a ``Costs``. A cell is a number or the name of a
                column.
            names: of the classes, in the order of the outputs.
            argument: what the caller calls it, for the messages.
            files: may a text be the name of a csv or JSON file? The first row and the first column of a csv name the
                classes, unless its first cell is a number.

        Raises:
            ValueError: another number of classes, a class that is missing, unknown or given twice, a number that is not
                finite, or costs that are the same whatever is decided.
            TypeError: what holds no cells.
        """
        if isinstance(said, Costs):
            _check(argument, said.cells, len(names))
            return said
        down, across, rows = _table(said, argument, files)
        if down is not None and across is not None:
            rows = _in_order(argument, down, across, rows, names)
        cells = tuple(tuple(_cell(argument, value) for value in row) for row in rows)
        _check(argument, cells, len(names), names)
        return cls(cells)

    @classmethod
    def from_json(cls, cells: Any) -> Costs:
        """What :attr:`cells` is in JSON.

        Raises:
            ValueError: something else.
        """
        if not isinstance(cells, list | tuple) or not all(isinstance(row, list | tuple) for row in cells):
            raise ValueError("costs must be a list of rows")
        return cls(tuple(tuple(_cell("costs", value) for value in row) for row in cells))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that hold costs, in the order in which they are named."""
        return tuple(dict.fromkeys(cell for row in self.cells for cell in row if isinstance(cell, str)))

    def matrix(self, of: Mapping[str, Array] | None = None) -> Array:
        """The costs, float64 ``[C, C]``; ``[N, C, C]`` where columns hold some.

        Args:
            of: the values of each column, ``[N]``.

        Raises:
            ValueError: a column has no values here, or values that are not finite.
        """
        if not self.columns:
            return np.array(self.cells, dtype=np.float64)
        found = {name: _values(of or {}, name) for name in self.columns}
        n, c = len(found[self.columns[0]]), len(self.cells)
        made = np.empty((n, c, c))
        for i, row in enumerate(self.cells):
            for j, cell in enumerate(row):
                made[:, i, j] = found[cell] if isinstance(cell, str) else cell
        return made

    def decide(self, probabilities: Array, of: Mapping[str, Array] | None = None) -> Array:
        """The classes that cost least to decide, int64 ``[N]``, numpy or torch as they came; of equally cheap ones the
        more probable.

        Args:
            probabilities: ``[N, C]``, under the prior that is deployed under.
            of: as for :meth:`matrix`.

        Raises:
            ValueError: probabilities of another number of classes, or another number of rows than ``of``.
        """
        p = _numpy(probabilities)
        decided = np.empty(len(p), dtype=np.int64)
        cost = self.matrix(of)
        if p.ndim != 2 or p.shape[1] != len(self.cells) or (cost.ndim == 3 and len(cost) != len(p)):
            raise ValueError(f"probabilities of shape {p.shape} for costs of shape {cost.shape}")
        cost = cost - cost.min(-1, keepdims=True)  # what a row costs in any case decides nothing
        step = max(1, 2**22 // p.shape[1])
        for i in range(0, len(p), step):
            k = slice(i, i + step)
            expected = p[k] @ cost if cost.ndim == 2 else np.einsum("ni,nij->nj", p[k], cost[k])
            cheapest = expected <= expected.min(1, keepdims=True) * (1 + TIE)
            decided[k] = np.where(cheapest, p[k], -1.0).argmax(1)
        return probabilities.new_tensor(decided).long() if _is_tensor(probabilities) else decided

    def in_words(self, names: Sequence[str]) -> str:
        """The costs in a sentence or two.

        >>> Costs.of("0,1;20,0", ["healthy", "sick"]).in_words(["healthy", "sick"])
        "A 'healthy' row decided as 'sick' costs 1; a 'sick' row decided as 'healthy' costs 20; a right decision costs 0."
        """
        c = range(len(self.cells))
        numbers = [cell for row in self.cells for cell in row if not isinstance(cell, str)]
        if len(self.cells) > LISTED:
            spread = f" from {min(numbers):g} to {max(numbers):g}" if numbers else ""
            held = f"; columns of the row hold some: {', '.join(self.columns)}" if self.columns else ""
            many = len(self.cells)
            return f"The costs are a matrix of {many} true by {many} decided classes,{spread}{held}."
        said = [
            f"a {names[i]!r} row decided as {names[j]!r} costs {_said(self.cells[i][j])}"
            for i in c
            for j in c
            if i != j
        ]
        right = {self.cells[i][i] for i in c}
        if len(right) == 1:
            said.append(f"a right decision costs {_said(right.pop())}")
        else:
            said += [f"a {names[i]!r} row decided right costs {_said(self.cells[i][i])}" for i in c]
        text = "; ".join(said) + "."
        return text[:1].upper() + text[1:]


def by_class_name(said: Said, argument: str = "costs", files: bool = False) -> bool:
    """Do costs name the classes, so that they hold in whatever order these come?

    >>> by_class_name("0,5;1,0"), by_class_name({"a": {"a": 0, "b": 5}, "b": {"a": 1, "b": 0}})
    (False, True)
    """
    return not isinstance(said, Costs) and _table(said, argument, files)[0] is not None


def columns_named(said: Said, argument: str = "costs", files: bool = False) -> tuple[str, ...]:
    """The columns of the data that costs name, before the classes are known.

    Args:
        said, argument, files: as for :meth:`Costs.of`; None names none.

    >>> columns_named("0,5;AMOUNT,0"), columns_named([[0, 1], [5, 0]])
    (('AMOUNT',), ())
    """
    if said is None:
        return ()
    rows = said.cells if isinstance(said, Costs) else _table(said, argument, files)[2]
    cells = [_cell(argument, value) for row in rows for value in row]
    return tuple(dict.fromkeys(cell for cell in cells if isinstance(cell, str)))


Table = tuple[list[Any] | None, list[Any] | None, Sequence[Sequence[Any]]]
"""The keys of the true and of the decided classes (None: class order), and the rows of cells."""


def _table(said: Said, argument: str, files: bool) -> Table:
    """The cells of what was said, as they stand."""
    if isinstance(said, str | Path):
        text = str(said)
        if files and _is_file(text):
            return _file(Path(text), argument)
        if ";" not in text:
            raise ValueError(
                f"{argument}={text!r} must be rows of costs such as '0,1;20,0' (true classes down, decided across)"
                + (", or a csv or JSON file that exists" if files else "")
            )
        return None, None, [row.split(",") for row in text.split(";") if row.strip()]
    if hasattr(said, "columns") and hasattr(said, "index"):
        return list(said.index), list(said.columns), said.to_numpy(dtype=object).tolist()
    if isinstance(said, Mapping):
        return _of_mapping(said, argument)
    rows = said.tolist() if callable(getattr(said, "tolist", None)) else said
    if not isinstance(rows, list | tuple) or not all(isinstance(row, list | tuple) for row in rows):
        raise TypeError(
            f"{argument}={said!r:.80} must be rows of costs such as [[0, 1], [20, 0]] (true classes down, decided "
            "across), or {true: {decided: cost}}"
        )
    return None, None, rows


def _of_mapping(said: Mapping[Any, Any], argument: str) -> Table:
    if not all(isinstance(row, Mapping) for row in said.values()):
        raise TypeError(
            f"{argument}: each true class needs {{decided: cost}}, as {{'sick': {{'sick': 0, 'healthy': 20}}}}"
        )
    down = list(said)
    across = list(said[down[0]]) if down else []
    for true in down:
        if set(said[true]) != set(across):
            odd = next(iter(set(said[true]) ^ set(across)))
            raise ValueError(
                f"{argument}[{plain(true)!r}]: every true class needs a cost for the same decided classes; "
                f"{plain(odd)!r} is not in all of them"
            )
    return down, across, [[said[true][decided] for decided in across] for true in down]


def _file(path: Path, argument: str) -> Table:
    """A csv or a JSON file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if path.suffix.lower() == ".json":
            data = json.loads(text)
            if isinstance(data, dict):
                return _of_mapping(data, str(path))
            if isinstance(data, list) and all(isinstance(row, list) for row in data):
                return None, None, data
            raise ValueError("it holds no rows")
        first = text.partition("\n")[0]
        rows = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
    except OSError as why:
        raise type(why)(f"{path}: {argument} cannot be read ({why.strerror})") from None
    except (ValueError, RecursionError, csv.Error, TypeError) as why:
        raise ValueError(
            f"{path}: {argument} must be rows of costs, or {{true: {{decided: cost}}}} ({why})"
        ) from None
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not rows or not rows[0] or isinstance(_number(rows[0][0]), float):
        return None, None, rows
    return [row[0] for row in rows[1:]], rows[0][1:], [row[1:] for row in rows[1:]]


def _in_order(
    argument: str, down: list[Any], across: list[Any], rows: Sequence[Sequence[Any]], names: Sequence[str]
) -> list[list[Any]]:
    """Rows in class order, from those of a table whose classes are named, or numbered."""
    if by_name(down, names) != by_name(across, names):
        raise ValueError(
            f"{argument}: true classes are {_shown(down)} and decided classes {_shown(across)}: name both by class "
            f"({', '.join(map(repr, names[:8]))}), or both by number"
        )
    if any(len(row) != len(across) for row in rows):
        raise ValueError(f"{argument}: each row needs {len(across)} costs, one for each decided class")
    for keys in (down, across):
        if len(set(map(str, map(plain, keys)))) < len(keys):
            raise ValueError(f"{argument}: a class is given twice among {_shown(keys)}")
    ordered = by_class(argument, dict(zip(down, rows)), names)
    return [by_class(argument, dict(zip(across, row)), names) for row in ordered]


def _cell(argument: str, value: Any) -> Cell:
    """A number, or the name of a column."""
    value = plain(value)
    number = _number(value)
    if number is None and isinstance(value, str) and value.strip():
        return value.strip()
    if number is None or not math.isfinite(number):
        raise ValueError(f"{argument} holds {value!r}; each cost is a finite number, or the name of a column")
    return number


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _check(argument: str, cells: Sequence[Sequence[Cell]], c: int, names: Sequence[str] = ()) -> None:
    """A row for each class with a cell for each class, and decisions that differ."""
    if c < 2 or len(cells) != c or any(len(row) != c for row in cells):
        widths = "+".join(str(len(row)) for row in cells)
        order = f"; the classes are, in their order, {', '.join(names[:20])}" if names else ""
        raise ValueError(
            f"{argument} has {len(cells)} rows ({widths} cells) for {c} classes: a row for each true class, in it a "
            f"cost for each decided class{order}"
        )
    if all(cell == row[0] for row in cells for cell in row):
        raise ValueError(
            f"{argument}: every decision costs the same, whatever the true class, so there is nothing to decide"
        )


def _values(of: Mapping[str, Array], name: str) -> Array:
    if name not in of:
        raise ValueError(
            f"costs name the column {name!r}, which these rows do not have{nearest(name, of)}: give rows with that column"
        )
    values = _numpy(of[name])
    if not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        raise ValueError(f"column {name!r} holds costs, and row {row} has no finite number there")
    return values


def _numpy(values: Any) -> Array:
    return np.asarray(values.detach().cpu().numpy() if _is_tensor(values) else values, dtype=np.float64)


def _is_tensor(value: Any) -> bool:
    return callable(getattr(value, "detach", None))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or not the name of a file at all
        return False


def _said(cell: Cell) -> str:
    return f"what its column {cell!r} says" if isinstance(cell, str) else f"{cell:g}"


def _shown(keys: Sequence[Any]) -> str:
    return ", ".join(repr(plain(key)) for key in keys[:8]) + (" ..." if len(keys) > 8 else "")
