"""Columns: which metrics a table shows, read from the metrics' room, and what to say where one is not defined."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from longtail.comparison.leaderboard import Row
from longtail.comparison.record import Results
from longtail.metrics import Metric, found

NOT_DEFINED = "not defined"
PARTLY = "°"
"""Marks a mean over fewer runs than finished: the metric is not defined in the others."""


GROUPS = ("many", "medium", "few")


def groups_told(groups: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    """The groups of classes that are worth a name: there are several of them, and one has more than one class. Else a
    group says no more than a class, or than all classes.

    >>> groups_told({"many": [0, 1], "medium": [], "few": [2]}), groups_told({"many": [0], "few": [1]})
    (('many', 'few'), ())
    """
    sizes = {name: len(groups.get(name, ())) for name in GROUPS}
    named = tuple(name for name, size in sizes.items() if size)
    return named if len(named) > 1 and max(sizes.values()) > 1 else ()


def groups_said(groups: Mapping[str, Sequence[int]]) -> str:
    """How many classes are in which group, behind "10 classes"; nothing where that is not worth a word.

    >>> groups_said({"many": [0, 1], "medium": [], "few": [2]}), groups_said({"many": [0, 1]})
    (' (2 many, 1 few)', '')
    """
    told = groups_told(groups)
    return f" ({', '.join(f'{len(groups[name])} {name}' for name in told)})" if told else ""


def shown(results: Results, rows: Sequence[Row], least: int = 1) -> list[Metric]:
    """The metrics that a table shows, in the order of their room: those that the runs have, and of groups of classes
    those that are worth a name. The terminal shows none that no run has a number for.

    Args:
        least: the importance that a metric needs: 1 for the page, 2 for the terminal.
    """
    told = groups_told(results.data.groups)
    return [
        m
        for m in found().values()
        if m.importance >= least
        and any(m.name in row.mean and (least < 2 or math.isfinite(row.mean[m.name])) for row in rows)
        and (m.group is None or m.group in told)
    ]


def partly(row: Row, metric: str) -> bool:
    """Is the metric defined in some of the runs, but not in all that finished?"""
    return 0 < row.defined.get(metric, row.done) < row.done


def score(row: Row, metric: str) -> str:
    """The mean of a metric as a cell says it: a dash where no run has one.

    >>> from types import SimpleNamespace as Of
    >>> score(Of(mean={"few": math.nan}, defined={"few": 0}, done=3), "few")
    'not defined'
    >>> score(Of(mean={"few": 0.5}, defined={"few": 2}, done=3), "few")
    '0.500°'
    """
    value = row.mean.get(metric)
    if value is None:
        return "–"
    if not math.isfinite(value):
        return NOT_DEFINED
    return f"{value:.3f}" + (PARTLY if partly(row, metric) else "")
