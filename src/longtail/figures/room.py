"""The room: every figure of it, found by walking its files. There is no other list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from longtail.figures.figure import Figure
from longtail.words import nearest


@cache
def found() -> Mapping[str, Figure]:
    """Every figure by its name.

    >>> found()["effective-number"].title
    'Effective number of examples'
    """
    figures = {}
    for file in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = importlib.import_module(f"longtail.figures.{file.name}")
        one = getattr(module, "FIGURE", None)
        if one is not None:
            figures[one.name] = one
    return dict(sorted(figures.items()))


def named(name: str) -> Figure:
    """The figure of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in found():
        raise ValueError(
            f"there is no figure {name!r}{nearest(name, found())}; `longtail figures` lists them: {', '.join(found())}"
        )
    return found()[name]
