"""Brief: results at a glance in Python: one line, a table for a notebook, a data frame."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtail.comparison.leaderboard import METRIC_NAMES, PRIOR_NAMES, Row, board, ranked_by, shown_priors
from longtail.comparison.ranking import Ranking
from longtail.comparison.recommendation import recommendation
from longtail.comparison.record import Results

SHOWN = ("balanced_accuracy", "macro_f1", "worst_class_recall", "nll")


def table(rows: Mapping[str, Sequence[Row]]) -> Any:
    """A pandas DataFrame of ranked rows by prior: one row per prior and recipe."""
    import pandas as pd

    def flat(prior: str, row: Row) -> dict[str, Any]:
        plain = {k: v for k, v in vars(row).items() if not isinstance(v, Mapping)}
        place, recipe = plain.pop("rank"), plain.pop("recipe")
        return {"prior": prior, "rank": place, "recipe": recipe, **row.mean, **plain}

    frame = pd.DataFrame([flat(prior, row) for prior, of in rows.items() for row in of])
    return frame.astype({"rank": "Int64"}) if len(frame) else frame


def ranks_table(rankings: Sequence[Ranking]) -> Any:
    """A pandas DataFrame of ranks over data sets: one row per prior and recipe."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "prior": r.prior,
                "recipe": recipe,
                "mean_rank": r.mean_rank[k],
                **dict(zip(r.datasets, r.scores[k])),
            }
            for r in rankings
            for k, recipe in enumerate(r.recipes)
        ]
    )


def comparison_text(results: Results, folder: Path) -> str:
    """One line: the data, what was compared, the best, and where the report is."""
    prior = shown_priors(results)[0]
    metric, rows = ranked_by(results, prior), board(results, prior).rows
    runs = sum(run.done for run in results.runs)
    best = f"{rows[0].recipe} ({METRIC_NAMES[metric]} {rows[0].mean[metric]:.3f})" if rows[0].rank else "none"
    return (
        f"Comparison({results.data.name}: {len(results.recipes)} recipes, {runs} runs; best: {best}; "
        f"report: {folder / 'report.html'})"
    )


def comparison_html(results: Results, folder: Path) -> str:
    """For a notebook: a table and the recommendation for each prior. Every text is escaped."""
    parts = [f"<p>{html.escape(comparison_text(results, folder))}</p>"]
    texts = recommendation(results)
    for prior in shown_priors(results):
        metric = ranked_by(results, prior)
        columns = [metric, *(m for m in SHOWN if m != metric)]
        head = ["#", "recipe", *(METRIC_NAMES[m] for m in columns), "to baseline"]
        body = [
            [
                "" if row.rank is None else str(row.rank),
                row.title,
                *(_three(row.mean.get(m, math.nan)) for m in columns),
                _three(row.difference, "+"),
            ]
            for row in board(results, prior).rows
        ]
        parts += [f"<p><b>Under {PRIOR_NAMES[prior]}</b></p>", _html(head, body)]
        parts.append(f"<p>{html.escape(texts[prior])}</p>")
    if results.left_out:
        parts.append(f"<p>{html.escape(results.left_out)}</p>")
    return "".join(parts)


def several_text(rankings: Sequence[Ranking], folder: Path) -> str:
    """One line: the data sets, the best recipe under each prior, and where the report is."""
    best = "; ".join(
        f"{r.prior}: {r.recipes[0]} (mean rank {r.mean_rank[0]:.2f})" for r in rankings if r.recipes
    )
    sets = len(rankings[0].datasets) if rankings else 0
    return f"Several({sets} data sets; best: {best or 'none'}; report: {folder / 'report.html'})"


def several_html(rankings: Sequence[Ranking], folder: Path) -> str:
    """For a notebook: the mean ranks under each prior. Every text is escaped."""
    parts = [f"<p>{html.escape(several_text(rankings, folder))}</p>"]
    for r in rankings:
        head = ["recipe", "mean rank", *r.datasets]
        body = [
            [recipe, f"{r.mean_rank[k]:.2f}", *(_three(v) for v in r.scores[k])]
            for k, recipe in enumerate(r.recipes)
        ]
        parts += [f"<p><b>Under {PRIOR_NAMES[r.prior]}</b></p>", _html(head, body)]
    return "".join(parts)


def _html(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in body)}</table>"


def _three(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if math.isfinite(value) else "–"
