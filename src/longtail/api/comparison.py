"""Comparison: what ``compare`` found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from longtail.comparison.kept import best_recipe
from longtail.comparison.leaderboard import Row, board, shown_priors
from longtail.comparison.recommendation import recommendation
from longtail.comparison.record import Results
from longtail.model import Model
from longtail.report import brief


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What ``compare`` found.

    Attributes:
        record: everything.
        folder: where the files are.
        kept: the best recipe trained on all rows, or the folder that an earlier call saved it to; None where it was not
            asked for, or is of another recipe.
    """

    record: Results
    folder: Path
    kept: Model | Path | None

    @cached_property
    def model(self) -> Model | None:
        """The best recipe trained on all rows, or None where it was not asked for, or is of another recipe."""
        return Model.load(self.kept) if isinstance(self.kept, Path) else self.kept

    @cached_property
    def results(self) -> dict[str, Any]:
        """Everything as plain numbers and strings, as written to ``results.json``."""
        return self.record.to_json()

    @property
    def rows(self) -> dict[str, list[Row]]:
        """Ranked rows by prior, the declared one first."""
        return {prior: list(board(self.record, prior).rows) for prior in shown_priors(self.record)}

    @property
    def table(self) -> Any:
        """A pandas DataFrame, one row per prior and recipe, best first: rank, finished runs, each metric's mean, the
        difference to the baseline with its interval and p, and seconds."""
        return brief.table(self.rows)

    def __repr__(self) -> str:
        return brief.comparison_text(self.record, self.folder)

    def _repr_html_(self) -> str:
        return brief.comparison_html(self.record, self.folder)

    @property
    def best(self) -> str:
        """The name of the best recipe under the declared prior, of those whose training converged."""
        return best_recipe(self.record)

    @property
    def recommendation(self) -> dict[str, str]:
        """What to do, in plain words, a paragraph a prior."""
        return recommendation(self.record)
