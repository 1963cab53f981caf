"""How a command ends: errors in a line, exit codes, Ctrl-C and SIGTERM."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from longtail.cli.saying import plain, running


@contextmanager
def errors() -> Iterator[None]:
    """What the user can mend is one clear line, not a traceback; the exit code says which kind of end it was."""
    try:
        yield
    except (typer.Exit, BrokenPipeError):  # the latter: `longtail recipes | head`
        raise
    except (KeyboardInterrupt, Terminated) as why:
        stopped(why)
    except Exception as why:
        if os.environ.get("LONGTAIL_DEBUG"):
            raise
        from longtail.comparison.counted import RunsFailed
        from longtail.executors import WorkerDied
        from longtail.files import InUse
        from longtail.run.engine import OutOfTime

        code = 2 if isinstance(why, (*INPUT, InUse, WorkerDied)) else 3 if isinstance(why, OutOfTime) else 1
        text = str(why) or type(why).__name__
        if isinstance(why, OSError) and why.strerror:  # what the system refuses names its file in attributes
            text = f"{why.filename or 'a file'}: {why.strerror}"
        if isinstance(why, MemoryError):
            text = (
                f"not enough memory ({text}): {'fewer --jobs, or ' if 'jobs' in running() else ''}fewer rows"
            )
        if code == 1 and not isinstance(why, RunsFailed):
            text = f"a fault of longtail's: {type(why).__name__}: {text}. LONGTAIL_DEBUG=1 shows where; please report it"
        say_error("Out of time" if code == 3 else "Error", plain(text))
        raise typer.Exit(code) from None


INPUT = (ValueError, TypeError, OSError, ImportError, MemoryError)
"""What the user can mend."""


def say_error(title: str, text: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True).print(f"[bold red]{title}:[/] {escape(text)}", soft_wrap=True)


class Terminated(BaseException):
    """SIGTERM, as batch systems and containers send it: a stop like Ctrl-C."""


def terminated(number: int, frame: Any) -> NoReturn:
    """The handler of SIGTERM."""
    raise Terminated


def come_again(ignored: Any) -> None:
    """A stop that Python met in a destructor, where it can only be ignored, comes again a moment later.

    For ``sys.unraisablehook``.
    """
    number = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}.get(ignored.exc_type)
    if number is None:
        sys.__unraisablehook__(ignored)
        return
    later = threading.Timer(0.05, _thread.interrupt_main, (number,))
    later.daemon = True
    later.start()


def code_of(stop: BaseException) -> int:
    """128 and the number of the signal, as shells have it."""
    return 143 if isinstance(stop, Terminated) else 130


def stopped(stop: BaseException) -> NoReturn:
    """Ctrl-C or SIGTERM, said in a line."""
    typer.echo("\nStopped. Nothing finished is lost: the same command goes on from here.", err=True)
    raise typer.Exit(code_of(stop)) from None
