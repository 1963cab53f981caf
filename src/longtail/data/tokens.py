"""Files of tagged tokens: CoNLL columns, or lists of tokens and tags. A token is a row, its sentence a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtail.data.asked import Asked, Rows, Target
from longtail.data.beside import Beside
from longtail.formats.columns import find
from longtail.formats.conll import read_conll
from longtail.formats.how import How
from longtail.formats.sheet import Sheet, read_bytes
from longtail.kinds import TOKEN, Sentences
from longtail.kinds.token.tagged import columns_of, sentences_in
from longtail.metrics import Scheme

GROUP = "sentence"
READING = {"label": "tag"}
"""What a model remembers of tokens: the column of tags, as all files of them are read."""
DOCUMENT = "document"


def conll_rows(where: Path, how: How, asked: Asked) -> Rows:
    """The tokens of a file of CoNLL columns.

    Raises:
        ValueError: an option that has no meaning there, or lines that cannot be read.
    """
    for name in ("features", "time", "weight"):
        if (given := getattr(asked, name)) is not None:
            raise ValueError(f"{name}={given!r} is no option for {where}, which holds CoNLL columns")
    if how.part_column is not None:
        raise ValueError(f"split={how.part_column!r} is no option for {where}, which holds CoNLL columns")
    if asked.group not in (None, GROUP, DOCUMENT):
        raise ValueError(
            f"group={asked.group!r}: of CoNLL columns it is {GROUP!r} (left out) or {DOCUMENT!r}, between lines of "
            "-DOCSTART-"
        )
    found, notes = read_conll(
        where, read_bytes(where), encoding=how.encoding, token=column(asked.text, "text") or 0,
        tag=column(asked.label, "label"), classes=None if asked.like is None else asked.classes,
        skip_bad=how.skip_bad,
    )  # fmt: skip
    words = [one.words for one in found]
    tags = [list(one.tags) for one in found if one.tags is not None]
    beside = {}
    if asked.group == DOCUMENT:
        if len({one.document for one in found}) < 2:
            raise ValueError(
                f"{where}: group={DOCUMENT!r}, but it has no two documents (lines of -DOCSTART-)"
            )
        beside = {"group": [one.document for one in found]}
    notes = [f"CoNLL columns: {said(words)}", *notes]
    return rows_of(
        where, words, tags or None, beside, {"group": DOCUMENT} if beside else {}, notes, asked.like is None
    )


def listed_rows(sheet: Sheet, how: How, asked: Asked) -> Rows | None:
    """The tokens in columns of lists; None where the sheet has none, or another kind of data was asked for.

    Raises:
        ValueError: lists that cannot be read, or tokens to learn from without tags.
    """
    if asked.kind not in (None, TOKEN):
        return None
    label = asked.label if asked.like is None else None
    columns = columns_of(sheet, asked.text, label)
    if columns is None and asked.kind is TOKEN:
        TOKEN.in_columns(sheet, [], how.skip_bad, [])  # which says what there should be
    if columns is None or (columns.tags is None and asked.kind is None):
        return None
    if columns.tags is None and asked.like is None:
        raise ValueError(
            f"{sheet.path}: tokens in {columns.tokens!r}, and no list of tags for them: name it with label="
        )
    if asked.features is not None:
        raise ValueError(f"features={asked.features!r} is no option for tokens: a word sees those around it")
    notes = list(sheet.notes)
    words, tags, kept = sentences_in(sheet, columns, how.skip_bad, notes)
    wanted = {"group": asked.group, "time": asked.time, "split": how.part_column, "weight": asked.weight}
    if asked.group == GROUP and GROUP not in sheet.frame.columns:
        wanted["group"] = None
    named = {what: find(sheet, name, what) for what, name in wanted.items() if name is not None}
    cells = {what: [sheet.frame[name].iloc[k] for k in kept] for what, name in named.items()}
    names = sheet.class_names.get(columns.tags or "")
    tagged = "no tags" if columns.tags is None else f"tags in {columns.tags!r}"
    notes.insert(0, f"tokens in {columns.tokens!r}, {tagged}: {said(words)}")
    return rows_of(sheet.path, words, tags, cells, named, notes, asked.like is None, names)


def rows_of(
    where: Path,
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]] | None,
    cells: Mapping[str, Sequence[Any]],
    named: dict[str, str],
    notes: list[str],
    learns: bool,
    names: list[str] | None = None,
) -> Rows:
    """Tokens as rows.

    Args:
        cells: what stands beside each sentence, by "group", "time", "split" and "weight".
        named: where that comes from.
        learns: are the rows to learn from, and not to be predicted?
        names: of classes, where the file declares them.
    """
    import pandas as pd

    raw = Sentences.of(words)
    sentence = raw.sentence.numpy()
    beside = Beside.of({what: [v[k] for k in sentence] for what, v in cells.items()}, named, str(where))
    beside = in_sentences(beside, raw)
    frame = token_frame(raw)
    notes += beside.notes
    if learns and "group" not in named:
        notes.append("rows of one sentence stay on one side of every split")
    target, reading = None, {}
    if tags is not None:
        flat = pd.Series([tag for of in tags for tag in of], dtype=object)
        frame["tag"] = flat
        target, reading = Target(flat, where, "tags", names), dict(READING)
        notes += tag_notes(list(flat), raw)
    return Rows(raw, TOKEN, frame, target=target, beside=beside, reading=reading, notes=notes)


def token_frame(raw: Sentences) -> Any:
    """A column of the number of each token's sentence, from 1, and one of the tokens."""
    import pandas as pd

    return pd.DataFrame({"sentence": raw.sentence.numpy() + 1, "token": raw.tokens})


def in_sentences(beside: Beside, raw: Sentences) -> Beside:
    """What stands beside tokens, with their sentences; these are the groups where no others are named."""
    if beside.group is not None:
        return replace(beside, sequence=raw.sentence)
    names = tuple(str(k + 1) for k in range(len(raw.words)))
    return replace(
        beside,
        sequence=raw.sentence,
        group=raw.sentence,
        groups=names,
        names={**beside.names, "group": GROUP},
    )


def tag_notes(tags: Sequence[str], raw: Sentences) -> list[str]:
    """What is to be said of tags: are they of entities, and are there some that begin with I-?"""
    names = sorted({str(tag) for tag in tags})
    scheme = Scheme.of(names)
    if scheme is None:
        return ["the tags are no BIO tags (O, B-TYPE, I-TYPE): tokens are scored, and no entities"]
    y = torch.from_numpy(np.searchsorted(names, [str(tag) for tag in tags]))
    alone = scheme.orphans(y, raw.sentence)
    types = len(set(scheme.type) - {-1})
    notes = [f"BIO tags: entities of {types} type{'s' if types > 1 else ''}"]
    if alone:
        notes.append(f"{alone} entities begin without B-: they count as entities, as seqeval counts them")
    return notes


def said(words: Sequence[Sequence[str]]) -> str:
    """How many sentences and tokens."""
    return f"{len(words):,} sentences, {sum(map(len, words)):,} tokens"


def column(given: str | int | None, name: str) -> int | None:
    """The number of a column of a file without names.

    Raises:
        ValueError: no number.
    """
    if given is None or isinstance(given, int):
        return given
    try:
        return int(given)
    except ValueError:
        raise ValueError(f"{name}={given!r}: CoNLL columns have no names: give its number, from 0") from None
