"""The figure of cost curves: what recipes pay, over every ratio of costs and every prior (Drummond and Holte, 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from longtail.comparison.cost_curve import operating_point
from longtail.comparison.leaderboard import Row
from longtail.comparison.record import Results
from longtail.report.figures import SERIES, WIDTH
from longtail.report.svg import COLOURS, drawing, inline, shortened


def cost_curves(results: Results, prior: str, rows: Sequence[Row], colours: Sequence[str]) -> str | None:
    """The mean curve of each recipe over its runs; dashed what it costs to decide one class always; dotted the costs and
    the prior that were declared.

    Args:
        prior: whose operating point is marked.
        rows: the recipes to draw; colours: recipes in the order of the series colours, as in the page's other figures.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    colour_of = dict(zip(colours, SERIES))
    curves = []
    for row in rows:
        runs = [run.cost_curve for run in results.by_recipe.get(row.recipe, {}).values() if run.cost_curve]
        if runs and row.recipe in colour_of:
            mean = np.mean([run["y"] for run in runs], axis=0)
            curves.append((row.title, colour_of[row.recipe], mean, runs[0]["of"]))
    if not curves:
        return None
    k = curves[0][3]
    marked = operating_point(results.settings.costs, prior_vector(results, prior), k)
    with drawing():
        figure = Figure(figsize=(WIDTH, 3.4))
        axes = figure.add_axes((0.6 / WIDTH, 0.5 / 3.4, (WIDTH - 0.75) / WIDTH, (3.4 - 1.1) / 3.4))
        x = np.linspace(0, 1, len(curves[0][2]))
        axes.plot(x, np.minimum(x, 1 - x), color=COLOURS["muted"], linewidth=0.9, linestyle="--")
        for _, colour, y, _ in curves:
            axes.plot(x, y, color=colour, linewidth=1.8)
        if marked is not None:
            axes.axvline(marked, color=COLOURS["muted"], linewidth=0.9, linestyle=":")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.012, max(0.52, 1.05 * max(float(y.max()) for _, _, y, _ in curves)))
        axes.set_xlabel(
            f"weight of a missed {shortened(results.data.names[k], 20)} (prior times cost)", fontsize=9
        )
        axes.set_ylabel("share of the largest cost", fontsize=9)
        lines = [Line2D([], [], color=colour, label=shortened(title, 26)) for title, colour, _, _ in curves]
        figure.legend(
            handles=lines, loc="upper left", ncols=2, fontsize=9, handlelength=1.2, borderaxespad=0.2
        )
        return inline(figure, f"cost-curve-{prior}", f"Cost curves, with the point of the {prior} prior")


def prior_vector(results: Results, prior: str) -> list[float]:
    """The numbers of a shown prior."""
    c = results.data.num_classes
    if prior == "balanced":
        return [1 / c] * c
    return list(results.settings.prior_vector)
