"""Patience: say what is being done where it takes longer than one likes to wait without a word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from longtail.run.loop import On


@contextmanager
def slowly(on: On, what: str, after: float = 2.0) -> Iterator[None]:
    """Tell ``on`` what is being done, as ``{"slow": what}``, if it is still being done after some seconds.

    ``on`` is called from another thread.

    >>> told = []
    >>> with slowly(told.append, "reading", after=60):
    ...     pass
    >>> told
    []
    """
    timer = threading.Timer(after, on, [{"slow": what}])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
