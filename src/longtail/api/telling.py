"""Whom to tell of progress."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from longtail.report.progress import progress
from longtail.run.loop import On, ignore


def told(on: On | None, verbose: int) -> AbstractContextManager[On]:
    """Whom to tell of progress: ``on``, or the terminal or notebook, or nobody."""
    if on is not None or not verbose:
        return nullcontext(on or ignore)
    return progress()
