"""One-hot columns as the categories they stand for, and back: what SMOTENC and SMOTEN work on.

A *block* is a half-open range of 0/1 columns that are one category ("colour = red", "colour = blue", ...), as
``TableEncoder.categorical`` gives them. A block becomes one column of codes: the place of the 1, or the width of the
block where all are 0 (a level that training did not have, or a cell that is not missing under a mark for missing ones).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Blocks = tuple[tuple[int, int], ...]
"""Half-open ranges of one-hot columns, one a category; all other columns are numbers."""


def to_codes(x: Any, blocks: Blocks) -> Any:
    """Numbers first, then a code a block: ``[N, d]`` -> ``[N, numbers + blocks]``, the dtype kept.

    Raises:
        ValueError: a block outside the columns.

    >>> to_codes(np.array([[0.5, 1, 0], [2.0, 0, 1], [1.0, 0, 0]]), ((1, 3),)).tolist()
    [[0.5, 0.0], [2.0, 1.0], [1.0, 2.0]]
    """
    if any(not 0 <= start < stop <= x.shape[1] for start, stop in blocks):
        raise ValueError(f"categorical={blocks} must be ranges of the {x.shape[1]} columns")
    codes = np.empty((len(x), len(blocks)), dtype=x.dtype)
    for k, (start, stop) in enumerate(blocks):
        block = x[:, start:stop]
        codes[:, k] = np.where(block.any(1), block.argmax(1), stop - start)
    return np.concatenate([x[:, numbers(x.shape[1], blocks)], codes], axis=1)


def from_codes(codes: Any, blocks: Blocks) -> Any:
    """The inverse of :func:`to_codes`.

    >>> from_codes(np.array([[0.5, 0.0], [1.0, 2.0]]), ((1, 3),)).tolist()
    [[0.5, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    free = codes.shape[1] - len(blocks)
    out = np.zeros((len(codes), free + sum(stop - start for start, stop in blocks)), dtype=codes.dtype)
    out[:, numbers(out.shape[1], blocks)] = codes[:, :free]
    for k, (start, stop) in enumerate(blocks):
        place = codes[:, free + k].astype(np.int64)
        rows = np.flatnonzero(place < stop - start)
        out[rows, start + place[rows]] = 1
    return out


def numbers(width: int, blocks: Blocks) -> Any:
    """The columns outside all blocks, as indices."""
    inside = np.zeros(width, dtype=bool)
    for start, stop in blocks:
        inside[start:stop] = True
    return np.flatnonzero(~inside)
