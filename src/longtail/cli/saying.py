"""What a command says: progress, facts and messages in the words of the command line."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from longtail.cli.app import app
from longtail.cli.options import as_options, options_of

STARTED = time.monotonic()
"""A budget counts from here: what it takes to load libraries and to read the data is a part of it."""


@contextmanager
def watched(quiet: bool) -> Iterator[Any]:
    """Where progress goes: to the terminal, or nowhere."""
    from longtail.report.progress import progress

    if quiet:
        yield lambda event: None
        return
    with progress() as on:
        yield on


def commands() -> dict[str, set[str]]:
    """The options of each command, as Python has them."""
    found = {c.name or c.callback.__name__: c.callback for c in app.registered_commands if c.callback}
    return {name: options_of(call) for name, call in found.items()}


def running() -> set[str]:
    """The options of the command that runs; all where it is none of ours."""
    known = commands()
    return known.get(sys.argv[1] if len(sys.argv) > 1 else "", set().union(*known.values()))


def plain(message: str) -> str:
    """A message in the words of the command that runs."""
    return as_options(message, running())


def said(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts on a data set, with notes and warnings in the words of the command line."""
    return {**facts, **{k: [plain(note) for note in facts[k]] for k in ("notes", "warnings")}}


def duration(text: str) -> float:
    """Seconds from 90, 90s, 10m or 2h.

    >>> duration("10m")
    600.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found or float(found[1]) <= 0:
        raise ValueError(f"--budget {text!r} must be a time such as 90s, 10m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def command() -> str:
    """The command as it was typed."""
    return shlex.join(["longtail", *sys.argv[1:]])
