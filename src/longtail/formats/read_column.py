"""A column of any type as numbers, dates or words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from longtail.formats.cells import Cells, series
from longtail.formats.dates import ISO, dates_in, days_in, form_of, hours_in
from longtail.formats.numbers import Style, kinds_of_unit, numbers_in, shown, style_of
from longtail.formats.reading import PLAIN, WORD, Doubt, Reading

ENOUGH = 0.95
"""The share of the cells that must be numbers, or dates, for the others to be read as missing."""

MANY_NUMBERS, FEW_WORDS = 20, 3
"""At least so many different numbers and at most so many different words: the words stand for missing numbers."""

MANY_WORDS = 12
"""Fewer different words than this are categories, and nothing is said."""


def read(
    column: Any, name: str, as_: Reading | None = None, decimal_comma: bool = False
) -> tuple[Any, Reading, list[str]]:
    """A column as numbers (float64, missing: NaN), dates (datetime64[us], missing: NaT) or words (objects, missing:
    None).

    Args:
        column: a ``pandas.Series`` of any type.
        name: for the notes.
        as_: how to read it; None finds out.
        decimal_comma: may "7,4" be a number?

    Returns:
        the column, how it was read, and notes; what could not be read is a ``Doubt``.

    Raises:
        ValueError: complex numbers.

    >>> import pandas as pd
    >>> values, how, notes = read(pd.Series(["1,163.74", "20.00"]), "amount")
    >>> values.tolist(), notes
    ([1163.74, 20.0], ["column 'amount': '1,163.74' is read as 1163.74"])
    """
    if as_ is not None and as_.kind == "word":
        return Cells(column).words(), WORD, []
    typed = _typed(column, name)
    if typed is None:
        return _text(column, name, as_, decimal_comma)
    values, found, notes = typed
    if as_ is None or as_.kind == found.kind:
        return values, found, notes
    if as_.kind == "number" and found.kind == "date":
        return series(_days(values), column), as_, []
    return _text(column.astype(object), name, as_, decimal_comma)


def looks_like_quantity(cells: Sequence[str]) -> bool:
    """Are these cells numbers or dates, in whatever style?"""
    import pandas as pd

    return read(pd.Series(list(cells), dtype=object), "")[1].kind != "word"


def _typed(column: Any, name: str) -> tuple[Any, Reading, list[str]] | None:
    """A column whose type says what it is; None for text."""
    import pandas as pd

    types = pd.api.types
    kind = types.infer_dtype(column, skipna=True) if column.dtype == object else ""
    if types.is_complex_dtype(column) or kind == "complex":
        raise ValueError(f"column {name!r}: complex numbers; split them into two columns of numbers")
    if types.is_bool_dtype(column.dtype) or kind == "boolean":
        return series(_floats(column), column), Reading("number", "boolean"), []
    if types.is_numeric_dtype(column.dtype) or kind in _NUMERIC:
        values, said = _finite(_floats(column), name)
        return series(values, column), PLAIN, said
    if isinstance(column.dtype, pd.PeriodDtype) or kind == "period":
        periods = column if kind == "" else pd.Series(pd.PeriodIndex(column.array), index=column.index)
        return _dates(periods.dt.to_timestamp(), name)
    if types.is_datetime64_any_dtype(column.dtype) or kind in ("date", "datetime", "datetime64"):
        return _dates(column, name)
    if types.is_timedelta64_dtype(column.dtype) or kind in ("timedelta", "timedelta64"):
        days = pd.to_timedelta(column) / pd.Timedelta(days=1)
        note = f"column {name!r}: durations, read as days"
        return days.astype("float64"), Reading("number", "duration"), [note]
    if kind == "time":
        hours = hours_in(["" if gone else str(t) for t, gone in zip(column, column.isna())])
        note = f"column {name!r}: times of day, read as hours"
        return series(hours, column), Reading("number", "clock"), [note]
    if isinstance(column.dtype, pd.CategoricalDtype | pd.IntervalDtype):  # numbers in it are names
        return Cells(column.astype(object)).words(), WORD, []
    return None


_NUMERIC = ("integer", "floating", "mixed-integer-float", "decimal")


def _dates(column: Any, name: str) -> tuple[Any, Reading, list[str]]:
    import pandas as pd

    zoned = getattr(column.dtype, "tz", None) is not None
    dates = pd.to_datetime(column, errors="coerce", utc=True).dt.tz_localize(None).astype("datetime64[us]")
    note = f"column {name!r}: dates, read as a running time and calendar parts" + (
        ", in UTC" if zoned else ""
    )
    lost = int((dates.isna() & column.notna()).sum())
    more = [Doubt(f"column {name!r}: {lost} dates are out of range: read as missing")] if lost else []
    return dates, Reading("date", ISO), [note, *more]


def _text(column: Any, name: str, as_: Reading | None, decimal_comma: bool) -> tuple[Any, Reading, list[str]]:
    import numpy as np

    if as_ is None or (as_.kind == "number" and as_.form in ("any", "plain")):
        numbers = _all_numbers(column)
        if numbers is not None:
            values, said = _finite(numbers, name)
            return series(values, column), PLAIN, said
    cells = Cells(column)
    if not cells.filled:
        if as_ is None or as_.kind == "number":
            return cells.numbers(None), as_ or PLAIN, [f"column {name!r}: empty in every row"]
        return cells.dates(None), as_, [f"column {name!r}: empty in every row"]
    if as_ is not None and as_.kind == "date":
        return _as_dates(cells, name, as_)
    found = _as_numbers(cells, name, as_, decimal_comma)
    if found is not None:
        return found
    for reader, form, what in (
        (hours_in, "clock", "times, read as hours"),
        (days_in, "duration", "durations, read as days"),
    ):
        values = reader(cells.distinct)
        if cells.share(values) >= ENOUGH:
            i = int(np.flatnonzero(~np.isnan(values))[0])
            how = Reading("number", form, example=cells.distinct[i])
            note = f"column {name!r}: {what}; {how.example!r} is {shown(values[i])}"
            return cells.numbers(values), how, [note, *cells.lost(values, name, "numbers")]
    form_found = form_of(cells.distinct, cells.counts, ENOUGH)
    if form_found is not None:
        return _as_dates(cells, name, Reading("date", form_found), learnt=True)
    return cells.words(), WORD, _doubts(cells, name)


def _as_numbers(
    cells: Cells, name: str, as_: Reading | None, decimal_comma: bool
) -> tuple[Any, Reading, list[str]] | None:
    """Numbers; None where the cells are none and need not be."""
    import numpy as np

    if as_ is not None and as_.form == "boolean":
        known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
        values = np.array([known.get(c.lower(), np.nan) for c in cells.distinct])
        return cells.numbers(values), as_, cells.lost(values, name, "true or false")
    if as_ is not None and as_.form in ("clock", "duration"):
        values = (hours_in if as_.form == "clock" else days_in)(cells.distinct)
        return cells.numbers(values), as_, cells.lost(values, name, "times", _such(as_))
    plain = _plain(cells.distinct)
    style = Style()
    bounds = np.zeros(len(plain), dtype=bool)
    known_style = as_ is not None and as_.form in ("plain", "styled")
    if known_style or np.isnan(plain).any():
        style = as_.style if as_ is not None and known_style else _style(cells, plain, decimal_comma)
        styled, bounds = numbers_in(cells.distinct, style, strict=not known_style)
        # "1e-3", "inf" and the like are numbers wherever a point is the decimal mark
        values = np.where(np.isnan(styled), plain, styled) if style.decimal == "." else styled
    else:
        values = plain
    if as_ is None and not _are_numbers(cells, values):
        return None
    how = PLAIN
    notes: list[str] = []
    changed = np.flatnonzero(~np.isnan(values) & np.isnan(plain) & ~bounds)
    if as_ is not None and known_style:
        how = as_
    elif style != Style() or len(changed):
        at = int(changed[0]) if len(changed) else 0
        how = Reading("number", "styled", **asdict(style), example=cells.distinct[at])
        notes += [
            Doubt(f"column {name!r}: {cells.distinct[i]!r} is read as {shown(values[i])}")
            for i in changed[:1]
        ]
    if bounds.any():
        i = int(np.flatnonzero(bounds)[0])
        n = int(np.asarray(cells.counts)[bounds].sum())
        notes.append(
            Doubt(
                f"column {name!r}: {n} cells like {cells.distinct[i]!r} are bounds, read as {shown(values[i])}"
            )
        )
    notes += cells.lost(values, name, "numbers", _such(as_))
    finite, said = _finite(cells.numbers(values).to_numpy(), name)
    return series(finite, cells.column), how, notes + said


def _style(cells: Cells, plain: Any, decimal_comma: bool) -> Style:
    """The style of the cells; plain numbers alone are in the plain one."""
    import numpy as np

    # most columns of words: a look at some cells tells
    if len(cells.distinct) > 1000:
        some = numbers_in(cells.distinct[:1000], style_of(cells.distinct[:1000], cells.counts[:1000]))[0]
        if np.isnan(np.where(np.isnan(some), plain[:1000], some)).mean() > 0.6:
            return Style()
    return style_of(cells.distinct, cells.counts, decimal_comma)


def _are_numbers(cells: Cells, values: Any) -> bool:
    import numpy as np

    share, good = cells.share(values), int((~np.isnan(values)).sum())
    words = len(values) - good
    return share >= ENOUGH or (share >= 0.5 and good >= MANY_NUMBERS and words <= FEW_WORDS)


def _as_dates(cells: Cells, name: str, how: Reading, learnt: bool = False) -> tuple[Any, Reading, list[str]]:
    import numpy as np

    values = dates_in(cells.distinct, how.form)
    notes: list[str] = []
    if learnt:
        i = int(np.flatnonzero(~np.isnat(values))[0])
        how = Reading("date", how.form, example=cells.distinct[i])
        note = f"column {name!r}: dates, read as a running time and calendar parts; {how.example!r} is {_day(values[i])}"
        # the month or the day first? Where the whole column leaves it open, it may be meant otherwise.
        swapped = how.form.replace("%m", "%0").replace("%d", "%m").replace("%0", "%d")
        open_ = (
            how.form.startswith(("%m/%d", "%m-%d")) and not np.isnat(dates_in(cells.distinct, swapped)).any()
        )
        notes.append(Doubt(note + " (the month first: no cell tells)") if open_ else note)
    notes += cells.lost(values, name, "dates", _such(how))
    return cells.dates(values), how, notes


def _doubts(cells: Cells, name: str) -> list[str]:
    """What to say about words that are quantities in part, or nearly all different."""
    import numpy as np

    many, digits = len(cells.distinct), np.array([c.lstrip("+-<>$€£ ")[:1].isdigit() for c in cells.distinct])
    if many <= MANY_WORDS:
        return []
    if cells.rows(digits) >= 0.5 * cells.filled:
        units = kinds_of_unit(cells.distinct[:1000])
        if units:
            shown_ = ", ".join(repr(u) if u else "none" for u in units[:5])
            why = f"numbers in different units ({shown_}): they are read as {many} words; bring them to one unit"
        else:
            odd = np.isnan(
                np.where(np.isnan(p := _plain(cells.distinct)), numbers_in(cells.distinct, Style())[0], p)
            )
            cell = cells.distinct[int(np.flatnonzero(odd)[0])] if odd.any() else cells.distinct[0]
            why = f"numbers or dates in no single form ({cell!r} and others): they are read as {many} words"
        return [Doubt(f"column {name!r}: {why}")]
    if many > 0.5 * cells.filled:
        return [
            Doubt(f"column {name!r}: {many} different words in {cells.filled} rows: hardly any is seen twice")
        ]
    return []


def _plain(cells: Sequence[str]) -> Any:
    """Numbers as Python and pandas write them, float64, NaN for others."""
    import pandas as pd

    return pd.to_numeric(pd.Series(list(cells), dtype=object), errors="coerce").to_numpy(dtype="float64")


def _all_numbers(column: Any) -> Any:
    """A column of text in which every cell is a plain number, as float64; None for any other column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.dtype == object:
        return None
    try:
        numbers = pc.cast(pc.utf8_trim_whitespace(pa.array(column, type=pa.large_string())), pa.float64())
    except pa.ArrowInvalid:
        return None
    return numbers.to_numpy(zero_copy_only=False)


def _floats(column: Any) -> Any:
    import numpy as np
    import pandas as pd

    if column.dtype == object:
        column = pd.Series([np.nan if v is None or v is pd.NA else float(v) for v in column])
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _finite(numbers: Any, name: str) -> tuple[Any, list[str]]:
    import numpy as np

    infinite = np.isinf(numbers)
    if not infinite.any():
        return numbers, []
    return np.where(infinite, np.nan, numbers), [
        Doubt(f"column {name!r}: {int(infinite.sum())} infinite values read as missing")
    ]


def _days(dates: Any) -> Any:
    import pandas as pd

    return ((dates - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(dtype="float64")


def _day(value: Any) -> str:
    return str(value).replace("T00:00:00.000000", "").replace("T", " ").removesuffix(".000000")


def _such(how: Reading | None) -> str:
    if how is None or how.form == "any":
        return ""
    return f"; training had them like {how.example!r}" if how.example else "; training had plain numbers"
