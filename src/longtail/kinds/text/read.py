"""Texts: a column of a sheet, or what is in memory, as one string a row; and sparse rows of features made of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.formats.encoding import clean
from longtail.inputs import SparseRows


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


def rows_of_sparse(x: Any) -> SparseRows:
    """A SciPy sparse matrix, or numbers ``[N, d]``, as sparse rows."""
    from scipy.sparse import csr_array

    m = csr_array(x, copy=True)
    m.sum_duplicates()
    m.eliminate_zeros()
    indptr, indices = (torch.from_numpy(np.asarray(a, dtype=np.int64)) for a in (m.indptr, m.indices))
    return SparseRows(indptr, indices, torch.from_numpy(np.asarray(m.data, dtype=np.float32)), m.shape[1])


def texts_in(column: Any, notes: list[str]) -> list[str]:
    """The texts of a column of a file; what was done is added to the notes."""
    gone = column.isna()
    if gone.any():
        notes.append(f"{int(gone.sum())} rows have no text: kept as empty")
    texts = [clean("" if missing else str(v)) for v, missing in zip(column, gone)]
    empty = sum(not t.strip() for t in texts) - int(gone.sum())
    if empty > 0:
        notes.append(f"{empty} rows have an empty text: kept")
    return texts
