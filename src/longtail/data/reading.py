"""How the cells of a column are read: as numbers, as dates or as words; found out from the training rows and kept with the
encoder, so that the same column is read in the same way when the model is asked.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from longtail.data.dates import ISO, dates_in, days_in, form_of, hours_in
from longtail.data.numbers import Style, kinds_of_unit, numbers_in, shown, style_of
from longtail.data.sheet import MISSING

ENOUGH = 0.95
"""The share of the cells that must be numbers, or dates, for the others to be read as missing."""

MANY_NUMBERS, FEW_WORDS = 20, 3
"""At least so many different numbers and at most so many different words: the words stand for missing numbers."""

KINDS = ("number", "date", "word")
_KEY = "longtail readings"


class Doubt(str):
    """A note on cells that were not read, or perhaps not as they were meant."""


def tell(notes: Iterable[str], say: Callable[[str], None] | None = None) -> None:
    """Hand each note to ``say``; without one, warn of the doubts and leave out the rest."""
    for note in notes:
        if say is not None:
            say(note)
        elif isinstance(note, Doubt):
            warnings.warn(note, UserWarning, stacklevel=3)


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes:
        kind: "number", "date" or "word".
        form: of numbers: "any" (whatever style is found), "plain", "styled" (as ``decimal``, ``grouped`` and ``unit`` say),
            "boolean", "clock" (hours of the day), "duration" (days); of dates: see ``longtail.data.dates.form_of``.
        decimal, grouped, unit: see ``longtail.data.numbers.Style``.
        example: a cell of the training rows, for messages.
    """

    kind: str
    form: str = ""
    decimal: str = "."
    grouped: bool = False
    unit: str = ""
    example: str = ""

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) != f.default}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Reading:
        """What ``to_json`` wrote.

        Raises:
            ValueError: an unknown kind.
        """
        known = {f.name: (bool if f.name == "grouped" else str)(facts[f.name]) for f in fields(cls) if f.name in facts}
        if known.get("kind") not in KINDS:
            raise ValueError(f"a column is read as one of {', '.join(KINDS)}, not {known.get('kind')!r}")
        return cls(**known)

    @property
    def style(self) -> Style:
        return Style(self.decimal, self.grouped, self.unit)


ANY_NUMBER, PLAIN, WORD = Reading("number", "any"), Reading("number", "plain"), Reading("word")


def keep(frame: Any, readings: Mapping[str, Reading]) -> Any:
    """``frame`` with its columns' readings beside it (``DataFrame.attrs``): they stay when rows are taken."""
    frame.attrs[_KEY] = json.dumps({name: r.to_json() for name, r in readings.items()}, ensure_ascii=False)
    return frame


def kept(frame: Any) -> dict[str, Reading]:
    """The readings that ``keep`` put beside the frame."""
    return {name: Reading.from_json(r) for name, r in json.loads(frame.attrs.get(_KEY, "{}")).items()}


def read(
    column: Any, name: str, as_: Reading | None = None, decimal_comma: bool = False
) -> tuple[Any, Reading, list[str]]:
    """A column as numbers (float64, missing: NaN), dates (datetime64[us], missing: NaT) or words (objects, missing: None).

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
        return _Cells(column).words(), WORD, []
    typed = _typed(column, name)
    if typed is None:
        return _text(column, name, as_, decimal_comma)
    values, found, notes = typed
    if as_ is None or as_.kind == found.kind:
        return values, found, notes
    if as_.kind == "number" and found.kind == "date":
        return _series(_days(values), column), as_, []
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
        return _series(_floats(column), column), Reading("number", "boolean"), []
    if types.is_numeric_dtype(column.dtype) or kind in _NUMERIC:
        values, said = _finite(_floats(column), name)
        return _series(values, column), PLAIN, said
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
        return _series(hours, column), Reading("number", "clock"), [note]
    if isinstance(column.dtype, pd.CategoricalDtype | pd.IntervalDtype):  # numbers in it are names
        return _Cells(column.astype(object)).words(), WORD, []
    return None


_NUMERIC = ("integer", "floating", "mixed-integer-float", "decimal")


def _dates(column: Any, name: str) -> tuple[Any, Reading, list[str]]:
    import pandas as pd

    zoned = getattr(column.dtype, "tz", None) is not None
    dates = pd.to_datetime(column, errors="coerce", utc=True).dt.tz_localize(None).astype("datetime64[us]")
    note = f"column {name!r}: dates, read as a running time and calendar parts" + (", in UTC" if zoned else "")
    lost = int((dates.isna() & column.notna()).sum())
    more = [Doubt(f"column {name!r}: {lost} dates are out of range: read as missing")] if lost else []
    return dates, Reading("date", ISO), [note, *more]


def _text(
    column: Any, name: str, as_: Reading | None, decimal_comma: bool
) -> tuple[Any, Reading, list[str]]:
    if as_ is None or (as_.kind == "number" and as_.form in ("any", "plain")):
        numbers = _all_numbers(column)
        if numbers is not None:
            values, said = _finite(numbers, name)
            return _series(values, column), PLAIN, said
    cells = _Cells(column)
    if not cells.filled:
        if as_ is None or as_.kind == "number":
            return cells.spread(None), as_ or PLAIN, [f"column {name!r}: empty in every row"]
        return cells.dates(None), as_, [f"column {name!r}: empty in every row"]
    if as_ is not None and as_.kind == "date":
        return cells.as_dates(name, as_)
    found = cells.as_numbers(name, as_, decimal_comma)
    if found is not None:
        return found
    for reader, form, what in ((hours_in, "clock", "times, read as hours"), (days_in, "duration", "durations, read as days")):
        values = reader(cells.distinct)
        if cells.share(values) >= ENOUGH:
            how = Reading("number", form, example=cells.first(values))
            note = f"column {name!r}: {what}; {how.example!r} is {shown(cells.value(values))}"
            return cells.spread(values), how, [note, *cells.lost(values, name, "numbers")]
    form_found = form_of(cells.distinct, cells.counts, ENOUGH)
    if form_found is not None:
        return cells.as_dates(name, Reading("date", form_found), learnt=True)
    return cells.words(), WORD, cells.doubts(name)


class _Cells:
    """A column of text as its different cells, without spaces around, and how often each occurs; missing ones apart.

    A float that is whole is written as a whole number.
    """

    def __init__(self, column: Any) -> None:
        import numpy as np
        import pandas as pd

        self.column = column
        codes, found = pd.factorize(column, use_na_sentinel=True)
        words = [_word(v) for v in found]
        place = [-1 if w is None else i for i, w in enumerate(words)]
        # a code for each row: the place of its cell, or -1
        self.codes = np.append(np.array(place, dtype=np.int64), -1)[codes]
        every = np.bincount(self.codes + 1, minlength=len(words) + 1)[1:].tolist()
        self.all = [w or "" for w in words]
        self.counts = [n for n, w in zip(every, words) if w is not None]
        self.distinct = [w for w in words if w is not None]
        self.filled = int(sum(self.counts))
        self._at = np.array([i for i, w in enumerate(words) if w is not None], dtype=np.int64)

    def words(self) -> Any:
        import numpy as np
        import pandas as pd

        every = np.array([*self.all, None], dtype=object)
        return pd.Series(every[self.codes], index=self.column.index, name=self.column.name, dtype=object)

    def spread(self, values: Any) -> Any:
        """A value for each different cell -> one for each row; None is missing everywhere."""
        import numpy as np

        every = np.full(len(self.all) + 1, np.nan)
        if values is not None:
            every[self._at] = values
        return _series(every[self.codes], self.column)

    def dates(self, values: Any) -> Any:
        import numpy as np
        import pandas as pd

        every = np.full(len(self.all) + 1, np.datetime64("NaT", "us"))
        if values is not None:
            every[self._at] = values
        return pd.Series(every[self.codes], index=self.column.index, name=self.column.name)

    def share(self, values: Any) -> float:
        """The share of the filled cells that have a value."""
        import numpy as np

        return float(np.asarray(self.counts)[~np.isnan(values)].sum() / self.filled)

    def first(self, values: Any) -> str:
        """The first cell that has a value."""
        import numpy as np

        return self.distinct[int(np.flatnonzero(~np.isnan(values))[0])]

    def value(self, values: Any) -> float:
        import numpy as np

        return float(values[np.flatnonzero(~np.isnan(values))[0]])

    def lost(self, values: Any, name: str, what: str, remedy: str = "") -> list[str]:
        """What to say about cells that have no value."""
        import numpy as np

        bad = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
        if not bad.any():
            return []
        n = int(np.asarray(self.counts)[bad].sum())
        gone = np.append(np.zeros(len(self.all), dtype=bool), False)
        gone[self._at] = bad
        row = int(np.flatnonzero(gone[self.codes])[0])
        cell = self.all[self.codes[row]]
        return [
            Doubt(
                f"column {name!r}: {n} of {self.filled} cells are not {what} (row {row + 1}: {cell!r}): read as missing"
                f"{remedy}"
            )
        ]

    def as_numbers(
        self, name: str, as_: Reading | None, decimal_comma: bool
    ) -> tuple[Any, Reading, list[str]] | None:
        """Numbers; None where the cells are none and need not be."""
        import numpy as np

        if as_ is not None and as_.form == "boolean":
            known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
            values = np.array([known.get(c.lower(), np.nan) for c in self.distinct])
            return self.spread(values), as_, self.lost(values, name, "true or false")
        if as_ is not None and as_.form in ("clock", "duration"):
            values = (hours_in if as_.form == "clock" else days_in)(self.distinct)
            return self.spread(values), as_, self.lost(values, name, "times", _such(as_))
        plain = _plain(self.distinct)
        style = Style()
        bounds = np.zeros(len(plain), dtype=bool)
        known_style = as_ is not None and as_.form in ("plain", "styled")
        if known_style or np.isnan(plain).any():
            style = as_.style if as_ is not None and known_style else self._style(plain, decimal_comma)
            styled, bounds = numbers_in(self.distinct, style, strict=not known_style)
            # "1e-3", "inf" and the like are numbers wherever a point is the decimal mark
            values = np.where(np.isnan(styled), plain, styled) if style.decimal == "." else styled
        else:
            values = plain
        if as_ is None and not self._are_numbers(values):
            return None
        how = PLAIN
        notes: list[str] = []
        changed = np.flatnonzero(~np.isnan(values) & np.isnan(plain) & ~bounds)
        if as_ is not None and known_style:
            how = as_
        elif style != Style() or len(changed):
            at = int(changed[0]) if len(changed) else 0
            how = Reading("number", "styled", **asdict(style), example=self.distinct[at])
            notes += [
                Doubt(f"column {name!r}: {self.distinct[i]!r} is read as {shown(values[i])}")
                for i in changed[:1]
            ]
        if bounds.any():
            i = int(np.flatnonzero(bounds)[0])
            n = int(np.asarray(self.counts)[bounds].sum())
            notes.append(
                Doubt(f"column {name!r}: {n} cells like {self.distinct[i]!r} are bounds, read as {shown(values[i])}")
            )
        notes += self.lost(values, name, "numbers", _such(as_))
        finite, said = _finite(self.spread(values).to_numpy(), name)
        return _series(finite, self.column), how, notes + said

    def _style(self, plain: Any, decimal_comma: bool) -> Style:
        """The style of the cells; plain numbers alone are in the plain one."""
        import numpy as np

        # most columns of words: a look at some cells tells
        if len(self.distinct) > 1000:
            some = numbers_in(self.distinct[:1000], style_of(self.distinct[:1000], self.counts[:1000]))[0]
            if np.isnan(np.where(np.isnan(some), plain[:1000], some)).mean() > 0.6:
                return Style()
        return style_of(self.distinct, self.counts, decimal_comma)

    def _are_numbers(self, values: Any) -> bool:
        import numpy as np

        share, good = self.share(values), int((~np.isnan(values)).sum())
        words = len(values) - good
        return share >= ENOUGH or (share >= 0.5 and good >= MANY_NUMBERS and words <= FEW_WORDS)

    def as_dates(
        self, name: str, how: Reading, learnt: bool = False
    ) -> tuple[Any, Reading, list[str]]:
        import numpy as np

        values = dates_in(self.distinct, how.form)
        notes: list[str] = []
        if learnt:
            i = int(np.flatnonzero(~np.isnat(values))[0])
            how = Reading("date", how.form, example=self.distinct[i])
            note = f"column {name!r}: dates, read as a running time and calendar parts; {how.example!r} is {_day(values[i])}"
            # the month or the day first? Where the whole column leaves it open, it may be meant otherwise.
            swapped = how.form.replace("%m", "%0").replace("%d", "%m").replace("%0", "%d")
            open_ = how.form.startswith(("%m/%d", "%m-%d")) and not np.isnat(dates_in(self.distinct, swapped)).any()
            notes.append(Doubt(note + " (the month first: no cell tells)") if open_ else note)
        notes += self.lost(values, name, "dates", _such(how))
        return self.dates(values), how, notes

    def doubts(self, name: str) -> list[str]:
        """What to say about words that are quantities in part, or nearly all different."""
        import numpy as np

        values = np.where(np.isnan(p := _plain(self.distinct)), numbers_in(self.distinct, Style())[0], p)
        units = kinds_of_unit(self.distinct[:1000])
        many = len(self.distinct) > 12
        if many and units and len(units) <= 12:
            some = ", ".join(repr(u) if u else "none" for u in units[:5])
            return [
                Doubt(
                    f"column {name!r}: numbers in different units or forms ({some}) are read as {len(self.distinct)} words;"
                    " bring them to one unit"
                )
            ]
        share = self.share(values)
        if many and share >= 0.5:
            cell = self.distinct[int(np.flatnonzero(np.isnan(values))[0])]
            return [
                Doubt(
                    f"column {name!r}: {1 - share:.0%} of the cells are not numbers ({cell!r}): all are read as"
                    f" {len(self.distinct)} words"
                )
            ]
        if many and len(self.distinct) > 0.5 * self.filled:
            return [
                Doubt(
                    f"column {name!r}: {len(self.distinct)} different words in {self.filled} rows: hardly any is seen twice"
                )
            ]
        return []


def _word(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return None if text.lower() in MISSING else text


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


def _series(values: Any, column: Any) -> Any:
    import pandas as pd

    return pd.Series(values, index=column.index, name=column.name)


def _day(value: Any) -> str:
    return str(value).replace("T00:00:00.000000", "").replace("T", " ").removesuffix(".000000")


def _such(how: Reading | None) -> str:
    if how is None or how.form == "any":
        return ""
    return f"; training had them like {how.example!r}" if how.example else "; training had plain numbers"
