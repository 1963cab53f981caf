"""A random order of many things, piece by piece, so that the first comes long before the last is placed.

Rao, *Generation of random permutations of given number of elements using random sampling numbers*, Sankhya 1961, and
Sandelius, *A simple randomization procedure*, JRSS B 1962: deal every item to one of the pieces, independently and
uniformly, shuffle each piece, and lay them one after another. Every order is equally likely, exactly. A piece fits the
processor's cache, so this also takes less time than one shuffle of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from longtail.samplers import drawn

WHOLE = 2**25
"""Up to so many items are sorted at once; more go a quarter of the pieces at a time, in a quarter of the memory."""


def pieces(n: int) -> int:
    """Into how many pieces to deal ``n`` items: a power of two up to 256, of at most about ``CHUNK`` items if that
    suffices.

    >>> pieces(1), pieces(2**18), pieces(2**18 + 1), pieces(10**7), pieces(10**10)
    (1, 1, 2, 64, 256)
    """
    return 1 << min(((n - 1) // drawn.CHUNK).bit_length(), 8)


def scatter(n: int, into: int, generator: torch.Generator) -> Iterator[Tensor]:
    """0..n-1 dealt to ``into`` pieces (see :func:`pieces`), each number independently and uniformly.

    Yields:
        ``into`` int64 tensors, ascending; joined they hold each number once.

    >>> [len(piece) for piece in scatter(6, 1, torch.Generator())]
    [6]
    """
    if into == 1:
        yield torch.arange(n)
        return
    # Eight bytes a draw. NumPy sorts bytes by counting, in one pass.
    words = torch.empty(-(-n // 8), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    piece = words.view(torch.uint8)[:n].bitwise_and_(into - 1).numpy()
    if n <= WHOLE:
        yield from _sorted(piece, into)
        return
    quarter = max(into // 4, 1)
    for low in range(0, into, quarter):
        here = np.flatnonzero(piece // quarter == low // quarter)
        for places in _sorted(piece[here] - low, quarter):
            yield torch.from_numpy(here)[places]


def _sorted(piece: np.ndarray, into: int) -> tuple[Tensor, ...]:
    """The places of each of ``into`` pieces, ascending."""
    sizes = np.bincount(piece, minlength=into).tolist()
    return torch.from_numpy(piece.argsort(kind="stable")).split(sizes)


def shuffle(x: Tensor, generator: torch.Generator) -> Tensor:
    """The entries of ``x`` in random order."""
    return x[torch.randperm(len(x), generator=generator)]
