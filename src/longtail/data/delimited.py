"""Delimited text: comma, tab, semicolon or bar; with or without a header; with the quotes people leave in.

A row is never merged with another and never dropped: quotes count only where they are consistent over the
whole file, and a row with another number of cells is an error that names the line.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from longtail.data.encoding import decode
from longtail.data.sheet import MISSING, Sheet, read_bytes

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}

LABEL_NAMES = (
    "label", "target", "class", "y", "category", "labels", "fine_label", "class_label", "classes", "标签", "类别",
)  # fmt: skip
TEXT_NAMES = (
    "text", "comment", "sentence", "review", "content", "document", "body", "message", "title", "tweet",
    "文本", "评论", "内容", "标题",
)  # fmt: skip


def read_delimited(
    path: Path, header: bool | None, encoding: str | None, columns: tuple[str, ...] | None = None
) -> Sheet:
    """All cells as text.

    Args:
        header: does the first row name the columns? None: detect it.
        columns: None for labelled data; otherwise one column is enough, and these are names that a header would hold.

    Raises:
        ValueError: no delimiter found; rows of unequal length (the line is named); no rows.
    """
    text, notes = decode(read_bytes(path), path, encoding)
    lines = text.split("\n")
    while lines and not lines[-1].strip(" "):
        lines.pop()
    delimiter = _delimiter(path, lines, alone=columns is not None)
    if '"' in text:
        quoted, said = _quoting(path, lines, delimiter)
        notes += said
    else:
        quoted = False
    if not quoted:
        blank = sum(not line.strip(" ") for line in lines)
        if blank:
            notes.append(f"{blank} blank lines skipped")
            lines = [line for line in lines if line.strip(" ")]
        _check_lengths(path, text.split("\n") if blank else lines, delimiter)
    frame = _cells(path, lines, delimiter, quoted)
    named = _has_header(frame, columns or ()) if header is None else header
    if named:
        names, said = _names(frame.iloc[0])
        notes += said
        frame = frame.iloc[1:].reset_index(drop=True)
        frame.columns = names
        if header is None:
            notes.append("the first row names the columns")
    elif header is None:
        shown = "f0" if frame.shape[1] == 1 else f"f0..f{frame.shape[1] - 1}"
        notes.append(f"no header found: columns named {shown}")
    if not len(frame):
        raise ValueError(f"{path}: a header and no rows; if the only row is data, pass header=False")
    last = frame.columns[-1]
    if frame.shape[1] > 2 and not len(frame[last].iloc[:1].iloc[0]) and bool((frame[last] == "").all()):
        notes.append("every line ends in a delimiter: the empty last column is left out")
        frame = frame.drop(columns=last)
    return Sheet(path, frame, named, decimal_comma=delimiter == ";", notes=notes)


def looks_like_number(cell: str) -> bool:
    """Does the cell hold a number, perhaps in quotes?

    >>> [looks_like_number(c) for c in ("6.0", "'-1'", "1e-3", "f1", "")]
    [True, True, True, False, False]
    """
    try:
        float(unquoted(cell.strip()))
    except ValueError:
        return False
    return cell.strip().lower() not in MISSING


def unquoted(cell: str) -> str:
    """Without one pair of matching quotes around.

    >>> unquoted("'-1'"), unquoted("it's")
    ('-1', "it's")
    """
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"":
        return cell[1:-1].strip()
    return cell


def _delimiter(path: Path, lines: list[str], alone: bool) -> str:
    sample = [line for line in lines[:200] if line.strip()]
    preferred = "\t" if path.name.removesuffix(".gz").endswith((".tsv", ".tab")) else ""
    best, best_score = "", (0.0, 0.0, 0.0)
    for delimiter in DELIMITERS:
        try:
            rows = list(csv.reader(sample, delimiter=delimiter))
        except csv.Error:
            rows = [line.split(delimiter) for line in sample]
        sizes = [len(r) for r in rows if len(r) > 1]
        if not sizes:
            continue
        common = max(set(sizes), key=sizes.count)
        cells = [c for r in rows[1:] for c in r]
        agree = sizes.count(common) / len(rows)
        numeric = sum(map(looks_like_number, cells)) / max(len(cells), 1)
        score = (float(delimiter == preferred and agree > 0.5), agree, numeric)
        if score > best_score:
            best, best_score = delimiter, score
    if not best and alone:
        return preferred or ","
    if not best:
        raise ValueError(
            f"{path}: no comma, tab, semicolon or bar separates columns in the first {len(sample)} lines;"
            " a table needs at least a feature and a label column"
        )
    return best


def _quoting(path: Path, lines: list[str], delimiter: str) -> tuple[bool, list[str]]:
    """Do double quotes enclose cells in this file? And what to say about it."""
    sizes = [line.count(delimiter) for line in lines if line.strip(" ")]
    plain = len(set(sizes)) == 1
    strict = _strict_rows(lines, delimiter)
    wide = delimiter == "\t"
    if strict is not None and strict == len(sizes):
        return True, []
    if plain and (wide or strict is None):
        return False, [
            f"double quotes are unbalanced or inside cells: read as they stand, {len(sizes)} lines as rows"
        ]
    if strict is not None:
        return True, [f"{strict} rows on {len(sizes)} lines: cells in quotes span lines"]
    for number, line in enumerate(lines, 1):
        if _strict_rows([line], delimiter) is None:
            raise ValueError(
                f"{path}, line {number}: a double quote opens or closes in the middle of a cell, and"
                " without quotes the"
                " lines differ in length: double the quotes inside cells, or remove them"
            )
    raise ValueError(
        f"{path}: cells in quotes are inconsistent: double the quotes inside cells, or remove them"
    )


def _strict_rows(lines: list[str], delimiter: str) -> int | None:
    """The number of rows under strict quotes (RFC 4180); None if they are broken or row lengths differ."""
    limit = csv.field_size_limit(2**30)
    try:
        length, rows = 0, 0
        for row in csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True):
            if row:
                length = length or len(row)
                if len(row) != length:
                    return None
                rows += 1
        return rows
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)


def _check_lengths(path: Path, lines: list[str], delimiter: str) -> None:
    first: tuple[int, int] | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip(" "):
            continue
        size = line.count(delimiter) + 1
        if first is None:
            first = (number, size)
        elif size != first[1]:
            raise ValueError(
                f"{path}, line {number}: {size} cells where line {first[0]} has {first[1]}"
                f" ({DELIMITERS[delimiter]}"
                f" separated): add or remove a {DELIMITERS[delimiter]}, or quote the cell that holds one"
            )


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
    if not quoted and table.num_rows != len(lines):
        raise ValueError(
            f"{path}: {table.num_rows} rows were read from {len(lines)} lines; please report this file"
        )
    return table.to_pandas()


def _has_header(frame: Any, columns: tuple[str, ...]) -> bool:
    """A header row is one whose cells do not look like the values under them."""
    head = [unquoted(str(c).strip()) for c in frame.iloc[0]]
    if columns and set(columns) <= set(head):
        return True
    if len(frame) < 2:
        return any(cell.lower() in LABEL_NAMES for cell in head)
    if head == [str(i) for i in range(len(head))] or head[1:] == [str(i) for i in range(len(head) - 1)]:
        return True  # what pandas writes for columns without names
    body = frame.iloc[1:1001]
    named = False
    for cell, column in zip(head, body.columns):
        values = [v for v in body[column] if v.strip().lower() not in MISSING]
        numeric = bool(values) and sum(map(looks_like_number, values)) > 0.9 * len(values)
        if numeric and looks_like_number(cell):
            return False
        named = named or (numeric and cell.lower() not in MISSING)
    if named or any(cell.lower() in LABEL_NAMES for cell in head):
        return True
    if len(set(head)) < len(head) or "" in head:
        return False
    # Only words: a header if some column of few values does not have its own first cell among them.
    for cell, column in zip(head, body.columns):
        values = body[column].str.strip()
        if cell.lower() not in MISSING and len(body) >= 4 and values.nunique() <= len(body) / 3:
            return cell not in set(values)
    return False


def _names(row: Any) -> tuple[list[str], list[str]]:
    names: list[str] = []
    notes: list[str] = []
    for i, cell in enumerate(row):
        name = unquoted(str(cell).strip()) or f"f{i}"
        if name in names:
            again = next(f"{name}.{k}" for k in range(2, len(names) + 3) if f"{name}.{k}" not in names)
            notes.append(f"two columns are called {name!r}: the later one is now {again!r}")
            name = again
        names.append(name)
    return names, notes
