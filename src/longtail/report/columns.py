"""Columns: which metrics a table shows, read from the metrics' room, and what to say where one is not defined."""

from __future__ import annotations

import math
from collections.abc import Sequence

from longtail.comparison.leaderboard import Row
from longtail.comparison.record import Results
from longtail.metrics import Metric, found

NOT_DEFINED = "not defined"
PARTLY = "°"
"""Marks a mean over fewer runs than finished: the metric is not defined in the others."""


def shown(results: Results, rows: Sequence[Row], least: int = 1) -> list[Metric]:
    """The metrics that a table shows, in the order of their room: those that the runs have, without those of a group that
    no class is in.

    Args:
        least: the importance that a metric needs: 1 for the page, 2 for the terminal.
    """
    groups = results.data.groups
    return [
        m
        for m in found().values()
        if m.importance >= least
        and any(m.name in row.mean for row in rows)
        and (m.group is None or groups.get(m.group))
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
