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
from longtail.comparison.recommendation import expected_score, recommendation
from longtail.comparison.record import Results
from longtail.files import write_text
from longtail.report import columns, figures
from longtail.report.page import HERE, page


def write_report(results: Results, path: str | Path) -> None:
    """Write the page to ``path`` (``report.html``).

    Args:
        results: nothing in it is trusted: every text is escaped.
    """
    write_text(path, render(results))


def render(results: Results) -> str:
    """The page as a string."""
    texts, shown = recommendation(results), compared(results)
    priors = [_section(results, prior, texts[prior], shown) for prior in shown_priors(results)]
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
        figures=drawn,
        metric_names=METRIC_NAMES,
        meanings=[m for m in metrics.found().values() if any(m.name in p["columns"] for p in priors)],
        score=columns.score,
        lower=LOWER_IS_BETTER,
        problems=[row for row in rows if row.problem],
        margin=MARGIN,
        by_rows=all(compares_rows(results, prior) for prior in shown_priors(results)),
        tested=results.settings.runs > 1,
    )


def compared(results: Results) -> list[str]:
    """The recipes in the figures: the baseline, the best under each prior, then the next best."""
    boards = [board(results, prior) for prior in shown_priors(results)]
    ranked = [row.recipe for row in boards[0].ranked]
    best = [one.winner.recipe for one in boards if one.winner]
    wanted = [results.settings.baseline, *best, *ranked]
    return [name for name in dict.fromkeys(wanted) if name in ranked][: len(figures.SERIES)]


def _section(results: Results, prior: str, text: str, shown: list[str]) -> dict[str, Any]:
    """What the page shows for one prior; ``shown`` names the recipes of the figures."""
    made = board(results, prior)
    rows, ranked, best = made.rows, made.ranked, made.winner
    drawn = sorted((row for row in ranked if row.recipe in shown), key=lambda row: shown.index(row.recipe))
    baseline = results.settings.baseline
    expected = expected_score(results, prior, best) if best else None
    metric = ranked_by(results, prior)
    names = [m.name for m in columns.shown(results, rows)]
    ordered = [metric, *(name for name in names if name != metric)]
    return {
        "key": prior,
        "name": PRIOR_NAMES[prior],
        "text": text,
        "rows": rows,
        "best": best,
        "expected": expected[0] if expected else None,
        "titles": {row.recipe: row.title for row in rows},
        "metric": metric,
        "columns": ordered,
        "ties": {row.recipe for row in indistinguishable(results, prior)}
        if best and best.done > 1
        else set(),
        "top": {name: _best_value(ranked, name) for name in ordered},
        "recall": figures.recall_by_frequency(results, prior, drawn, shown),
        "change": figures.change_by_class(results, prior, best, baseline) if best else None,
        "reliability": figures.reliability(results, prior, drawn),
        "confusion": figures.confusion(results, prior, best.recipe) if best else None,
    }


def _best_value(rows: list[Row], metric: str) -> float:
    values = [v for row in rows if math.isfinite(v := row.mean.get(metric, math.nan))]
    if len(set(values)) < 2:
        return math.nan  # nothing to single out
    return min(values) if metric in LOWER_IS_BETTER else max(values)
