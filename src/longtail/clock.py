"""Clock: what time it is. Verbs look; what they call is given a clock, or a moment of it, and looks nowhere else.

How long a step took is measured where it is taken (``time.perf_counter``), and decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Seconds since some moment; it never goes back."""

monotonic: Clock = time.monotonic
"""The clock of this process, unless another is given (``Engine.clock``)."""


def today() -> str:
    """Date and time in UTC, as results say when they were made.

    >>> datetime.fromisoformat(today()).tzname()
    'UTC'
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


__all__ = ["Clock", "monotonic", "today"]
