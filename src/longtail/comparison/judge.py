"""Judge: the scores of a run, from what its recipe said of the test rows. Nothing here trains or predicts.

A run is judged when it has finished, and again whenever a comparison that holds it is asked for: with another prior, with
another metric, or by another version of the metrics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from longtail import metrics
from longtail.classes import Classes
from longtail.comparison.outputs import Outputs
from longtail.metrics.classes import of_each
from longtail.metrics.evaluate import rarest_of, see
from longtail.prior import Prior

FEW_CLASSES = 60
"""Classes up to which the confusion matrix is written down."""


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
    """

    classes: Classes
    priors: Mapping[str, Prior | None]
    tested_under: str

    def tested_prior(self, name: str) -> Any:
        """The prior that test rows are weighted to under the one of that name; None: as they are."""
        prior = self.priors[name]
        return None if prior is None or name == self.tested_under else prior.resolve(self.classes)

    def __call__(self, outputs: Outputs) -> dict[str, Any]:
        """``scores``, ``per_class``, ``confusion`` and ``reliability``, each by the name of a prior; plain numbers, None
        where one is not defined. Where the logits' prior is not known, as trained alone.
        """
        found: dict[str, Any] = {"scores": {}, "per_class": {}, "confusion": {}, "reliability": {}}
        groups, rarest, y = self.classes.groups(), rarest_of(self.classes.counts), outputs.y
        for name, prior in self.priors.items():
            if prior is not None and outputs.meaning.source == "none":  # nothing was held out to fit it on
                continue
            probabilities, decisions = outputs.under(prior)
            tested = self.tested_prior(name)
            seen, made = see(
                probabilities, y, prior=tested, groups=groups, decisions=decisions, rarest=rarest
            )
            found["scores"][name] = {m.name: number(float(m.of(seen))) for m in made}
            found["per_class"][name] = {
                k: [number(v) for v in values.tolist()] for k, values in of_each(seen).items()
            }
            if self.classes.num_classes <= FEW_CLASSES:
                found["confusion"][name] = metrics.confusion(y, decisions, self.classes.num_classes).tolist()
            importance = None if tested is None else metrics.importance(y, tested)
            bins = metrics.reliability(probabilities, y, weight=importance)
            found["reliability"][name] = {
                k: [number(v) for v in bins[k].tolist()] for k in ("confidence", "accuracy", "weight")
            }
        return found


def number(value: float) -> float | None:
    """A number for JSON: none for nan."""
    return None if math.isnan(value) else float(value)
