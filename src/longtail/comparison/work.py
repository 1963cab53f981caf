"""Work: what a process of a comparison does. Train a stage, or fit a recipe on a fold and score it on the test rows."""

from __future__ import annotations

import math
import os
import time
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail import __version__, metrics
from longtail.classical import Classical, out_of_fold_logits
from longtail.classical.categorical import Blocks
from longtail.comparison.plan import Prepared, Study
from longtail.examples import Examples, TokenRows
from longtail.files import Damaged, read_json, write_json
from longtail.part import digest
from longtail.recipe import Recipe
from longtail.run import Cache, Outcome, OutOfTime, train_stages
from longtail.run.chain import finish, fit_finish, matched, needs_held, restore, specs
from longtail.run.loop import On, ignore
from longtail.run.outcome import prior_vector


@dataclass(frozen=True)
class Task:
    """One unit of work: stages up to ``stage`` of a recipe on a fold's training part, or (stage None) the run's score.

    ``teacher`` leads from the recipe to one of its teachers: ``(1, 0)`` is the first teacher of its second.
    """

    recipe: str
    fold: int
    seed: int
    part: str = "full"
    stage: int | None = None
    teacher: tuple[int, ...] = ()


class Worker:
    """The state of a worker process: the plan, the cache, and the fold at hand."""

    def __init__(self, plan: Study, folder: Path, on: On = ignore) -> None:
        self.plan, self.folder, self.on = plan, folder, on
        self.cache = Cache(folder / "cache")
        self.prepared = lru_cache(maxsize=1)(plan.prepare)

    def run_file(self, task: Task) -> Path:
        identity = self.plan.identity(task.recipe, task.fold, task.seed)
        return self.folder / "runs" / f"{__version__}-{identity}.json"

    def do(self, task: Task) -> dict[str, Any] | None:
        """Do a task. A score comes back, and is kept in its file; a failure is a row like any other."""
        if task.stage is not None:
            self.stages(task, task.stage + 1)
            return None
        file = self.run_file(task)
        if (found := self.finished(file)) is not None:
            return found
        row: dict[str, Any] = {"recipe": task.recipe, "fold": task.fold, "seed": task.seed, "error": None}
        try:
            row = {**row, "status": "done", **self.score(task)}
        except OutOfTime:
            return {**row, "status": "skipped", "error": "out of time"}
        except Exception as why:  # one recipe's failure must not lose the others' work
            return {**row, "status": "failed", "error": f"{type(why).__name__}: {why}"}
        write_json(file, row, checked=True)
        return row

    def finished(self, file: Path) -> dict[str, Any] | None:
        """The run in a file. None where there is none, or a damaged one: that is said, and set aside."""
        if not file.exists():
            return None
        try:
            return read_json(file, checked=True)
        except Damaged as why:
            aside = file.with_suffix(".damaged")
            os.replace(file, aside)
            self.on({"note": f"{why}. It is kept as {aside.name}, and the run is made again"})
            return None

    def stages(self, task: Task, upto: int) -> None:
        """Train the first ``upto`` stages of a recipe, or of a teacher of it, through the cache."""
        recipe = self.plan.recipe(task.recipe)
        assert isinstance(recipe, Recipe)
        for k in task.teacher:
            recipe = recipe.teachers[k]
        self.trained(recipe.upto(upto), self.prepared(task.fold), task.seed, task.part)

    def trained(self, recipe: Recipe, prepared: Prepared, seed: int, part: str) -> Outcome:
        """Train a recipe's stages on a part of the fold's training rows, through the cache."""
        _, examples = prepared.training(part)
        initial, order = self.plan.draws(seed)
        return train_stages(
            recipe, prepared.net(part, initial), examples, seed=order, engine=self.plan.engine, cache=self.cache,
            on=self.on, probe=self.plan.probe(prepared) if part == "full" else None,
        )  # fmt: skip

    def outcome(self, prepared: Prepared, name: str, seed: int, part: str) -> Outcome:
        """A recipe trained on a part of the fold's training rows, through the cache."""
        recipe = self.plan.recipe(name)
        if isinstance(recipe, Classical):
            encoder, examples = prepared.training(part)
            return self.classical(recipe, examples, seed, categorical_of(encoder))
        return self.trained(recipe, prepared, seed, part)

    def classical(
        self, recipe: Classical, examples: Examples, seed: int, categorical: Blocks = ()
    ) -> Outcome:
        """Fit a scikit-learn estimator, or take it from the cache."""
        if isinstance(examples.x, TokenRows):
            raise TypeError(
                "a classical recipe cannot read tokens: compare it with tune=frozen, or without a backbone"
            )
        fitted = [recipe.but(finish=()).digest, categorical]
        key = digest({"data": examples.fingerprint, "seed": seed, "classical": fitted})
        stored = self.cache.get(key)
        if stored is not None:
            net = restore(None, *stored)
            prior = stored[1]["prior"]
            prior = None if prior is None else torch.tensor(prior, dtype=torch.float64)
            seconds = stored[1]["seconds"]
        else:
            self.plan.engine.check_time()
            began = time.perf_counter()
            net, prior = recipe.fit(examples.x, examples.labels, seed=seed, categorical=categorical)
            seconds = time.perf_counter() - began
            kept = None if prior is None else prior.tolist()
            self.cache.put(key, net.state_dict(), {"prior": kept, "seconds": seconds, **specs(net)})
        event = {"stage": "fit", "epoch": 0, "epochs": 1, "seconds": seconds, "key": key}
        engine = replace(self.plan.engine, device="cpu")
        return Outcome(net.eval(), recipe, examples.labels, (key,), (event,), prior, engine=engine)

    def fit(self, prepared: Prepared, name: str, seed: int) -> tuple[Any, Outcome, list[Outcome]]:
        """The encoder, the finished outcome, and every training it took."""
        part = "inner" if self.plan.tuning == "holdout" else "full"
        encoder, examples = prepared.training(part)
        outcome = self.outcome(prepared, name, seed, part)
        if isinstance(outcome.recipe, Classical):
            fitted: tuple[Any, ...] = ()
            if outcome.recipe.finish or outcome.logit_prior is None:
                rows = prepared.train_rows if part == "full" else prepared.inner_rows
                categorical = categorical_of(encoder)
                groups = self.plan.duplicate_of[rows]
                logits, event = self.out_of_fold(outcome.recipe, examples, seed, groups, categorical)
                outcome = outcome.but(history=(*outcome.history, event), keys=(*outcome.keys, event["key"]))
                fitted = fit_finish(outcome, examples, examples, logits)
            return encoder, finish(outcome, examples, fitted), [outcome]
        if self.plan.tuning == "none" or not needs_held(outcome.recipe, examples.labels):
            return encoder, finish(outcome, examples, fit_finish(outcome, examples, None)), [outcome]
        inner_encoder, inner_examples = prepared.training("inner")
        inner = outcome if part == "inner" else self.outcome(prepared, name, seed, "inner")
        held = prepared.encode(inner_encoder, prepared.held_rows)
        if inner is outcome:
            return encoder, finish(outcome, examples, fit_finish(inner, inner_examples, held)), [outcome]
        with (
            warnings.catch_warnings()
        ):  # the biases are set anew on all training rows, which have every class
            warnings.filterwarnings("ignore", message="BiasTemperature: no held-out example")
            fitted = fit_finish(inner, inner_examples, held)
        return encoder, matched(finish(outcome, examples, fitted), examples), [outcome, inner]

    def out_of_fold(
        self, recipe: Classical, examples: Examples, seed: int, duplicate_of: Tensor, categorical: Blocks
    ) -> tuple[Tensor, dict[str, Any]]:
        """Logits of the training rows by models that did not see them, through the cache; and the event of doing it."""
        fitted = [recipe.but(finish=()).digest, categorical]
        key = digest({"data": examples.fingerprint, "seed": seed, "out of fold": fitted})
        stored = self.cache.get(key)
        if stored is None:
            self.plan.engine.check_time()
            began = time.perf_counter()
            logits = out_of_fold_logits(
                recipe, examples.x, examples.labels, seed=seed, groups=duplicate_of, categorical=categorical
            )
            stored = {"logits": logits}, {"seconds": time.perf_counter() - began}
            self.cache.put(key, *stored)
        event = {"stage": "out of fold", "epoch": 0, "epochs": 1, "seconds": stored[1]["seconds"], "key": key}
        return stored[0]["logits"], event

    def score(self, task: Task) -> dict[str, Any]:
        """Fit a recipe on the fold's training rows and score it on the test rows, under every prior."""
        prepared = self.prepared(task.fold)
        encoder, outcome, trained = self.fit(prepared, task.recipe, task.seed)
        began = time.perf_counter()  # from raw rows to logits, as a user waits for it
        test = prepared.encode(encoder, prepared.test_rows)
        logits = outcome.logits(test.x)
        predict_seconds = time.perf_counter() - began
        scores: dict[str, Any] = {}
        per_class: dict[str, Any] = {}
        confusion: dict[str, Any] = {}
        reliability: dict[str, Any] = {}
        labels, y = prepared.labels, test.labels.y
        for name, prior in self.priors().items():
            if name != "as_trained" and outcome.prior_source == "none":  # nothing was held out to fit it on
                continue
            if name == "as_trained":
                probabilities = torch.softmax(logits.double(), -1).float()
                decisions, weights = probabilities.argmax(-1), None
            else:
                probabilities = outcome.probabilities(logits, prior)
                decisions = outcome.decide(probabilities, prior)
                weights = None if name == self.plan.tested_under else prior_vector(prior, labels)
            found = metrics.evaluate(
                probabilities, y, prior=weights, groups=labels.groups(), decisions=decisions
            )
            scores[name] = {k: _number(v) for k, v in found.items()}
            detail = metrics.per_class(probabilities, y, prior=weights, decisions=decisions)
            per_class[name] = {k: [_number(v) for v in detail[k].tolist()] for k in ("recall", "precision")}
            if labels.num_classes <= 60:
                confusion[name] = metrics.confusion(y, decisions, labels.num_classes).tolist()
            importance = None if weights is None else metrics.importance(y, weights)
            bins = metrics.reliability(probabilities, y, weight=importance)
            reliability[name] = {
                k: [_number(v) for v in bins[k].tolist()] for k in ("confidence", "accuracy", "weight")
            }
        return {
            "predict_seconds": predict_seconds,
            "test_rows": len(test),
            "parameters": sum(p.numel() for p in outcome.net.state_dict().values()),
            "bytes": sum(p.numel() * p.element_size() for p in outcome.net.state_dict().values()),
            "prior_source": outcome.prior_source,
            "stages": [s for k, o in enumerate(trained) for s in stage_times(o, refit=k > 0)],
            "scores": scores,
            "per_class": per_class,
            "confusion": confusion,
            "reliability": reliability,
            "history": [
                {k: e[k] for k in ("stage", "epoch", "loss", "probe") if k in e}
                for e in trained[0].history
                if "loss" in e and "teacher" not in e
            ],
        }

    def priors(self) -> dict[str, Any]:
        """The priors to score under, by name."""
        named: dict[str, Any] = {"as_trained": None, "natural": "natural", "balanced": "balanced"}
        if not isinstance(self.plan.prior, str):
            named["declared"] = self.plan.prior
        return named


def categorical_of(encoder: Any) -> Blocks:
    """The one-hot columns that an encoder makes; none but of tables."""
    return getattr(encoder, "categorical", ())


def stage_times(outcome: Outcome, refit: bool = False) -> list[dict[str, Any]]:
    """Name, key and seconds of each stage of an outcome, its teachers' included. ``refit``: it was trained again
    without a part of the rows, to fit what the recipe leaves open.
    """
    out: dict[str, dict[str, Any]] = {}
    for event in outcome.history:
        if "seconds" not in event:
            continue
        empty = {"name": event["stage"], "key": event["key"], "refit": refit, "shared": False}
        stage = out.setdefault(event["key"], {**empty, "seconds": 0.0, "cpu_seconds": 0.0})
        stage["seconds"] += event["seconds"]
        stage["cpu_seconds"] += event.get("cpu_seconds", event["seconds"])
    return list(out.values())


def _number(value: float) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
