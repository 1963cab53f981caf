"""Plan: what a comparison is going to do, as one frozen value that travels to the worker processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from longtail.backbones import as_pretrained
from longtail.classical import Classical
from longtail.comparison.features import front_of
from longtail.comparison.folds import folds, inner_split
from longtail.data import Dataset, encoder_for
from longtail.examples import Examples
from longtail.net import Net
from longtail.part import digest
from longtail.protocol import Backbone, base_stage, check_backbone, starting_net
from longtail.recipe import Recipe, Stage
from longtail.run import Engine
from longtail.run.chain import net_digest

AnyRecipe = Recipe | Classical
RecipeLike = Recipe | Classical | Callable[[Stage], Recipe]


@dataclass(frozen=True)
class Plan:
    """Data, recipes, and how they are compared.

    Attributes:
        dataset: all rows.
        recipes: a recipe, a function from a base stage to one, or a classical one, by name.
        folds: number of stratified folds; each is the test set once.
        seeds: repetitions with other initial weights and order.
        fold_seed: shuffles the folds.
        prior: "natural", "balanced", or one probability a class.
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
    seeds: int = 1
    fold_seed: int = 0
    prior: str | tuple[float, ...] = "natural"
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
        encoder = as_pretrained(self.backbone)
        if encoder is not None and encoder.frozen:
            raise ValueError(
                f"backbone {encoder} is frozen: compute its features first (longtail.comparison.features."
                "frozen_features) and plan on those, as compare and train do"
            )
        if self.baseline not in names:
            raise ValueError(f"baseline={self.baseline!r} is not among the recipes: {', '.join(names)}")

    @property
    def duplicate_of(self) -> torch.Tensor:
        """The group of rows that stay in one fold, int64 ``[N]``."""
        return self.dataset.duplicate_of if self.duplicates == "together" else torch.arange(len(self.dataset))

    @property
    def base(self) -> Stage:
        """The base stage that recipes start from."""
        raw = self.dataset.raw
        side = int(raw.shape[-1]) if isinstance(raw, torch.Tensor) and raw.dim() == 4 else 32
        return base_stage(
            self.dataset.kind, n=len(self.dataset), side=side, epochs=self.epochs, backbone=self.backbone
        )

    def recipe(self, name: str) -> AnyRecipe:
        """The recipe of that name, made from the base stage where it is a function of one."""
        found = dict(self.recipes)[name]
        made = found if isinstance(found, Recipe | Classical) else found(self.base)
        return made.but(name=name) if isinstance(made, Recipe) else made

    def identity(self, name: str, fold: int, seed: int) -> str:
        """Names the result of one run: equal identities mean equal results."""
        what = self.recipe(name)
        encoder = as_pretrained(self.backbone)
        backbone = net_digest(self.backbone) if isinstance(self.backbone, Net) else repr(self.backbone)
        backbone = encoder.fingerprint() if encoder is not None else backbone
        numbers = [fold, seed, self.folds, self.fold_seed, self.inner_share, self.epochs, self.duplicates]
        where = [self.engine.numerics(), self.tuning, self.prior, backbone]
        return digest([self.dataset.fingerprint, name, what.digest, numbers, where])


class Prepared:
    """The rows of one fold, split and encoded; encoders are fitted on the rows that train, and on no others."""

    def __init__(self, plan: Plan, fold: int | None) -> None:
        self.plan = plan
        d = plan.dataset
        if fold is None:  # the model to keep: all rows train
            self.train_rows, self.test_rows = torch.arange(len(d)), torch.arange(0)
        else:
            self.train_rows, self.test_rows = folds(d.labels, plan.duplicate_of, plan.folds, plan.fold_seed)[
                fold
            ]
        inner, held = inner_split(
            d.labels.take(self.train_rows),
            plan.duplicate_of[self.train_rows],
            plan.inner_share,
            plan.fold_seed,
        )
        self.inner_rows, self.held_rows = self.train_rows[inner], self.train_rows[held]
        self._encoded: dict[str, tuple[Any, Examples]] = {}

    def training(self, part: str) -> tuple[Any, Examples]:
        """The fitted encoder and the training examples of ``part``: "full" (all training rows) or "inner"."""
        if part not in self._encoded:
            rows = self.train_rows if part == "full" else self.inner_rows
            dataset = self.plan.dataset.take(rows)
            encoder: Any = front_of(dataset, self.plan.backbone) or encoder_for(dataset).fit(dataset.raw)
            self._encoded[part] = (encoder, Examples(encoder(dataset.raw), dataset.labels, dataset.name))
        return self._encoded[part]

    def encode(self, encoder: Any, rows: torch.Tensor) -> Examples:
        dataset = self.plan.dataset.take(rows)
        return Examples(encoder(dataset.raw), dataset.labels, dataset.name)

    def net(self, part: str, seed: int) -> Net:
        """Initial weights for ``part``, from the seed."""
        _, examples = self.training(part)
        return starting_net(self.plan.dataset.kind, examples, seed, self.plan.backbone)
