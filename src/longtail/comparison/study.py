"""Study: what the runner needs to know of a set of runs, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch

from longtail.backbones import as_pretrained
from longtail.classical import Classical
from longtail.comparison.split import Split
from longtail.costs import Costs
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.metrics import Point
from longtail.net import Net
from longtail.prior import Prior
from longtail.protocol import Backbone
from longtail.recipe import Recipe, Stage
from longtail.run import Engine, Probe
from longtail.run.chain import net_digest

if TYPE_CHECKING:
    from longtail.comparison.prepared import Prepared

AnyRecipe = Recipe | Classical
RecipeLike = Recipe | Classical | Callable[[Stage], Recipe]


class Study(Protocol):
    """What the runner needs to know: a ``Plan``, or any other set of runs over training and test rows of one data set.

    A run is a recipe in a cell: ``fold`` says which rows train and which test, ``seed`` which randomness.
    """

    @property
    def dataset(self) -> Dataset: ...
    @property
    def recipes(self) -> tuple[tuple[str, RecipeLike], ...]: ...
    @property
    def deploy_prior(self) -> Prior: ...
    @property
    def costs(self) -> Costs | None:
        """What decisions cost; None: no costs are declared."""
        ...

    @property
    def points(self) -> tuple[Point, ...]:
        """Points that runs are judged at, beside the metrics."""
        ...

    @property
    def backbone(self) -> Backbone: ...
    @property
    def tuning(self) -> str: ...
    @property
    def inner_share(self) -> float: ...
    @property
    def fold_seed(self) -> int: ...
    @property
    def trained_share(self) -> float:
        """The share of all rows that a run trains on."""
        ...

    @property
    def engine(self) -> Engine: ...
    @property
    def duplicate_of(self) -> torch.Tensor:
        """Equal for rows that are copies of one input, int64 ``[N]``."""
        ...

    @property
    def together(self) -> torch.Tensor:
        """Equal for rows that stay on one side of every split, int64 ``[N]``."""
        ...

    @property
    def sides(self) -> Split:
        """Which rows train and which test, and which training rows are held out."""
        ...

    @property
    def cells(self) -> list[tuple[int, int]]:
        """(fold, seed) of the runs of each recipe."""
        ...

    @property
    def tested_under(self) -> str:
        """The prior that the test rows were drawn under: "natural" or "balanced"."""
        ...

    @property
    def lengths(self) -> tuple[int, int] | None:
        """(fewest, most) epochs of the base stage where its length is found on held-out rows; None where it is given."""
        ...

    @property
    def checks(self) -> bool:
        """Are rows held out for every recipe, to check its prior and to tune its decisions, or only where it must?"""
        ...

    @property
    def base(self) -> Stage:
        """The base stage that recipes start from."""
        ...

    def recipe(self, name: str, epochs: int | None = None) -> AnyRecipe:
        """A recipe by name, on the base stage or on one of so many epochs."""
        ...

    def identity(self, name: str, fold: int, seed: int) -> str: ...
    def prepare(self, fold: int, seed: int = 0) -> Prepared: ...
    def labels(self, fold: int, seed: int) -> Labels:
        """The labels of a cell whose frequencies are "natural", and whose counts say which classes are many or few."""
        ...

    def draws(self, seed: int) -> tuple[int, int]:
        """The seed of the initial weights, and that of everything drawn later."""
        ...

    def where(self, fold: int, seed: int) -> str:
        """A cell in words."""
        ...

    def with_engine(self, engine: Engine) -> Study: ...
    def probe(self, prepared: Prepared) -> Probe | None:
        """What to measure along the way."""
        ...


def made(found: RecipeLike, base: Stage, name: str) -> AnyRecipe:
    """A recipe, from the base stage where it is a function of one, under the name of the table."""
    recipe = found if isinstance(found, Recipe | Classical) else found(base)
    if not isinstance(recipe, Recipe | Classical):
        raise TypeError(f"recipes: {name!r} gave a {type(recipe).__name__}, where a Recipe is needed")
    return recipe.but(name=name) if isinstance(recipe, Recipe) else recipe


def identity_of(backbone: Backbone) -> Any:
    """What counts of a backbone: its code and weights where it brings some, and else its name or settings."""
    encoder = as_pretrained(backbone)
    if encoder is not None:
        return encoder.fingerprint()
    return net_digest(backbone) if isinstance(backbone, Net) else backbone
