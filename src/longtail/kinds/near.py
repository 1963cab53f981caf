"""Near copies: rows of a test set that are nearly the same as a training row. Then the score tells how well rows are
remembered, not how well new ones are told.

Cheap, bounded and on the safe side: at most ``ASKED`` rows are looked for among at most ``AMONG``, and a row counts only
where chance cannot be why. Equal rows are found elsewhere (``Dataset.duplicate_of``).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.inputs import SparseRows

ASKED, AMONG = 1000, 20_000
"""Rows that are looked for, and rows that they are looked for among, at most."""
FEWER = 20
"""Of pictures in files, that have to be decoded, so many times fewer."""
ALIKE = 0.9
"""Cosine of two texts by their pairs of words, from which on they are near copies: one word in twenty differs."""
SAME = 0.995
"""Cosine of two sparse rows."""
NEAR = 0.02
"""Part of the usual distance to the nearest row at which a row of numbers is a near copy."""
FEWEST = 3
"""With fewer columns of numbers than this, near rows are chance."""
SIDE = 8


def near_copies(raw: Any, train: Tensor, test: Tensor, seed: int = 0) -> tuple[list[tuple[int, int]], int]:
    """Pairs of a test row and the training row that it is nearly the same as, and how many test rows were looked at.

    A text is a near copy where all but case, marks and numbers' spacing is equal, or nearly all pairs of words are. A row
    of numbers (an embedding, a picture at 8 by 8 grey dots) is one where it lies fifty times nearer to a training row
    than training rows usually lie to each other, and all its words are equal.

    Args:
        raw: rows of a data set, as ``Dataset.raw``.
        train, test: row numbers, int64.
        seed: of the sample, where there are too many.

    >>> texts = ["The cat sat on the mat.", "a dog", "the cat sat, on the mat", "a bird"]
    >>> near_copies(texts, torch.tensor([0, 1]), torch.tensor([2, 3]))
    ([(2, 0)], 2)
    """
    files = not isinstance(raw, Tensor | SparseRows | list) and not hasattr(raw, "iloc")
    share = FEWER if files else 1
    train, test = _some(train, AMONG // share, seed), _some(test, ASKED // share, seed + 1)
    if not len(train) or not len(test):
        return [], len(test)
    if isinstance(raw, list):
        found = _texts([raw[i] for i in train.tolist()], [raw[i] for i in test.tolist()])
    elif isinstance(raw, SparseRows):
        a, b = (_unit(_csr(raw[rows])) for rows in (train, test))
        found = _alike(a, b, SAME)
    else:
        together = torch.cat([train, test])
        numbers, words = _frame(raw, together) if hasattr(raw, "iloc") else (_flat(raw, together), None)
        found = _rows(numbers, words, len(train))
    return [(int(test[i]), int(train[j])) for i, j in found], len(test)


def _some(rows: Tensor, most: int, seed: int) -> Tensor:
    if len(rows) <= most:
        return rows
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return rows[order[:most].sort()[0]]


def _texts(train: list[str], test: list[str]) -> list[tuple[int, int]]:
    from sklearn.feature_extraction.text import HashingVectorizer

    plain = [[" ".join(re.findall(r"\w+", text.lower())) for text in texts] for texts in (train, test)]
    known = {text: j for j, text in reversed(list(enumerate(plain[0]))) if text}
    equal = {i: known[text] for i, text in enumerate(plain[1]) if text in known}
    pairs = HashingVectorizer(
        n_features=2**20, ngram_range=(2, 2), binary=True, alternate_sign=False, token_pattern=r"\w+"
    )
    rest = [i for i in range(len(test)) if i not in equal]
    far = (
        _alike(pairs.transform(plain[0]), pairs.transform([plain[1][i] for i in rest]), ALIKE) if rest else []
    )
    return sorted([*equal.items(), *((rest[i], j) for i, j in far)])


def _alike(train: Any, test: Any, least: float) -> list[tuple[int, int]]:
    """The most alike training row of each test row, by the cosine of rows of length 1, where it is enough."""
    out = []
    for start in range(0, test.shape[0], 200):
        cosine = (test[start : start + 200] @ train.T).tocsr()
        for i in range(cosine.shape[0]):
            row = cosine[i]
            if row.nnz and row.data.max() >= least - 1e-9:
                out.append((start + i, int(row.indices[row.data.argmax()])))
    return out


def _csr(rows: SparseRows) -> Any:
    from scipy.sparse import csr_matrix

    parts = rows.values.numpy(), rows.indices.numpy(), rows.indptr.numpy()
    return csr_matrix(parts, shape=tuple(rows.shape))


def _unit(rows: Any) -> Any:
    from sklearn.preprocessing import normalize

    return normalize(rows)


def _frame(raw: Any, rows: Tensor) -> tuple[Any, Any]:
    """The numbers of a table, each column by its spread, and its words as codes."""
    import pandas as pd

    frame = raw.iloc[rows.numpy()]
    numbers, words = [], []
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "iufM":
            values = column.astype("int64" if column.dtype.kind == "M" else "float64").to_numpy(dtype=float)
            spread = np.nanstd(values) or 1.0
            numbers.append(np.nan_to_num((values - np.nanmean(values)) / spread, nan=1e3))
        else:
            words.append(pd.factorize(column.astype(str))[0])
    return (
        np.stack(numbers, 1) if numbers else np.empty((len(frame), 0)),
        np.stack(words, 1) if words else None,
    )


def _flat(raw: Any, rows: Tensor) -> Any:
    """Rows of numbers as they are; pictures as 8 by 8 grey dots of equal mean and contrast."""
    from torch.nn.functional import adaptive_avg_pool2d

    if isinstance(raw, Tensor) and raw.dim() == 2:
        values = raw[rows].double().numpy()
        return (values - values.mean(0)) / (values.std(0).mean() or 1.0)
    small = [adaptive_avg_pool2d(raw[i].float(), SIDE).mean(0).flatten() for i in rows.tolist()]
    flat = torch.stack(small).double()
    flat = flat - flat.mean(1, keepdim=True)
    return (flat / flat.norm(dim=1, keepdim=True).clamp(min=1e-6)).numpy()


def _rows(numbers: Any, words: Any, n: int) -> list[tuple[int, int]]:
    """The nearest training row of each test row where it is a near copy; the first ``n`` rows train."""
    from sklearn.neighbors import NearestNeighbors

    varied = numbers[:, numbers[:n].std(0) > 0] if numbers.shape[1] else numbers
    if varied.shape[1] < FEWEST or n < 3:
        return []
    search = NearestNeighbors(n_neighbors=2).fit(varied[:n])
    own = search.kneighbors(varied[: min(n, ASKED)])[0][:, 1]
    usual = float(np.quantile(own, 0.75))
    distance, at = search.kneighbors(varied[n:], n_neighbors=1)
    near = np.flatnonzero(distance[:, 0] < NEAR * usual)
    return [(int(i), int(at[i, 0])) for i in near if words is None or (words[n + i] == words[at[i, 0]]).all()]
