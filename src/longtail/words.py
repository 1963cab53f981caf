"""Words: names that are safe to show, and the known name nearest to one that is not known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def printable(text: str) -> str:
    """Without characters that act on a terminal (escapes, line ends, reversed writing): they are shown as their codes.

    >>> printable("red \\x1b[31m")
    'red \\\\x1b[31m'
    """
    return re.sub(
        "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]",
        lambda m: repr(m[0])[1:-1],
        text,
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """What to add to an error about an unknown name: the nearest known one, if any is near.

    >>> nearest("logit-ajustment", ["erm", "logit-adjustment"])
    "; did you mean 'logit-adjustment'?"
    >>> nearest("xyz", ["erm"])
    ''
    """
    names = list(known)
    lowered = {name.lower(): name for name in reversed(names)}
    found = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return f"; did you mean {lowered[found[0]]!r}?" if found else ""
