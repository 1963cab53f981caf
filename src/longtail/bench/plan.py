"""Plan: which runs a benchmark makes at one imbalance. Subset, initial weights and order have a seed each.

A run is a recipe in a cell; a cell is a :class:`Draw`. All randomness of a stage derives from its key, and the key from
data and initial weights, so the order is drawn anew whenever the subset or the initial weights change: what varies with
one of those varies with the order too, and :func:`longtail.bench.statistics.components` takes the order's part off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from longtail import recipes as house
from longtail.augment import AutoAugment, RandAugment
from longtail.bench.cifar import CifarLT
from longtail.comparison.prepared import Prepared
from longtail.comparison.split import Folds, Split
from longtail.comparison.study import AnyRecipe, RecipeLike, made
from longtail.costs import Costs
from longtail.data import Dataset
from longtail.kinds import IMAGE
from longtail.kinds.start import check_backbone
from longtail.labels import Labels
from longtail.metrics import Point
from longtail.net import Net
from longtail.part import digest, part
from longtail.prior import Prior
from longtail.protocol import cifar_ldam, cifar_modern
from longtail.recipe import Stage
from longtail.run import Engine, Probe, infer
from longtail.settings import known_settings, read, taken_apart

FACTORS = ("subset", "init", "order")
PROTOCOLS = ("ldam", "modern")
AUGMENTS = ("crop-flip", "autoaugment", "randaugment")
SPAN = 1000  # a cell's seed is init * SPAN + order

OWN: dict[tuple[str, str, int], dict[str, Any]] = {
    ("mislas", "cifar10-lt", 100): {"head": 0.3, "tail": 0.0, "shifted": False, "lr_factor": 0.5},
    ("mislas", "cifar10-lt", 50): {"head": 0.2, "tail": 0.0, "shifted": False, "lr_factor": 0.2},
    ("mislas", "cifar10-lt", 10): {"head": 0.1, "tail": 0.0, "shifted": False, "lr_factor": 0.2},
    ("mislas", "cifar100-lt", 100): {"head": 0.4, "tail": 0.1, "shifted": True, "lr_factor": 0.2},
    ("mislas", "cifar100-lt", 50): {"head": 0.3, "tail": 0.0, "shifted": True, "lr_factor": 0.1},
    ("mislas", "cifar100-lt", 10): {"head": 0.2, "tail": 0.0, "shifted": True, "lr_factor": 0.1},
    **{("tde", "cifar10-lt", imbalance): {"alpha": 1.0} for imbalance in (100, 50, 10)},
    **{("tde", "cifar100-lt", imbalance): {"alpha": 1.5} for imbalance in (100, 50, 10)},
}
"""What a paper's code sets for one of these data sets, where that is not the recipe's default."""

UNDER: dict[tuple[str, str], dict[str, Any]] = {
    ("crt", "ldam"): {"views": 10},
    ("lws", "ldam"): {"views": 10},
}
"""What a paper's code does in runs as long as a protocol's: its second stage augments. A head that sees each image in one
view for 30 epochs over-fits (docs/benchmarks.md); for an epoch or two it learns the more."""

UNTUNED: dict[str, dict[str, Any]] = {"tau-norm": {"tau": 1.0}}
"""What stands in for a setting that is tuned on held-out rows, where nothing is held out: the published figures' tau."""


@dataclass(frozen=True, order=True)
class Draw:
    """The seeds of one run."""

    subset: int = 0
    init: int = 0
    order: int = 0


def design(seeds: int, vary: Sequence[str] = ()) -> tuple[Draw, ...]:
    """``seeds`` runs in which everything differs, and for each factor in ``vary`` ``seeds - 1`` more that differ from the
    first run in that factor alone.

    Raises:
        ValueError: fewer than one seed, or an unknown factor.

    >>> design(2, ["order"])
    (Draw(subset=0, init=0, order=0), Draw(subset=1, init=1, order=1), Draw(subset=0, init=0, order=1))
    """
    if not 1 <= seeds < SPAN:
        raise ValueError(f"seeds={seeds} must lie in 1..{SPAN - 1}")
    if unknown := [f for f in vary if f not in FACTORS]:
        raise ValueError(f"vary: there is no {unknown[0]!r}; it takes {', '.join(FACTORS)}")
    together = [Draw(k, k, k) for k in range(seeds)]
    alone = [replace(Draw(), **{factor: k}) for factor in FACTORS if factor in vary for k in range(1, seeds)]
    return (*together, *alone)


def base_stage(protocol: str, epochs: int, augment: str) -> Stage:
    """The base stage of a protocol.

    Args:
        protocol: "ldam" (SGD, steps) or "modern" (Nesterov, cosine, larger weight decay).
        epochs: its length.
        augment: "crop-flip", or "autoaugment" or "randaugment", which crop and flip first and cut out last.
    """
    for name, value, known in (("protocol", protocol, PROTOCOLS), ("augment", augment, AUGMENTS)):
        if value not in known:
            raise ValueError(f"{name}={value!r} must be one of {', '.join(known)}")
    if protocol == "ldam" and augment != "crop-flip":
        raise ValueError(f"augment={augment!r}: the LDAM protocol is crop and flip; take protocol 'modern'")
    policy = {"crop-flip": None, "autoaugment": part(AutoAugment), "randaugment": part(RandAugment)}[augment]
    return cifar_ldam(epochs) if protocol == "ldam" else cifar_modern(epochs, policy)


def chosen_recipes(
    names: Sequence[str] | Mapping[str, RecipeLike] | None,
    benchmark: str,
    imbalance: float,
    tuning: str = "refit",
    protocol: str = "ldam",
) -> tuple[tuple[str, RecipeLike], ...]:
    """Deep recipes by name, with what their papers set for this benchmark and protocol, and what the name itself sets
    (``focal:gamma=1``); None takes all. Untuned ones take UNTUNED. A mapping holds recipes, or functions from a base
    stage to one, which are taken as they are.

    Raises:
        ValueError: no deep recipe of that name.
    """
    if isinstance(names, Mapping):
        return tuple(names.items())
    known = {f.__name__.replace("_", "-"): f for f in house.ALL}
    chosen: dict[str, RecipeLike] = {}
    for text in names or known:
        name, given = taken_apart(text)
        if name not in known:
            raise ValueError(f"recipes: there is no deep recipe {name!r}; there are {', '.join(known)}")
        settings = {
            **OWN.get((name, benchmark, int(imbalance)), {}),
            **UNDER.get((name, protocol), {}),
            **(UNTUNED.get(name, {}) if tuning == "none" else {}),
            **read(text, given, known_settings(known[name])),
        }
        chosen[text] = partial(known[name], **settings)
    return tuple(chosen.items())


@dataclass(frozen=True)
class CifarPlan:
    """The runs of one benchmark at one imbalance: a ``longtail.comparison.study.Study``.

    Attributes:
        cifar: images.
        imbalance: largest class to smallest.
        recipes: by name.
        runs: the cells.
        base: the protocol.
        backbone: "resnet32", "resnet20" or "resnet8".
        tuning: "refit" fits what a recipe leaves open, and a calibrator where its logits have no closed-form prior, on a
            model trained without a part of the training rows; "none" leaves that away, and such recipes have their own
            decisions only.
        inner_share: the part of the training rows held out for that.
        engine: device and numerics.
        curve: test accuracy is measured every so many epochs, to be drawn and for nothing else; 0 is at the end only.
    """

    cifar: CifarLT
    imbalance: float
    recipes: tuple[tuple[str, RecipeLike], ...]
    runs: tuple[Draw, ...]
    base: Stage
    backbone: str = "resnet32"
    tuning: str = "refit"
    inner_share: float = 0.2
    engine: Engine = Engine()
    curve: int = 0
    deploy_prior: Prior = Prior.balanced()
    costs: Costs | None = None
    points: tuple[Point, ...] = ()
    fold_seed: int = 0

    def __post_init__(self) -> None:
        check_backbone(IMAGE.name, self.backbone)
        if self.tuning not in ("refit", "none"):
            raise ValueError(f"tuning={self.tuning!r} must be 'refit' or 'none'")
        self.cifar.train_rows(self.imbalance)  # an imbalance that the file cannot give is an error now

    @property
    def dataset(self) -> Dataset:
        return self.cifar.dataset

    @property
    def duplicate_of(self) -> torch.Tensor:
        return self.dataset.duplicate_of

    @property
    def together(self) -> torch.Tensor:
        return self.duplicate_of

    @property
    def sides(self) -> Split:
        """Of a subset rows are held out as of a fold; which rows train and test says ``prepare``."""
        return Folds()

    @property
    def cells(self) -> list[tuple[int, int]]:
        """(subset, seeds of initial weights and order) of each run."""
        return [(d.subset, d.init * SPAN + d.order) for d in self.runs]

    @property
    def trained_share(self) -> float:
        """There are no folds: a run trains on all training rows of its subset."""
        return 1.0

    @property
    def tested_under(self) -> str:
        return "balanced"

    @property
    def checks(self) -> bool:
        """The published tables are of the most probable class, and of one training."""
        return False

    @property
    def lengths(self) -> None:
        """The protocol's length is what is compared."""
        return None

    def recipe(self, name: str, epochs: int | None = None) -> AnyRecipe:
        return made(dict(self.recipes)[name], self.base, name)

    def draws(self, seed: int) -> tuple[int, int]:
        return divmod(seed, SPAN)

    def where(self, fold: int, seed: int) -> str:
        init, order = self.draws(seed)
        return f"imbalance {self.imbalance:g}, subset {fold} init {init} order {order}"

    def probe(self, prepared: Prepared) -> Probe | None:
        if not self.curve:
            return None
        encoder, _ = prepared.training("full")
        test = prepared.encode(encoder, prepared.test_rows)

        def measure(net: Net) -> dict[str, Any]:
            right = infer(net, test.source, self.engine).argmax(1) == test.labels.y
            return {"accuracy": float(right.double().mean())}

        return Probe(measure, self.curve)

    def with_engine(self, engine: Engine) -> CifarPlan:
        return replace(self, engine=engine)

    def prepare(self, fold: int, seed: int = 0) -> Prepared:
        train = self.cifar.train_rows(self.imbalance, fold)
        rest = self.cifar.left_out(train)
        unlabelled = self.dataset.raw[rest] if len(rest) else None
        return Prepared(self, train, self.cifar.test_rows, self.dataset.labels.take(train), unlabelled)

    def labels(self, fold: int, seed: int) -> Labels:
        """Those of the training rows."""
        return self.dataset.labels.take(self.cifar.train_rows(self.imbalance, fold))

    def identity(self, name: str, fold: int, seed: int) -> str:
        what = [name, self.recipe(name).digest, self.imbalance, fold, seed, self.inner_share, self.tuning]
        return digest([self.dataset.fingerprint, *what, self.backbone, self.engine.numerics()])
