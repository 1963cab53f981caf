"""What people hand to a scikit-learn estimator, as the rows that a ``Dataset`` holds.

| X | kind | rows |
|---|---|---|
| pandas data frame | table | as the readers make a table: numbers, words, dates; missing cells allowed |
| numbers ``[N, d]`` (numpy, torch, lists) | table | columns x0, x1, ...; NaN is a missing cell |
| SciPy sparse ``[N, d]`` | text | sparse rows |
| strings ``[N]`` (a list, an array, a series, a frame of one column) | text | None and NaN are empty texts |
| uint8 ``[N, 3, H, W]`` or ``[N, H, W, 3]`` | image | images |

``kind="embedding"`` reads numbers as ready-made features (a linear head, no hidden layer), ``kind="text"`` a column of
words as texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.data import TableEncoder
from longtail.data.columns import table
from longtail.data.sheet import Sheet
from longtail.examples import SparseRows


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
    first = next((v for v in x if v is not None and v == v), None)
    return isinstance(first, str)


def texts_of(x: Any) -> list[str]:
    """One text a row; a missing one is empty.

    >>> texts_of(["good", None, float("nan")])
    ['good', '', '']
    """
    column = x.iloc[:, 0] if hasattr(x, "columns") else x
    return ["" if v is None or v != v else str(v) for v in column]


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


def frame_of(x: Any, like: TableEncoder | None) -> Any:
    """A data frame as the readers make it: numbers as float64, words as text, missing cells as NaN and None.

    Args:
        x: a ``pandas.DataFrame``, or numbers ``[N, d]``.
        like: the encoder whose columns and types to read, or None to detect the types.

    Raises:
        ValueError: a column that the encoder needs is missing, or holds lists or bytes.
    """
    import pandas as pd

    if not hasattr(x, "columns"):
        return pd.DataFrame(np.asarray(x, dtype=np.float64), columns=[f"x{k}" for k in range(x.shape[1])])
    frame = x.reset_index(drop=True)
    frame.columns = [str(c) for c in frame.columns]
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(object)
    columns = frame.columns if like is None else like.columns
    if absent := [c for c in columns if c not in frame.columns]:
        raise ValueError(
            f"X has no column {absent[0]!r}, which the model needs; it has {list(frame.columns)[:20]}"
        )
    return table(Sheet(Path("X"), frame), list(columns), like.kinds if like is not None else None)[0]


def rows_of_sparse(x: Any) -> SparseRows:
    """A SciPy sparse matrix, or numbers ``[N, d]``, as sparse rows."""
    from scipy.sparse import csr_array

    m = csr_array(x, copy=True)
    m.sum_duplicates()
    m.eliminate_zeros()
    indptr, indices = (torch.from_numpy(np.asarray(a, dtype=np.int64)) for a in (m.indptr, m.indices))
    return SparseRows(indptr, indices, torch.from_numpy(np.asarray(m.data, dtype=np.float32)), m.shape[1])


def weights_of(weight: Any, n: int) -> Any:
    """Sample weights as float64 ``[n]``.

    Raises:
        ValueError: another number of weights, a negative one or one that is not finite, or all zero.
    """
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}; it needs one number for each of {n} rows")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("sample_weight must be finite and not negative")
    if not weights.sum() > 0:
        raise ValueError("sample_weight: all weights are zero; at least one must be positive")
    return weights


def repeated(weights: Any, random: np.random.RandomState) -> Any:
    """Rows by weight, as indices: whole weights repeat a row so many times (0 leaves it out); other weights, and whole
    ones that sum to more than ``10 n``, draw ``n`` rows, each floor or ceil of its share, by systematic sampling: any run
    of rows (a class, where rows are sorted by class) gets its share to within a row.

    Args:
        weights: float64 ``[n]``, not negative.

    >>> repeated(np.array([2.0, 0.0, 1.0]), np.random.RandomState(0)).tolist()
    [0, 0, 2]
    """
    n, total = len(weights), weights.sum()
    if (weights == np.floor(weights)).all() and total <= 10 * n:
        return np.repeat(np.arange(n), weights.astype(np.int64))
    edges = np.floor(np.cumsum(weights) / total * n + random.uniform()).astype(np.int64)
    return np.repeat(np.arange(n), np.diff(edges, prepend=0))
