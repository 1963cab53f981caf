"""The first row of a table: names or values? And what else stands among the rows that is none: repeated headers, a
total, columns of nothing."""

from __future__ import annotations

import re
from typing import Any

from longtail.formats.how import Wanted
from longtail.formats.images import SUFFIXES
from longtail.formats.sheet import MISSING
from longtail.words import printable

LABEL_NAMES = (
    "label", "target", "class", "y", "category", "labels", "fine_label", "class_label", "classes", "标签", "类别",
)  # fmt: skip
TEXT_NAMES = (
    "text", "comment", "sentence", "review", "content", "document", "body", "message", "title", "tweet",
    "文本", "评论", "内容", "标题",
)  # fmt: skip
TOTALS = (
    "total",
    "totals",
    "sum",
    "grand total",
    "subtotal",
    "average",
    "mean",
    "all",
    "summe",
    "gesamt",
    "合计",
    "总计",
)
PICTURES = tuple(SUFFIXES)
INDEX = "Unnamed: 0"
"""The name of a first column without one, as pandas gives it: it is an index that was written beside the rows."""


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


def has_header(frame: Any, wanted: Wanted | None = None) -> bool:
    """Is the first row of these cells (text) a header: a row whose cells do not look like the values under them?

    Args:
        wanted: what a model needs of the rows; None for labelled data.
    """
    head = [unquoted(str(c).strip()) for c in frame.iloc[0]]
    if wanted is not None and wanted.columns and set(wanted.columns) <= set(head):
        return True
    if wanted is not None and wanted.columns and all(re.fullmatch("f[0-9]+", c) for c in wanted.columns):
        return False  # the model was trained on a file without names
    if len(frame) < 2:
        return any(cell.lower() in LABEL_NAMES for cell in head) or (len(head) == 1 and _names_text(head[0]))
    body = frame.iloc[1:1001]
    if len(head) == 1:
        return _is_name_of_one(head[0], body[body.columns[0]])
    if _numbered(head, body):
        return True  # what pandas writes for columns without names
    # Columns of nothing (Kaggle's "v1,v2,,,"), and an index without a name, say nothing about the row.
    kept = [i for i, c in enumerate(head) if c or (i and not _empty(body.iloc[:, i]))]
    head, body = [head[i] for i in kept], body.iloc[:, kept]
    named = False
    for cell, column in zip(head, body.columns):
        values = [v for v in body[column] if v.strip().lower() not in MISSING]
        numeric = bool(values) and sum(map(looks_like_number, values)) > 0.9 * len(values)
        if numeric and looks_like_number(cell):
            return False
        named = named or (numeric and cell.lower() not in MISSING)
    if named and _mangled(head, body):
        return False
    if named or any(cell.lower() in LABEL_NAMES for cell in head):
        return True
    if len(set(head)) < len(head) or "" in head:
        return False
    for cell, column in zip(head, body.columns):
        if body[column].str.lower().str.endswith(PICTURES).all() and not cell.lower().endswith(PICTURES):
            return True  # a name over names of picture files
    # Only words: a header if some column of few values does not have its own first cell among them.
    for cell, column in zip(head, body.columns):
        values = body[column].str.strip()
        if cell.lower() not in MISSING and len(body) >= 4 and values.nunique() <= len(body) / 3:
            return cell not in set(values)
    return False


def names_of(row: Any) -> tuple[list[str], list[str]]:
    """Column names from the cells of a header: none empty, none twice, none that acts on a terminal."""
    names: list[str] = []
    notes: list[str] = []
    for i, cell in enumerate(row):
        plain = unquoted(str(cell).strip())
        name = printable(plain) or (f"f{i}" if i else INDEX)
        if name != plain and plain:
            notes.append(f"column {name!r}: characters that act on a terminal are written as their codes")
        if name in names:
            again = next(f"{name}.{k}" for k in range(2, len(names) + 3) if f"{name}.{k}" not in names)
            notes.append(f"two columns are called {name!r}: the later one is now {again!r}")
            name = again
        names.append(name)
    return names, notes


def restored(frame: Any) -> tuple[Any, list[str]]:
    """Rows whose first one pandas had made into names ("1,1.1,0,0.1" for "1,1,0,0"), as it was."""
    head = [str(c).strip() for c in frame.iloc[0]]
    plain = _mangled(head, frame.iloc[1:1001])
    if plain is None:
        return frame, []
    frame = frame.copy()
    frame.iloc[0] = plain
    changed = [f"{a} is {b}" for a, b in zip(head, plain) if a != b]
    return frame, [
        f"the first row ({','.join(head[:6])}) looks like values that pandas made into names: {', '.join(changed[:3])};"
        " if it is a header, pass header=True"
    ]


def finish(frame: Any, raw: list[str] | None) -> tuple[Any, list[str]]:
    """Cells (text) without what is no row and no column, and what was left out.

    That is: the header again (after ``cat one.csv two.csv``), a row of totals at the end, and columns without a name
    that are empty in nearly every row.

    Args:
        raw: the cells of the header as they stand in the file; None where it has none.
    """
    notes: list[str] = []
    if raw is not None and len(frame) > 1 and not all(map(looks_like_number, raw)):
        again = frame[frame.columns[0]] == raw[0]
        for cell, column in zip(raw[1:], frame.columns[1:]):
            if not again.any():
                break
            again &= frame[column] == cell
        if again.any() and not again.all():
            notes.append(f"the header again in {int(again.sum())} rows: left out")
            frame = frame[~again]
        frame, said = _without_empty(frame, raw)
        notes += said
    last = frame.columns[-1]
    if frame.shape[1] > 2 and _empty(frame[last], 0):
        notes.append("every line ends in a delimiter: the empty last column is left out")
        frame = frame.drop(columns=last)
    total = _total(frame)
    if total.startswith("the last row"):
        frame = frame.iloc[:-1]
    return frame, notes + ([total] if total else [])


def _without_empty(frame: Any, raw: list[str]) -> tuple[Any, list[str]]:
    unnamed = [n for i, n in enumerate(frame.columns) if i and not unquoted(raw[i].strip())]
    spare = [n for n in unnamed if _empty(frame[n])]
    if not spare or len(spare) > len(raw) - 2:
        return frame, []
    filled = int((frame[spare].map(str.strip) != "").any(axis=1).sum())
    if not filled and len(spare) == 1 and spare[0] == frame.columns[-1]:
        return frame, []  # said as a delimiter at the end of lines
    said = f"{len(spare)} columns without a name are empty" + (f" but for {filled} rows" if filled else "")
    return frame.drop(columns=spare), [said + ": left out"]


def _total(frame: Any) -> str:
    """What to say about a last row that is the total of the others."""
    if len(frame) < 4 or frame.shape[1] < 2:
        return ""
    last, body = [str(c).strip() for c in frame.iloc[-1]], frame.iloc[:-1]
    at = next((i for i, c in enumerate(last) if c.lower().rstrip(":") in TOTALS), None)
    if at is None or (body.iloc[:, at].str.strip().str.lower() == last[at].lower()).any():
        return ""
    hollow = any(
        i != at and cell == "" and (body.iloc[:, i].str.strip() != "").mean() > 0.9
        for i, cell in enumerate(last)
    )
    summed = any(_is_sum(cell, body.iloc[:, i]) for i, cell in enumerate(last) if i != at)
    if hollow or summed:
        return f"the last row is a total ({','.join(last[:5])}): left out"
    return f"is the row {len(frame)}, {','.join(last[:5])!r}, a total? It is kept: remove it if it is none of the rows"


def _is_sum(cell: str, column: Any) -> bool:
    if not looks_like_number(cell):
        return False
    values = [float(unquoted(v.strip())) for v in column if looks_like_number(v)]
    total = sum(values)
    return (
        len(values) > 2 and abs(float(unquoted(cell)) - total) <= 1e-6 * max(1.0, abs(total)) and total != 0
    )


def _empty(column: Any, share: float = 0.05) -> bool:
    """Is a column of text empty, but for this share of its rows?"""
    if len(column) and share == 0 and str(column.iloc[0]).strip():
        return False
    return bool((column.str.strip() != "").mean() <= share)


def _numbered(head: list[str], body: Any) -> bool:
    """0, 1, 2 ... as pandas names columns, perhaps with an index before and a name such as "label" among them."""
    cells = head[1:] if head[0] in ("", INDEX) else head
    counted = [c for c in cells if c.isdecimal()]
    words = [c for c in cells if not c.isdecimal()]
    if len(counted) < min(2, len(cells)) or counted != [str(i) for i in range(len(counted))]:
        return False
    if not words:
        return True
    columns = body.columns[len(head) - len(cells) :]
    return all(
        not looks_like_number(word) and word and word not in set(body[column].str.strip())
        for word, column in zip(cells, columns)
        if word in words
    )


def _mangled(head: list[str], body: Any) -> list[str] | None:
    """The values behind names that pandas made of a row of values, by numbering those that came again; or None."""
    seen: dict[str, int] = {}
    plain: list[str] = []
    for cell in head:
        base, dot, number = cell.rpartition(".")
        if dot and base in seen and number == str(seen[base]):
            plain.append(base)
            seen[base] += 1
        else:
            plain.append(cell)
            seen.setdefault(cell, 1)
    if plain == head or not all(map(looks_like_number, plain)):
        return None
    # A column that holds 0.1 itself had it from the start.
    kept = [
        p if a != p and a not in set(body.iloc[:, i].str.strip()) else a
        for i, (a, p) in enumerate(zip(head, plain))
    ]
    return kept if kept != head else None


def _is_name_of_one(cell: str, column: Any) -> bool:
    """Is this the name of the only column? Texts without a header are common, so it must look like a name."""
    values = [v.strip() for v in column if v.strip().lower() not in MISSING]
    numeric = bool(values) and sum(map(looks_like_number, values)) > 0.9 * len(values)
    if numeric:
        return not looks_like_number(cell) and cell.lower() not in MISSING
    return cell == "0" or _names_text(cell)


def _names_text(cell: str) -> bool:
    """Is this one word a name of texts, such as "review_text"?"""
    words = re.split(r"[_.-]+|(?<=[a-z])(?=[A-Z])", cell.strip())
    return any(w.lower() in TEXT_NAMES or w.lower().removesuffix("s") in TEXT_NAMES for w in words)
