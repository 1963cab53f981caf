"""Curves: precision against recall, and recall against false alarms, of the rarest class, as one inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

from longtail.comparison.leaderboard import board
from longtail.comparison.rates import frequency_of
from longtail.comparison.record import Results
from longtail.report.figures import SERIES, WIDTH
from longtail.report.svg import COLOURS, drawing, inline, shortened

HIGH = 2.75  # inches of the two panels with their titles and axes
LINE = 0.2  # inches of a line of the legend


def curves(results: Results, shown: Sequence[str]) -> str | None:
    """Both curves of each recipe that has them, with a dot where its own decisions lie.

    Args:
        shown: recipes in the order of the series' colours, so that a recipe keeps its colour over the page.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    colour_of = dict(zip(shown, SERIES))
    found = [curve for curve in results.curves if curve.recipe in colour_of]
    if not found:
        return None
    prior, positive = found[0].prior, found[0].positive
    titles = {row.recipe: row.title for row in board(results, prior).rows}
    height = HIGH + LINE * len(found)
    with drawing():
        figure = Figure(figsize=(WIDTH, height))
        left, right = figure.subplots(1, 2)
        chance = frequency_of(results, prior, positive)
        guess = {"color": COLOURS["muted"], "linewidth": 0.8, "linestyle": "--"}
        left.plot([0, 1], [chance, chance], **guess)
        right.plot([0, 1], [0, 1], **guess)
        for curve in found:
            colour = colour_of[curve.recipe]
            recall, precision, alarms = curve.decided
            left.plot(*zip(*curve.precision_recall), color=colour, linewidth=1.4, drawstyle="steps-pre")
            right.plot(*zip(*curve.roc), color=colour, linewidth=1.4)
            for axes, x, y in ((left, recall, precision), (right, alarms, recall)):
                if y is not None:
                    axes.plot(
                        x, y, "o", color=colour, markersize=6, markeredgecolor=COLOURS["page"], clip_on=False
                    )
        left.set(xlabel="recall", ylabel="precision", title="precision and recall")
        right.set(xlabel="false positive rate", ylabel="recall", title="ROC")
        for axes in (left, right):
            axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        handles = [
            Line2D(
                [], [], color=colour_of[c.recipe], linewidth=1.6, marker="o", markersize=4,
                label=f"{shortened(titles.get(c.recipe, c.recipe), 28)}: AP {c.average_precision:.3f}, "
                f"AUC {c.roc_auc:.3f}",
            )
            for c in found
        ]  # fmt: skip
        figure.legend(handles=handles, loc="upper left", fontsize=9, handlelength=1.4, borderaxespad=0.2)
        top = 1 - (LINE * len(found) + 0.35) / height
        figure.subplots_adjust(left=0.1, right=0.97, top=top, bottom=0.45 / height, wspace=0.32)
        return inline(figure, f"curves-{prior}", "Precision-recall and ROC curves of the rarest class")
