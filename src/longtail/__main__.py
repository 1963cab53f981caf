"""``longtail`` and ``python -m longtail``: the command line, and the end of its process."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading

from longtail.cli import main


def run() -> None:
    """The command; after success the process ends at once."""
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    leave()


def leave() -> None:
    """End the process without taking Python apart first, which takes most of a second where torch is loaded.

    What waits for the end of a process is done. Where another thread still works, Python ends as it always does.
    """
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        return
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    run()
