"""The entry point."""

from __future__ import annotations

import gc
import signal
import sys

from longtail.cli.app import app
from longtail.cli.ending import Terminated, code_of, come_again, terminated
from longtail.memory import keep_freed


def main() -> None:
    """Entry point."""
    try:
        signal.signal(signal.SIGTERM, terminated)
        sys.unraisablehook = come_again
        keep_freed()
        gc.set_threshold(200_000, 20, 20)  # a short process of many imports: collecting takes a tenth of it
        app()
    except (KeyboardInterrupt, Terminated) as stop:  # before a command began, or while it ended
        sys.exit(code_of(stop))
