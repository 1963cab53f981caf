"""Over-sampling (imbalanced-learn): rows repeated or made up until every class has the same number.

SMOTE (Chawla et al., JAIR 2002) places a new row between a row and one of its ``k`` nearest of the same class; for
mixed columns SMOTENC (section 6.1) takes the commonest category of the neighbours, and where all columns are
categories SMOTEN (section 6.2) measures by the value difference metric. Borderline SMOTE (Han et al., ICIC 2005)
starts from rows near another class only, ADASYN (He et al., IJCNN 2008) more often from rows with more of them.

Differs from imbalanced-learn, which has one ``k`` and fails on small classes: ``k`` is lowered to ``n_c - 1`` for the
class that is too small and for no other, and the only row of a class is repeated. Where ADASYN is undefined (no
neighbour of a class belongs to another) that class gets SMOTE. A total of rows is not exceeded; see :func:`targets`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.classical.categorical import Blocks, from_codes, numbers, to_codes
from longtail.classical.estimators.imbalanced import imbalanced

METHODS = ("random_over", "smote", "borderline_smote", "smotenc", "smoten", "adasyn")
ROWS_OF_SMOTEN = 20_000
"""SMOTEN holds the distances of all pairs of rows of a class: 3.2 GB for so many."""


def targets(counts: Any, limit: int) -> dict[int, int]:
    """The count that each class is brought to: the largest count, or the highest level at which all classes together
    have at most ``limit`` rows. Classes above the level stay as they are, and are left out.

    >>> targets(np.array([100, 10, 0, 2]), limit=1000)
    {1: 100, 3: 100}
    >>> targets(np.array([100, 10, 0, 2]), limit=160)
    {1: 30, 3: 30}
    """
    present = np.flatnonzero(counts)
    low, high = int(counts[present].min()), int(counts.max())
    while low < high:
        level = (low + high + 1) // 2
        if np.maximum(counts[present], level).sum() <= limit:
            low = level
        else:
            high = level - 1
    return {int(c): low for c in present if counts[c] < low}


def over_sampled(
    method: str, rows: Any, y: Any, *, k: int, limit: int, categorical: Blocks, seed: int
) -> tuple[Any, Any]:
    """Rows and labels after over-sampling; the rows that were there come first, unchanged.

    Args:
        method: one of ``METHODS``.
        rows: ``[N, d]``, dense, or CSR.
        y: class indices ``[N]``.
        k: neighbours.
        limit: rows at most, where ``rows`` has fewer.
        categorical: the one-hot columns, for smotenc and smoten; the others take every column as a number.
        seed: of the randomness.

    Raises:
        ValueError: smoten on a table with numbers, or on a class of more than ``ROWS_OF_SMOTEN`` rows.
    """
    counts = np.bincount(y)
    wanted = targets(counts, max(limit, len(y)))
    if method == "smotenc":
        free = len(numbers(rows.shape[1], categorical))
        method = "smote" if not categorical else "smotenc" if free else "smoten"
    elif method == "smoten":
        _check_smoten(rows, counts, wanted, categorical)
    coded = method in ("smotenc", "smoten")
    seen = to_codes(rows, categorical) if coded else rows
    new_rows, new_y = [], []
    for neighbours, target in _by_neighbours(counts, wanted, 0 if method == "random_over" else k):
        made, labels = _new(method, seen, y, neighbours, target, len(categorical), seed)
        new_rows.append(from_codes(made, categorical) if coded else made)
        new_y.append(labels)
    return _stacked([rows, *new_rows]), np.concatenate([y, *new_y])


def _by_neighbours(counts: Any, wanted: dict[int, int], k: int) -> list[tuple[int, dict[int, int]]]:
    """The classes to over-sample, by how many neighbours a row of theirs can have."""
    groups: dict[int, dict[int, int]] = {}
    for c, target in wanted.items():
        groups.setdefault(min(k, int(counts[c]) - 1), {})[c] = target
    return sorted(groups.items())


def _new(
    method: str, rows: Any, y: Any, k: int, target: dict[int, int], categories: int, seed: int
) -> tuple[Any, Any]:
    """The added rows and their labels only."""
    over = imbalanced("over_sampling")
    options: dict[str, Any] = {"sampling_strategy": target, "random_state": seed}
    if k < 1:
        sampler = over.RandomOverSampler(**options)
    elif method == "adasyn":
        return _adasyn(rows, y, k, target, seed)
    elif method == "borderline_smote":
        sampler = over.BorderlineSMOTE(k_neighbors=k, **options)
    elif method == "smotenc":
        width = rows.shape[1]
        sampler = over.SMOTENC(list(range(width - categories, width)), k_neighbors=k, **options)
    elif method == "smoten":
        sampler = over.SMOTEN(k_neighbors=k, **options)
    else:
        sampler = over.SMOTE(k_neighbors=k, **options)
    made, labels = sampler.fit_resample(rows, y)
    return made[len(y) :], labels[len(y) :]


def _adasyn(rows: Any, y: Any, k: int, target: dict[int, int], seed: int) -> tuple[Any, Any]:
    over = imbalanced("over_sampling")
    new_rows, new_y = [], []
    for c, n in target.items():
        options: dict[str, Any] = {"sampling_strategy": {c: n}, "random_state": seed}
        try:
            made, labels = over.ADASYN(n_neighbors=k, **options).fit_resample(rows, y)
        except (RuntimeError, ValueError) as why:
            if "neigbours" not in str(why) and "No samples" not in str(why):
                raise
            made, labels = over.SMOTE(k_neighbors=k, **options).fit_resample(rows, y)
        new_rows.append(made[len(y) :])
        new_y.append(labels[len(y) :])
    return _stacked(new_rows), np.concatenate(new_y)


def _check_smoten(rows: Any, counts: Any, wanted: dict[int, int], categorical: Blocks) -> None:
    free = len(numbers(rows.shape[1], categorical))
    if free:
        raise ValueError(
            f"method='smoten' takes categories only, and {free} of the {rows.shape[1]} columns are numbers: "
            "use smotenc"
        )
    largest = max((int(counts[c]) for c in wanted), default=0)
    if largest > ROWS_OF_SMOTEN:
        raise ValueError(
            f"method='smoten' holds the distances of all pairs of rows of a class, and a class to over-sample has "
            f"{largest:,} (at most {ROWS_OF_SMOTEN:,}): use random_over"
        )


def _stacked(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    from scipy.sparse import vstack

    return vstack(parts, format="csr")
