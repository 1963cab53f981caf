"""Aimed: a point at a class of a classifier: its threshold, fitted on held-out rows, and what is decided by it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from longtail.classes import Classes, floored
from longtail.metrics.evaluate import rarest_of
from longtail.metrics.metric import Metric
from longtail.metrics.point import Point
from longtail.metrics.weighting import class_weights


@dataclass(frozen=True, eq=False)
class Aimed:
    """A point at a class.

    Attributes:
        point: what is asked for.
        k: the class.
        value, reached: its metric, and that of what the promise came to.

    >>> import torch
    >>> aimed = Aimed.of(Point.of_text("recall@precision>=0.9"), Classes(("well", "sick"), torch.tensor([8, 2])))
    >>> aimed.decide(torch.tensor([[0.6, 0.4], [0.8, 0.2]]), at=-1.0).tolist()  # from odds of exp(-1)
    [1, 0]
    """

    point: Point
    k: int
    value: Metric
    reached: Metric

    @classmethod
    def of(cls, point: Point, classes: Classes, argument: str = "metric") -> Aimed:
        """A point at its class, by name or the rarest one.

        Raises:
            ValueError: there is no such class.
        """
        return cls.at(point, point.class_of(classes.names, rarest_of(classes.counts), argument))

    @classmethod
    def at(cls, point: Point, k: int) -> Aimed:
        """A point at the class of that number."""
        return cls(point, k, *point.metrics(k))

    def threshold(self, log_p: Tensor, y: Tensor, natural: Tensor, target: Tensor) -> float | None:
        """The threshold under a prior, in log-odds of the class, from what was said of held-out rows; infinity where no
        threshold keeps the promise there, None where there is no row of the class, or none of the others.

        Args:
            log_p: logarithms of the probabilities of held-out rows under the ``natural`` prior ``[C]``, ``[m, C]``.
            y: their classes ``[m]``.
            target: the prior, ``[C]``.
        """
        moved = log_p.double() + target.log() - floored(natural).log()
        counts = torch.bincount(y, minlength=moved.shape[1])
        present = target * (counts > 0)
        weight = class_weights(counts, target / target.sum()) if float(present.sum()) > 0 else counts.double()
        at = self.point.threshold(surety(moved, self.k), y == self.k, weight[y])
        return None if math.isnan(at) else at

    def taken(self, probabilities: Tensor, at: float) -> Tensor:
        """The rows taken for the class, bool ``[n]``, by probabilities ``[n, C]`` under the prior of the threshold."""
        return surety(probabilities.double().log(), self.k) >= at

    def decide(self, probabilities: Tensor, at: float) -> Tensor:
        """Classes, int64 ``[n]``: this one for the rows taken for it, elsewhere the most probable of the others."""
        others = probabilities.clone()
        others[:, self.k] = -1.0
        decided = others.argmax(-1)
        decided[self.taken(probabilities, at)] = self.k
        return decided

    def in_words(self, names: tuple[str, ...], at: float | None) -> str:
        """How it decides, in a sentence.

        Args:
            at: the threshold under the prior that is asked for.
        """
        said = f"{self.point.name}, with {self.point.promise} on held-out training rows"
        if at is None:
            return f"no threshold could be fitted for {said}: the most probable class is decided"
        name = repr(names[self.k])
        if at == math.inf:
            return f"decided for {said}: no threshold keeps that, so no row is decided as {name}"
        share = 1 / (1 + math.exp(-at)) if at > -700 else 0.0
        return f"decided for {said}: a row is {name} from a probability of {share:.3g} on"


def surety(log_p: Tensor, k: int) -> Tensor:
    """The log-odds of class k, float64 ``[n]``, to six digits: so that rounding sets no row apart from its like."""
    others = torch.cat([log_p[:, :k], log_p[:, k + 1 :]], 1).logsumexp(1)
    return torch.nan_to_num(log_p[:, k] - others, nan=-torch.inf, posinf=1e6, neginf=-1e6).round(decimals=6)
