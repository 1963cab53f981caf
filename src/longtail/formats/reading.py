"""How the cells of a column are read: as numbers, as dates or as words; found out from the training rows and kept with
the encoder, so that the same column is read in the same way when the model is asked.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from longtail.formats.numbers import Style

KINDS = ("number", "date", "word")
_KEY = "longtail readings"


class Doubt(str):
    """A note on cells that were not read, or perhaps not as they were meant."""


def short(note: str, prefix: str) -> str:
    """A note, or a doubt, without what it begins with.

    >>> short(Doubt("t.csv, column 'a': odd"), "t.csv, ")
    "column 'a': odd"
    """
    return type(note)(note.removeprefix(prefix))


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
        form: of numbers: "any" (whatever style is found), "plain", "styled" (as ``decimal``, ``grouped`` and ``unit``
            say), "boolean", "clock" (hours of the day), "duration" (days); of dates: see ``longtail.data.dates.form_of``.
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
        words = {f.name: str(facts[f.name]) for f in fields(cls) if f.name in facts and f.name != "grouped"}
        if words.get("kind") not in KINDS:
            raise ValueError(f"a column is read as one of {', '.join(KINDS)}, not {words.get('kind')!r}")
        return cls(**words, grouped=bool(facts.get("grouped", False)))

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
