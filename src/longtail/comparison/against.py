"""Against the winner: which recipes it is not shown to beat, and which are shown to be as good within a margin."""

from __future__ import annotations

from longtail.comparison.leaderboard import LOWER_IS_BETTER, Row, board, difference_test, ranked_by
from longtail.comparison.record import Results
from longtail.comparison.statistics import Difference, holm

MARGIN = 0.01
"""A loss of the ranking metric that few would mind."""


def indistinguishable(
    results: Results, prior: str, metric: str | None = None, level: float = 0.05, test: str = "rows"
) -> list[Row]:
    """The ranked recipes that the winner is not shown to beat: adjusted p of the paired difference above ``level``.

    p is Holm-adjusted for as many tests as there are pairs of recipes, since any pair could have held the winner. The
    winner and what is the same as it are left out, and so are recipes that have not converged. Where no test can be
    made (one run) none is shown to be worse, so all are returned.
    """
    return [row for row, _, p in against_winner(results, prior, metric, test) if not p < level]


def as_good(
    results: Results, prior: str, metric: str | None = None, margin: float = MARGIN, test: str = "rows"
) -> list[Row]:
    """The ranked recipes that are shown to be at most ``margin`` worse than the winner.

    Non-inferiority: the 95 % interval of the difference to the winner lies above ``-margin`` as a whole. A difference
    that is merely not shown is no evidence of equality. Recipes that have not converged are left out.

    Args:
        margin: in the unit of the metric, above 0.
    """
    if not margin > 0:
        raise ValueError(f"margin={margin} must be above 0: the loss that you would not mind")
    by = metric or ranked_by(results, prior)
    found = []
    for row, difference, _ in against_winner(results, prior, by, test):
        worst = -difference.high if by in LOWER_IS_BETTER else difference.low
        if worst > -margin:
            found.append(row)
    return found


def against_winner(
    results: Results, prior: str, metric: str | None = None, test: str = "rows"
) -> list[tuple[Row, Difference, float]]:
    """Each ranked and converged recipe but the winner and what is the same as it, the difference to the winner, and its
    p, Holm-adjusted over all pairs of recipes.
    """
    by = metric or ranked_by(results, prior)
    rows = [row for row in board(results, prior, by).ranked if row.converged]
    if not rows:
        return []
    best = rows[0].same_as or rows[0].recipe
    others = [row for row in rows if (row.same_as or row.recipe) != best]
    found = {row.recipe: difference_test(results, row.recipe, best, prior, by, test) for row in others}
    own = [row.recipe for row in others if row.same_as not in found]
    pairs = len(own) * (len(own) + 1) // 2
    adjusted = dict(zip(own, holm([found[name].p for name in own], pairs)))
    return [
        (row, found[row.recipe], adjusted[row.same_as if row.same_as in found else row.recipe])
        for row in others
    ]
