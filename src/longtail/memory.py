"""Memory: a process that does nothing but train keeps the memory it frees."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's <malloc.h>
BLOCK, KEPT = 32 << 20, 1 << 30  # bytes; the first is the most that glibc allows


def keep_freed() -> bool:
    """Tell the C library to keep freed blocks of up to 32 MiB, 1 GiB in all, for the next step.

    A training step frees all of its activations. By default glibc gives them back to the system, which hands them out
    again page by page, zeroed, one step later: a tenth of the time of a small net on a CPU. The setting is the whole
    process's, so only processes of our own call this (the command line, the workers of a comparison), never a library
    call in a user's.

    Returns:
        Whether the C library took it: False outside Linux and where the library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, BLOCK) and mallopt(M_TRIM_THRESHOLD, KEPT))
