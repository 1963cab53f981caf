"""How a delimited file is laid out: what stands before the table, what separates cells, what quotes enclose."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

from longtail.formats.header import looks_like_number
from longtail.formats.how import DELIMITERS, Wanted
from longtail.formats.sheet import suffix_of

BETWEEN = tuple(d for d in DELIMITERS if d != " ")


def preamble(lines: list[str]) -> tuple[int, str | None, list[str]]:
    """Lines to skip at the top (comments after ``#``, Excel's ``sep=;``), the delimiter they declare, and what to say.

    A first line after ``#`` with as many cells as the next is a header.
    """
    at, declared, notes = 0, None, []
    while at < len(lines):
        line = lines[at].strip()
        found = re.fullmatch(r'"?sep=(.|\\t)"?', line, re.I)
        if found and at == 0:
            declared = "\t" if found[1] == "\\t" else found[1]
            notes.append(f"the first line, {line!r}, names the delimiter")
        elif (line or not at) and (not line.startswith("#") or _is_header(line, lines[at + 1 :])):
            break
        at += 1
    comments = sum(1 for line in lines[:at] if line.strip().startswith("#"))
    if comments:
        notes.append(f"{comments} lines after # at the top are comments: skipped")
    return (at if comments or declared else 0), declared, notes


def _is_header(line: str, rest: list[str]) -> bool:
    """Has a line after # as many cells as the line under it?"""
    following = next((r for r in rest if r.strip()), "#")
    if following.startswith("#"):
        return False
    return any(line.count(d) == following.count(d) > 0 for d in BETWEEN)


def find_delimiter(path: Path, lines: list[str], wanted: Wanted | None) -> str:
    """The character between cells; "" where each line is a single cell, or where a label is followed by a text.

    Raises:
        ValueError: none, in labelled data.
    """
    sample = [line for line in lines if line.strip()][:200]
    if not sample:
        raise ValueError(f"{path}: the file holds nothing but blank lines")
    preferred = "\t" if suffix_of(path) in (".tsv", ".tab") else ""
    found: dict[str, tuple[bool, float, float]] = {}
    for delimiter in BETWEEN:
        try:
            rows = list(csv.reader(sample, delimiter=delimiter))
        except csv.Error:
            rows = [line.split(delimiter) for line in sample]
        score = _score(rows, delimiter == preferred)
        if score is not None and not (wanted is not None and _is_prose(rows, delimiter, wanted)):
            found[delimiter] = score
    best = max(found, key=lambda d: found[d], default="")
    if best and found[best][1] == 1:
        return best
    spaced = [line.split() for line in sample]
    widths = {len(row) for row in spaced[1:]} or {len(spaced[0])}
    # R leaves the name of the row names out of the header.
    if (
        len(widths) == 1
        and max(widths) > 1
        and max(widths) - len(spaced[0]) in (0, 1)
        and not _one_column(wanted)
    ):
        numeric = sum(looks_like_number(c) for row in spaced[1:] for c in row)
        if numeric or len(spaced) > 5:
            return " "
    if label_first(sample, wanted):
        return ""
    if best or wanted is not None:
        return best
    raise ValueError(
        f"{path}: no comma, tab, semicolon, bar or spaces separate columns in the first {len(sample)} lines;"
        " a table needs at least a feature and a label column (delimiter= names what separates them)"
    )


def _one_column(wanted: Wanted | None) -> bool:
    return wanted is not None and not wanted.columns


def _score(rows: list[list[str]], preferred: bool) -> tuple[bool, float, float] | None:
    sizes = [len(r) for r in rows if len(r) > 1]
    if not sizes:
        return None
    common = max(set(sizes), key=sizes.count)
    cells = [c for r in rows[1:] for c in r]
    agree = sizes.count(common) / len(rows)
    if (
        len(rows) > 2
        and {len(r) for r in rows[1:]} == {common}
        and abs(len(rows[0]) - common) == 1 < len(rows[0])
    ):
        agree = 1.0  # a header that is a cell shorter or longer: R's, or one with a delimiter at its end
    return preferred and agree > 0.5, agree, sum(map(looks_like_number, cells)) / max(len(cells), 1)


def _is_prose(rows: list[list[str]], delimiter: str, wanted: Wanted) -> bool:
    """Is this character part of texts, in a file that may hold nothing but texts?

    It is where lines differ in their number of cells, or where a space follows it, as in prose.
    """
    if wanted.columns and any(set(wanted.columns) <= {c.strip() for c in row} for row in rows[:1]):
        return False
    if wanted.columns:
        return False
    if len({len(row) for row in rows}) > 1:
        return True
    inner = [cell for row in rows for cell in row[1:]]
    return delimiter in ",;|" and sum(cell.startswith(" ") for cell in inner) > 0.5 * len(inner)


def label_first(lines: list[str], wanted: Wanted | None) -> bool:
    """Is each line a label, a space, and a text (as TREC and fastText have it)?

    In labelled data the first words must be few and come again; in rows to predict they must be classes of the model.
    """
    pairs = [line.split(None, 1) for line in lines]
    if len(pairs) < 2 or any(len(pair) < 2 for pair in pairs):
        return False
    first = Counter(pair[0] for pair in pairs)
    if all(word.startswith("__label__") for word in first):
        return True
    if wanted is not None:
        return bool(wanted.classes) and set(first) <= set(wanted.classes)
    once = sum(1 for n in first.values() if n == 1)
    return len(first) > 1 and len(first) <= len(pairs) / 4 and once <= len(pairs) / 10


def find_quotes(path: Path, lines: list[str], delimiter: str, skip_bad: bool) -> tuple[bool, list[str]]:
    """Do double quotes enclose cells in this file? And what to say about it.

    Raises:
        ValueError: neither reading gives rows of one length; the line is named.
    """
    sizes = [line.count(delimiter) for line in lines if line.strip(" ")]
    plain = len(set(sizes)) == 1
    strict = strict_rows(lines, delimiter)
    wide = delimiter == "\t"
    if strict is not None and strict == len(sizes):
        return True, []
    if plain and (wide or strict is None):
        return False, [
            f"double quotes are unbalanced or inside cells: read as they stand, {len(sizes)} lines as rows"
        ]
    if strict is not None:
        return True, [f"{strict} rows on {len(sizes)} lines: cells in quotes span lines"]
    if skip_bad:
        return True, []
    for number, line in enumerate(lines, 1):
        if strict_rows([line], delimiter) is None:
            raise ValueError(
                f"{path}, line {number}: a double quote opens or closes in the middle of a cell, and"
                " without quotes the"
                " lines differ in length: double the quotes inside cells, remove them, or leave such rows out with"
                " skip_bad=True"
            )
    common = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter)).most_common(1)[0][0]
    for number, line in enumerate(lines, 1):
        size = len(next(csv.reader([line], delimiter=delimiter)))
        if line.strip(" ") and size != common:
            raise ValueError(unequal(path, number, size, common, delimiter))
    raise ValueError(
        f"{path}: cells in quotes are inconsistent: double the quotes inside cells, or remove them"
    )


def strict_rows(lines: list[str], delimiter: str) -> int | None:
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


def unequal(path: Path, number: int, size: int, common: int, delimiter: str) -> str:
    """The message about a line with another number of cells than most."""
    name = DELIMITERS.get(delimiter, repr(delimiter))
    return (
        f"{path}, line {number}: {size} cells where most lines have {common} ({name} separated): add or remove a {name},"
        " quote the cell that holds one, or leave such rows out with skip_bad=True"
    )
