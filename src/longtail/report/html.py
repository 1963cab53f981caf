"""HTML: the results of a comparison as one page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from longtail import metrics
from longtail.comparison.against import MARGIN, indistinguishable
from longtail.comparison.curves import drawn
from longtail.comparison.kept import best_recipe
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
from longtail.comparison.rates import Rates, rates
from longtail.comparison.recommendation import advice, expected_score
from longtail.comparison.record import Results
from longtail.files import write_text
from longtail.metrics.evaluate import rarest_of
from longtail.report import columns, figures, unknown
from longtail.report.box import box
from longtail.report.confused import confused
from longtail.report.cost_figure import cost_curves
from longtail.report.curves import curves
from longtail.report.defined import defined
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
    shown = drawn(results)
    priors = [_section(results, prior, shown) for prior in shown_priors(results)]
    rows = priors[0]["rows"]
    figure = {
        "distribution": figures.distribution(results),
        "training": figures.training(results, rows),
        "cost": figures.cost(rows),
        "curves": curves(results, shown),
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
        figures=figure,
        metric_names=METRIC_NAMES,
        meanings=[
            m for m in metrics.found().values() if any(m.name in (*p["columns"], *p["more"]) for p in priors)
        ],
        score=columns.score,
        lower=LOWER_IS_BETTER,
        rarest=results.data.names[rarest_of(torch.tensor(results.data.counts))],
        rated=[
            (PRIOR_NAMES[p], found) for p in shown_priors(results) if (found := _rated(results, p, shown))
        ],
        wrong=_title(results, best_recipe(results)),
        defined=defined(results),
        problems=[row for row in rows if row.problem],
        margin="1 % of what the best single class for every row costs"
        if results.settings.metric == "expected_cost"
        else MARGIN,
        by_rows=all(compares_rows(results, prior) for prior in shown_priors(results)),
        tested=results.settings.tested,
        unknown=unknown.tables(results),
        unknown_meaning=unknown.MEANING,
    )


def _section(results: Results, prior: str, shown: list[str]) -> dict[str, Any]:
    """What the page shows for one prior; ``shown`` names the recipes of the figures."""
    made = board(results, prior)
    rows, ranked, best = made.rows, made.ranked, made.winner
    rows_drawn = sorted(
        (row for row in ranked if row.recipe in shown), key=lambda row: shown.index(row.recipe)
    )
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
        "recall": figures.recall_by_frequency(results, prior, rows_drawn, shown),
        "change": figures.change_by_class(results, prior, best, baseline) if best else None,
        "costs": cost_curves(results, prior, rows_drawn, shown),
        "reliability": figures.reliability(results, prior, rows_drawn),
        "confused": [(row.title, matrix) for row, matrix in matrices if row and matrix],
    }


def _rated(results: Results, prior: str, shown: list[str]) -> list[tuple[str, Rates]]:
    """Title and rates of the recipes in the figures, where there are two classes."""
    return [(_title(results, name), found) for name in shown if (found := rates(results, prior, name))]


def _title(results: Results, recipe: str) -> str:
    return results.recipes[recipe].get("title") or recipe


def _best_value(rows: list[Row], metric: str) -> float:
    values = [v for row in rows if math.isfinite(v := row.mean.get(metric, math.nan))]
    if len(set(values)) < 2:
        return math.nan  # nothing to single out
    return min(values) if metric in LOWER_IS_BETTER else max(values)
