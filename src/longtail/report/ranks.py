"""Ranks over data sets: a terminal table, a critical-difference diagram and one page that links to the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail.comparison.leaderboard import METRIC_NAMES, PRIOR_NAMES
from longtail.comparison.ranking import LEVEL, Ranking, sentence
from longtail.comparison.recommendation import duration, p_text
from longtail.files import write_text
from longtail.report.figures import LETTER, WIDTH
from longtail.report.page import HERE, page, three
from longtail.report.svg import COLOURS, columns, drawing, inline, shortened

if TYPE_CHECKING:
    from rich.console import Console


def show_ranks(rankings: Sequence[Ranking], console: Console | None = None) -> None:
    """Print a table of ranks for each prior, and what they say."""
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    for ranking in rankings:
        scored = console.width >= 60 + 20 * len(ranking.datasets)  # else ranks alone
        tested = ranking.smallest_p <= LEVEL
        console.print()
        console.print(Text.assemble(("Ranks under " + PRIOR_NAMES[ranking.prior], "bold")))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("recipe", overflow="ellipsis", no_wrap=True)
        table.add_column("mean rank", justify="right", style="bold")
        if tested:
            table.add_column("p vs best", justify="right")
        for name in ranking.datasets:
            table.add_column(Text(shortened(name, 18)), justify="right")
        table.add_column("fit time", justify="right")
        for j, name in enumerate(ranking.recipes):
            p = ranking.against(0, j)
            shown = [p_text(p) if math.isfinite(p) else "–"] if tested else []
            for place, score in zip(ranking.ranks[j], ranking.scores[j]):
                shown.append(f"{place:g} ({three(score)})" if scored else f"{place:g}")
            cells = [f"{ranking.mean_rank[j]:.2f}", *shown, duration(ranking.seconds[j])]
            table.add_row(Text(name), *cells, style="green" if j == 0 else "")
        console.print(table)
        console.print(Padding(Text(sentence(ranking)), (0, 0, 0, 2)))
    scores = ", ".join(f"{METRIC_NAMES[r.metric]} ({r.prior})" for r in rankings)
    legend = f"A column holds the rank on a data set, 1 the best, by {scores}."
    if any(r.smallest_p <= LEVEL for r in rankings):
        legend += " p vs best: Wilcoxon's signed-rank test over the data sets, Holm-adjusted over all pairs."
    console.print(Text("\n" + legend, style="dim"))


def critical_difference(ranking: Ranking) -> str:
    """Mean ranks as an inline SVG: a row a recipe, best first; a bar at the side joins recipes that no test tells apart.

    Small dots are the ranks on the data sets.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    names = [shortened(name, 34) for name in ranking.recipes]
    k, margin = len(names), LETTER * max(columns(n) for n in map(str, names)) + 0.25
    side = 0.22 * len(ranking.groups) + 0.15
    height = 0.27 * k + 0.75
    with drawing():
        figure = Figure(figsize=(WIDTH, height))
        width = WIDTH - margin - side - 0.1
        axes = figure.add_axes((margin / WIDTH, 0.45 / height, width / WIDTH, 1 - 0.75 / height))
        axes.set(xlim=(0.5, k + 0.5), ylim=(k - 0.4, -0.6))
        axes.grid(False, axis="y")
        axes.set_yticks(range(k), names)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for j in range(k):
            axes.plot(
                ranking.ranks[j],
                [j] * len(ranking.ranks[j]),
                ".",
                color=COLOURS["muted"],
                markersize=5,
                alpha=0.6,
            )
            axes.plot(ranking.mean_rank[j], j, "o", color=COLOURS["accent"], markersize=8)
        axes.set_xlabel("rank (1 is best); large dot: mean over the data sets")
        for g, (first, last) in enumerate(ranking.groups):
            x = (margin + width + 0.15 + 0.22 * g) / WIDTH
            y = [
                (height - 0.3 - (height - 0.75) * (j + 0.6) / (k + 0.2)) / height
                for j in (first - 0.25, last + 0.25)
            ]
            figure.add_artist(Line2D([x, x], y, color=COLOURS["ink"], linewidth=3, solid_capstyle="butt"))
        return inline(figure, f"ranks-{ranking.prior}", f"Mean ranks under the {ranking.prior} prior")


def render_ranks(about: Mapping[str, Any], rankings: Sequence[Ranking]) -> str:
    """The page as a string.

    Args:
        about: command, versions, hardware, created, and ``datasets``: by name its n, num_classes, imbalance and the
            ``link`` to its own page. Nothing in it is trusted: every text is escaped.
        rankings: one a prior.
    """
    return page(
        HERE / "ranks.html",
        made=about,
        about=about,
        rankings=[(r, sentence(r), critical_difference(r)) for r in rankings],
        prior_names=PRIOR_NAMES,
        metric_names=METRIC_NAMES,
        level=LEVEL,
    )


def write_ranks(about: Mapping[str, Any], rankings: Sequence[Ranking], path: str | Path) -> None:
    """Write the page to ``path``."""
    write_text(path, render_ranks(about, rankings))
