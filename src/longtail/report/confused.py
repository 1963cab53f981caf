"""Confused: what the rows of each class were taken for, as a table; of many classes, the pairs confused most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from longtail.comparison.leaderboard import as_float
from longtail.comparison.record import Results
from longtail.report.figures import by_frequency

MOST = 30
"""Classes up to which a matrix can be read."""
PAIRS = 20


@dataclass(frozen=True)
class Cell:
    """Rows of a class that were taken for one: how many, their share of the class, and the cell's shade, in per cent."""

    rows: int
    share: float
    shade: int


@dataclass(frozen=True)
class Pair:
    """Rows of class ``true`` that were taken for ``decided``, and their share of the class."""

    true: str
    decided: str
    rows: int
    share: float


@dataclass(frozen=True)
class Confused:
    """What one recipe took for what, over all runs.

    Attributes:
        names: classes, most frequent first; cells: by true class, then decision; both empty above ``MOST`` classes.
        pairs: confused most, first the most rows.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    pairs: tuple[Pair, ...]


def confused(results: Results, prior: str, recipe: str) -> Confused | None:
    """What a recipe took for what under a prior; None where no run says it."""
    runs = results.by_recipe.get(recipe, {}).values()
    tables = [run.confusion[prior] for run in runs if prior in run.confusion]
    if not tables:
        return None
    data = results.data
    if isinstance(tables[0], Mapping):
        of_each = np.array(data.counts) * results.settings.test_share * len(tables)
        return Confused((), (), _most(data.names, _counted(tables), of_each))
    order = by_frequency(results)
    total = np.array([[[as_float(v) for v in row] for row in t] for t in tables]).sum(0)
    of_each = total.sum(1)
    wrong = {(i, j): float(total[i, j]) for i, j in zip(*np.nonzero(total)) if i != j}
    pairs = _most(data.names, wrong, of_each)
    if len(order) > MOST:
        return Confused((), (), pairs)
    share = total / np.maximum(of_each[:, None], 1e-300)
    cells = tuple(
        tuple(Cell(round(total[i, j]), float(share[i, j]), round(55 * share[i, j])) for j in order)
        for i in order
    )
    return Confused(tuple(data.names[k] for k in order), cells, pairs)


def _counted(tables: list[Any]) -> dict[tuple[int, int], float]:
    """Rows by true class and decision, over the runs' lists of pairs."""
    found: dict[tuple[int, int], float] = {}
    for table in tables:
        for true, decided, rows in table["pairs"]:
            found[true, decided] = found.get((true, decided), 0.0) + rows
    return found


def _most(names: tuple[str, ...], wrong: Mapping[tuple[int, int], float], of_each: Any) -> tuple[Pair, ...]:
    most = sorted(wrong.items(), key=lambda one: (-one[1], one[0]))[:PAIRS]
    return tuple(
        Pair(names[i], names[j], round(rows), min(1.0, rows / max(float(of_each[i]), 1.0)))
        for (i, j), rows in most
    )
