"""Outcome: a trained net that knows the class prior its logits assume."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from longtail.classes import Classes, floored
from longtail.costs import Costs
from longtail.inputs import Inputs
from longtail.link import link_of
from longtail.metrics import Aimed
from longtail.net import Net
from longtail.prior import Prior, Said
from longtail.roles import WeighsClasses
from longtail.run.engine import Engine
from longtail.run.loop import Event, infer
from longtail.source import Source

LARGE = 2**24
"""Logits from which on two bytes each are kept, else four."""
OFF = "closed form, off: fitted"
"""The source of a claimed prior that held-out rows contradicted."""


@dataclass(frozen=True, eq=False)
class Meaning:
    """What the logits of a trained model mean: the class prior they assume, and how to put another in.

    Attributes:
        classes: of the rows it was trained on.
        assumed_prior: float64 ``[C]``, the class prior that the logits assume; None where no closed form exists and
            nothing was held out to fit it on.
        calibrator: fitted on held-out data where the prior has no closed form, or where its closed form was off; it works
            on ``as_natural(logits)``.
    """

    classes: Classes
    assumed_prior: Tensor | None = None
    calibrator: Any = None

    @property
    def source(self) -> str:
        """Where the prior is known from: "closed form", "closed form, off: fitted", "fitted" or "none"."""
        if self.assumed_prior is None:
            return "none" if self.calibrator is None else "fitted"
        return "closed form" if self.calibrator is None else OFF

    def probabilities(self, logits: Tensor, prior: Said = "natural") -> Tensor:
        """``softmax(logits + log prior - log assumed_prior)``, after the calibrator, float32 ``[N, C]``; of labels the
        same with sigmoids and log odds (:mod:`longtail.link`).

        Raises:
            ValueError: the prior is not one, or the logits have no known prior.
        """
        logits, assumed = logits.double(), self.assumed_prior
        if self.calibrator is not None:
            logits, assumed = self.calibrator(self.as_natural(logits)), self.calibrator.assumes(None)
        if assumed is None:
            raise ValueError(
                "the logits of this recipe have no closed-form prior: train with held-out data (held=...), from "
                "which a calibrator is fitted, or use softmax of logits() as scores"
            )
        deploy = Prior.of(prior, self.classes).resolve(self.classes)
        link = link_of(self.classes)
        shift = link.evidence(deploy) - link.evidence(link.floored(torch.as_tensor(assumed).double()))
        return link.probabilities(logits + shift).float()

    def as_natural(self, logits: Tensor) -> Tensor:
        """Logits with the claimed prior replaced by the natural one, float64; as they are where none is claimed."""
        if self.assumed_prior is None:
            return logits.double()
        link = link_of(self.classes)
        natural, assumed = link.floored(self.classes.prior), link.floored(self.assumed_prior.double())
        return logits.double() + (link.evidence(natural) - link.evidence(assumed))

    def is_natural(self, prior: Said) -> bool:
        """Is it the natural prior, by its name or as numbers?"""
        return Prior.of(prior, self.classes).is_natural(self.classes)


@dataclass(frozen=True, eq=False)
class Held:
    """What a recipe said of held-out training rows, by a model that had not seen them.

    Attributes:
        log_p: logarithms of the probabilities under the natural prior, float32 ``[m, C]``.
        y: classes, int64 ``[m]``.
    """

    log_p: Tensor
    y: Tensor

    @classmethod
    def of(cls, probabilities: Tensor, y: Tensor) -> Held:
        """From probabilities under the natural prior ``[m, C]``."""
        return cls(probabilities.double().clamp(min=1e-45).log().float(), y.long())

    def under(self, natural: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities under another prior, float64 ``[m, C]``, and what each row counts there, float64 ``[m]``.

        Args:
            natural, prior: float64 ``[C]``.

        >>> held = Held.of(torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([0, 1]))
        >>> probabilities, weight = held.under(torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.5]))
        >>> [round(p, 3) for p in probabilities[1].tolist()], weight.tolist()
        ([0.143, 0.857], [0.5, 0.5])
        """
        log_p = self.log_p.double() + prior.double().log() - floored(natural.double()).log()
        counts = torch.bincount(self.y, minlength=len(prior)).clamp(min=1)
        return log_p.softmax(-1), (prior.double() / counts)[self.y]

    def some(self, most: int) -> Held:
        """At most so many of the rows, evenly spaced over the classes."""
        if len(self.y) <= most:
            return self
        order = self.y.argsort(stable=True)
        index = order[torch.linspace(0, len(order) - 1, most).round().long()].sort().values
        return Held(self.log_p[index], self.y[index])

    def threshold(self, aimed: Aimed, classes: Classes, prior: Prior) -> float | None:
        """The threshold of a point under a prior: see :meth:`longtail.metrics.Aimed.threshold`."""
        return aimed.threshold(self.log_p, self.y, classes.prior, prior.resolve(classes).double())


@dataclass(frozen=True, eq=False)
class Outcome:
    """What training gave.

    Attributes:
        net: in evaluation mode.
        recipe: what was trained (a ``Recipe``, or a classical one).
        classes: of the rows it was trained on.
        keys: the cache key of each stage.
        history: one event an epoch.
        assumed_prior: float64 ``[C]``, the class prior that the logits assume; None where no closed form exists and
            nothing was held out to fit it on.
        prior_source: "closed form", "closed form, off: fitted" (held-out rows contradicted it), "fitted" or "none".
        adjusters: the recipe's own logit adjusters, applied by ``logits``.
        calibrator: fitted on held-out data where the prior has no closed form, or where its closed form was off; used
            for probabilities only. It works on ``as_natural(logits)``.
        thresholds: a decision rule fitted on held-out data, used by ``predict`` under the natural prior.
        costs: of each decision; where they are declared the cheapest decision is taken, under any prior, and thresholds
            are not used.
        aimed: a point that is decided for, by a threshold fitted on ``held``, under any prior; where costs are declared
            it is not used.
        prior_checked: what held-out rows said of the closed form; see :func:`longtail.run.finish.check_claim`.
        held: what was said of the rows that were held out to fit what was open; None where none were.
    """

    net: Net
    recipe: Any
    classes: Classes
    keys: tuple[str, ...] = ()
    history: tuple[Event, ...] = ()
    assumed_prior: Tensor | None = None
    adjusters: tuple[Any, ...] = ()
    calibrator: Any = None
    thresholds: Any = None
    costs: Costs | None = None
    aimed: Aimed | None = None
    prior_checked: dict[str, Any] | None = None
    held: Held | None = None
    engine: Engine = field(default_factory=Engine)

    def but(self, **changes: Any) -> Outcome:
        return dataclasses.replace(self, **changes)

    @property
    def meaning(self) -> Meaning:
        """What its logits mean."""
        return Meaning(self.classes, self.assumed_prior, self.calibrator)

    @property
    def prior_source(self) -> str:
        return self.meaning.source

    @property
    def decided_by(self) -> str:
        """What decides under the natural prior: "costs", "a point", "thresholds", or "the most probable class"."""
        if self.costs is not None:
            return "costs"
        if self.threshold("natural") is not None:
            return "a point"
        rule = self.thresholds
        equal = isinstance(rule, WeighsClasses) and rule.weights is not None and len(set(rule.weights)) == 1
        return "the most probable class" if rule is None or equal else "thresholds"

    def threshold(self, prior: Said) -> float | None:
        """The threshold of the point that is decided for, in log-odds of its class under ``prior``; None without held-out
        rows to fit it on, or a point.
        """
        if self.aimed is None or self.held is None:
            return None
        return self.held.threshold(self.aimed, self.classes, Prior.of(prior, self.classes))

    def logits(self, x: Source | Inputs) -> Tensor:
        """The recipe's own logits ``[N, C]``, adjusted as the recipe says, no prior applied."""
        logits = infer(self.net, x, self.engine)
        for adjust in self.adjusters:
            logits = adjust(logits)
        return logits

    def predict_proba(self, x: Source | Inputs, prior: Said = "natural") -> Tensor:
        """Probabilities ``[N, C]`` under the prior you deploy under.

        Args:
            x: inputs as the net takes them, or a source of such.
            prior: "natural" (the training frequencies), "balanced", or numbers: see :meth:`longtail.prior.Prior.of`.

        Raises:
            ValueError: the prior is not one, or the recipe's logits have no known prior (train with held-out data).
        """
        return self.probabilities(self.logits(x), prior)

    def probabilities(self, logits: Tensor, prior: Said = "natural") -> Tensor:
        """``softmax(logits + log prior - log assumed_prior)`` for logits of this outcome, after its calibrator."""
        return self.meaning.probabilities(logits, prior)

    def as_natural(self, logits: Tensor) -> Tensor:
        """Logits with the claimed prior replaced by the natural one, float64; as they are where none is claimed."""
        return self.meaning.as_natural(logits)

    def predict(
        self, x: Source | Inputs, prior: Said = "natural", of: Mapping[str, Any] | None = None
    ) -> Tensor:
        """Class indices ``[N]``: the cheapest decision where costs are declared, else by the threshold of the point that
        is decided for; else the most probable class under the prior, or by tuned thresholds where there are any. Of
        several labels which of them, bool ``[N, C]``: those that are more probable than not.

        Args:
            of: the values ``[N]`` of each column that the costs name.
        """
        return self.decide(self.probabilities(self.logits(x), prior), prior, of)

    def decide(self, probabilities: Tensor, prior: Said, of: Mapping[str, Any] | None = None) -> Tensor:
        """Classes for probabilities under ``prior``; tuned thresholds hold for the natural prior only, by its name or as
        numbers, and where neither costs nor a point are declared.
        """
        if self.costs is not None:
            return torch.as_tensor(self.costs.decide(probabilities, of))
        if self.aimed is not None and (at := self.threshold(prior)) is not None:
            return self.aimed.decide(probabilities, at)
        if self.thresholds is not None and self.meaning.is_natural(prior):
            return torch.as_tensor(self.thresholds.decide(probabilities))
        return probabilities > 0.5 if self.classes.several else probabilities.argmax(-1)
