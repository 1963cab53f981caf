"""CoNLL columns: a token a line, its tag in a column, a blank line between sentences.

    EU      NNP  B-ORG
    rejects VBZ  O

Lines that begin with ``# `` before a sentence are comments; ``-DOCSTART-`` begins a document. Cells stand between tabs in
a line that has one, else between spaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longtail.formats.encoding import decode

BIO = re.compile(r"O|[BIESLU]-\S+")
"""A tag that says where an entity begins, goes on and ends."""
START = "-DOCSTART-"
Line = tuple[int, list[str]]


@dataclass(frozen=True)
class Tagged:
    """One sentence.

    Attributes:
        words: its tokens.
        tags: one a token; None where there are none.
        document: the number of its document, from 0.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None
    document: int = 0


def looks_like_conll(head: bytes) -> bool:
    r"""Are these whole lines of tokens with BIO tags at their ends, and blank lines between some?

    >>> looks_like_conll(b"EU B-ORG\nsays O\n\nWhy O\n"), looks_like_conll(b"a b\nc d\n\n")
    (True, False)
    """
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    gap, several = False, False
    widths, tags = set[int](), set[str]()
    for line in text.split("\n"):
        if not line.strip():
            gap = bool(widths)
        elif not _aside(line):
            cells = cells_of(line)
            several = several or gap
            widths.add(len(cells))
            tags.add(cells[-1])
            if len(widths) > 1 or len(cells) < 2 or not BIO.fullmatch(cells[-1]):
                return False
    return several and len(tags) > 1


def read_conll(
    path: Path,
    data: bytes,
    *,
    encoding: str | None = None,
    token: int = 0,
    tag: int | None = None,
    classes: Sequence[str] | None = None,
    skip_bad: bool = False,
) -> tuple[list[Tagged], list[str]]:
    """The sentences of a file, and notes on how it was read.

    Args:
        token: the column of tokens.
        tag: the column of tags; None takes the last.
        classes: of rows to predict, the model's: the last column is one of tags only where most of its cells are such.
        skip_bad: leave out sentences with a line that lacks cells, and count them.

    Raises:
        ValueError: no token, a column that is not there, or a line with another number of cells.

    >>> sentences, _ = read_conll(Path("a.conll"), b"EU B-ORG\\nsays O\\n\\nWhy O\\n")
    >>> [s.tags for s in sentences]
    [('B-ORG', 'O'), ('O',)]
    """
    text, notes = decode(data, path, encoding)
    blocks, documents = _blocks(text)
    if not blocks:
        raise ValueError(f"{path}: no token; a line is needed for each, and a blank line between sentences")
    width = len(blocks[0][1][0][1])
    place = width - 1 if tag is None and width > 1 else tag
    for name, column in (("text", token), ("label", place)):
        if column is not None and not -width <= column < width:
            raise ValueError(f"{path}: {name}={column}, but its lines have {width} columns, numbered from 0")
    if classes is None and place is None:
        raise ValueError(
            f"{path}, line {blocks[0][1][0][0]}: one column; tokens need a tag behind them, as in 'EU B-ORG'"
        )
    if classes is not None and tag is None and place is not None:
        known, last = set(classes), [cells[-1] for _, lines in blocks for _, cells in lines]
        place = place if 2 * sum(cell in known for cell in last) > len(last) else None
    found, bad = [], []
    for document, lines in blocks:
        wrong = next((number for number, cells in lines if len(cells) != width), None)
        if wrong is not None and not skip_bad:
            held = next(len(cells) for number, cells in lines if number == wrong)
            raise ValueError(
                f"{path}, line {wrong}: {held} columns, where the first token's line has {width}; mend it, or leave its "
                "sentence out with skip_bad=True"
            )
        if wrong is not None:
            bad.append(wrong)
            continue
        words = tuple(cells[token] for _, cells in lines)
        found.append(Tagged(words, None if place is None else tuple(c[place] for _, c in lines), document))
    if not found:
        raise ValueError(f"{path}: no sentence whose lines all have {width} columns")
    if bad:
        notes.append(f"{len(bad)} sentences with a line of other columns are left out (first: line {bad[0]})")
    if documents > 1:
        notes.append(f"{documents} documents ({START}): group='document' keeps each on one side")
    return found, notes


def cells_of(line: str) -> list[str]:
    """The cells of a line."""
    return (
        [cell.strip() for cell in line.rstrip("\r\n").split("\t")] if "\t" in line.strip() else line.split()
    )


def _aside(line: str) -> bool:
    """Is it a comment, or the begin of a document?"""
    return line.startswith(("# ", START))


def _blocks(text: str) -> tuple[list[tuple[int, list[Line]]], int]:
    """The lines of each sentence with the number of its document; and how many documents there are."""
    blocks: list[tuple[int, list[Line]]] = []
    now: list[Line] = []
    documents = 0
    for number, line in enumerate([*text.split("\n"), ""], 1):
        starts = line.startswith(START)
        if line.strip() and not starts and (now or not _aside(line)):
            now.append((number, cells_of(line)))
            continue
        if now:
            blocks.append((max(0, documents - 1), now))
            now = []
        documents += starts
    return blocks, documents
