"""Plan: what a comparison is going to do, as one frozen value that travels to the worker processes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from longtail.backbones import as_pretrained
from longtail.comparison.brings import brings
from longtail.comparison.prepared import Prepared
from longtail.comparison.split import Folds, Split, together_of
from longtail.comparison.study import AnyRecipe, RecipeLike, identity_of, made
from longtail.costs import Costs
from longtail.data import Dataset
from longtail.data.weighing import by_weight
from longtail.kinds import kind_of
from longtail.kinds.start import base_stage, check_backbone
from longtail.labels import Labels
from longtail.metrics import Point
from longtail.net import Net
from longtail.part import digest
from longtail.prior import Prior
from longtail.protocol import Backbone
from longtail.recipe import Stage
from longtail.run import Engine, Probe
from longtail.run.suits import check_suits, remarks
from longtail.seeds import seed_of

MOST_ROWS = 30_000_000
"""Rows that a search for the length may pass through the net in its longest training."""


@dataclass(frozen=True)
class Plan:
    """Data, recipes, and how they are compared.

    Attributes:
        dataset: all rows.
        recipes: a recipe, a function from a base stage to one, or a classical one, by name.
        folds: number of stratified folds; each is the test set once.
        split: another way to say which rows train and which test; None is stratified folds.
        seeds: repetitions with other initial weights and order, each over folds of its own.
        fold_seed: shuffles the folds.
        redeal: deal the folds and inner splits anew for every seed, so that repetitions are repetitions. Without it all
            seeds share the folds of the first, which tells what initial weights and order alone do.
        deploy_prior: that recipes are ranked under.
        costs: of decisions; with them, the cheapest decision is taken under every prior.
        points: that runs are judged at, beside the metrics.
        baseline: the recipe the others are compared with.
        backbone: a name, a part or a net; None is the kind's default.
        epochs: of the base stage; None is the kind's default.
        tuning: "refit" fits what a recipe leaves open (tau, temperature, thresholds) on a model trained without an inner
            split, then trains on all training rows; "holdout" keeps that first model, at half the cost.
        inner_share: the share of the training rows that the inner split holds out.
        duplicates: "together" keeps rows with equal inputs in one fold, so that none is tested on what it has seen;
            "ignore" folds them like any rows, as most published figures do.
        engine: device and numerics.
    """

    dataset: Dataset
    recipes: tuple[tuple[str, RecipeLike], ...]
    folds: int = 5
    split: Split | None = None
    seeds: int = 1
    fold_seed: int = 0
    redeal: bool = True
    deploy_prior: Prior = Prior.natural()
    costs: Costs | None = None
    points: tuple[Point, ...] = ()
    baseline: str = "erm"
    backbone: Backbone = None
    epochs: int | None = None
    tuning: str = "refit"
    inner_share: float = 0.2
    duplicates: str = "together"
    engine: Engine = Engine()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.recipes]
        if len(set(names)) != len(names):
            raise ValueError(f"recipes: a name occurs twice in {', '.join(names)}")
        if not names:
            raise ValueError("recipes is empty: name at least one")
        self.deploy_prior.resolve(self.dataset.labels.classes)  # of other classes: an error now
        if self.costs is not None:
            Costs.of(self.costs, self.dataset.labels.names)
            self.costs.matrix(self.dataset.costs_of)  # a column that is not there: likewise
        if self.folds < 2:
            raise ValueError(f"folds={self.folds} must be at least 2")
        if self.seeds < 1:
            raise ValueError(f"seeds={self.seeds} must be at least 1")
        if self.tuning not in ("refit", "holdout"):
            raise ValueError(f"tuning={self.tuning!r} must be 'refit' or 'holdout'")
        if self.duplicates not in ("together", "ignore"):
            raise ValueError(f"duplicates={self.duplicates!r} must be 'together' or 'ignore'")
        if isinstance(self.backbone, str):
            check_backbone(self.dataset.kind, self.backbone)
        if isinstance(self.backbone, torch.nn.Module) and not isinstance(self.backbone, Net):
            raise TypeError(
                f"backbone is a {type(self.backbone).__name__}: name its last layer, "
                "longtail.Net.split(model, head='fc')"
            )
        encoder = as_pretrained(self.backbone)
        if encoder is not None and encoder.frozen:
            raise ValueError(
                f"backbone {encoder} is frozen: compute its features first (longtail.comparison.features."
                "frozen_features) and plan on those, as compare and train do"
            )
        if self.baseline not in names:
            raise ValueError(f"baseline={self.baseline!r} is not among the recipes: {', '.join(names)}")
        found = brings(self.dataset, self.backbone)
        for name in names:  # a recipe that these data cannot have is an error before anything is trained
            check_suits(self.recipe(name), found, name)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be known of the recipes before they are trained: a loss that does nothing on these classes."""
        labels = self.dataset.labels
        return tuple(
            f"{name}: {said}" for name, _ in self.recipes for said in remarks(self.recipe(name), labels)
        )

    @property
    def sides(self) -> Split:
        """Which rows train and which test."""
        return self.split or Folds(self.folds)

    @cached_property
    def together(self) -> torch.Tensor:
        """Rows of one group, and copies of one input unless they are ignored, int64 ``[N]``."""
        return together_of(self.dataset, self.duplicates == "together")

    @property
    def duplicate_of(self) -> torch.Tensor:
        """Rows that are copies of one input, int64 ``[N]``; each row is one of its own where copies are ignored."""
        return self.dataset.duplicate_of if self.duplicates == "together" else torch.arange(len(self.dataset))

    @property
    def trained_share(self) -> float:
        """The share of all rows that a run trains on."""
        return self.sides.trained_share

    @property
    def base(self) -> Stage:
        """The base stage that recipes start from."""
        raw = self.dataset.raw
        side = int(raw.shape[-1]) if isinstance(raw, torch.Tensor) and raw.dim() == 4 else 32
        return base_stage(
            self.dataset.kind,
            n=len(self.dataset),
            side=side,
            epochs=self.epochs,
            backbone=self.backbone,
            classes=self.dataset.labels.num_classes,
        )

    @property
    def checks(self) -> bool:
        """Every recipe's claim is checked, and all are decided by the same rule."""
        return True

    @property
    def lengths(self) -> tuple[int, int] | None:
        """A length that was given is not searched for; nor is that of a pre-trained encoder, which over-fits soon."""
        if self.epochs is not None or as_pretrained(self.backbone) is not None:
            return None
        first = self.base.epochs
        kind, n = kind_of(self.dataset.kind), len(self.dataset)
        if n >= kind.many:
            return max(1, first // 3), first
        return first, max(first, min(kind.times * first, math.ceil(MOST_ROWS / n)))

    def recipe(self, name: str, epochs: int | None = None) -> AnyRecipe:
        """The recipe of that name, made from the base stage where it is a function of one.

        Args:
            name: of the table.
            epochs: of the base stage; None leaves it as it is.
        """
        base = self.base if epochs is None else self.base.but(epochs=epochs)
        return made(dict(self.recipes)[name], base, name)

    @property
    def cells(self) -> list[tuple[int, int]]:
        """(fold, seed) of the runs of each recipe."""
        return [(fold, seed) for fold in range(self.sides.folds) for seed in range(self.seeds)]

    def probe(self, prepared: Prepared) -> Probe | None:
        """Nothing is measured along the way."""
        return None

    def with_engine(self, engine: Engine) -> Plan:
        """The same plan on another engine."""
        return replace(self, engine=engine)

    @property
    def tested_under(self) -> str:
        """Test rows are folds of the data, so as frequent as in it."""
        return "natural"

    def draws(self, seed: int) -> tuple[int, int]:
        """One seed is for all: initial weights and order."""
        return seed, seed

    def where(self, fold: int, seed: int) -> str:
        """A cell in words."""
        place = "the test rows" if self.sides.single else f"fold {fold + 1}"
        return place + (f", seed {seed}" if seed else "")

    def deal(self, seed: int) -> int:
        """What shuffles the folds and inner splits of a seed: ``fold_seed`` for seed 0."""
        if seed == 0 or not self.redeal or not self.sides.shuffles:
            return self.fold_seed
        return seed_of("folds", self.fold_seed, seed) % 2**32

    def prepare(self, fold: int | None, seed: int = 0) -> Prepared:
        """The rows of a fold of a seed; fold None trains on all rows, for the model to keep."""
        d, deal = self.dataset, self.deal(seed)
        if fold is None:
            train, test = self.sides.final(d), torch.arange(0)
        else:
            train, test = self.sides.rows(d, self.together, fold, deal)
        train = by_weight(train, d.labels.y, d.beside.weight, deal)
        return Prepared(self, train, test, self.labels(0, seed), split_seed=deal)

    def labels(self, fold: int, seed: int) -> Labels:
        """Those of all rows; where the data came with test rows of its own, of the others."""
        rows = self.sides.final(self.dataset)
        return self.dataset.labels if len(rows) == len(self.dataset) else self.dataset.labels.take(rows)

    def identity(self, name: str, fold: int, seed: int) -> str:
        """Names what one run computes: equal identities mean equal outputs of every test row. The prior is no part of it:
        it says how they are judged.
        """
        what = self.recipe(name)
        numbers = [fold, seed, self.folds, self.deal(seed), self.inner_share, self.epochs, self.duplicates]
        where = [self.engine.numerics(), self.tuning, identity_of(self.backbone)]
        beside = self.dataset.beside
        if self.split is not None or beside.group is not None or beside.weight is not None:
            where += [repr(self.sides), beside.digest]
        return digest([self.dataset.fingerprint, name, what.digest, numbers, where])
