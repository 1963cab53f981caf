"""Splitting: how the caller says which rows train and which test."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail.api.loading import Given, load
from longtail.comparison.split import Holdout, InTime, Own, Split
from longtail.data import Dataset
from longtail.data.parts import own_parts, with_parts
from longtail.formats.how import SPLITS
from longtail.run.loop import On, ignore

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""Seconds of a unit of time."""


def load_parts(
    data: Given, test: Given | None, valid: Given | None, *, on: On = ignore, **how: Any
) -> Dataset:
    """The data with the rows of their own that test and validate behind them, where there are such.

    Raises:
        ValueError: ``valid`` without ``test``, or parts in two ways.
    """
    if valid is not None and test is None:
        raise ValueError("valid= needs test=: which rows test what was tuned on these?")
    if test is not None and how.get("split") not in (None, *SPLITS):
        raise ValueError(f"split={how['split']!r} and test= both say which rows test: leave one out")
    others = {"test": test, "validation": valid} if test is not None else own_parts(data, how)
    found = load(others.get("train", data), on=on, **how)
    if others:
        try:
            found = with_parts(found, others, how)
        except ValueError as why:
            if test is not None:
                raise
            on(
                {"note": f"the part {others['test'].name} is left out: {why}"}
            )  # a competition's, without labels
    if not isinstance(data, str | Path):
        return found
    asked = {k: plain(v) for k, v in {**how, "test": test, "valid": valid}.items() if v is not None}
    return replace(found, path=str(data), asked={k: v for k, v in asked.items() if v is not None})


def plain(given: Any) -> Any:
    """An option as JSON has it; None for what is no plain value."""
    if isinstance(given, Path):
        return str(given)
    if isinstance(given, list | tuple):
        return [plain(one) for one in given]
    return given if isinstance(given, str | int | float | bool) else None


def split_of(data: Dataset, folds: int, holdout: float | None, gap: float | str | None) -> Split | None:
    """How rows are split; None is stratified folds.

    Raises:
        ValueError: two ways at once, or a gap without times.
    """
    beside = data.beside
    ways = ("test= (or split=)", beside.part), ("time=", beside.time), ("holdout=", holdout)
    said = [way for way, given in ways if given is not None]
    if len(said) > 1:
        raise ValueError(f"{' and '.join(said)} both say which rows test: leave one out")
    if gap is not None and beside.time is None:
        raise ValueError(f"gap={gap!r} needs time=: the column that puts rows in order")
    if beside.part is not None:
        return Own.of(data)
    if holdout is not None:
        return Holdout(float(holdout))
    if beside.time is not None:
        return InTime(folds, 0.0 if gap is None else length_of(gap, beside.dated))
    return None


def length_of(gap: float | str, dated: bool) -> float:
    """A gap in the unit of times: a number, or of dates a duration.

    >>> length_of("7d", True), length_of(3, False)
    (604800.0, 3.0)
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", str(gap).strip())
    unit = found[2] if found else ""
    if found is None or (unit and (unit not in UNITS or not dated)) or (dated and not unit):
        kind = (
            f"a duration such as 7d ({', '.join(UNITS)})" if dated else "a number, in the unit of the times"
        )
        raise ValueError(f"gap={gap!r} must be {kind}")
    return float(found[1]) * UNITS.get(unit, 1.0)
