"""Dates, times of day and durations as people write them, by pandas' own parsers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

ISO = "ISO8601"
QUARTER = "quarter"

_DAYS = (
    "%Y/%m/%d", "%Y.%m.%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y",
    "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%d/%b/%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%a %b %d %Y", "%Y年%m月%d日",
)  # fmt: skip
_CLOCKS = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ":%H:%M:%S %z", ", %H:%M")
_MONTHS = (
    "%Y/%m", "%m/%Y", "%b-%Y", "%b %Y", "%B %Y", "%b/%Y", "%b-%y", "%Y年%m月",
)  # fmt: skip
_LOOKS = re.compile(r"(?=.*\d)(?=.*[-/.: 年Qq]).{6,40}")
_CLOCK = re.compile(
    r"(\d{1,3}):(\d{2})(?::(\d{2}(?:\.\d+)?))?(?:[+-]\d{2}:\d{2})?\s*([AaPp])?(?(4)\.?[Mm]\.?)"
)
_DURATION = re.compile(r"-?\d+ days?(?: [+-]?\d{1,2}:\d{2}:\d{2}(?:\.\d+)?)?|-?P(?=.*\d)[\dYMWDTHS.,]+")
_QUARTER = re.compile(r"(?P<y>\d{4})[- ]?[Qq](?P<q>[1-4])|[Qq](?P<q2>[1-4])[- /]?(?P<y2>\d{4})")
_SAMPLE = 200


def form_of(cells: Sequence[str], counts: Sequence[int], enough: float) -> str | None:
    """How the dates are written: "ISO8601", "quarter" or a ``strptime`` format; None if fewer than ``enough`` of them
    are dates.

    Where the day and the month cannot be told apart, the month is first.

    >>> form_of(["03/01/2020", "25/01/2020"], [1, 1], 0.95)
    '%d/%m/%Y'
    >>> form_of(["18-24", "25-30"], [1, 1], 0.95) is None
    True
    """
    import numpy as np

    weight = np.asarray(counts, dtype=np.float64)
    sample = list(cells[:_SAMPLE])
    if sum(_LOOKS.fullmatch(c.strip()) is not None for c in sample) < enough * len(sample):
        return None
    forms = [ISO, QUARTER, *(d + c for c in ("", *_CLOCKS) for d in _DAYS), *_MONTHS]
    near = [f for f in forms if np.isfinite(_share(sample, weight[:_SAMPLE], f, 0.9 * enough))]
    best, most = None, enough
    for form in near:
        share = _share(cells, weight, form, most)
        if share > most or (best is None and share >= most):
            best, most = form, share
    return best


def dates_in(cells: Sequence[str], form: str) -> Any:
    """Dates as datetime64[us] in UTC, NaT where a cell is none. ISO dates are read beside any other form."""
    import numpy as np
    import pandas as pd

    texts = pd.Series([c.strip() for c in cells], dtype=object)
    if form == QUARTER:
        found = [_QUARTER.fullmatch(t) for t in texts]
        starts = [
            None if m is None else f"{m['y'] or m['y2']}-{3 * int(m['q'] or m['q2']) - 2:02}-01"
            for m in found
        ]
        texts, form = pd.Series(starts, dtype=object), ISO
    # "2020" alone is a number, whatever ISO says.
    texts = texts.where(texts.str.contains("[^0-9]", na=False), None)
    dates = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    if form != ISO and dates.isna().any():
        dates = dates.fillna(pd.to_datetime(texts, format=ISO, errors="coerce", utc=True))
    return np.asarray(dates.dt.tz_localize(None).to_numpy(), dtype="datetime64[us]")


def hours_in(cells: Sequence[str]) -> Any:
    """Times of day as hours, float64, NaN where a cell is none.

    >>> hours_in(["13:30", "1:30 pm", "noon"]).tolist()
    [13.5, 13.5, nan]
    """
    import numpy as np

    out = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if (m := _CLOCK.fullmatch(cell.strip())) is None:
            continue
        hour = int(m[1])
        if m[4]:
            hour = hour % 12 + (12 if m[4] in "Pp" else 0)
        out[i] = hour + int(m[2]) / 60 + float(m[3] or 0) / 3600
    return out


def days_in(cells: Sequence[str]) -> Any:
    """Durations ("2 days 12:00:00", "P2DT12H") as days, float64, NaN where a cell is none.

    >>> days_in(["2 days 12:00:00", "P1D", "long"]).tolist()
    [2.5, 1.0, nan]
    """
    import numpy as np
    import pandas as pd

    known = [c.strip() if _DURATION.fullmatch(c.strip()) else None for c in cells]
    spans = pd.to_timedelta(pd.Series(known, dtype=object), errors="coerce")
    return np.asarray(spans / pd.Timedelta(days=1), dtype=np.float64)


def _share(cells: Sequence[str], weight: Any, form: str, least: float) -> float:
    """The share of cells that are dates in this form; NaN if it is below ``least``."""
    import numpy as np
    import pandas as pd

    good = ~np.isnat(dates_in(cells, form)) if form in (ISO, QUARTER) else None
    if good is None:
        texts = pd.Series([c.strip() for c in cells], dtype=object)
        good = pd.to_datetime(texts, format=form, errors="coerce", utc=True).notna().to_numpy()
    share = float(weight[good].sum() / weight.sum())
    return share if share >= least else float("nan")
