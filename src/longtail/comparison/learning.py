"""Learning: from a recipe and a fold's training rows to a finished outcome, through the cache."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from longtail.adjust import Thresholds
from longtail.classical import Classical
from longtail.classical.categorical import Blocks
from longtail.comparison import estimators
from longtail.comparison.chance import check_learnt
from longtail.comparison.length import FACTOR, Length, find, held_losses
from longtail.comparison.prepared import Prepared
from longtail.comparison.study import AnyRecipe, Study, identity_of
from longtail.data import TableEncoder
from longtail.examples import Examples
from longtail.part import digest, part
from longtail.recipe import Recipe
from longtail.roles import works_on
from longtail.run import Outcome, train_stages
from longtail.run.finish import Sample, finish, fit_finish, held_out, needs_held, refitted
from longtail.run.loop import On, facts_of, ignore, operate
from longtail.run.solve import may_be_solved, solvable
from longtail.run.trained import choose
from longtail.store import Entries

RULE = part(Thresholds, metric="macro_f1")
"""How classes are decided under the natural prior, for every recipe that brings no rule of its own: by thresholds tuned
on held-out training rows. Under other priors the most probable class decides."""


class Learner:
    """Trains the recipes of a plan on the fold at hand.

    Args:
        plan: what is compared.
        cache: of trained stages.
        on: called with progress events.
        length: of the base stage, where it is known; None finds it on the training rows at hand.
    """

    def __init__(self, plan: Study, cache: Entries, on: On = ignore, length: Length | None = None) -> None:
        self.plan, self.cache, self.on, self.known_length = plan, cache, on, length
        self.engine = plan.engine
        self.prepared = lru_cache(maxsize=1)(self._prepared)

    def _prepared(self, fold: int, seed: int = 0) -> Prepared:
        prepared = self.plan.prepare(fold, seed)
        prepared.on = self.on
        return prepared

    def recipe(self, name: str, prepared: Prepared, seed: int) -> AnyRecipe:
        """A recipe on the base stage, as long as was found to be enough on this fold's training rows."""
        made = self.plan.recipe(name)
        if isinstance(made, Classical) or not self.steps_through(made, prepared, seed):
            return made
        found = self.length(prepared, seed)
        return made if found.converged is None else self.plan.recipe(name, found.epochs)

    def steps_through(self, recipe: Recipe, prepared: Prepared, seed: int) -> bool:
        """Is a stage of it trained step by step, as far as can be told before the stages before it are trained?"""
        _, examples = prepared.training("full")
        net, engine = prepared.net("full", self.plan.draws(seed)[0]), self.engine
        for stage in recipe.stages:
            if not may_be_solved(stage) or any(True for _ in net.backbone.parameters()):
                return True
            net = operate(stage.surgery, net, examples, engine, "")
            choose(net, stage.trains)
            if not solvable(net, stage, examples.source, examples.targets, facts_of(net, examples, engine)):
                return True
        return False

    def length(self, prepared: Prepared, seed: int) -> Length:
        """The length of the base stage: as known, or found on this fold's training rows, through the cache."""
        if self.known_length is not None:
            return self.known_length
        allowed, base = self.plan.lengths, self.plan.base
        if allowed is None:
            return Length(base.epochs, None)
        try:
            encoder, examples = prepared.training("inner")
        except ValueError:  # too few rows to hold any out
            return Length(base.epochs, None)
        rule = [
            FACTOR,
            base.epochs,
            allowed,
            base.digest,
            seed,
            self.engine.numerics(),
            identity_of(self.plan.backbone),
        ]
        key = digest(["length", examples.fingerprint, rule])
        stored = self.cache.get(key)
        if stored is None:
            held = prepared.encode(encoder, prepared.held_rows)
            searched = base.but(
                name="erm", solve=None
            )  # a solved head needs no length; what is stepped through does

            def losses(epochs: int) -> Tensor:
                recipe = Recipe("erm", (searched.but(epochs=epochs),))
                return held_losses(
                    self.trained(recipe, prepared, seed, "inner").logits(held.source), held.labels
                )

            found = find(base.epochs, allowed, losses)
            self.cache.put(
                key, {}, {"epochs": found.epochs, "converged": found.converged, "tried": found.tried}
            )
            return found
        facts = stored[1]
        return Length(facts["epochs"], facts["converged"], tuple((e, v) for e, v in facts["tried"]))

    def trained(self, recipe: Recipe, prepared: Prepared, seed: int, part: str) -> Outcome:
        """Train a recipe's stages on a part of the fold's training rows, through the cache."""
        _, examples = prepared.training(part)
        initial, order = self.plan.draws(seed)
        return train_stages(
            recipe, prepared.net(part, initial), examples, seed=order, engine=self.engine, cache=self.cache,
            on=self.on, probe=self.plan.probe(prepared) if part == "full" else None,
        )  # fmt: skip

    def outcome(self, prepared: Prepared, name: str, seed: int, part: str) -> Outcome:
        """A recipe trained on a part of the fold's training rows, through the cache."""
        recipe = self.recipe(name, prepared, seed)
        if isinstance(recipe, Classical):
            encoder, examples = prepared.training(part)
            return self.classical(recipe, examples, seed, categorical_of(encoder))
        return self.trained(recipe, prepared, seed, part)

    def classical(
        self, recipe: Classical, examples: Examples, seed: int, categorical: Blocks = ()
    ) -> Outcome:
        """Fit a scikit-learn estimator, or take it from the cache."""
        net, prior, event = estimators.fit(recipe, examples, seed, categorical, self.cache, self.engine)
        on_cpu = replace(self.engine, device="cpu")
        return Outcome(
            net.eval(), recipe, examples.labels.classes, (event["key"],), (event,), prior, engine=on_cpu
        )

    def fit(self, prepared: Prepared, name: str, seed: int) -> tuple[Any, Outcome, list[Outcome]]:
        """The encoder, the finished outcome, and every training it took.

        Raises:
            WorseThanChance: the outcome is, on the rows it was trained on.
        """
        part = "inner" if self.plan.tuning == "holdout" else "full"
        encoder, examples = prepared.training(part)
        outcome = self.outcome(prepared, name, seed, part)
        if isinstance(outcome.recipe, Classical):
            made, trained = self.finish_classical(outcome, prepared, name, seed, part)
        elif not self.holds_out(prepared, outcome):
            made, trained = finish(outcome, examples, fit_finish(outcome, examples, None)), [outcome]
        else:
            inner_encoder, inner_examples = prepared.training("inner")
            inner = outcome if part == "inner" else self.outcome(prepared, name, seed, "inner")
            held = prepared.encode(inner_encoder, prepared.held_rows)
            sample = sampled(self.plan, prepared.train_rows, prepared.held_rows)
            decide = RULE if self.plan.checks else None
            fitted = fit_finish(inner, inner_examples, held, decide=decide, sample=sample)
            if inner is outcome:
                made, trained = finish(outcome, examples, fitted), [outcome]
            else:
                made, trained = refitted(outcome, examples, fitted), [outcome, inner]
            made = made.but(held=held_out(inner, inner_examples, held, fitted))
        check_learnt(made, examples)
        return encoder, made, trained

    def holds_out(self, prepared: Prepared, outcome: Outcome) -> bool:
        """Are rows held out? Too few are an error only for a recipe that cannot do without."""
        must = needs_held(outcome.recipe, prepared.training("full")[1].labels)
        if self.plan.tuning == "none" or not (must or self.plan.checks):
            return False
        try:
            return len(prepared.held_rows) > 0
        except ValueError:
            if must:
                raise
            return False

    def finish_classical(
        self, outcome: Outcome, prepared: Prepared, name: str, seed: int, part: str
    ) -> tuple[Outcome, list[Outcome]]:
        """A fitted estimator with what its predictions of rows that it did not see say: out of fold, or of the held-out
        rows where training rows may not be folded at random.
        """
        encoder, examples = prepared.training(part)
        rows = prepared.train_rows if part == "full" else prepared.inner_rows
        recipe = outcome.recipe
        must = outcome.assumed_prior is None or any(
            works_on(p.target) != "probabilities" for p in recipe.finish
        )
        if self.plan.tuning == "none" and not recipe.finish and not must:
            return outcome, [outcome]
        trained = [outcome]
        if self.plan.sides.crosses:
            groups = self.plan.together[rows]
            if not must and len(groups.unique()) < estimators.FOLDS:
                return outcome, [outcome]
            logits, event = estimators.out_of_fold(
                recipe, examples, seed, groups, categorical_of(encoder), self.cache, self.engine
            )
            outcome = outcome.but(history=(*outcome.history, event), keys=(*outcome.keys, event["key"]))
            held, sample, trained = examples, sampled(self.plan, rows, rows), [outcome]
        else:
            try:
                inner_encoder, _ = prepared.training("inner")
            except ValueError:
                if must:
                    raise
                return outcome, [outcome]
            inner = outcome if part == "inner" else self.outcome(prepared, name, seed, "inner")
            held = prepared.encode(inner_encoder, prepared.held_rows)
            logits, sample = inner.logits(held.source), sampled(self.plan, rows, prepared.held_rows)
            trained += [] if inner is outcome else [inner]
        decide = None if self.plan.tuning == "none" else RULE
        fitted = fit_finish(outcome, examples, held, logits, decide, sample)
        said = held_out(outcome, examples, held, fitted, logits)
        return finish(outcome, examples, fitted).but(held=said), trained

    def convergence(
        self, prepared: Prepared, trained: list[Outcome], seed: int
    ) -> tuple[bool | None, Length | None]:
        """Did every training of a run reach its end? None where nothing could tell (a length that was given). And the
        length that was found.
        """
        events = [event for outcome in trained for event in outcome.history]
        said = [event["converged"] for event in events if "converged" in event]
        recipe = trained[0].recipe
        if isinstance(recipe, Classical):
            return all(said), None
        stepped = any("epoch" in event and "converged" not in event for event in events)
        if not stepped:
            return all(said), None
        found = self.length(prepared, seed)
        ok = False if not all(said) else found.converged
        return ok, found


def sampled(plan: Study, rows: Tensor, held: Tensor) -> Sample:
    """How ``held`` were drawn from ``rows``, copies of an input with its label being one row."""
    labels = plan.dataset.labels

    def different(some: Tensor) -> Tensor:
        pairs = torch.unique(torch.stack([plan.duplicate_of[some], labels.y[some]], 1), dim=0)
        return pairs[:, 1].bincount(minlength=labels.num_classes).double()

    drawn = different(held)
    return Sample(len(held) / float(drawn.sum()), (drawn / different(rows).clamp(min=1)).numpy())


def categorical_of(encoder: Any) -> Blocks:
    """The one-hot columns that an encoder makes; none but of tables."""
    return encoder.categorical if isinstance(encoder, TableEncoder) else ()
