"""Work: what a process of a comparison does. Train a stage, or fit a recipe and keep what it says of all test rows."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

from longtail.comparison import estimators
from longtail.comparison.judge import Judge
from longtail.comparison.learning import Learner
from longtail.comparison.length import Length
from longtail.comparison.outputs import Outputs, load_outputs
from longtail.comparison.record import Run, Trained
from longtail.comparison.study import Study
from longtail.comparison.task import LENGTH, Task, label, skipped, without_result
from longtail.files import Damaged, NotWritten
from longtail.recipe import Recipe
from longtail.run import Outcome, OutOfTime
from longtail.run.engine import stop_at
from longtail.run.loop import On, ignore
from longtail.run.unknown import said_by_experts
from longtail.store import Records, Store


class Worker(Learner):
    """Does the tasks of a plan: the state of a worker process. The engine's deadline changes with the task.

    Args:
        plan: what is compared.
        store: of trained stages, finished runs and their outputs.
        on: called with progress events.
        length: of the base stage, where it is known; None finds it on the training rows at hand.
    """

    def __init__(self, plan: Study, store: Store, on: On = ignore, length: Length | None = None) -> None:
        super().__init__(plan, store.stages, on, length)
        self.store = store

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
