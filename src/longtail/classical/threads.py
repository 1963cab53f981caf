"""How many threads an estimator may use."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def threads_limited(threads: int, library: str = "") -> AbstractContextManager[Any]:
    """Limit the threads of BLAS and OpenMP inside the block.

    Args:
        threads: at most.
        library: whose estimator runs inside. The libraries that are loaded are looked up once for each name, which takes
            12 ms; without a name, each time.
    """
    return (_loaded(library) if library else _look()).limit(limits=threads)


def _look() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@lru_cache(maxsize=256)
def _loaded(library: str) -> Any:
    return _look()
