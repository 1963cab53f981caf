"""Subject: what a figure is drawn of: data, a model that somebody trained, or one that is trained here and kept.

What is trained here trains for the length that the kind of data starts from; it is not searched for. A figure takes
seconds that way, and its model is no model to use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from longtail.classes import Classes
from longtail.classical import Classical
from longtail.comparison.plan import Plan
from longtail.comparison.prepared import Prepared
from longtail.comparison.study import RecipeLike
from longtail.data import Dataset
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.model import Model
from longtail.net import Net
from longtail.protocol import Backbone
from longtail.recipe import Recipe
from longtail.report.columns import GROUPS, groups_told
from longtail.run import Engine, Outcome, train_stages
from longtail.run.finish import finish, fit_finish
from longtail.run.loop import On, ignore, infer
from longtail.store import Cache, Entries


@dataclass(frozen=True, eq=False)
class Seen:
    """A trained model and rows that it looks at.

    Attributes:
        net: of the model.
        outcome: the model.
        examples: the rows, encoded for it.
        words: whose rows these are, and what was trained.
    """

    outcome: Outcome
    examples: Examples
    words: str

    @property
    def net(self) -> Net:
        return self.outcome.net

    @property
    def solved(self) -> bool:
        """Was its head solved, not stepped through?"""
        return any("iterations" in event for event in self.outcome.history)

    @cached_property
    def logits(self) -> Tensor:
        """What the net says of the rows, as its loss sees it, float32 ``[N, C]``."""
        return infer(self.net, self.examples.source, self.outcome.engine)

    @cached_property
    def features(self) -> Tensor:
        """What its head sees of the rows, float32 ``[N, d]``."""
        found = infer(self.net, self.examples.source, self.outcome.engine, features=True)
        return found.flatten(1)


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows with what a model says of them that was not trained on them, if that is known.

    Attributes:
        logits: as the loss sees them, float32 ``[N, C]``.
        probabilities: under the natural prior, float32 ``[N, C]``.
        labels: of the rows.
        words: whose rows these are, and what was trained.
    """

    logits: Tensor
    probabilities: Tensor
    labels: Labels
    words: str


class Subject:
    """What a figure is drawn of.

    Args:
        dataset: rows; None where a figure needs none, or only those of the model.
        model: trained by somebody; None trains ``recipe`` here, when a figure asks for it.
        recipe: its name and itself.
        cache: of what is trained here.
        backbone, epochs, engine: of what is trained here.
        on: called with progress events.
    """

    def __init__(
        self,
        dataset: Dataset | None = None,
        model: Model | None = None,
        *,
        recipe: tuple[str, RecipeLike] | None = None,
        cache: Entries | None = None,
        backbone: Backbone = None,
        epochs: int | None = None,
        engine: Engine | None = None,
        on: On = ignore,
    ) -> None:
        self.dataset, self.model, self._recipe = dataset, model, recipe
        self.cache, self.backbone, self.epochs = cache or Cache(None), backbone, epochs
        self.engine, self.on = engine or Engine(), on

    @property
    def rows(self) -> Dataset:
        """Its rows.

        Raises:
            ValueError: there are none.
        """
        if self.dataset is None:
            raise ValueError("this figure looks at rows: give data beside the model")
        return self.dataset

    @property
    def classes(self) -> Classes:
        """The classes with their training counts: the model's, where there is one."""
        return self.rows.labels.classes if self.model is None else self.model.outcome.classes

    @property
    def name(self) -> str:
        """Of the data, for captions."""
        if self.dataset is not None:
            return self.dataset.name
        assert self.model is not None
        return str(self.model.facts.get("data", {}).get("name", "the model's data"))

    @property
    def recipe(self) -> tuple[str, RecipeLike]:
        """What is trained, where no model is given."""
        if self._recipe is None:
            from longtail.recipes.erm import erm

            return "erm", erm
        return self._recipe

    def plan(self, name: str, recipe: RecipeLike) -> Plan:
        """How one recipe is trained."""
        plan = Plan(
            dataset=self.rows, recipes=((name, recipe),), baseline=name, backbone=self.backbone,
            folds=FOLDS, epochs=self.epochs, engine=self.engine,
        )  # fmt: skip
        if isinstance(plan.recipe(name), Classical):
            raise ValueError(
                f"recipe={name!r} is classical and has no gradient steps to look at: train it with `longtail train` and "
                "give the folder as model="
            )
        return plan

    @property
    def encoder(self) -> Any:
        """What encodes rows for what is trained here."""
        return self._whole.training("full")[0]

    @cached_property
    def _whole(self) -> Prepared:
        """All rows, encoded once."""
        return self.plan(*self.recipe).prepare(None)

    def trained(self, name: str | None = None, recipe: RecipeLike | None = None) -> Seen:
        """A recipe trained on the rows, and the rows; left out, it is the given model or the subject's own recipe.

        Raises:
            ValueError: there are no rows, or the model's classes are not those of the data.
        """
        if name is None and self.model is not None:
            return self._given(self.model)
        if recipe is None:
            name, recipe = self.recipe
        assert name is not None
        plan = self.plan(name, recipe)
        outcome = self._fit(plan, name, self._whole)
        labels = self._whole.training("full")[1]
        return Seen(outcome, labels, f"{self._shown}; {name} was trained on them ({_length(outcome)}).")

    def judged(self) -> Judged:
        """The rows, each judged by a model that did not train on it (``FOLDS`` folds); or by the given model.

        Raises:
            ValueError: as :meth:`trained`; or the logits of the recipe have no known prior.
        """
        if self.model is not None:
            seen = self._given(self.model)
            told = self.model.outcome.probabilities(self.model.outcome.logits(seen.examples.source))
            return Judged(seen.logits, told, seen.examples.labels, seen.words)
        name, recipe = self.recipe
        plan = self.plan(name, recipe)
        logits = torch.zeros(len(self.rows), self.classes.num_classes)
        probabilities = logits.clone()
        length = ""
        for fold in range(FOLDS):
            prepared = plan.prepare(fold)
            self.on({"running": f"{name}, fold {fold + 1} of {FOLDS}"})
            outcome = self._fit(plan, name, prepared)
            if outcome.prior_source == "none":
                raise ValueError(
                    f"recipe={name!r}: its logits claim no class prior, so its probabilities must be fitted on held-out "
                    "rows: train it with `longtail train` and give the folder as model="
                )
            encoder, _ = prepared.training("full")
            test = prepared.encode(encoder, prepared.test_rows)
            logits[prepared.test_rows] = infer(outcome.net, test.source, self.engine)
            probabilities[prepared.test_rows] = outcome.predict_proba(test.source)
            length = _length(outcome)
        words = f"{self._shown}, each judged by {name} trained on the other {FOLDS - 1} of {FOLDS} folds ({length})."
        return Judged(logits, probabilities, self.rows.labels, words)

    @property
    def _shown(self) -> str:
        return f"n = {len(self.rows):,} rows of {self.name}"

    def _fit(self, plan: Plan, name: str, prepared: Prepared) -> Outcome:
        """One recipe on prepared rows, through the cache."""
        recipe = plan.recipe(name)
        assert isinstance(recipe, Recipe)
        _, examples = prepared.training("full")
        outcome = train_stages(
            recipe, prepared.net("full", 0), examples, seed=0, engine=self.engine, cache=self.cache, on=self.on
        )  # fmt: skip
        return finish(outcome, examples, fit_finish(outcome, examples, None))

    def _given(self, model: Model) -> Seen:
        """The given model, and the rows as it takes them."""
        labels = with_names(self.rows.labels, model.names)
        examples = Examples(model.encoder(self.rows.raw), labels, self.rows.name)
        about = model.facts.get("recipe", {}).get("name", "a model")
        same = model.facts.get("data", {}).get("fingerprint") == self.rows.fingerprint
        whose = "on these very rows, which flatters it" if same else "before"
        return Seen(model.outcome, examples, f"{self._shown}; the model is {about}, trained {whose}.")


FOLDS = 3
"""Folds in which rows are judged by models that did not train on them."""


def with_names(labels: Labels, names: tuple[str, ...]) -> Labels:
    """The same labels in the classes of a model.

    Raises:
        ValueError: a class that the model does not know.

    >>> with_names(Labels.of(["b", "a", "b"]), ("b", "a")).y.tolist()
    [0, 1, 0]
    """
    place = {name: k for k, name in enumerate(names)}
    used = [labels.names[k] for k in labels.y.unique().tolist()]
    if unknown := [name for name in used if name not in place]:
        raise ValueError(
            f"the data have class {unknown[0]!r}, which the model does not know: {', '.join(names[:20])}"
        )
    where = torch.tensor([place.get(name, 0) for name in labels.names])
    return Labels.of(where[labels.y], names)


def groups_of(classes: Classes) -> dict[str, Tensor]:
    """Class indices by group: many, medium and few where they tell classes apart, else frequent and rare ones.

    >>> groups_of(Classes.of(torch.tensor([900, 100])))
    {'frequent': tensor([0]), 'rare': tensor([1])}
    """
    groups = classes.groups()
    told = groups_told({name: index.tolist() for name, index in groups.items()})
    if told:
        return {name: groups[name] for name in told}
    present = int((classes.counts > 0).sum())
    names = ("frequent", "middle", "rare") if present > 2 else ("frequent", "rare")[:present]
    return dict(zip(names, classes.runs(len(names))))


COLOUR_OF = dict(zip(("frequent", "middle", "rare"), GROUPS)) | {name: name for name in GROUPS}
"""The colour of a group, by name."""


def in_words(groups: dict[str, Tensor], classes: Classes) -> str:
    """How many classes are in which group; a class alone by its name."""
    said = []
    for name, index in groups.items():
        what = f"{classes.names[int(index[0])]}" if len(index) == 1 else f"{len(index)} classes"
        said.append(f"{name}: {what}")
    return ", ".join(said)


def _length(outcome: Outcome) -> str:
    """How long the last training was, in words."""
    epochs = sum(1 for event in outcome.history if "loss" in event)
    solved = any("iterations" in event for event in outcome.history)
    return "solved" if solved and epochs == 1 else f"{epochs} epoch{'s' if epochs != 1 else ''}"


__all__ = ["COLOUR_OF", "FOLDS", "Judged", "Seen", "Subject", "groups_of", "in_words", "with_names"]
