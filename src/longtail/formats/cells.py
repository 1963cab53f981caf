"""A column of text by its different cells: each is looked at once, however many rows hold it."""

from __future__ import annotations

from typing import Any

from longtail.formats.reading import Doubt
from longtail.formats.sheet import MISSING


class Cells:
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
        """The column as objects, missing: None."""
        import numpy as np
        import pandas as pd

        every = np.array([*self.all, None], dtype=object)
        return pd.Series(every[self.codes], index=self.column.index, name=self.column.name, dtype=object)

    def numbers(self, values: Any) -> Any:
        """A value for each different cell -> one for each row; None is missing everywhere."""
        import numpy as np

        every = np.full(len(self.all) + 1, np.nan)
        if values is not None:
            every[self._at] = values
        return series(every[self.codes], self.column)

    def dates(self, values: Any) -> Any:
        """A date for each different cell -> one for each row; None is missing everywhere."""
        import numpy as np
        import pandas as pd

        every = np.full(len(self.all) + 1, np.datetime64("NaT", "us"))
        if values is not None:
            every[self._at] = values
        return pd.Series(every[self.codes], index=self.column.index, name=self.column.name)

    def share(self, values: Any) -> float:
        """The share of the filled cells that have a number."""
        import numpy as np

        return self.rows(~np.isnan(values)) / self.filled

    def rows(self, which: Any) -> int:
        """How many rows hold the cells that ``which`` (bool, one for each different cell) marks."""
        import numpy as np

        return int(np.asarray(self.counts)[which].sum())

    def lost(self, values: Any, name: str, what: str, remedy: str = "") -> list[str]:
        """What to say about cells that have no value."""
        import numpy as np

        bad = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
        if not bad.any():
            return []
        gone = np.append(np.zeros(len(self.all), dtype=bool), False)
        gone[self._at] = bad
        row = int(np.flatnonzero(gone[self.codes])[0])
        cell = self.all[self.codes[row]]
        some = f"{self.rows(bad)} of {self.filled} cells are not {what} (row {row + 1}: {cell!r})"
        return [Doubt(f"column {name!r}: {some}: read as missing{remedy}")]


def series(values: Any, column: Any) -> Any:
    """Values [N] with the index and the name of a column."""
    import pandas as pd

    return pd.Series(values, index=column.index, name=column.name)


def _word(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return None if text.lower() in MISSING else text
