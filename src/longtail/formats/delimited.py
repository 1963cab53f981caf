"""Delimited text: comma, tab, semicolon, bar or spaces; with or without a header; with the quotes people leave in.

A row is never merged with another and never dropped unasked: quotes count only where they are consistent over the whole
file, and a row with another number of cells is an error that names the line (``skip_bad`` leaves it out, counted).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

from longtail.formats.dialect import find_delimiter, find_quotes, label_first, preamble, strict_rows, unequal
from longtail.formats.encoding import decode
from longtail.formats.header import (
    LABEL_NAMES,
    TEXT_NAMES,
    finish,
    has_header,
    looks_like_number,
    names_of,
    restored,
    unquoted,
)
from longtail.formats.how import DELIMITERS, How, Wanted, delimiter_of
from longtail.formats.sheet import Sheet

AS_R = "rows have one cell more than the header: the first is taken for the names of rows, as R writes"

__all__ = ["LABEL_NAMES", "TEXT_NAMES", "looks_like_number", "read_delimited", "unquoted"]


def read_delimited(path: Path, data: bytes, how: How, wanted: Wanted | None = None) -> Sheet:
    """All cells as text.

    Args:
        data: the file's bytes.
        how: what the user says about the file.
        wanted: None for labelled data; otherwise one column is enough, and a model says what it needs.

    Raises:
        ValueError: no delimiter found; rows of unequal length (the line is named); no rows.
    """
    text, notes = decode(data, path, how.encoding)
    lines = text.split("\n")
    while lines and not lines[-1].strip(" "):
        lines.pop()
    skipped, declared, said = preamble(lines)
    notes += said
    if skipped >= len(lines):
        raise ValueError(f"{path}: nothing but comments")
    asked = delimiter_of(how.delimiter) or declared
    body = lines[skipped:]
    delimiter = find_delimiter(path, body, wanted) if asked is None else asked
    if delimiter == "":
        sheet = _one_cell(path, body, how, wanted, notes)
        if sheet is not None:
            return sheet
    frame = _table(path, body, skipped, delimiter, how.skip_bad, notes)
    if frame.iat[0, 0].startswith("#"):
        frame.iat[0, 0] = frame.iat[0, 0].lstrip("# ")
    named = has_header(frame, wanted) if how.header is None else how.header
    raw: list[str] | None = None
    if named:
        raw = [str(c) for c in frame.iloc[0]]
        names, said = names_of(raw)
        notes += said
        frame = frame.iloc[1:].reset_index(drop=True)
        frame.columns = names
        if how.header is None:
            notes.append("the first row names the columns")
    elif how.header is None:
        shown = "f0" if frame.shape[1] == 1 else f"f0..f{frame.shape[1] - 1}"
        notes.append(f"no header found: columns named {shown}")
        frame, said = restored(frame)
        notes += said
    if not len(frame):
        raise ValueError(f"{path}: a header and no rows; if the only row is data, pass header=False")
    frame, said = finish(frame, raw)
    return Sheet(path, frame.reset_index(drop=True), named, delimiter in ";\t ", notes=[*notes, *said])


def _one_cell(
    path: Path, lines: list[str], how: How, wanted: Wanted | None, notes: list[str]
) -> Sheet | None:
    """Lines that are texts, or a label and a text; None where they are cells in quotes."""
    import pandas as pd

    kept = [line for line in lines if line.strip()]
    if label_first(kept[:200], wanted):
        pairs = [line.split(None, 1) for line in kept]
        short = [i for i, pair in enumerate(pairs) if len(pair) < 2]
        if short and not how.skip_bad:
            raise ValueError(
                f"{path}, line {lines.index(kept[short[0]]) + 1}: a label without a text: add it, or leave such rows"
                " out with skip_bad=True"
            )
        if short:
            notes.append(f"{len(short)} lines without a text are left out")
        notes.append("each line is a label and a text")
        rows = [(label.removeprefix("__label__"), text) for label, text in (p for p in pairs if len(p) == 2)]
        return Sheet(path, pd.DataFrame(rows, columns=["label", "text"], dtype=str), notes=notes)
    if wanted is None or (any(line.lstrip().startswith('"') for line in kept) and strict_rows(lines, ",")):
        return None
    frame = pd.DataFrame({"f0": kept}, dtype=str)
    named = has_header(frame, wanted) if how.header is None else how.header
    if named:
        frame = frame.iloc[1:].reset_index(drop=True)
        frame.columns = names_of([kept[0]])[0]
        if how.header is None:
            notes.append(f"the first row, {kept[0]!r}, names the column")
    else:
        notes.append("no header found: each line is a row")
    if not len(frame):
        raise ValueError(f"{path}: a header and no rows; if the only row is data, pass header=False")
    return Sheet(path, frame, named, notes=notes)


def _table(
    path: Path, lines: list[str], skipped: int, delimiter: str, skip_bad: bool, notes: list[str]
) -> Any:
    """The cells, header included, as columns of text called f0, f1, ..."""
    delimiter = delimiter or ","
    if delimiter == " ":
        return _spaced(path, lines, skipped, skip_bad, notes)
    lines = _even_first(lines, delimiter, notes)
    if any('"' in line for line in lines):
        quoted, said = find_quotes(path, lines, delimiter, skip_bad)
        notes += said
    else:
        quoted = False
    if quoted and skip_bad and said == []:
        return _rows(path, csv.reader(lines, delimiter=delimiter), skipped, delimiter, True, notes)
    if not quoted:
        blank = sum(not line.strip(" ") for line in lines)
        if blank:
            notes.append(f"{blank} blank lines skipped")
        lines = _of_one_length(path, lines, skipped, delimiter, skip_bad, notes)
    return _cells(path, lines, delimiter, quoted)


def _even_first(lines: list[str], delimiter: str, notes: list[str]) -> list[str]:
    """A header that is one cell shorter or longer than all rows gets as many cells: R leaves out the name of the row
    names; a delimiter ends the rows, or the header, only.
    """
    sizes = [len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines[:100] if line.strip()]
    if len(sizes) < 3 or len(set(sizes[1:])) != 1 or sizes[0] == sizes[1] or sizes[0] < 2:
        return lines
    first, rows = lines[0], [line for line in lines[1:100] if line.strip()]
    if sizes[0] == sizes[1] - 1:
        if all(line.rstrip(" ").endswith(delimiter) for line in rows):
            return [first + delimiter, *lines[1:]]
        notes.append(
            "rows have one cell more than the header: the first is taken for the names of rows, as R writes"
        )
        return [delimiter + first, *lines[1:]]
    if sizes[0] == sizes[1] + 1 and first.rstrip(" ").endswith(delimiter):
        return [first.rstrip(" ")[:-1], *lines[1:]]
    return lines


def _of_one_length(
    path: Path, lines: list[str], skipped: int, delimiter: str, skip_bad: bool, notes: list[str]
) -> list[str]:
    """The lines that are rows. A title above the table is left out, and said."""
    sizes = [line.count(delimiter) + 1 if line.strip(" ") else 0 for line in lines]
    common = Counter(s for s in sizes if s).most_common(1)[0][0]
    start = 0
    while start < min(10, len(sizes)) and common > 1 and sizes[start] in (0, 1):
        start += 1
    if start and all(s in (0, common) for s in sizes[start:]):
        notes.append(f"{start} lines above the table are left out (first: {lines[0].strip()[:60]!r})")
    else:
        start = 0
    bad = [i for i in range(start, len(sizes)) if sizes[i] not in (0, common)]
    if bad and not skip_bad:
        raise ValueError(unequal(path, skipped + bad[0] + 1, sizes[bad[0]], common, delimiter))
    if bad:
        notes.append(
            f"{len(bad)} rows of another number of cells are left out (first: line {skipped + bad[0] + 1})"
        )
    return [line for line, size in zip(lines[start:], sizes[start:]) if size == common]


def _spaced(path: Path, lines: list[str], skipped: int, skip_bad: bool, notes: list[str]) -> Any:
    notes.append("cells are separated by spaces")
    sizes = [len(line.split()) for line in lines[:100] if line.strip()]
    if len(sizes) > 2 and set(sizes[1:]) == {sizes[0] + 1}:
        notes.append(AS_R)
        lines = ['"" ' + lines[0], *lines[1:]]
    rows = csv.reader((" ".join(line.split()) for line in lines), delimiter=" ", skipinitialspace=True)
    return _rows(path, rows, skipped, " ", skip_bad, notes)


def _rows(path: Path, reader: Any, skipped: int, delimiter: str, skip_bad: bool, notes: list[str]) -> Any:
    """Cells by the csv module, row by row; rows of another length are named, or left out and counted."""
    import pandas as pd

    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise ValueError(f"{path}, line {skipped + reader.line_num}: {error}") from error
    common = Counter(len(row) for _, row in rows).most_common(1)[0][0]
    bad = [(number, len(row)) for number, row in rows if len(row) != common]
    if bad and not skip_bad:
        raise ValueError(unequal(path, skipped + bad[0][0], bad[0][1], common, delimiter))
    if bad:
        notes.append(
            f"{len(bad)} rows of another number of cells are left out (first: line {skipped + bad[0][0]})"
        )
    kept = [row for _, row in rows if len(row) == common]
    return pd.DataFrame(kept, columns=[f"f{i}" for i in range(common)], dtype=str)


def _cells(path: Path, lines: list[str], delimiter: str, quoted: bool) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    data = "\n".join(lines).encode("utf-8", errors="replace")
    first = (
        next(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
        if quoted
        else lines[0].split(delimiter)
    )
    names = [f"f{i}" for i in range(len(first))]
    # A row must fit into a block; the longest cell in quotes may span many lines.
    block = max(1 << 20, len(data) + 1 if quoted else 8 * max(map(len, lines)))
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(column_names=names, block_size=min(block, 2**31 - 1)),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        raise ValueError(
            f"{path}: not readable as {DELIMITERS[delimiter]} separated rows ({error})"
        ) from error
    if not quoted and table.num_rows != len(lines):
        raise ValueError(
            f"{path}: {table.num_rows} rows were read from {len(lines)} lines; please report this file"
        )
    return table.to_pandas()
