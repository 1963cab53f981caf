"""Judge: the scores of a run, from what its recipe said of the test rows. Nothing here trains or predicts.

A run is judged when it has finished, and again whenever a comparison that holds it is asked for: with another prior, with
another metric, or by another version of the metrics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from longtail import metrics
from longtail.classes import Classes
from longtail.comparison.cost_curve import cost_curve
from longtail.comparison.outputs import Outputs, at
from longtail.costs import Costs
from longtail.metrics import Aimed, Entities, Scheme
from longtail.metrics.classes import of_each
from longtail.metrics.evaluate import rarest_of, see
from longtail.prior import Prior

if TYPE_CHECKING:
    from longtail.comparison.study import Study

FEW_CLASSES = 60
"""Classes up to which the confusion matrix is written down; above, the pairs that are confused most."""
PAIRS = 1000
"""Confused pairs that are written down, at most."""


def priors_of(prior: Prior) -> dict[str, Prior | None]:
    """The priors under which runs are judged, by name: as trained (None), natural, balanced, and the declared one.

    >>> list(priors_of(Prior.balanced())), list(priors_of(Prior.given((0.2, 0.8))))
    (['as_trained', 'natural', 'balanced'], ['as_trained', 'natural', 'balanced', 'declared'])
    """
    named: dict[str, Prior | None] = {
        "as_trained": None, "natural": Prior.natural(), "balanced": Prior.balanced(),
    }  # fmt: skip
    return {**named, prior.name: prior}


@dataclass(frozen=True, eq=False)
class Judge:
    """How a run is judged.

    Attributes:
        classes: whose frequencies are "natural", and whose counts say which classes are many, few and the rarest.
        priors: those that are deployed under, by name; None is as trained.
        tested_under: the name of the prior that the test rows were drawn under.
        costs: of decisions; None: none are declared.
        of: the values of each column that the costs name, of all rows of the data ``[N]``.
        points: that are asked for beside the metrics.
        weight: how much each row of the data counts ``[N]``; None is equally.
        scheme, sequence: what tags of tokens say, and the sentence of each row ``[N]``; None: rows are no tagged tokens.
    """

    classes: Classes
    priors: Mapping[str, Prior | None]
    tested_under: str
    costs: Costs | None = None
    of: Mapping[str, Tensor] | None = None
    points: tuple[Aimed, ...] = ()
    weight: Tensor | None = None
    scheme: Scheme | None = None
    sequence: Tensor | None = None

    @classmethod
    def of_study(cls, study: Study, classes: Classes) -> Judge:
        """The judge of a study; ``classes`` are those whose frequencies are "natural"."""
        priors = priors_of(study.deploy_prior)
        points = tuple(Aimed.of(point, classes) for point in study.points)
        data = study.dataset
        return cls(
            classes, priors, study.tested_under, study.costs, data.costs_of, points, data.beside.weight,
            data.scheme, data.beside.sequence,
        )  # fmt: skip

    def weight_of(self, rows: Tensor, y: Tensor, tested: Any = None) -> Tensor | None:
        """What those rows count, float64 ``[n]``: by their own weights, and towards a tested prior; None is equally."""
        own = None if self.weight is None else self.weight[rows]
        if tested is None:
            return own
        counts = torch.bincount(y, weights=own, minlength=self.classes.num_classes)
        towards = metrics.class_weights(counts, tested)[y]
        return towards if own is None else towards * own

    def cost_of(self, rows: Tensor) -> Tensor | None:
        """What decisions cost for those rows of the data, float64 ``[C, C]`` or ``[n, C, C]``; None without costs."""
        return None if self.costs is None else torch.from_numpy(self.costs.matrix(at(self.of, rows)))

    def entities(self, rows: Tensor, y: Tensor, decisions: Tensor) -> Entities | None:
        """The entities in test rows of one run, true and decided for; None where rows are no tagged tokens."""
        if self.scheme is None or self.sequence is None:
            return None
        order = rows.argsort()
        found = self.scheme.entities(y[order], decisions[order], self.sequence[rows[order]])
        return found.take(order.argsort())

    def under(self, outputs: Outputs, prior: Prior | None) -> tuple[Tensor, Tensor]:
        """Probabilities and decisions of what was said of test rows: :meth:`Outputs.under` by the costs and the point."""
        return outputs.under(prior, self.costs, self.of, next(iter(self.points), None))

    def tested_prior(self, name: str) -> Any:
        """The prior that test rows are weighted to under the one of that name; None: as they are."""
        prior = self.priors[name]
        return None if prior is None or name == self.tested_under else prior.resolve(self.classes)

    def __call__(self, outputs: Outputs) -> dict[str, Any]:
        """``scores``, ``per_class``, ``confusion`` and ``reliability``, each by the name of a prior; plain numbers, None
        where one is not defined. Where the logits' prior is not known, as trained alone. And the ``cost_curve``, of two
        classes with costs.
        """
        found: dict[str, Any] = {"scores": {}, "per_class": {}, "confusion": {}, "reliability": {}}
        cost = self.cost_of(outputs.rows)
        groups, rarest, y = self.classes.groups(), rarest_of(self.classes.counts), outputs.y
        own = self.weight_of(outputs.rows, y)
        found["cost_curve"] = cost_curve(outputs, self.costs, rarest)
        for name, prior in self.priors.items():
            if prior is not None and outputs.meaning.source == "none":  # nothing was held out to fit it on
                continue
            probabilities, decisions = self.under(outputs, prior)
            tested = self.tested_prior(name)
            seen, made = see(
                probabilities, y, prior=tested, groups=groups, decisions=decisions, rarest=rarest, costs=cost,
                weight=own, entities=self.entities(outputs.rows, y, decisions),
            )  # fmt: skip
            found["scores"][name] = {m.name: number(float(m.of(seen))) for m in made}
            for aimed in self.points:
                flags = outputs.flags(aimed, probabilities, prior)
                found["scores"][name] |= pointed(aimed, flags, probabilities, y, tested, own)
            found["per_class"][name] = {
                k: [number(v) for v in values.tolist()] for k, values in of_each(seen).items()
            }
            if self.classes.num_classes <= FEW_CLASSES:
                found["confusion"][name] = metrics.confusion(y, decisions, self.classes.num_classes).tolist()
            else:
                found["confusion"][name] = {"pairs": confused(y, decisions)}
            bins = metrics.reliability(probabilities, y, weight=self.weight_of(outputs.rows, y, tested))
            found["reliability"][name] = {
                k: [number(v) for v in bins[k].tolist()] for k in ("confidence", "accuracy", "weight")
            }
        return found


def pointed(
    aimed: Aimed, flags: Tensor | None, probabilities: Tensor, y: Tensor, tested: Any, weight: Tensor | None
) -> dict[str, float | None]:
    """The value of a point and what its promise came to, by name; None without flagged rows to tell them by."""
    asked = [aimed.value, aimed.reached]
    if flags is None:
        return {m.name: None for m in asked}
    seen, made = see(probabilities, y, asked, prior=tested, flags={aimed.point.name: flags}, weight=weight)
    return {m.name: number(float(m.of(seen))) for m in made}


def confused(y: Tensor, decisions: Tensor, most: int = PAIRS) -> list[list[int]]:
    """True class, decision and how many rows, for the pairs that are confused most: of these at most ``most``.

    >>> confused(torch.tensor([0, 0, 1, 2]), torch.tensor([1, 1, 1, 0]))
    [[0, 1, 2], [2, 0, 1]]
    """
    wrong = y != decisions
    pairs, rows = torch.stack([y[wrong], decisions[wrong]], 1).unique(dim=0, return_counts=True)
    order = torch.argsort(rows, descending=True, stable=True)[:most]
    return [[*pair, count] for pair, count in zip(pairs[order].tolist(), rows[order].tolist())]


def number(value: float) -> float | None:
    """A number for JSON: none for nan."""
    return None if math.isnan(value) else float(value)
