"""ARFF (Weka, OpenML, Mulan) and KEEL ``.dat``, which is a dialect of it.

``scipy.io.arff`` reads neither attributes of text nor sparse rows nor attributes that lost their type, and no KEEL file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from longtail.formats.encoding import decode
from longtail.formats.how import How
from longtail.formats.sheet import Sheet
from longtail.words import printable

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|[^\s{{]+)\s*(.*)", re.I)
_CELL = re.compile(rf"\s*({_QUOTED}|[^,]*?)\s*(?:,|$)")
_NULL = ("?", "<null>")


def read_arff(path: Path, data: bytes, how: How) -> Sheet:
    """Cells as text; missing ones are "". The column that KEEL calls the output is put last.

    Raises:
        ValueError: no ``@attribute`` or no ``@data``; a row of another number of cells, which is named.
    """
    import pandas as pd

    text, notes = decode(data, path, how.encoding)
    lines = text.split("\n")
    names: list[str] = []
    types: list[str] = []
    outputs: list[str] = []
    start = None
    for number, line in enumerate(lines):
        line = line.strip()
        word = line.split(None, 1)[0].lower() if line else ""
        if word == "@attribute":
            found = _ATTRIBUTE.match(line)
            if not found:
                raise ValueError(f"{path}, line {number + 1}: an @attribute without a name")
            names.append(printable(_bare(found[1])))
            types.append(found[2].strip())
            if types[-1].lower().startswith("relational"):
                raise ValueError(
                    f"{path}, line {number + 1}: relational attributes are not read: flatten them"
                )
        elif word in ("@output", "@outputs"):
            outputs = (
                [printable(_bare(n.strip())) for n in line.split(None, 1)[1].split(",")]
                if " " in line
                else []
            )
        elif word == "@data":
            start = number + 1
            break
    if not names or start is None:
        lacking = "@data" if names else "@attribute"
        raise ValueError(
            f"{path}: an ARFF file needs lines of @attribute and one of @data; here is no {lacking}"
        )
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise ValueError(f"{path}: two attributes are called {twice!r}: rename one")
    untyped = [n for n, t in zip(names, types) if not t]
    if untyped:
        notes.append(f"attributes without a type, read as they look: {', '.join(map(repr, untyped[:5]))}")
    flags = next((i for i, t in enumerate(reversed(types)) if t.replace(" ", "") != "{0,1}"), len(types))
    if 3 <= flags < len(types) and not outputs:
        notes.append(
            f"the last {flags} attributes are all {{0,1}}: if they are several labels per row, one is read as the label,"
            " and the others tell it: leave them out with drop="
        )
    rows, bad = _rows(path, lines, start, names, types, how.skip_bad)
    if bad:
        notes.append(f"{len(bad)} rows of another number of cells are left out (first: line {bad[0]})")
    if not rows:
        raise ValueError(f"{path}: no rows after @data")
    frame = pd.DataFrame(rows, columns=names, dtype=str)
    last = [n for n in outputs if n in names]
    frame = frame[[n for n in names if n not in last] + last]
    return Sheet(path, frame, notes=notes)


def _rows(
    path: Path, lines: list[str], start: int, names: list[str], types: list[str], skip_bad: bool
) -> tuple[list[list[str]], list[int]]:
    # What a sparse row does not name is 0, or the first of the listed values.
    default = ["0" if not t.startswith("{") else _cells(t.strip("{} "))[0] for t in types]
    rows: list[list[str]] = []
    bad: list[int] = []
    for number in range(start, len(lines)):
        line = lines[number].strip()
        if not line or line.startswith("%"):
            continue
        sparse = line.startswith("{")
        try:
            cells = _sparse(line, default) if sparse else _cells(line)
        except (ValueError, IndexError) as error:
            if not skip_bad:
                raise ValueError(
                    f"{path}, line {number + 1}: a sparse row is like {{0 1.5, 3 red}}, with indices below {len(names)}"
                ) from error
            cells = []
        if len(cells) != len(names) and "," not in line and len(line.split()) == len(names):
            cells = line.split()
        if len(cells) != len(names):
            if not skip_bad:
                raise ValueError(
                    f"{path}, line {number + 1}: {len(cells)} cells for {len(names)} attributes: mend the line, or leave"
                    " such rows out with skip_bad=True"
                )
            bad.append(number + 1)
            continue
        rows.append(["" if cell in _NULL else cell for cell in cells])
    return rows, bad


def _cells(line: str) -> list[str]:
    if "'" not in line and '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    cells, at = [], 0
    while at <= len(line):
        found = _CELL.match(line, at)
        if not found:
            return []
        cells.append(_bare(found[1]))
        if found.end() == len(line) and not found[0].endswith(","):
            break
        at = found.end()
    return cells


def _sparse(line: str, default: list[str]) -> list[str]:
    cells = list(default)
    inside = line.strip("{} \t")
    for part in _split(inside) if inside else []:
        index, _, value = part.strip().partition(" ")
        cells[int(index)] = _bare(value.strip())
    return cells


def _split(inside: str) -> list[str]:
    return re.findall(rf"(?:{_QUOTED}|[^,])+", inside)


def _bare(cell: Any) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", cell[1:-1])
    return str(cell)
