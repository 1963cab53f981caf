"""What people have in memory, as the rows that a ``Dataset`` holds.

| X | kind | rows |
|---|---|---|
| pandas data frame | table | as the readers make a table: numbers, words, dates; missing cells allowed |
| numbers ``[N, d]`` (numpy, torch, lists) | table | columns x0, x1, ...; NaN is a missing cell |
| objects or words ``[N, d]`` (numpy) | table | columns x0, x1, ..., read as those of a file |
| SciPy sparse ``[N, d]`` | text | sparse rows |
| strings ``[N]`` (a list, an array, a series, a frame of one column) | text | None and NaN are empty texts |
| uint8 ``[N, 3, H, W]`` or ``[N, H, W, 3]`` | image | images |

``kind="embedding"`` reads numbers as ready-made features (a linear head, no hidden layer), ``kind="text"`` a column of
words as texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.data.arrays import matrix
from longtail.data.columns import column_type, find, inputs_of, roles, table, table_like
from longtail.data.dataset import Dataset
from longtail.data.encode import (
    EmbeddingEncoder,
    Encoder,
    ImageEncoder,
    SparseEncoder,
    TableEncoder,
)
from longtail.data.images import ImageFiles
from longtail.data.sheet import Sheet
from longtail.data.target import classes_of
from longtail.examples import SparseRows
from longtail.labels import Labels

WHERE = Path("X")


def sheet_of(frame: Any) -> Sheet:
    """A data frame as a sheet: column names are strings, rows are numbered anew.

    Raises:
        ValueError: two columns of one name.
    """
    sheet = frame.reset_index(drop=True)
    sheet.columns = [str(c) for c in sheet.columns]
    if not sheet.columns.is_unique:
        twice = sheet.columns[sheet.columns.duplicated()][0]
        raise ValueError(f"X has several columns called {twice!r}: rename all but one")
    return Sheet(WHERE, sheet)


def dataset_of(
    given: Any,
    kind: str | None,
    text: str | int | None,
    label: str | int | None,
    features: Sequence[str | int] | None,
    name: str,
) -> Dataset:
    """A data frame with a label column, or ``(X, y)``, as a data set.

    Args:
        kind, text, label, features, name: as for ``longtail.data.load``.

    Raises:
        ValueError: neither, or columns that are not there.

    >>> dataset_of(([[1.0], [2.0], [4.0]], ["a", "b", "a"]), None, None, None, None, "toy").labels.names
    ('a', 'b')
    """
    if hasattr(given, "columns"):
        sheet = sheet_of(given)
        role = roles(sheet, kind, text, label, features)
        x, y = sheet.frame[role.features], sheet.frame[role.label]
        kind, text, features, notes = role.kind, None, role.features, role.notes
        reading, named = {"label": role.label}, label is not None
    elif isinstance(given, tuple) and len(given) == 2:
        (x, y), notes, reading, named = given, [], {}, True
    else:
        raise ValueError(
            f"data is a {type(given).__name__}; give a path, a data frame with a label column, or (X, y)"
        )
    raw, found, said = rows_of(x, kind, text, features)
    where = f"column {reading['label']!r}" if reading else "y"
    classes, names, more = classes_of(labels_column(y), where, named=named)
    data = Dataset.of(name, found, raw, Labels.of(classes, names), [*notes, *said, *more])
    return replace(data, reading=reading)


def rows_of(
    x: Any,
    kind: str | None,
    text: str | int | None = None,
    features: Sequence[str | int] | None = None,
) -> tuple[Any, str, list[str]]:
    """The rows of ``x``, their kind, and what was noted.

    Args:
        kind: None tells by ``x``.
        text, features: columns of a data frame, as for ``longtail.data.load``.

    Raises:
        ValueError: no rows that a data set can have.
    """
    if is_texts(x, kind):
        return texts_of(x), "text", []
    if is_images(x, kind):
        return images_of(x), "image", []
    if hasattr(x, "columns"):
        sheet = sheet_of(x)
        notes: list[str] = []
        columns = [str(c) for c in sheet.frame.columns]
        chosen = [find(sheet, f, "features") for f in features] if features is not None else columns
        words = find(sheet, text, "text") if text is not None else None
        found, inputs = inputs_of(sheet, kind, words, chosen, features is not None, notes)
        if found == "text":
            return texts_of(sheet.frame[inputs[0]]), "text", notes
        if found == "image":
            raise ValueError(
                f"X: column {inputs[0]!r} holds bytes; give images as an array, uint8 [N, 3, H, W]"
            )
        if found == "embedding" and column_type(sheet.frame[inputs[0]]) == "embedding":
            return *embeddings_of(
                np.stack([np.asarray(v, dtype=np.float64) for v in sheet.frame[inputs[0]]])
            ), notes
        frame, said = table(sheet, inputs)
        if found == "embedding":
            return *embeddings_of(frame.to_numpy()), [*notes, *said]
        return frame, found, [*notes, *said]
    if hasattr(x, "nnz"):
        return rows_of_sparse(x), "text", []
    if kind == "embedding":
        return *embeddings_of(x), []
    frame, said = table(sheet_of(frame_of(x)), [f"x{k}" for k in range(np.shape(x)[1])])
    return frame, "table", said


def inputs_like(
    x: Any, like: Encoder, text: str | int | None = None, missing: Sequence[str] = ()
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
    if isinstance(like, TableEncoder):
        if hasattr(x, "columns"):
            return table_like(sheet_of(x), like, missing)
        return table_like(sheet_of(frame_of(x, like.columns)), like, missing)
    if isinstance(like, ImageEncoder):
        return (x if isinstance(x, ImageFiles) else images_of(x)), []
    if isinstance(like, EmbeddingEncoder):
        return embeddings_of(x.to_numpy() if hasattr(x, "columns") else x)[0], []
    if isinstance(like, SparseEncoder):
        return (x if isinstance(x, SparseRows) else rows_of_sparse(x)), []
    if not hasattr(x, "columns"):
        if np.ndim(x) > 1 or not (is_texts(x, "text") or all(v is None or v != v for v in x)):
            raise ValueError(
                "X: the model takes texts, one a row: a list of strings, a series, or a data frame"
            )
        return texts_of(x), []
    sheet = sheet_of(x)
    notes: list[str] = []
    columns = [str(c) for c in sheet.frame.columns]
    words = find(sheet, text, "text") if text is not None else (columns[0] if len(columns) == 1 else None)
    _, inputs = inputs_of(sheet, "text", words, columns, True, notes)
    return texts_of(sheet.frame[inputs[0]]), notes


def is_texts(x: Any, kind: str | None) -> bool:
    """Is ``x`` one text a row?"""
    if kind not in (None, "text") or isinstance(x, Tensor) or hasattr(x, "nnz"):
        return False
    if hasattr(x, "columns"):
        return kind == "text" and len(x.columns) == 1
    if hasattr(x, "ndim") and x.ndim != 1:
        return False
    if not hasattr(x, "__len__") or not len(x):
        return False
    return isinstance(next((v for v in x if not _gone(v)), None), str)


def texts_of(x: Any) -> list[str]:
    """One text a row; a missing one is empty.

    >>> texts_of(["good", None, float("nan")])
    ['good', '', '']
    """
    column = x.iloc[:, 0] if hasattr(x, "columns") else x
    return ["" if _gone(v) else str(v) for v in column]


def _gone(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or value != value


def is_images(x: Any, kind: str | None) -> bool:
    """Is ``x`` a batch of images?"""
    return kind == "image" or (kind is None and getattr(x, "ndim", 0) == 4)


def images_of(x: Any) -> Tensor:
    """uint8 ``[N, 3, H, W]``.

    Raises:
        ValueError: another shape or type.
    """
    images = torch.as_tensor(x)
    if images.dim() == 4 and images.shape[1] != 3 and images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    if images.dim() != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f"X: images of shape {tuple(images.shape)} and {images.dtype}; uint8 [N, 3, H, W] (0..255) is needed"
        )
    return images.cpu().contiguous()


def frame_of(x: Any, names: Sequence[str] | None = None) -> Any:
    """Rows ``[N, d]`` as a data frame of columns x0, x1, ..., or of those names.

    Raises:
        ValueError: not two-dimensional, or another number of columns than names.
    """
    import pandas as pd

    if hasattr(x, "nnz"):
        x = x.toarray()
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if array.ndim != 2:
        raise ValueError(f"X has shape {array.shape}; rows and columns, [N, d], are needed")
    columns = [f"x{k}" for k in range(array.shape[1])] if names is None else list(names)
    if array.shape[1] != len(columns):
        raise ValueError(
            f"X has {array.shape[1]} columns without names; the model takes {len(columns)}: {columns[:20]}"
        )
    if array.dtype.kind in "fiub":
        array = array.astype(np.float64)
    return pd.DataFrame(array, columns=columns)


def has_words(x: Any) -> bool:
    """Is ``x`` an array ``[N, d]`` with words in it?"""
    array = x if isinstance(x, np.ndarray) else np.empty(0)
    if array.ndim != 2 or array.dtype.kind not in "OU":
        return False
    return array.dtype.kind == "U" or any(isinstance(v, str) for v in array.flat)


def embeddings_of(x: Any) -> tuple[Tensor, str]:
    """float32 ``[N, d]``, and the kind."""
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    return matrix(array, WHERE)[0], "embedding"


def rows_of_sparse(x: Any) -> SparseRows:
    """A SciPy sparse matrix, or numbers ``[N, d]``, as sparse rows."""
    from scipy.sparse import csr_array

    m = csr_array(x, copy=True)
    m.sum_duplicates()
    m.eliminate_zeros()
    indptr, indices = (torch.from_numpy(np.asarray(a, dtype=np.int64)) for a in (m.indptr, m.indices))
    return SparseRows(indptr, indices, torch.from_numpy(np.asarray(m.data, dtype=np.float32)), m.shape[1])


def labels_column(y: Any) -> Any:
    """Labels, one a row, as a ``pandas.Series``; of a frame of one column, that column.

    Raises:
        ValueError: several columns.
    """
    import pandas as pd

    if isinstance(y, Tensor):
        y = y.detach().cpu().numpy()
    if hasattr(y, "columns") or np.ndim(y) == 2:
        if np.shape(y)[1] != 1:
            raise ValueError(f"y has {np.shape(y)[1]} columns; one label a row is needed")
        y = y.iloc[:, 0] if hasattr(y, "columns") else np.asarray(y)[:, 0]
    return y.reset_index(drop=True) if isinstance(y, pd.Series) else pd.Series(list(y), dtype=object)
