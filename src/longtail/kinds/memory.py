"""What people have in memory, as the rows that a ``Dataset`` holds.

| X | kind | rows |
|---|---|---|
| pandas data frame | table | as the readers make a table: numbers, words, dates; missing cells allowed |
| numbers ``[N, d]`` (numpy, torch, lists) | table | columns x0, x1, ...; NaN is a missing cell |
| objects or words ``[N, d]`` (numpy) | table | columns x0, x1, ..., read as those of a file |
| SciPy sparse ``[N, d]`` | text | sparse rows |
| strings ``[N]`` (a list, an array, a series, a frame of one column) | text | None and NaN are empty texts |
| lists of words (a list of lists) | token | a row for each word, with its sentence |
| uint8 ``[N, 3, H, W]`` or ``[N, H, W, 3]`` | image | images |

``kind="embedding"`` reads numbers as ready-made features (a linear head, no hidden layer), ``kind="text"`` a column of
words as texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from longtail.formats.columns import find
from longtail.kinds import EMBEDDING, IMAGE, TABLE, TEXT, TOKEN, Kind, kind_of
from longtail.kinds.embedding.read import embeddings_of
from longtail.kinds.image.read import images_of, is_images
from longtail.kinds.roles import inputs_of
from longtail.kinds.table.read import frame_of, sheet_of, table
from longtail.kinds.text.read import is_texts, rows_of_sparse, texts_of
from longtail.kinds.token.tagged import is_sentences, sentences_of


def rows_of(
    x: Any,
    kind: str | None,
    text: str | int | None = None,
    features: Sequence[str | int] | None = None,
) -> tuple[Any, Kind, list[str]]:
    """The rows of ``x``, their kind, and what was noted.

    Args:
        kind: None tells by ``x``.
        text, features: columns of a data frame, as for ``longtail.data.load``.

    Raises:
        ValueError: no rows that a data set can have.
    """
    if kind in (None, TOKEN.name) and is_sentences(x):
        return sentences_of(x), TOKEN, []
    if is_texts(x, kind):
        return texts_of(x), TEXT, []
    if is_images(x, kind):
        return images_of(x), IMAGE, []
    if hasattr(x, "columns"):
        sheet = sheet_of(x)
        notes: list[str] = []
        columns = [str(c) for c in sheet.frame.columns]
        chosen = [find(sheet, f, "features") for f in features] if features is not None else columns
        words = find(sheet, text, "text") if text is not None else None
        name, inputs = inputs_of(sheet, kind, words, chosen, features is not None, notes)
        found = kind_of(name)
        if found is TEXT:
            return texts_of(sheet.frame[inputs[0]]), TEXT, notes
        if found is IMAGE:
            raise ValueError(
                f"X: column {inputs[0]!r} holds bytes; give images as an array, uint8 [N, 3, H, W]"
            )
        raw, _ = found.in_columns(sheet, inputs, False, notes)
        return raw, found, notes
    if hasattr(x, "nnz"):
        return rows_of_sparse(x), TEXT, []
    if kind == EMBEDDING.name:
        return embeddings_of(x), EMBEDDING, []
    frame, said = table(sheet_of(frame_of(x)), [f"x{k}" for k in range(np.shape(x)[1])])
    return frame, TABLE, said


def rows_like(
    x: Any, like: Any, text: str | int | None = None, missing: Sequence[str] = ()
) -> tuple[Any, list[str]]:
    """Rows to predict as the encoder takes them, and notes, a ``Doubt`` for what could not be read.

    Args:
        x: as in the table above, or rows of a ``Dataset``.
        like: the encoder of the model.
        text: the column of texts, where a data frame has several.
        missing: further cells of a table that mean "no value", as the model remembers them.

    Raises:
        ValueError: another kind of rows than the encoder's, or a column that it needs is missing.
    """
    if isinstance(x, str | bytes):
        raise ValueError(f"X is one string, {str(x)[:40]!r}; give a list of rows, even for one")
    return kind_of(like.kind).in_memory(x, like, text, missing)
