"""HTML: the results of a comparison as one page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from longtail import metrics
from longtail.comparison.against import MARGIN, indistinguishable
from longtail.comparison.leaderboard import (
    LOWER_IS_BETTER,
    METRIC_NAMES,
    PRIOR_NAMES,
    Row,
    board,
    compares_rows,
    ranked_by,
    shown_priors,
)
from longtail.comparison.recommendation import advice, expected_score
from longtail.comparison.record import Results
from longtail.files import write_text
from longtail.report import columns, figures
from longtail.report.box import box
from longtail.report.confused import confused
from longtail.report.cost_figure import cost_curves
from longtail.report.page import HERE, page

KEY = 40
"""A metric of this importance is in the table of the ranking; the others are in one beside it, folded."""


def write_report(results: Results, path: str | Path) -> None:
    """Write the page to ``path`` (``report.html``).

    Args:
        results: nothing in it is trusted: every text is escaped.
    """
    write_text(path, render(results))


def render(results: Results) -> str:
    """The page as a string."""
    shown = compared(results)
    priors = [_section(results, prior, shown) for prior in shown_priors(results)]
    rows = priors[0]["rows"]
    drawn = {
        "distribution": figures.distribution(results),
        "training": figures.training(results, rows),
        "cost": figures.cost(rows),
    }
    return page(
        HERE / "comparison.html",
        made=results,
        results=results,
        data=results.data,
        settings=results.settings,
        priors=priors,
        box=box(results),
        groups=columns.groups_said(results.data.groups).replace("(", "").replace(")", "."),
        figures=drawn,
        metric_names=METRIC_NAMES,
        meanings=[
            m for m in metrics.found().values() if any(m.name in (*p["columns"], *p["more"]) for p in priors)
        ],
        score=columns.score,
        lower=LOWER_IS_BETTER,
        problems=[row for row in rows if row.problem],
        margin="1 % of what the best single class for every row costs"
        if results.settings.metric == "expected_cost"
        else MARGIN,
        by_rows=all(compares_rows(results, prior) for prior in shown_priors(results)),
        tested=results.settings.tested,
    )


def compared(results: Results) -> list[str]:
    """The recipes in the figures: the baseline, the best under each prior, then the next best."""
    boards = [board(results, prior) for prior in shown_priors(results)]
    ranked = [row.recipe for row in boards[0].ranked]
    best = [one.winner.recipe for one in boards if one.winner]
    wanted = [results.settings.baseline, *best, *ranked]
    return [name for name in dict.fromkeys(wanted) if name in ranked][: len(figures.SERIES)]


def _section(results: Results, prior: str, shown: list[str]) -> dict[str, Any]:
    """What the page shows for one prior; ``shown`` names the recipes of the figures."""
    made = board(results, prior)
    rows, ranked, best = made.rows, made.ranked, made.winner
    drawn = sorted((row for row in ranked if row.recipe in shown), key=lambda row: shown.index(row.recipe))
    baseline = results.settings.baseline
    expected = expected_score(results, prior, best) if best else None
    metric = ranked_by(results, prior)
    found = [m for m in columns.shown(results, rows) if m.name != metric]
    ordered = [metric, *(m.name for m in found if m.importance >= KEY)]
    more = [m.name for m in found if m.importance < KEY]
    compared_in = dict.fromkeys([best.recipe, baseline] if best else [])
    matrices = [(made.row(name), confused(results, prior, name)) for name in compared_in]
    return {
        "key": prior,
        "name": PRIOR_NAMES[prior],
        "advice": advice(results, prior),
        "rows": rows,
        "best": best,
        "expected": expected[0] if expected else None,
        "titles": {row.recipe: row.title for row in rows},
        "metric": metric,
        "columns": ordered,
        "more": more,
        "ties": {row.recipe for row in indistinguishable(results, prior)}
        if best and best.done > 1
        else set(),
        "top": {name: _best_value(ranked, name) for name in (*ordered, *more)},
        "recall": figures.recall_by_frequency(results, prior, drawn, shown),
        "change": figures.change_by_class(results, prior, best, baseline) if best else None,
        "costs": cost_curves(results, prior, drawn, shown),
        "reliability": figures.reliability(results, prior, drawn),
        "confused": [(row.title, matrix) for row, matrix in matrices if row and matrix],
    }


def _best_value(rows: list[Row], metric: str) -> float:
    values = [v for row in rows if math.isfinite(v := row.mean.get(metric, math.nan))]
    if len(set(values)) < 2:
        return math.nan  # nothing to single out
    return min(values) if metric in LOWER_IS_BETTER else max(values)
