"""Tagged sentences: what a file of CoNLL columns, columns of lists, or lists in memory hold, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from longtail.formats.columns import find
from longtail.formats.sheet import Sheet
from longtail.kinds.token.sentences import Sentences

TOKENS = ("tokens", "words")
TAGS = ("tags", "ner_tags", "labels", "ner")
"""Names of columns of lists, in small letters, in the order in which they are looked for."""


@dataclass(frozen=True)
class Columns:
    """The columns of a sheet that hold tokens and tags; ``tags`` is None where there are none."""

    tokens: str
    tags: str | None


def is_list(cell: Any) -> bool:
    """Is a cell a list (or an array) of words or numbers?"""
    return isinstance(cell, list | tuple) or (hasattr(cell, "ndim") and cell.ndim == 1)


def is_sentences(x: Any) -> bool:
    """Is ``x`` a list of lists of words?

    >>> is_sentences([["EU", "says"], ["Why"]]), is_sentences(["EU says"]), is_sentences([[1.0]])
    (True, False, False)
    """
    if isinstance(x, Sentences):
        return True
    if not isinstance(x, list | tuple) or not x or not all(isinstance(s, list | tuple) for s in x):
        return False
    return all(isinstance(word, str) for sentence in x for word in sentence) and any(x)


def columns_of(sheet: Sheet, text: str | int | None, label: str | int | None) -> Columns | None:
    """The columns of lists of tokens and of tags; None where the sheet holds no tokens.

    Args:
        text, label: their names, where they are named.
    """
    frame = sheet.frame

    def lists(name: str, of: Any) -> bool:
        cells = [cell for cell in frame[name] if is_list(cell)]
        return bool(cells) and all(isinstance(v, of) for cell in cells[:100] for v in _plain(cell))

    by_name = {str(name).strip().lower(): str(name) for name in frame.columns}
    tokens = find(sheet, text, "text") if text is not None else _first(by_name, TOKENS)
    if tokens is None or not lists(tokens, str):
        return None
    tags = find(sheet, label, "label") if label is not None else _first(by_name, TAGS)
    return Columns(tokens, tags if tags is not None and lists(tags, str | int) else None)


def sentences_in(
    sheet: Sheet, columns: Columns, skip_bad: bool, notes: list[str]
) -> tuple[Any, Any, list[int]]:
    """The sentences in columns of lists, their tags (None without a column of them), and their rows in the sheet.

    Raises:
        ValueError: a row whose lists are not of one length; without ``skip_bad``.
    """
    words, tags, kept, bad = [], [], [], []
    frame = sheet.frame
    cells = frame[columns.tags] if columns.tags is not None else [None] * len(frame)
    for k, (tokens, said) in enumerate(zip(frame[columns.tokens], cells)):
        wrong = _wrong(tokens, said, columns)
        if wrong and not skip_bad:
            raise ValueError(
                f"{sheet.path}, row {k + 1}: {wrong}; mend it, or leave it out with skip_bad=True"
            )
        if wrong:
            bad.append(k + 1)
        elif len(tokens):
            words.append(_plain(tokens))
            tags.append([] if said is None else [str(tag) for tag in _plain(said)])
            kept.append(k)
    if bad:
        notes.append(f"{len(bad)} rows whose tokens and tags do not fit are left out (first: row {bad[0]})")
    if not words:
        raise ValueError(f"{sheet.path}: no row has a token in column {columns.tokens!r}")
    return words, None if columns.tags is None else tags, kept


def tags_of(x: Any, y: Any) -> list[str]:
    """The tags ``y`` of the sentences ``x``, list by list, as one a token.

    Raises:
        ValueError: no lists, or of other lengths than the sentences.

    >>> tags_of([["EU", "says"], ["Why"]], [["B-ORG", "O"], ["O"]])
    ['B-ORG', 'O', 'O']
    """
    if isinstance(y, str) or not hasattr(y, "__len__") or not all(is_list(tags) for tags in y):
        raise ValueError("y: sentences need a list of tags for each sentence, one a token")
    if len(y) != len(x):
        raise ValueError(f"y has {len(y)} lists of tags for {len(x)} sentences")
    for k, (words, tags) in enumerate(zip(x, y)):
        if len(words) != len(tags):
            raise ValueError(f"y: sentence {k + 1} has {len(words)} tokens and {len(tags)} tags")
    return [str(tag) for tags in y for tag in _plain(tags)]


def sentences_of(x: Any) -> Sentences:
    """Rows of a list of lists of words; empty sentences have none."""
    return x if isinstance(x, Sentences) else Sentences.of([words for words in x if len(words)])


def _wrong(tokens: Any, tags: Any, columns: Columns) -> str:
    if not is_list(tokens):
        return f"no list of words in {columns.tokens!r}"
    if columns.tags is None:
        return ""
    if not is_list(tags):
        return f"no list of tags in {columns.tags!r}"
    if len(tokens) != len(tags):
        return f"{len(tokens)} in {columns.tokens!r} and {len(tags)} in {columns.tags!r}"
    return ""


def _plain(cell: Any) -> list[Any]:
    return cell.tolist() if hasattr(cell, "tolist") else list(cell)


def _first(by_name: dict[str, str], names: Sequence[str]) -> str | None:
    return next((by_name[name] for name in names if name in by_name), None)
