"""Costs said: what a recipe pays by the declared costs, in a sentence; and which loss in cost few would mind."""

from __future__ import annotations

import math
import statistics

from longtail.comparison.leaderboard import Row, as_float
from longtail.comparison.record import Results


def constant_cost(results: Results, prior: str, recipe: str) -> float:
    """What the best single class for every row costs on average, mean over the runs of a recipe; nan where no run says.

    Every recipe of a comparison is tested on the same rows, so any of them says the same.
    """
    found = []
    for run in results.by_recipe.get(recipe, {}).values():
        scores = run.scores.get(prior, {})
        cost, saving = as_float(scores.get("expected_cost")), as_float(scores.get("cost_saving"))
        if math.isfinite(cost) and math.isfinite(saving) and saving < 1:
            found.append(cost / (1 - saving))
    return statistics.fmean(found) if found else math.nan


def cost_said(results: Results, prior: str, row: Row) -> str:
    """What a recipe pays per 1,000 rows, and what it saves; empty where no costs are declared."""
    cost = row.mean.get("expected_cost", math.nan)
    if not math.isfinite(cost):
        return ""
    text = f"By the costs that you gave it pays {amount(1000 * cost)} per 1,000 rows"
    constant = constant_cost(results, prior, row.recipe)
    if not math.isfinite(constant):
        return text + "."
    text += f", and the best single class for every row pays {amount(1000 * constant)}"
    saved = 1 - cost / constant
    return f"{text}: {100 * abs(saved):.0f} % {'less' if saved >= 0 else 'more, so the recipe is of no use here'}."


def margin_of(results: Results, prior: str, metric: str, row: Row, margin: float) -> float:
    """A margin in the unit of a metric. That of a cost is a share of what the best single class for every row costs."""
    if metric != "expected_cost":
        return margin
    constant = constant_cost(results, prior, row.recipe)
    return margin * constant if constant > 0 else margin


def amount(value: float) -> str:
    """A sum as people read it.

    >>> amount(1234567.8), amount(532.04), amount(0.1234)
    ('1,234,568', '532', '0.123')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
