"""Points: the threshold of a point from what was said of held-out training rows, and the test rows that are above it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from longtail.classes import Classes, floored
from longtail.comparison.outputs import Outputs
from longtail.comparison.record import Results
from longtail.metrics import Metric, Point, class_weights
from longtail.metrics.evaluate import rarest_of
from longtail.metrics.point import WORDS
from longtail.prior import Prior
from longtail.run.outcome import Held

POINTED = "@"
"""In the name of a metric that is a point."""


def points_of(metric: str | None) -> tuple[Point, ...]:
    """The points that a metric asks for: itself, or none."""
    return (Point.of_text(metric),) if metric is not None and POINTED in metric else ()


def held_scores(held: Held, k: int, natural: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """How sure class k is for each held-out row under a prior ``target [C]``, and the weights of the rows, ``[m]``."""
    log_p = held.log_p.double() + target.log() - floored(natural).log()
    counts = torch.bincount(held.y, minlength=log_p.shape[1])
    present = target * (counts > 0)
    weight = class_weights(counts, target / target.sum()) if float(present.sum()) > 0 else counts.double()
    return surety(log_p, k), weight[held.y]


def surety(log_p: Tensor, k: int) -> Tensor:
    """The log-odds of class k, float64 ``[n]``, to six digits: so that rounding sets no row apart from its like."""
    others = torch.cat([log_p[:, :k], log_p[:, k + 1 :]], 1).logsumexp(1)
    return torch.nan_to_num(log_p[:, k] - others, nan=-torch.inf, posinf=1e6, neginf=-1e6).round(decimals=6)


@dataclass(frozen=True, eq=False)
class Aimed:
    """A point at a class.

    Attributes:
        point: what is asked for.
        k: the class.
        value, reached: its metric, and that of what the promise came to.
    """

    point: Point
    k: int
    value: Metric
    reached: Metric

    @classmethod
    def of(cls, point: Point, classes: Classes) -> Aimed:
        """A point at its class, by name or the rarest one.

        Raises:
            ValueError: there is no such class.
        """
        k = point.class_of(classes.names, rarest_of(classes.counts))
        return cls(point, k, *point.metrics(k))

    def flags(self, outputs: Outputs, probabilities: Tensor, prior: Prior | None) -> Tensor | None:
        """The test rows that are taken for the class, bool ``[n]``, by a threshold that no test row has a part in; None
        where no rows were held out, or none of the class or of the others, and as trained (``prior`` None).

        Args:
            probabilities: of the test rows under the prior, ``[n, C]``.
        """
        if outputs.held is None or prior is None:
            return None
        target = prior.resolve(outputs.meaning.classes).double()
        score, weight = held_scores(outputs.held, self.k, outputs.meaning.classes.prior, target)
        at = self.point.threshold(score, outputs.held.y == self.k, weight)
        return None if math.isnan(at) else surety(probabilities.double().log(), self.k) >= at


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
