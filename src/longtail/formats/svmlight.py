"""The svmlight (libsvm) format: ``label index:value index:value``, a row a line; read by scikit-learn."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import torch

from longtail.inputs import SparseRows

_ROW = re.compile(rb"[+-]?[0-9.eE+-]+(,[0-9.+-]+)*(\s+qid:[0-9]+)?(\s+[0-9]+:[0-9.eE+-]+)*\s*(#.*)?")
DENSE = 1000
"""Features up to which rows are read as a table; above it they stay sparse."""


def looks_like_svmlight(head: bytes) -> bool:
    """Do the first lines look like the format?

    >>> looks_like_svmlight(b"+1 3:0.5 7:1\\n-1 1:2\\n"), looks_like_svmlight(b"1,2,3\\n")
    (True, False)
    """
    lines = [line for line in head.split(b"\n")[:20] if line.strip() and not line.startswith(b"#")]
    return (
        bool(lines) and any(b":" in line for line in lines) and all(_ROW.fullmatch(x.strip()) for x in lines)
    )


def read_svmlight(
    path: Path, data: bytes, width: int | None = None, base: int | None = None
) -> tuple[Any, Any, list[str], int]:
    """The rows, the labels and what was noticed.

    Args:
        width: the number of features a model takes; None takes what the file has.
        base: the number of the first feature, 0 or 1; None takes 0 where a row begins with it.

    Returns:
        rows as a data frame up to ``DENSE`` features (columns ``f0`` or ``f1`` and so on, by the file's own
        indices), as :class:`SparseRows` above it; labels as an array; notes; the number of the first feature.

    Raises:
        ValueError: a damaged line, several labels a row, or more features than the model takes.
    """
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_svmlight_file

    first = re.findall(rb"^\s*\S+(?:\s+qid:\S+)?\s+([0-9]+):", data, re.M)
    if base == 1 and b"0" in first:
        raise ValueError(f"{path}: a feature is numbered 0; in training the numbers began with 1")
    start = int(b"0" not in first) if base is None else base
    try:
        matrix, y = load_svmlight_file(io.BytesIO(data), dtype=np.float32, zero_based=not start)
    except ValueError as error:
        comma = re.search(rb"^\S+,\S+ ", data, re.M)
        why = "several labels a row" if comma else f"not readable as svmlight ({error})"
        raise ValueError(f"{path}: {why}; a line looks like: 1 3:0.5 7:1") from error
    notes = [f"svmlight: features numbered from {start}"]
    if width is None and matrix.shape[1] <= DENSE:
        names = [f"f{i + start}" for i in range(matrix.shape[1])]
        return pd.DataFrame(matrix.toarray().astype(np.float64), columns=names), y, notes, start
    if width is not None and matrix.shape[1] > width:
        raise ValueError(f"{path}: {matrix.shape[1]} features; the model takes {width}")
    matrix.sort_indices()
    rows = SparseRows(
        torch.from_numpy(matrix.indptr.astype(np.int64)),
        torch.from_numpy(matrix.indices.astype(np.int64)),
        torch.from_numpy(np.asarray(matrix.data, dtype=np.float32)),
        width or matrix.shape[1],
    )
    return rows, y, notes, start
