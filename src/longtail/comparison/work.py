"""Work: what a process of a comparison does. Train a stage, or fit a recipe on a fold and let it say all test rows."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from longtail.adjust import Thresholds
from longtail.classical import Classical
from longtail.classical.categorical import Blocks
from longtail.comparison import estimators
from longtail.comparison.chance import check_learnt
from longtail.comparison.judge import Judge
from longtail.comparison.length import FACTOR, Length, find, held_losses
from longtail.comparison.outputs import Outputs, load_outputs
from longtail.comparison.plan import AnyRecipe, Prepared, Study, identity_of
from longtail.comparison.record import Run, Trained
from longtail.data import TableEncoder
from longtail.examples import Examples
from longtail.files import Damaged, NotWritten
from longtail.part import digest, part
from longtail.recipe import Recipe
from longtail.roles import works_on
from longtail.run import Outcome, OutOfTime, train_stages
from longtail.run.engine import stop_at
from longtail.run.finish import Sample, finish, fit_finish, held_out, needs_held, refitted
from longtail.run.loop import On, facts_of, ignore, operate
from longtail.run.solve import may_be_solved, solvable
from longtail.run.trained import choose
from longtail.run.unknown import said_by_experts
from longtail.store import Records, Store

LENGTH = "length"

RULE = part(Thresholds, metric="macro_f1")
"""How classes are decided under the natural prior, for every recipe that brings no rule of its own: by thresholds tuned
on held-out training rows. Under other priors the most probable class decides."""


@dataclass(frozen=True)
class Task:
    """One unit of work: stages up to ``stage`` of a recipe on a fold's training part, or (stage None) the run's score;
    ``part`` "length" finds how long the base stage is, before the first stage of any recipe of the fold.

    ``teacher`` leads from the recipe to one of its teachers: ``(1, 0)`` is the first teacher of its second.
    """

    recipe: str
    fold: int
    seed: int
    part: str = "full"
    stage: int | None = None
    teacher: tuple[int, ...] = ()


class Worker:
    """The state of a worker process: the plan, the store, the engine (its deadline changes), and the fold at hand.

    Args:
        plan: what is compared.
        store: of trained stages, finished runs and their outputs.
        on: called with progress events.
        length: of the base stage, where it is known; None finds it on the training rows at hand.
    """

    def __init__(self, plan: Study, store: Store, on: On = ignore, length: Length | None = None) -> None:
        self.plan, self.store, self.on, self.known_length = plan, store, on, length
        self.engine = plan.engine
        self.cache = store.stages
        self.prepared = lru_cache(maxsize=1)(self._prepared)

    def _prepared(self, fold: int, seed: int = 0) -> Prepared:
        prepared = self.plan.prepare(fold, seed)
        prepared.on = self.on
        return prepared

    def identity(self, task: Task) -> str:
        """Names the run of a task in the store."""
        return self.plan.identity(task.recipe, task.fold, task.seed)

    def scored(self, task: Task) -> bool:
        """Whether the run is finished and kept, its outputs too."""
        identity = self.identity(task)
        return identity in self.store.runs and identity in self.store.outputs

    def kept(self, task: Task) -> Run | None:
        """A run that is finished and kept whole, judged anew; None where it has to be done."""
        identity = self.identity(task)
        about = self.finished(self.store.runs, identity) if self.scored(task) else None
        if about is None:
            return None
        try:
            return self.judged_again(Run.from_json(about))
        except ValueError as why:  # written by another state of longtail under the same version
            self.set_aside(self.store.runs, identity, f"not a run that can be read ({why})")
            return None

    def attempt(self, task: Task, left: float = math.inf) -> Run | None:
        """Do a task, for ``left`` seconds at most: then its run is "skipped". A stage that fails is left for the runs of
        its recipes, which say so.

        Raises:
            NotWritten: what was done could not be kept, so there is no use in going on.
        """
        deadline = None if math.isinf(left) else self.engine.clock() + left
        self.engine = replace(self.engine, deadline=deadline)
        self.on({"running": label(self.plan, task)})
        try:
            with stop_at(deadline, self.engine.clock):
                return self.do(task)
        except OutOfTime:
            return skipped(task)
        except NotWritten:
            raise
        except Exception:
            if task.stage is None:
                raise
            return None

    def do(self, task: Task) -> Run | None:
        """Do a task. A judged run comes back, and is kept; a failure is a run too."""
        if task.part == LENGTH:
            self.length(self.prepared(task.fold, task.seed), task.seed)
            return None
        if task.stage is not None:
            self.stages(task, task.stage + 1)
            return None
        if (found := self.kept(task)) is not None:
            return found
        try:
            made, outputs = self.score(task)
            judged = self.judged(made, outputs)
        except OutOfTime:
            return skipped(task)
        except NotWritten:  # no recipe's failure: the others could not be kept either
            raise
        except Exception as why:  # one recipe's failure must not lose the others' work
            return without_result(task, "failed", f"{type(why).__name__}: {why}", self.identity(task))
        self.store.runs.put(self.identity(task), made.to_json())
        return judged

    def finished(self, records: Records, key: str) -> dict[str, Any] | None:
        """What is kept of what was done. None where nothing is, or it is damaged: that is said, and set aside."""
        try:
            return records.get(key)
        except Damaged as why:
            self.set_aside(records, key, str(why))
            return None

    def set_aside(self, records: Records, key: str, why: str) -> None:
        """Keep what cannot be used under another name, and say so."""
        place, aside = records.set_aside(key)
        said = why if place in why else f"{place}: {why}"
        self.on({"note": f"{said}. It is kept as {aside}, and the run is made again"})

    def stages(self, task: Task, upto: int) -> None:
        """Train the first ``upto`` stages of a recipe, or of a teacher of it, through the cache."""
        prepared = self.prepared(task.fold, task.seed)
        recipe = self.recipe(task.recipe, prepared, task.seed)
        assert isinstance(recipe, Recipe)
        for k in task.teacher:
            recipe = recipe.teachers[k]
        self.trained(recipe.upto(upto), prepared, task.seed, task.part)

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

    def score(self, task: Task) -> tuple[Run, Outputs]:
        """Fit a recipe on the fold's training rows and keep what it says of the test rows. The run comes back without
        scores, and what they follow from.
        """
        prepared = self.prepared(task.fold, task.seed)
        encoder, outcome, trained = self.fit(prepared, task.recipe, task.seed)
        began = time.perf_counter()  # from raw rows to logits, as a user waits for it
        test = prepared.encode(encoder, prepared.test_rows)
        logits = outcome.logits(test.source)
        predict_seconds = time.perf_counter() - began
        experts = said_by_experts(outcome, test.source)
        outputs = Outputs.of(outcome, logits, prepared.test_rows, test.labels.y, experts)
        outputs.save(self.store.outputs, self.identity(task))
        converged, length = self.convergence(prepared, trained, task.seed)
        made = Run(
            recipe=task.recipe,
            fold=task.fold,
            seed=task.seed,
            status="done",
            identity=self.identity(task),
            converged=converged,
            length=length,
            predict_seconds=predict_seconds,
            encode_seconds=prepared.seconds,
            test_rows=len(test),
            **estimators.size_of(outcome.net),
            prior_source=outcome.prior_source,
            prior_checked=outcome.prior_checked,
            decided_by=outcome.decided_by,
            fitted=fitted_in(outcome),
            stages=tuple(s for k, o in enumerate(trained) for s in stage_times(o, refit=k > 0)),
            history=tuple(
                {k: e[k] for k in KEPT if k in e}
                for e in trained[0].history
                if "loss" in e and "teacher" not in e
            ),
        )
        return made, outputs

    def judged_again(self, run: Run) -> Run | None:
        """A finished run, judged by its kept outputs; None where they are gone."""
        outputs = None if run.identity is None else load_outputs(self.store.outputs, run.identity)
        return None if outputs is None else self.judged(run, outputs)

    def judged(self, run: Run, outputs: Outputs) -> Run:
        """A run with its scores under every prior of the plan."""
        labels = self.plan.labels(run.fold, run.seed)
        return run.but(**Judge.of_study(self.plan, labels.classes)(outputs))

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


KEPT = ("stage", "epoch", "loss", "probe", "iterations", "c", "converged")
"""What is kept of an event of training."""


def fitted_in(outcome: Outcome) -> dict[str, Any]:
    """What was fitted on held-out rows, and how: the adjusters, the calibrator and the thresholds that there are."""
    found = {
        "adjusters": [adjuster.to_json() for adjuster in outcome.adjusters],
        "calibrator": outcome.calibrator.to_json() if outcome.calibrator is not None else None,
        "thresholds": outcome.thresholds.to_json() if outcome.thresholds is not None else None,
    }
    return {name: value for name, value in found.items() if value}


def label(plan: Study, task: Task) -> str:
    """A task in words."""
    if task.part == LENGTH:
        return f"length of training, {plan.where(task.fold, task.seed)}"
    what = (
        ""
        if task.stage is None
        else (" teacher" if task.teacher else "")
        + f" stage {task.stage + 1}"
        + (" (inner split)" if task.part == "inner" else "")
    )
    return f"{task.recipe}, {plan.where(task.fold, task.seed)}{what}"


def skipped(task: Task) -> Run:
    """A run that there was no time for."""
    return without_result(task, "skipped", "out of time")


def without_result(task: Task, status: str, error: str, identity: str | None = None) -> Run:
    """A run that is not done, and why."""
    return Run(
        recipe=task.recipe, fold=task.fold, seed=task.seed, status=status, error=error, identity=identity
    )


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


def stage_times(outcome: Outcome, refit: bool = False) -> list[Trained]:
    """Each stage of an outcome, its teachers' included. ``refit``: it was trained again without a part of the rows, to
    fit what the recipe leaves open.
    """
    out: dict[str, Trained] = {}
    for event in outcome.history:
        if "seconds" not in event:
            continue
        key: str = event["key"]
        seconds: float = event["seconds"]
        empty = Trained(name=event["stage"], key=key, seconds=0.0, cpu_seconds=0.0, refit=refit)
        stage = out.get(key, empty)
        cpu: float = event.get("cpu_seconds", seconds)
        out[key] = replace(stage, seconds=stage.seconds + seconds, cpu_seconds=stage.cpu_seconds + cpu)
    return list(out.values())
