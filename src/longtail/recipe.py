"""Stage and Recipe: frozen values that say what is trained, and nothing about how fast or where.

Equality of meaning is the digest: names are for display and do not count, everything else does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from longtail.losses import CrossEntropy
from longtail.objectives import Supervised
from longtail.part import Part, Switch, digest, from_json, part, to_json
from longtail.samplers import Shuffled
from longtail.schedule import Cosine

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
        schedule: progress -> multiplier of the learning rate.

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
    schedule: Part[Any] = part(Cosine)

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"epochs={self.epochs} and batch_size={self.batch_size} must be at least 1")
        if self.views < 0:
            raise ValueError(
                f"views={self.views} must be 0 (augment every step) or the number of views to keep"
            )
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
        return cls(**{name: from_json(value, own) for name, value in data.items()})

    @property
    def digest(self) -> str:
        """Identity: everything but the name."""
        return digest({k: v for k, v in self.to_json().items() if k != "name"})


@dataclass(frozen=True)
class Recipe:
    """Stages one after another, then parts that need no training: surgery on the net, adjusters of the logits."""

    name: str
    stages: tuple[Stage, ...]
    finish: tuple[Part[Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError(f"recipe {self.name!r} has no stage")

    def but(self, **changes: Any) -> Recipe:
        """The same recipe with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        stages = [s.to_json() for s in self.stages]
        return {"name": self.name, "stages": stages, "finish": to_json(self.finish)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], own: Own | None = None) -> Recipe:
        stages = tuple(Stage.from_json(s, own) for s in data["stages"])
        return cls(data["name"], stages, from_json(data["finish"], own))

    @property
    def digest(self) -> str:
        """Identity: everything but the names."""
        return digest({"stages": [s.digest for s in self.stages], "finish": to_json(self.finish)})
