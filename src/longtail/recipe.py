"""Stage and Recipe: frozen values that say what is trained, and nothing about how fast or where.

Equality of meaning is the digest: names are for display and do not count, everything else does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from longtail.losses import CrossEntropy
from longtail.objectives import Supervised
from longtail.part import Part, Switch, asks, canonical, digest, from_json, part, parts, to_json, unlike
from longtail.roles import INPUTS, takers, traits_of
from longtail.samplers import Shuffled
from longtail.schedule import Cosine
from longtail.surgery import ResetHead

Own = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training run over the data.

    Attributes:
        name: for display; not part of the identity.
        epochs: passes of the first stream.
        batch_size: examples a step, from each stream.
        surgery: ``Net -> Net`` parts applied before training.
        trains: globs over parameter names; the rest is frozen. One that matches nothing is an error.
        norm_stats: may BatchNorm statistics of a frozen backbone move? (MiSLAS: yes, "shifted"; a strict cRT: no.)
        streams: a sampler each; the first sets the epoch's length.
        augment: ``(x, generator) -> x`` on the batch.
        views: 0 augments every step anew. K > 0, for a stage that trains the head alone and lets no statistics move:
            the backbone runs once over K augmented views of each example, and the head trains on those.
        mix: ``(x, y, generator) -> (x, y_a, y_b, lam)``.
        loss: ``(logits, y) -> scalar``.
        objective: ``(net, streams, t, generator) -> {name: scalar}``.
        optim: an optimiser of ``torch.optim``.
        lr_factors: ``(glob, factor)`` pairs over parameter names: what a glob matches learns at factor times the rate.
            The first that matches counts; one that matches nothing that trains is an error.
        schedule: progress -> multiplier of the learning rate.
        average: weights averaged along the way become the stage's (``longtail.optim``: EMA, SWA).
        sharpness: the gradient is taken at a worse point nearby (``longtail.optim``: SAM); twice the cost.
        projection: after each step the weights are put back where they may be (``longtail.optim``: MaxNorm).
        solve: where nothing but a head on fixed inputs is trained and the loss is a mean over rows, the problem is handed
            to this (``longtail.optim``: LBFGS) instead of being stepped through; None always steps.

    ``streams``, ``augment``, ``mix`` and ``loss`` may be a ``switch`` over progress (DRW, DRS, mixing off late).
    """

    name: str = ""
    epochs: int
    batch_size: int = 128
    surgery: tuple[Part[Any], ...] = ()
    trains: tuple[str, ...] = ("*",)
    norm_stats: bool = True
    streams: tuple[Part[Any] | Switch, ...] = (part(Shuffled),)
    augment: Part[Any] | Switch | None = None
    views: int = 0
    mix: Part[Any] | Switch | None = None
    loss: Part[Any] | Switch = part(CrossEntropy)
    objective: Part[Any] = part(Supervised)
    optim: Part[Any] = part(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    lr_factors: tuple[tuple[str, float], ...] = ()
    schedule: Part[Any] = part(Cosine)
    average: Part[Any] | None = None
    sharpness: Part[Any] | None = None
    projection: Part[Any] | None = None
    solve: Part[Any] | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"epochs={self.epochs} and batch_size={self.batch_size} must be at least 1")
        if self.views < 0:
            raise ValueError(
                f"views={self.views} must be 0 (augment every step) or the number of views to keep"
            )
        if any(factor < 0 for _, factor in self.lr_factors):
            raise ValueError(f"lr_factors={self.lr_factors}: a factor of the learning rate is at least 0")
        if not self.streams or not self.trains:
            raise ValueError("a stage needs at least one stream and one glob in trains")

    def but(self, **changes: Any) -> Stage:
        """The same stage with some fields changed."""
        return dataclasses.replace(self, **changes)

    def share(self, of: float) -> int:
        """That share of this stage's epochs, at least 1: later stages are as long as the protocol makes them."""
        return max(1, round(of * self.epochs))

    def tune(self, **optim: Any) -> Part[Any]:
        """This stage's optimiser with some settings changed; ``lr_factor`` multiplies its learning rate."""
        factor = optim.pop("lr_factor", 1.0)
        return self.optim.but(**{"lr": self.optim["lr"] * factor, **optim})

    def to_json(self) -> dict[str, Any]:
        return {f.name: to_json(getattr(self, f.name)) for f in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], own: Own | None = None) -> Stage:
        known = {f.name for f in dataclasses.fields(cls)}
        if extra := sorted(set(data) - known):
            raise ValueError(f"a stage has no {extra[0]!r}; it has {', '.join(sorted(known))}")
        return cls(**{name: from_json(value, own) for name, value in data.items()})

    @property
    def digest(self) -> str:
        """Identity: every field but the name that differs from its default, so that a field that comes later leaves the
        stages without it what they were.
        """
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "name"}
        return digest(unlike(values, _defaults()))

    @property
    def parts(self) -> tuple[Part[Any], ...]:
        """Every part of this stage, those inside others too."""
        return tuple(p for f in dataclasses.fields(self) for p in parts(getattr(self, f.name)))

    def asks(self, fact: str) -> bool:
        """Does a part of this stage need ``fact``, a name of ``longtail.part.FACTS``?"""
        return any(asks(p, fact) for p in self.parts)


@cache
def _defaults() -> dict[str, str]:
    """What the fields of a stage mean that are left out."""
    fields = dataclasses.fields(Stage)
    return {f.name: canonical(f.default) for f in fields if f.default is not dataclasses.MISSING}


@dataclass(frozen=True)
class Recipe:
    """Stages one after another, then parts that need no training: surgery on the net, adjusters of the logits.

    Attributes:
        name: for display; not part of the identity.
        stages: at least one.
        finish: surgery and adjusters.
        teachers: recipes trained before this one, from the same initial weights and seed, for the parts that ask for
            the fact ``teachers`` (distillation, pseudo-labels): trained nets, frozen, in this order.
    """

    name: str
    stages: tuple[Stage, ...]
    finish: tuple[Part[Any], ...] = ()
    teachers: tuple[Recipe, ...] = ()

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError(f"recipe {self.name!r} has no stage")
        if self.teachers and not any(s.asks("teachers") for s in self.stages):
            raise ValueError(f"recipe {self.name!r} has teachers, and no stage that asks for them")

    def but(self, **changes: Any) -> Recipe:
        """The same recipe with some fields changed."""
        return dataclasses.replace(self, **changes)

    def after(self, *first: Stage) -> Recipe:
        """The same recipe after other stages (pre-training), which leave it their backbone; the head starts fresh."""
        own = self.stages[0].but(surgery=(part(ResetHead), *self.stages[0].surgery))
        return self.but(stages=(*first, own, *self.stages[1:]))

    @property
    def values(self) -> tuple[Any, ...]:
        """The fields of its stages and of its teachers', and what comes after them."""
        stages = tuple(getattr(s, f.name) for s in self.stages for f in dataclasses.fields(s))
        return (*stages, *self.finish, *(v for t in self.teachers for v in t.values))

    @property
    def truth(self) -> tuple[Any, ...]:
        """What of it works on the rows of truth, of its teachers too: losses, streams, objectives, mixers, surgery, and
        what comes after the stages.
        """
        own = tuple(v for s in self.stages for v in (s.loss, *s.streams, s.objective, s.mix, *s.surgery))
        return (*own, *self.finish, *(v for t in self.teachers for v in t.truth))

    @property
    def takes(self) -> frozenset[str]:
        """The forms of inputs that all its parts work on, some of :data:`longtail.roles.INPUTS`."""
        return frozenset(INPUTS).intersection(*(takes for _, takes in takers(self.values)))

    @property
    def needs(self) -> frozenset[str]:
        """What it needs beside inputs and labels, some of :data:`longtail.roles.NEEDS`."""
        said = {need for p in parts(self.values) for need in traits_of(p.target).needs}
        learns = any(asks(p, "unlabelled") for p in parts(self.values))
        return frozenset(said | ({"unlabelled"} if learns else set()))

    def upto(self, k: int) -> Recipe:
        """The first ``k`` stages, with the teachers that they ask for, and nothing after them."""
        stages = self.stages[:k]
        teachers = self.teachers if any(s.asks("teachers") for s in stages) else ()
        return Recipe(self.name, stages, (), teachers)

    def to_json(self) -> dict[str, Any]:
        stages, teachers = [s.to_json() for s in self.stages], [t.to_json() for t in self.teachers]
        return {"name": self.name, "stages": stages, "finish": to_json(self.finish), "teachers": teachers}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], own: Own | None = None) -> Recipe:
        stages = tuple(Stage.from_json(s, own) for s in data["stages"])
        teachers = tuple(cls.from_json(t, own) for t in data["teachers"])
        return cls(data["name"], stages, from_json(data["finish"], own), teachers)

    @property
    def stage_digests(self) -> tuple[str, ...]:
        """The identity of each stage; one that asks for teachers counts theirs in."""
        taught = [t.stage_digests for t in self.teachers]
        return tuple(digest([s.digest, *taught]) if s.asks("teachers") else s.digest for s in self.stages)

    @property
    def digest(self) -> str:
        """Identity: everything but the names."""
        return digest({"stages": self.stage_digests, **({"finish": self.finish} if self.finish else {})})
