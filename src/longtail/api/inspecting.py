"""Inspect: what is in the data, and what to watch out for."""

from __future__ import annotations

from typing import Any

from longtail import data as data_room
from longtail.api.loading import Given, load
from longtail.api.splitting import load_parts
from longtail.comparison.split import Own
from longtail.comparison.split_words import split_notes
from longtail.data import Dataset


def inspect(
    data: Given, *, test: Given | None = None, valid: Given | None = None, **how: Any
) -> dict[str, Any]:
    """What is in the data: classes, counts, imbalance factor, groups, and what to watch out for.

    Args:
        data, how: as for ``longtail.data.load``.
        test, valid: rows of your own that test or validate, as for ``compare``: then also what stands between them and
            the rows that train (copies, near copies, groups on both sides, classes that training lacks).
    """
    found = (
        load(data, **how)
        if isinstance(data, Dataset) and test is None
        else load_parts(data, test, valid, **how)
    )
    facts = data_room.inspect_facts(found)
    if found.beside.part is not None:
        facts["warnings"] += split_notes(Own.of(found), found)
    return facts
