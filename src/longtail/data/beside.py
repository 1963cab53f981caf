"""Beside: what stands beside rows and is no input of a model: their groups, times and parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from longtail.data.weighing import weights_of
from longtail.formats.how import SPLITS

PARTS = ("train", "validation", "test")
"""The parts of data that come with a split of their own, in the order of their numbers."""
WORDS = {word: part for part, words in SPLITS.items() for word in words}


@dataclass(frozen=True, eq=False)
class Beside:
    """Columns beside the rows, each None where there is none.

    Attributes:
        group: int64 ``[N]``, equal for rows that belong together (of one patient, say).
        time: float64 ``[N]``: a number, or seconds since 1970 of a date.
        part: int64 ``[N]``: 0 trains, 1 validates, 2 tests.
        weight: float64 ``[N]``, how much a row counts, in training and in scores.
        sequence: int64 ``[N]``, the sentence of each row that is a token; its rows stand together, in its order.
        groups: the names of the groups 0, 1, ...; rows without a group have none.
        costs: float64 ``[N]`` by name, columns that say what a decision costs in each row; they may be inputs too.
        dated: are times dates?
        names: the column of each, or in words where it comes from.
        notes: what was done.
    """

    group: Tensor | None = None
    time: Tensor | None = None
    part: Tensor | None = None
    weight: Tensor | None = None
    sequence: Tensor | None = None
    groups: tuple[str, ...] = ()
    costs: Mapping[str, Tensor] = field(default_factory=dict)
    dated: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Mapping[str, Any], names: Mapping[str, str], where: str) -> Beside:
        """From columns of cells, by "group", "time", "split" and "weight".

        Args:
            columns: a cell for each row.
            names: what each column is called.
            where: the file, for messages.

        Raises:
            ValueError: a time or a weight that cannot be read, or a part of another name.

        >>> found = Beside.of({"group": ["ann", "bo", "ann"]}, {"group": "person"}, "a.csv")
        >>> found.group.tolist(), found.names
        ([0, 1, 0], {'group': 'person'})
        """
        found: dict[str, Any] = {}
        notes: list[str] = []
        for what, cells in columns.items():
            place = f"{where}, column {names[what]!r}"
            if what == "group":
                found["group"], found["groups"] = groups_of(cells, place, notes)
            elif what == "time":
                found["time"], found["dated"] = times_of(cells, place)
            elif what == "weight":
                found["weight"] = row_weights(cells, place)
            else:
                found["part"] = parts_of(cells, place)
        return cls(**found, names=dict(names), notes=tuple(notes))

    def take(self, index: Tensor) -> Beside:
        """Those of some rows."""
        picked = {
            name: None if (column := getattr(self, name)) is None else column[index]
            for name in ("group", "time", "part", "weight", "sequence")
        }
        costs = {name: values[index] for name, values in self.costs.items()}
        return Beside(
            **picked, groups=self.groups, costs=costs, dated=self.dated, names=self.names, notes=self.notes
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the groups, times, parts and weights; costs say how rows are judged, so they do not enter."""
        h = hashlib.sha256()
        for column in (self.group, self.time, self.part, self.weight):
            h.update(b"-" if column is None else column.numpy().tobytes())
        if self.sequence is not None:
            h.update(self.sequence.numpy().tobytes())
        return h.hexdigest()


def groups_of(
    cells: Any, place: str, notes: list[str], known: tuple[str, ...] = ()
) -> tuple[Tensor, tuple[str, ...]]:
    """The number of each row's group, by first appearance after those that are known, and the names of all; a row without
    one is a group of its own, behind the others.
    """
    import numpy as np
    import pandas as pd

    values = [None if v is None or not str(v).strip() else str(v).strip() for v in _listed(cells)]
    codes, found = pd.factorize(pd.Series([*known, *values], dtype=object))
    codes = codes[len(known) :].astype(np.int64)
    alone = np.flatnonzero(codes < 0)
    if len(alone):
        notes.append(f"{place}: {len(alone)} rows have no group; each of them is one of its own")
        codes[alone] = len(found) + np.arange(len(alone))
    return torch.from_numpy(codes), tuple(map(str, found))


def row_weights(cells: Any, place: str) -> Tensor:
    """The weight of each row, float64 ``[N]``.

    Raises:
        ValueError: a cell that is no number, a negative one, or all zero.
    """
    import pandas as pd

    from longtail.formats.read_column import read

    column = cells if isinstance(cells, pd.Series) else pd.Series(_listed(cells))
    values, how, _ = read(column.reset_index(drop=True), "")
    if how.kind != "number" or bool(pd.isna(values).any()):
        raise ValueError(f"{place}: weight= needs a number in each row")
    return torch.from_numpy(weights_of(values, len(values), f"{place}: weight="))


def times_of(cells: Any, place: str) -> tuple[Tensor, bool]:
    """Times as numbers, and are they dates?

    Raises:
        ValueError: a cell that is neither a number nor a date.
    """
    import numpy as np
    import pandas as pd

    from longtail.formats.read_column import read

    column = cells if isinstance(cells, pd.Series) else pd.Series(_listed(cells))
    values, how, _ = read(column.reset_index(drop=True), "")
    bad = np.flatnonzero(pd.isna(values)) if how.kind != "word" else np.arange(len(column))
    if len(bad):
        raise ValueError(
            f"{place}: {len(bad)} of {len(column)} cells are neither a number nor a date (row {bad[0] + 1}: "
            f"{column.iloc[bad[0]]!r}), so time= cannot put rows in order: mend them, or leave those rows out"
        )
    if how.kind == "date":
        seconds = values.to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
        return torch.from_numpy(seconds), True
    return torch.from_numpy(np.array(values, dtype=np.float64)), False


def parts_of(cells: Any, place: str) -> Tensor:
    """The part of each row: 0 trains, 1 validates, 2 tests.

    Raises:
        ValueError: a cell that names no part; or no row that trains, or none that tests.

    >>> parts_of(["train", "Test", "dev"], "a.csv").tolist()
    [0, 2, 1]
    """
    words = [str(v).strip().lower() for v in _listed(cells)]
    for k, word in enumerate(words):
        if word not in WORDS:
            raise ValueError(
                f"{place}: row {k + 1} holds {words[k]!r}; split= takes a column of {', '.join(WORDS)}"
            )
    part = torch.tensor([PARTS.index(WORDS[word]) for word in words])
    for k in (0, 2):
        if not bool((part == k).any()):
            raise ValueError(f"{place}: no row is of the part {PARTS[k]!r}, which split= needs")
    return part


def groups_by_path(paths: Sequence[str], pattern: str, place: str) -> Tensor:
    """Groups of pictures by their file names.

    Args:
        paths: of the pictures, below the folder of the data set.
        pattern: "folder": the folder that a picture lies in, below that of its class; or a regular expression, of which
            the part in brackets names the group (all that it finds, where it has none).

    Raises:
        ValueError: no regular expression, or a path in which it finds nothing.

    >>> groups_by_path(["cat/p1-a.png", "cat/p1-b.png", "dog/p2-a.png"], r"p[0-9]+", "pets").tolist()
    [0, 0, 1]
    """
    import re

    notes: list[str] = []
    if pattern == "folder":
        inner = ["/".join(path.split("/")[1:-1]) for path in paths]
        if not any(inner):
            raise ValueError(f"{place}: group='folder': no picture lies in a folder below that of its class")
        return groups_of(inner, place, notes)[0]
    try:
        find = re.compile(pattern)
    except re.error as why:
        raise ValueError(
            f"group={pattern!r}: for pictures it is 'folder', or a regular expression: {why}"
        ) from None
    found = []
    for path in paths:
        match = find.search(path)
        if match is None:
            raise ValueError(f"{place}: group={pattern!r} finds nothing in {path!r}")
        found.append(match[1] if find.groups else match[0])
    return groups_of(found, place, notes)[0]


def _listed(cells: Any) -> list[Any]:
    """Cells as a list, None for a missing one."""
    import pandas as pd

    values = list(cells.tolist() if hasattr(cells, "tolist") else cells)
    return [None if v is None or (isinstance(v, float) and v != v) or v is pd.NaT else v for v in values]
