"""Terminal: the results of a comparison as tables that a newcomer understands, wide and narrow."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from longtail.comparison.against import indistinguishable
from longtail.comparison.leaderboard import PRIOR_NAMES, Row, board, compares_rows, ranked_by, shown_priors
from longtail.comparison.points import points_of
from longtail.comparison.recommendation import (
    GROUP_NAMES,
    data_size,
    duration,
    p_text,
    per_thousand,
    recommendation,
)
from longtail.comparison.record import Results
from longtail.metrics import found
from longtail.report.columns import PARTLY, groups_said, groups_told, partly, score, shown
from longtail.run.outcome import OFF

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

COST_TITLES = {"time": "fit time", "predict": "1,000 pred.", "size": "size"}
COST_IMPORTANCE = {"time": 45, "predict": 30, "size": 20}
"""Columns with more stay longest where the terminal is narrow, as a metric's own ``importance``."""
COSTS = {
    "time": lambda row: duration(row.seconds),
    "predict": lambda row: per_thousand(row.predict_per_row),
    "size": lambda row: data_size(row.size),
}
NARROW = 32  # columns of the recipe's name, at most

SOURCES = {
    "fitted": "No formula says which class frequencies their scores assume, so these were calibrated on held-out rows",
    OFF: "Held-out rows contradicted the formula for the class frequencies that their scores assume, so these were "
    "calibrated on them",
}
"""What is said of recipes whose prior is fitted."""
DECIDED = (
    "Under the natural prior classes are decided by thresholds tuned on held-out training rows, for every recipe; under "
    "the balanced prior by the most probable class."
)


def show(results: Results, console: Console | None = None) -> None:
    """Print the data, a ranked table for each shown prior, what failed, and the recommendation.

    Columns that don't fit the terminal are left out, the least important first; ``results.csv`` and the page
    have them all.
    """
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = console or Console()
    data, settings = results.data, results.settings
    console.print(
        Text.assemble(
            (data.name, "bold"),
            f": {data.n:,} examples, {data.num_classes} classes{groups_said(data.groups)}, largest to smallest"
            f" {data.imbalance:.4g}×, "
            f"{_number(settings.folds, 'fold')} × {_number(settings.seeds, 'seed')}",
        )
    )
    texts = recommendation(results)
    for prior in shown_priors(results):
        rows = board(results, prior).rows
        console.print()
        console.print(Text.assemble(("Under " + PRIOR_NAMES[prior], "bold")))
        console.print(_fitting(results, prior, rows, console.width))
        console.print(Padding(Text(texts[prior]), (0, 0, 0, 2)))
    console.print()
    console.print(Text(_legend(results), style="dim"))
    first = board(results, shown_priors(results)[0]).rows
    for source, said in SOURCES.items():
        if titles := [r.title for r in first if r.prior_source == source]:
            console.print(Text(f"{said}: {', '.join(titles)}.", style="dim"))
    if results.settings.costs is not None:
        console.print(Text(f"Decided by costs. {results.settings.costs.in_words(data.names)}", style="dim"))
    elif points := points_of(results.settings.metric):
        console.print(
            Text(f"Decided by thresholds set on held-out rows, for {points[0].promise}.", style="dim")
        )
    elif any(run.decided_by == "thresholds" for run in results.runs):
        console.print(Text(DECIDED, style="dim"))
    for row in board(results, shown_priors(results)[0]).rows:
        if row.problem:
            console.print(Text.assemble((row.title, "bold yellow"), f" {row.problem}"))
    if results.left_out:
        console.print(Text(results.left_out, style="yellow"))


def _fitting(results: Results, prior: str, rows: Sequence[Row], width: int) -> Table:
    """The table with as much as fits: spreads and intervals first, where half of the columns fit beside them."""
    from rich.console import Console
    from rich.measure import Measurement

    ties = (
        {row.recipe for row in indistinguishable(results, prior)}
        if rows[0].rank and rows[0].done > 1
        else set()
    )
    ruler = Console(width=10_000)
    names = _columns(results, prior, rows)
    place = {name: i for i, name in enumerate((*found(), *COSTS))}

    def table(n: int, detail: bool) -> Table:
        kept = tuple(sorted(names[:n], key=place.__getitem__))
        return _table(results, prior, rows, ties, kept, detail, as_trained=prior == "balanced")

    def fitting(detail: bool) -> int:
        """How many columns fit; -1 where not even the table without them does. A table with more is wider."""
        widths = range(len(names) + 1)
        wide = partial(Measurement.get, ruler, ruler.options)
        return bisect_right(widths, width, key=lambda n: wide(table(n, detail)).maximum) - 1

    if (n := fitting(True)) > 3:
        return table(n, True)
    if (n := fitting(False)) >= 0:
        return table(n, False)
    return _table(results, prior, rows, ties, (), detail=False, as_trained=False)


def _columns(results: Results, prior: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """Metrics but the one that ranks, and costs, of which a row has a number; the most important first."""
    costs = {k: v for k, v in COST_IMPORTANCE.items() if any(COSTS[k](row) != "–" for row in rows)}
    importance = {m.name: m.importance for m in shown(results, rows, least=2)} | costs
    names = sorted(importance, key=lambda name: -importance[name])
    return tuple(name for name in names if name != ranked_by(results, prior))


def _table(
    results: Results,
    prior: str,
    rows: Sequence[Row],
    ties: set[str],
    names: tuple[str, ...],
    detail: bool,
    as_trained: bool,
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    metric = ranked_by(results, prior)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("recipe", max_width=NARROW if as_trained or names else None, overflow="ellipsis")
    table.add_column(_title(metric), justify="right", style="bold")
    if as_trained:
        table.add_column("as trained", justify="right")
    table.add_column("to baseline", justify="right")
    for name in names:
        table.add_column(_title(name), justify="right")
    best = board(results, prior).winner
    for row in rows:
        rank = "–" if row.rank is None else f"{row.rank}{_mark(row, ties)}"
        cells = [Text(rank), Text(row.title), _score(row, metric, detail)]
        if as_trained:
            cells.append(Text(_three(row.as_trained.get(metric, math.nan)), style="not bold"))
        cells.append(_difference(results, row, detail))
        cells += [Text(COSTS[name](row)) if name in COSTS else _score(row, name, False) for name in names]
        table.add_row(*cells, style="green" if row is best else "dim" if row.rank is None else "")
    return table


def _mark(row: Row, ties: set[str]) -> str:
    """What to know of a recipe beside its rank: not converged, the same as another, or not told apart from the best."""
    if not row.converged:
        return " †"
    if row.same_as:
        return " ="
    return " ≈" if row.recipe in ties else "  "


def _title(name: str) -> str:
    return COST_TITLES.get(name) or found()[name].short or found()[name].title


def _score(row: Row, metric: str, detail: bool) -> Text:
    from rich.text import Text

    sd = row.sd.get(metric, math.nan)
    return Text(score(row, metric) + (f" ±{sd:.3f}" if detail and math.isfinite(sd) else ""))


def _difference(results: Results, row: Row, detail: bool) -> Text:
    from rich.text import Text

    if row.recipe == results.settings.baseline:
        return Text("baseline")
    if row.same_as == results.settings.baseline:
        return Text("same")
    if not math.isfinite(row.difference):
        return Text("–")
    text = f"{row.difference:+.3f}"
    if not detail:
        return Text(text + (" *" if row.p < 0.05 else "  "))
    if math.isfinite(row.low):
        text += f" [{row.low:+.3f}, {row.high:+.3f}]"
    if math.isfinite(row.p):
        text += f" {p_text(row.p)}"
    return Text(text)


def _legend(results: Results) -> str:
    boards = [row for prior in shown_priors(results) for row in board(results, prior).rows]
    several = results.settings.tested
    lower = [m for m in shown(results, boards, least=2) if m.better == "lower"]
    true = [m.title for m in lower if not m.of_costs]
    names = [m.title for m in lower if m.of_costs] + (
        [f"{_and(true)} (how true the probabilities are)"] if true else []
    )
    parts = [
        f"Scores: higher is better, but {' and '.join(names)}: lower is better."
        if names
        else "Scores: higher is better."
    ]
    if told := groups_told(results.data.groups):
        words = _and([GROUP_NAMES[name] for name in told])
        parts.append(f"{', '.join(told)}: mean recall of the {words} classes.")
    parts.append(
        "fit time: training of a run, tuning included; 1,000 pred.: from raw rows to logits, one core."
    )
    if "balanced" in shown_priors(results):
        parts.append("as trained: the recipe's own decisions, before the prior is set.")
    if several:
        parts.append(
            "±: standard deviation over runs. [low, high]: 95% interval of this one difference to the baseline."
        )
        by_rows = all(compares_rows(results, prior) for prior in shown_priors(results))
        how = "tested on every row" if by_rows else "corrected for overlapping folds"
        parts.append(
            f"p: that difference by luck alone ({how}, then Holm-adjusted, which the interval is not); *: p below 0.05."
        )
        parts.append("≈: not distinguishable from the best.")
    else:
        parts.append("One run per recipe: no spread and no test, so differences may be luck.")
    if any(row.same_as for row in boards):
        parts.append("=: the same predictions as another recipe of the table.")
    if not all(row.converged for row in boards):
        parts.append("†: training did not converge, so no recommendation rests on it.")
    columns = {m.name for m in shown(results, boards, least=2)}
    if missing := [m.title for m in shown(results, boards) if m.importance > 1 and m.name not in columns]:
        parts.append(f"Without a column, since not defined on these rows: {_and(missing)}.")
    if any(partly(row, m.name) for row in boards for m in shown(results, boards, least=2)):
        parts.append(f"{PARTLY}: not defined in some of the runs, and the mean of the others.")
    return " ".join(parts)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _number(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _three(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"
