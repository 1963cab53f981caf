"""Points: what a comparison asks of held-out training rows, and what became of the promise on test rows."""

from __future__ import annotations

import torch

from longtail.classes import Classes
from longtail.comparison.record import Results
from longtail.metrics import Aimed, Point
from longtail.metrics.point import WORDS

POINTED = "@"
"""In the name of a metric that is a point."""


def points_of(metric: str | None) -> tuple[Point, ...]:
    """The points that a metric asks for: itself, or none."""
    return (Point.of_text(metric),) if metric is not None and POINTED in metric else ()


def points_decided(metric: str | None) -> tuple[Point, ...]:
    """The point that a single model is to decide for, or none.

    Raises:
        ValueError: a metric that is no point.
    """
    if metric is not None and POINTED not in metric:
        raise ValueError(
            f"metric={metric!r}: one model is trained here, so there is nothing to rank. A point says how it decides, "
            "such as recall@precision>=0.9; for the expected cost give costs="
        )
    return points_of(metric)


def aimed_of(results: Results) -> Aimed | None:
    """The point that ranks the recipes of a comparison, at its class; None where none does."""
    classes = Classes(results.data.names, torch.tensor(results.data.counts))
    return next((Aimed.of(point, classes) for point in points_of(results.settings.metric)), None)


def promise_said(results: Results, prior: str, recipe: str) -> str:
    """How well the promise of the point that ranks held on test rows; empty where none ranks."""
    for point in points_of(results.settings.metric):
        runs = results.by_recipe.get(recipe, {}).values()
        found = [run.scores.get(prior, {}).get(point.reached) for run in runs]
        reached = torch.tensor([v for v in found if v is not None], dtype=torch.float64)
        if not len(reached):
            return f"Its threshold was set for {point.promise}, and no row was taken for the class."
        kept = int(point.keeps(reached).sum())
        return (
            f"Its threshold was set on held-out training rows, for {point.promise} there; on the test rows the "
            f"{WORDS[point.held]} was {float(reached.mean()):.3f} (it was kept in {kept} of {len(reached)} runs)."
        )
    return ""
