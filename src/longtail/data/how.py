"""How a file is to be read (what the user says about it), and what a model needs of rows to predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
"""The characters that may stand between cells. A space stands for any run of spaces and tabs."""


@dataclass(frozen=True)
class How:
    """What the user says about a file; None leaves it to be detected.

    Attributes:
        header: does the first row name the columns?
        encoding: of a text file, such as "utf-8" or "latin-1".
        delimiter: one of ``DELIMITERS``.
        missing: further cells that mean "no value", such as "-999".
        skip_bad: leave rows out that cannot be read, and count them, instead of stopping at the first.
        sheet: of a spreadsheet file, by name or number (from 0).
        drop: columns to leave out.
        images: the folder of the pictures that a table names.
    """

    header: bool | None = None
    encoding: str | None = None
    delimiter: str | None = None
    missing: tuple[str, ...] = ()
    skip_bad: bool = False
    sheet: str | int | None = None
    drop: tuple[str | int, ...] = ()
    images: Path | None = None


@dataclass(frozen=True)
class Wanted:
    """What a model takes: the columns of a table, or texts; and the names of its classes."""

    columns: tuple[str, ...] = ()
    text: bool = False
    classes: tuple[str, ...] = ()


def delimiter_of(given: str | None) -> str | None:
    """The character that a user's word for a delimiter means.

    Raises:
        ValueError: neither a known name nor a known character.

    >>> [delimiter_of(word) for word in ("tab", ";", "space", None)]
    ['\\t', ';', ' ', None]
    """
    if given is None or given in DELIMITERS:
        return given
    for character, name in DELIMITERS.items():
        if given.strip().lower() in (name, repr(character)[1:-1]):
            return character
    raise ValueError(f"delimiter={given!r} must be one of {', '.join(DELIMITERS.values())}")


def listed(given: str | int | Sequence[str | int] | None) -> tuple[str | int, ...]:
    """One value or several, as a tuple.

    >>> listed("id"), listed(["a", 2]), listed(None)
    (('id',), ('a', 2), ())
    """
    if given is None:
        return ()
    return (given,) if isinstance(given, str | int) else tuple(given)
