"""Tables: numbers standardised, missing ones filled with the median and marked, words one-hot, dates as a running time
and calendar parts.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from longtail.formats.reading import ANY_NUMBER, WORD, Doubt, Reading, kept

MISSING_LEVEL = ""
PARTS = ("time", "month", "day", "weekday", "hour")
"""Of a date: days since 1970, month (1 to 12), day of the month, day of the week (0 is Monday), hour of the day."""


@dataclass(frozen=True)
class _Numeric:
    """Numbers: ``(x - mean) / std``, missing as the median; a 0/1 column where training had missing ones.

    ``part`` is one of ``PARTS`` for a column of dates, which has a step for each that varies.
    """

    name: str
    median: float
    mean: float
    std: float
    marked: bool
    reading: Reading = ANY_NUMBER
    part: str = ""

    @property
    def width(self) -> int:
        return 1 + self.marked


@dataclass(frozen=True)
class _Levels:
    """Words: one 0/1 column a level, "" being a missing cell; ``other`` gathers levels past the cap."""

    name: str
    levels: tuple[str, ...]
    other: bool

    @property
    def width(self) -> int:
        return len(self.levels) + self.other


@dataclass(frozen=True)
class TableEncoder:
    """A data frame -> float32 ``[N, d]``.

    The frame is one that ``longtail.data.load`` made, or of numbers, dates and words. How its columns were read is
    kept, for the rows to predict.

    A level that training did not have gives zeros; in a column with more levels than the cap it counts as
    "other", as the rare ones do. Columns that are constant in training are dropped, and named in ``notes``.

    >>> import pandas as pd
    >>> encoder = TableEncoder.fit(pd.DataFrame({"size": [1.0, 3.0], "colour": ["red", "blue"]}))
    >>> encoder(pd.DataFrame({"size": [3.0], "colour": ["green"]})).tolist()
    [[1.0, 0.0, 0.0]]
    """

    columns: tuple[str, ...]
    plan: tuple[_Numeric | _Levels, ...]
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "table"

    @classmethod
    def fit(cls, raw: Any, max_levels: int = 100) -> TableEncoder:
        """Medians, means, deviations and levels of the training rows.

        Args:
            raw: a ``pandas.DataFrame``.
            max_levels: of a column of words, the commonest are kept.

        Raises:
            ValueError: no column varies.
        """
        if max_levels < 1:
            raise ValueError(f"max_levels={max_levels} must be at least 1")
        plan: list[_Numeric | _Levels] = []
        notes: list[str] = []
        still = []
        readings = kept(raw)
        for name in raw.columns:
            found = _steps(raw[name], readings.get(str(name)), max_levels, notes)
            plan += found
            if not found:
                still.append(str(name))
        if not plan:
            raise ValueError(
                f"raw: all columns are constant ({', '.join(still[:10])}): nothing to learn from"
            )
        if still:
            notes.insert(0, f"constant in training, dropped: {', '.join(still)}")
        return cls(tuple(str(c) for c in raw.columns), tuple(plan), tuple(notes))

    def __call__(self, raw: Any) -> Tensor:
        import numpy as np

        absent = [c for c in self.readings if c not in raw.columns]
        if absent:
            raise ValueError(
                f"raw has no column {', '.join(map(repr, absent[:5]))}; it has {list(raw.columns)[:20]}"
            )
        out = np.zeros((len(raw), self.num_features), dtype=np.float32)
        at = 0
        for step in self.plan:
            column = raw[step.name]
            if isinstance(step, _Numeric):
                x = _part(column, step.part) if step.part else _to_numbers(column)
                gone = np.isnan(x)
                out[:, at] = (np.where(gone, step.median, x) - step.mean) / step.std
                if step.marked:
                    out[:, at + 1] = gone
            else:
                place = {level: i for i, level in enumerate(step.levels)}
                codes, values = _factorized(column)
                known = np.array(
                    [place.get(v, len(step.levels) if step.other else -1) for v in values], dtype=np.int64
                )
                which = known[codes]
                rows = np.flatnonzero(which >= 0)
                out[rows, at + which[rows]] = 1
            at += step.width
        return torch.from_numpy(out)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.num_features,)

    @property
    def num_features(self) -> int:
        return sum(step.width for step in self.plan)

    @property
    def categorical(self) -> tuple[tuple[int, int], ...]:
        """The 0/1 columns as half-open ranges, one a category: the levels of a column of words, and each mark of missing
        numbers.

        >>> import pandas as pd
        >>> frame = pd.DataFrame({"size": [1.0, 3.0], "colour": ["red", "blue"]})
        >>> TableEncoder.fit(frame).categorical
        ((1, 3),)
        """
        at, found = 0, []
        for step in self.plan:
            start = at + 1 if isinstance(step, _Numeric) else at
            at += step.width
            if start < at:
                found.append((start, at))
        return tuple(found)

    @property
    def readings(self) -> dict[str, Reading]:
        """How the columns are read that the model uses; those that were constant are not among them."""
        return {step.name: step.reading if isinstance(step, _Numeric) else WORD for step in self.plan}

    def doubts(self, raw: Any) -> list[str]:
        """What these rows hold that training did not: levels never seen, and missing cells where it had none.

        >>> import pandas as pd
        >>> encoder = TableEncoder.fit(pd.DataFrame({"colour": ["red", "blue"]}))
        >>> encoder.doubts(pd.DataFrame({"colour": ["red", "pink"]}))
        ["column 'colour': 1 of 2 cells hold a word that training did not have ('pink'): read as none of its words"]
        """
        import numpy as np

        out: list[str] = []
        n = len(raw)
        for step in self.plan:
            column = raw[step.name]
            if isinstance(step, _Numeric):
                gone = 0 if step.marked or step.part not in ("", PARTS[0]) else int(column.isna().sum())
                if gone:
                    out.append(
                        f"column {step.name!r}: {gone} of {n} values are missing; training had none missing, so its"
                        " median stands in"
                    )
            elif not step.other:
                known = set(step.levels)
                codes, values = _factorized(column)
                counts = np.bincount(codes, minlength=len(values)).tolist()
                new = [(v, k) for v, k in zip(values, counts) if v not in known]
                empty = sum(k for v, k in new if v == MISSING_LEVEL)
                words = [v for v, _ in new if v != MISSING_LEVEL]
                if words:
                    some = ", ".join(map(repr, words[:3])) + (", ..." if len(words) > 3 else "")
                    out.append(
                        f"column {step.name!r}: {sum(k for _, k in new) - empty} of {n} cells hold a word that training"
                        f" did not have ({some}): read as none of its words"
                    )
                if empty:
                    out.append(
                        f"column {step.name!r}: {empty} of {n} cells are missing, which no row of training was"
                    )
        return [Doubt(note) for note in out]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each of the ``num_features`` columns."""
        names: list[str] = []
        for step in self.plan:
            if isinstance(step, _Numeric):
                own = f"{step.name}: {step.part}" if step.part else step.name
                names += [own, f"{step.name} is missing"][: step.width]
            else:
                names += [f"{step.name} = {level or 'missing'}" for level in step.levels]
                names += [f"{step.name} = other"] * step.other
        return tuple(names)

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        plan = []
        numbers = []
        for step in self.plan:
            if isinstance(step, _Numeric):
                known = {"part": step.part} if step.part else {}
                reading = step.reading.to_json()
                plan.append({"name": step.name, "marked": step.marked, "reading": reading, **known})
                numbers.append([step.median, step.mean, step.std])
            else:
                plan.append({"name": step.name, "levels": list(step.levels), "other": step.other})
        facts = {"kind": self.kind, "columns": list(self.columns), "plan": plan, "notes": list(self.notes)}
        return facts, {"numbers": torch.tensor(numbers, dtype=torch.float64).reshape(-1, 3)}

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> TableEncoder:
        numbers = iter(tensors["numbers"].tolist())
        plan: list[_Numeric | _Levels] = []
        for step in facts["plan"]:
            if "levels" in step:
                plan.append(_Levels(step["name"], tuple(step["levels"]), bool(step["other"])))
            else:
                median, mean, std = next(numbers)
                # An earlier version kept no reading: whatever numbers are found are read.
                reading = Reading.from_json(step["reading"]) if "reading" in step else ANY_NUMBER
                part = str(step.get("part", ""))
                if part not in ("", *PARTS):
                    raise ValueError(
                        f"column {step['name']!r}: {part!r} is no part of a date ({', '.join(PARTS)})"
                    )
                plan.append(_Numeric(step["name"], median, mean, std, bool(step["marked"]), reading, part))
        return cls(tuple(facts["columns"]), tuple(plan), tuple(facts["notes"]))


def _is_number(column: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def _to_numbers(column: Any) -> Any:
    import numpy as np
    import pandas as pd

    values = column if _is_number(column) else pd.to_numeric(column, errors="coerce")
    x = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isinf(x), np.nan, x)


def _steps(
    column: Any, reading: Reading | None, max_levels: int, notes: list[str]
) -> list[_Numeric | _Levels]:
    """How a column is encoded; nothing where it is constant."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        how = reading or Reading("date", "ISO8601")
        values = {p: _part(column, p) for p in PARTS}
        steps = [
            _numeric(x, str(column.name), how, p) for p, x in values.items() if p == "time" or _varies(x)
        ]
        # One mark of missing dates is enough.
        return [replace(s, marked=s.marked and s.part == "time") for s in steps if s is not None]
    if _is_number(column):
        step = _numeric(_to_numbers(column), str(column.name), reading or ANY_NUMBER)
        return [] if step is None else [step]
    levels = _levels(column, max_levels, notes)
    return [] if levels is None else [levels]


def _varies(x: Any) -> bool:
    import numpy as np

    known = x[~np.isnan(x)]
    return bool(len(known) and known.min() < known.max())


def _part(column: Any, part: str) -> Any:
    """A part of each date, float64 ``[N]``; missing: NaN."""
    import numpy as np
    import pandas as pd

    if part == "time":
        return ((column - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)
    if part == "hour":
        return (column.dt.hour + column.dt.minute / 60).to_numpy(dtype=np.float64)
    return getattr(column.dt, {"weekday": "day_of_week"}.get(part, part)).to_numpy(dtype=np.float64)


def _numeric(x: Any, name: str, reading: Reading, part: str = "") -> _Numeric | None:
    import numpy as np

    gone = np.isnan(x)
    if gone.all():
        return None
    median = float(np.median(x[~gone]))
    filled = np.where(gone, median, x)
    # Numbers near the top of the range would overflow in the square.
    scale = float(np.abs(filled).max()) or 1.0
    mean = float((filled / scale).mean()) * scale
    std = float(np.sqrt((((filled - mean) / scale) ** 2).mean())) * scale
    if not std > 1e-12 * abs(mean) or not math.isfinite(std):
        if not gone.any():
            return None
        std = 1.0
    return _Numeric(name, median, mean, std, bool(gone.any()), reading, part)


def _factorized(column: Any) -> tuple[Any, list[str]]:
    import pandas as pd

    codes, values = pd.factorize(column, use_na_sentinel=False)
    return codes, [MISSING_LEVEL if v is None or v != v else str(v) for v in values]


def _levels(column: Any, max_levels: int, notes: list[str]) -> _Levels | None:
    import numpy as np

    codes, values = _factorized(column)
    counts: Counter[str] = Counter()
    for value, n in zip(values, np.bincount(codes, minlength=len(values)).tolist()):
        counts[value] += n
    if len(counts) < 2:
        return None
    ranked = sorted(counts, key=lambda v: (-counts[v], v))
    if len(ranked) > max_levels:
        notes.append(
            f"column {column.name!r}: {len(ranked)} levels, the {max_levels} commonest kept, the rest is"
            " 'other'"
        )
    return _Levels(str(column.name), tuple(ranked[:max_levels]), len(ranked) > max_levels)
