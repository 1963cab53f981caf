"""The tables of ``compare --unknown``: how recipes do where nobody tells them how frequent the classes are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longtail.comparison.record import Results
from longtail.comparison.unknown import TESTED, WAYS

if TYPE_CHECKING:
    from rich.console import Console

TITLES = {
    "natural": "as in training",
    "even": "balanced",
    "estimated": "estimated",
    "experts": "experts",
    "told": "told",
    "off": "estimate off by",
}
HEADINGS = {
    "forward": "classes as frequent as in training",
    "balanced": "every class equally frequent",
    "backward": "the training frequencies in reverse",
}
MEANING = (
    "Accuracy on test rows weighted to class frequencies that the recipe is not told, mean over runs. It decides as if "
    "they were as in training, or balanced; or estimates them on the weighted rows without labels; or weighs its experts "
    "(sade). Told is what knowing them would give. “Off by” is the share of rows that the estimate gives "
    "to other classes."
)


@dataclass(frozen=True)
class Table:
    """The recipes under one prior that they are not told.

    Attributes:
        heading: which prior.
        columns: titles.
        rows: recipe, then mean and spread over runs for each column; nan where there is none.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]


def tables(results: Results) -> list[Table]:
    """One for each tested prior, recipes in the order of the results; none where it was not asked for."""
    found = results.unknown
    if not found:
        return []
    keys = [
        way
        for way in (*WAYS, "off")
        if any(v is not None for of in found.values() for tested in of.values() for v in tested.get(way, ()))
    ]
    return [
        Table(
            HEADINGS[name],
            tuple(TITLES[k] for k in keys),
            tuple(
                (
                    results.recipes[recipe].get("title") or recipe,
                    tuple(spread(of[name].get(k, ())) for k in keys),
                )
                for recipe, of in found.items()
                if recipe in results.recipes
            ),
        )
        for name in TESTED
    ]


def spread(values: list[float | None] | tuple[float, ...]) -> tuple[float, float]:
    """Mean and sample standard deviation; nan where there is none.

    >>> spread([0.5, 0.7])
    (0.6, 0.14142135623730948)
    """
    known = [v for v in values if v is not None]
    if not known:
        return math.nan, math.nan
    mean = math.fsum(known) / len(known)
    squares = math.fsum((v - mean) ** 2 for v in known)
    return mean, math.sqrt(squares / (len(known) - 1)) if len(known) > 1 else math.nan


def show_unknown(results: Results, console: Console | None = None) -> None:
    """Print the tables; nothing where there are none."""
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    console = console or Console()
    for table in tables(results):
        console.print()
        console.print(Text.assemble(("Not told: ", "bold"), table.heading))
        drawn = Drawn(box=None, pad_edge=False)
        drawn.add_column("recipe")
        for title in table.columns:
            drawn.add_column(title, justify="right")
        for recipe, cells in table.rows:
            drawn.add_row(Text(recipe), *(f"{mean:.3f}" if math.isfinite(mean) else "–" for mean, _ in cells))
        console.print(drawn)
    if results.unknown:
        console.print(Text(MEANING, style="dim"))
