"""How a file is to be read (what the user says about it), and what a model needs of rows to predict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
"""The characters that may stand between cells. A space stands for any run of spaces and tabs."""

SPLITS = {
    "train": ("train", "training"),
    "test": ("test",),
    "validation": ("validation", "valid", "val", "dev"),
}
"""The parts of a folder, and what they may be called."""


@dataclass(frozen=True)
class How:
    """What the user says about a file; None leaves it to be detected.

    Attributes:
        drop: columns to leave out.
        header: does the first row name the columns?
        encoding: of a text file, such as "utf-8" or "latin-1".
        delimiter: one of ``DELIMITERS``.
        missing: further cells that mean "no value", such as "-999".
        skip_bad: leave rows out that cannot be read, and count them, instead of stopping at the first.
        sheet: of a spreadsheet file, by name or number (from 0).
        images: the folder of the pictures that a table names.
        split: "train", "test" or "validation", of a folder that has them; or the column that names the part of each row.
    """

    drop: tuple[str | int, ...] = ()
    header: bool | None = None
    encoding: str | None = None
    delimiter: str | None = None
    missing: tuple[str, ...] = ()
    skip_bad: bool = False
    sheet: str | int | None = None
    images: Path | None = None
    split: str | None = None

    @classmethod
    def of(
        cls,
        *,
        drop: str | int | Sequence[str | int] | None = None,
        header: bool | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        missing: str | Sequence[str] | None = None,
        skip_bad: bool = False,
        sheet: str | int | None = None,
        images: str | Path | None = None,
        split: str | None = None,
    ) -> How:
        """From the keywords of ``load`` and ``predict``, as the user writes them.

        >>> How.of(missing="-999", images="~/pictures").missing
        ('-999',)
        """
        return cls(
            listed(drop), header, encoding, delimiter, tuple(map(str, listed(missing))), skip_bad, sheet,
            None if images is None else Path(images).expanduser(), split,
        )  # fmt: skip

    @property
    def part(self) -> str | None:
        """The part of a folder that is read, where one is named."""
        return self.split if self.split in SPLITS else None

    @property
    def part_column(self) -> str | None:
        """The column that names the part of each row."""
        return None if self.split in SPLITS else self.split

    def refuse_but(self, taken: Collection[str], where: str) -> None:
        """Raise where something is said that has no meaning there, so that nothing is left out in silence.

        Args:
            taken: the options that have one.
            where: the file and its format, or what else there is.

        Raises:
            ValueError: which option.

        >>> How.of(missing="-999").refuse_but((), "data in memory")
        Traceback (most recent call last):
        ValueError: missing='-999' is no option for data in memory
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in taken and value != field.default:
                value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
                value = str(value) if isinstance(value, Path) else value
                raise ValueError(f"{field.name}={value!r} is no option for {where}")


IN_MEMORY = "data in memory, which is taken as it is: change it before you hand it over"


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
