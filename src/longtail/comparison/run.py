"""Run a comparison: the graph of distinct stages over recipes x folds x seeds, resumable.

The unit of work is a stage key, so no two workers train the same stage; a run is scored when its stages are there.
Everything finished is in the store: a killed comparison, started again with the same settings, goes on where it was.
What is done when is the schedule's (:mod:`longtail.comparison.schedule`), and where it is done the executor's
(:mod:`longtail.comparison.executor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from longtail.classical import Classical
from longtail.comparison.agenda import Agenda
from longtail.comparison.cost import own_backbone
from longtail.comparison.executor import Executor
from longtail.comparison.record import Run
from longtail.comparison.schedule import Schedule
from longtail.comparison.study import Study
from longtail.comparison.task import LENGTH, Task, label, skipped
from longtail.comparison.work import Worker
from longtail.part import digest
from longtail.recipe import Recipe
from longtail.run.finish import needs_held
from longtail.run.loop import On, ignore
from longtail.run.solve import may_be_solved
from longtail.store import Store


def run(
    plan: Study,
    store: Store,
    executor: Executor,
    *,
    budget: float | None = None,
    keep: bool = False,
    metric: str | None = None,
    on: On = ignore,
) -> list[Run]:
    """Run every recipe on every fold and seed: what was found, in the order of the recipes, then of fold and seed.

    Args:
        plan: what to do.
        store: where trained stages and finished runs are kept.
        executor: where the tasks run.
        budget: seconds after which what has not finished is given up for now: such runs are "skipped".
        keep: leave time within the budget to train the best recipe on all rows.
        metric: that recipes are ranked by; None is that of the prior.
        on: called with progress events: ``{"task", "done", "total", "expected", "run", ...}`` and one an epoch.
    """
    recipes = {f"recipe {name!r}": recipe for name, recipe in plan.recipes}
    executor.check({**recipes, "backbone": plan.backbone, "engine": plan.engine})
    deadline = None if budget is None else plan.engine.clock() + budget
    graph = tasks(plan, store)
    total = len(graph)
    schedule = Schedule(plan, graph, executor.slots, deadline, keep, metric)
    worker = Worker(plan, store, on)
    for task in [task for task in graph if task.stage is None]:
        if (kept := worker.kept(task)) is not None:
            schedule.finished(task, kept)
            del graph[task]
    on({"total": total, "done": len(schedule.done), "expected": schedule.expected})
    if promise := schedule.promise():
        on({"note": promise})
    for task, made in executor.run(Agenda(graph, schedule), partial(Worker, plan, store), on):
        schedule.finished(task, made)
        on(
            {
                "task": label(plan, task),
                "total": total,
                "done": len(schedule.done),
                "expected": schedule.expected,
                "run": made,
            }
        )
    runs = [*schedule.runs, *(skipped(task) for task in schedule.unfinished)]
    order = [name for name, _ in plan.recipes]
    runs.sort(key=lambda one: (order.index(one.recipe), one.cell))
    return mark_shared(runs, order)


def tasks(plan: Study, store: Store) -> dict[Task, set[Task]]:
    """Every task with the tasks it waits for, fold by fold, so that a budget that ends early leaves whole folds."""
    worker = Worker(plan, store)
    graph: dict[Task, set[Task]] = {}
    distinct: dict[str, Task] = {}
    lengths: dict[tuple[int, int], Task] = {}
    linear = own_backbone(plan.dataset, plan.backbone) == "linear"
    for fold, seed in plan.cells:
        for name, _ in plan.recipes:
            score = Task(name, fold, seed)
            graph[score] = set()
            recipe = plan.recipe(name)
            if isinstance(recipe, Classical) or worker.scored(score):
                continue
            parts = ["inner"] if plan.tuning == "holdout" else ["full"]
            if plan.tuning == "refit" and (plan.checks or needs_held(recipe, plan.dataset.labels)):
                parts.append("inner")
            for part in parts:
                first: set[Task] = set()
                if plan.lengths is not None and not (linear and all(may_be_solved(s) for s in recipe.stages)):
                    first = {lengths.setdefault((fold, seed), Task(name, fold, seed, LENGTH, 0))}
                    graph.setdefault(lengths[fold, seed], set())
                last = _chain(graph, distinct, recipe, Task(name, fold, seed, part), first)
                graph[score].add(last)
    return graph


def _chain(
    graph: dict[Task, set[Task]],
    distinct: dict[str, Task],
    recipe: Recipe,
    task: Task,
    first: set[Task],
    teacher: tuple[int, ...] = (),
) -> Task:
    """Put a recipe's stages into the graph after ``first``, its teachers' before the stage that asks for them; return
    the last.
    """
    before = first
    for k, stage in enumerate(recipe.stages):
        if stage.asks("teachers"):
            taught = enumerate(recipe.teachers)
            before = before | {_chain(graph, distinct, t, task, first, (*teacher, j)) for j, t in taught}
        prefix = digest([task.fold, task.seed, task.part, *recipe.stage_digests[: k + 1]])
        here = distinct.setdefault(prefix, replace(task, stage=k, teacher=teacher))
        graph.setdefault(here, set()).update(before)
        before = {here}
    return here


def mark_shared(runs: Sequence[Run], order: Sequence[str]) -> list[Run]:
    """The runs, each stage of them with whether another recipe, earlier in ``order``, had trained it already."""
    seen: set[str] = set()
    marked = {}
    for one in sorted(runs, key=lambda one: (one.cell, order.index(one.recipe))):
        stages = []
        for stage in one.stages:
            stages.append(replace(stage, shared=stage.key in seen))
            seen.add(stage.key)
        own = sum(stage.seconds for stage in stages if not stage.shared)
        marked[one.recipe, one.cell] = one.but(stages=tuple(stages), seconds=own)
    return [marked[one.recipe, one.cell] for one in runs]
