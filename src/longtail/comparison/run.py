"""Run a comparison: the graph of distinct stages over recipes x folds x seeds, in worker processes, resumable.

The unit of work is a stage key, so no two processes train the same stage; a run is scored when its stages are there.
Everything finished is on disk: a killed comparison, started again with the same settings, goes on where it was.
What is done when is the schedule's (:mod:`longtail.comparison.schedule`).
"""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

import torch

from longtail.classical import Classical
from longtail.comparison.cost import own_backbone
from longtail.comparison.plan import Study
from longtail.comparison.record import Run
from longtail.comparison.schedule import Schedule
from longtail.comparison.work import LENGTH, Task, Worker, skipped
from longtail.memory import keep_freed
from longtail.part import digest
from longtail.recipe import Recipe
from longtail.run.engine import OutOfTime, stop_at
from longtail.run.finish import needs_held
from longtail.run.loop import On, ignore
from longtail.run.solve import may_be_solved
from longtail.store import Store


def run(
    plan: Study,
    store: Store,
    *,
    jobs: int = 1,
    budget: float | None = None,
    keep: bool = False,
    metric: str | None = None,
    on: On = ignore,
) -> list[Run]:
    """Run every recipe on every fold and seed: what was found, in the order of the recipes, then of fold and seed.

    Args:
        plan: what to do.
        store: where trained stages and finished runs are kept.
        jobs: worker processes; 1 works in this one.
        budget: seconds after which what has not finished is given up for now: such runs are "skipped".
        keep: leave time within the budget to train the best recipe on all rows.
        metric: that recipes are ranked by; None is that of the prior.
        on: called with progress events: ``{"task", "done", "total", "expected", "run", ...}`` and one an epoch.
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs} must be at least 1")
    if jobs > 1:
        check_sendable(plan, jobs)
    deadline = None if budget is None else time.monotonic() + budget
    graph = tasks(plan, store)
    total = len(graph)
    schedule = Schedule(plan, graph, jobs, deadline, keep, metric)
    worker = Worker(plan, store, on)
    for task in [task for task in graph if task.stage is None]:
        if (kept := worker.kept(task)) is not None:
            schedule.finished(task, kept)
            del graph[task]
    on({"total": total, "done": len(schedule.done), "expected": schedule.expected})
    if promise := schedule.promise():
        on({"note": promise})
    for task, made in (_here if jobs == 1 else _processes)(plan, store, graph, schedule, on):
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


def check_sendable(plan: Study, jobs: int) -> None:
    """Raises ValueError for a recipe or net of the user's own that other processes cannot be given."""
    for name, one in (
        *((f"recipe {name!r}", recipe) for name, recipe in plan.recipes),
        ("backbone", plan.backbone),
    ):
        try:
            pickle.dumps(one)
        except Exception as why:  # pickle says in many ways that it cannot
            raise ValueError(
                f"{name} cannot be given to other processes ({why}): define what it is made of at the top of a module, "
                f"or work in one (jobs=1 instead of {jobs})"
            ) from None


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


def _here(
    plan: Study, store: Store, graph: dict[Task, set[Task]], schedule: Schedule, on: On
) -> Iterator[tuple[Task, Run | None]]:
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    waiting: set[Task] = set()
    now: list[str] = [""]
    worker = Worker(plan, store, on=lambda event: on({"running": now[0], **event}))
    while sorter.is_active():
        waiting.update(sorter.get_ready())
        task = schedule.next(waiting)
        if task is None:
            return
        waiting.remove(task)
        now[0] = label(plan, task)
        on({"running": now[0]})
        made = _attempt(worker, task, schedule.stop)
        if made is not None and made.status == "skipped":
            return
        yield task, made
        sorter.done(task)


def _attempt(worker: Worker, task: Task, deadline: float | None) -> Run | None:
    """Do a task, until the deadline at most; a stage that fails is left for the runs of its recipes, which say so."""
    worker.engine = replace(worker.engine, deadline=deadline)
    try:
        with stop_at(deadline):
            return worker.do(task)
    except OutOfTime:
        return skipped(task)
    except Exception:
        if task.stage is None:
            raise
        return None


_worker: Worker | None = None


def _start(plan: Study, store: Store, events: Any) -> None:
    """Set a worker process up: it leaves Ctrl-C to its parent, ends with it, and keeps to one thread and its memory."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    keep_freed()
    end_with_parent()
    _worker = Worker(plan, store, on=lambda event: events.put({"worker": os.getpid(), **event}))


def end_with_parent() -> None:
    """From now on this process ends when its parent has ended, or has already: a worker starts for seconds."""
    threading.Thread(target=_end_with, args=(mp.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _do(task: Task, left: float | None) -> Run | None:
    """Do a task in a worker process; it counts the seconds that are left by its own clock."""
    deadline = None if left is None else time.monotonic() + left
    assert _worker is not None
    say = _worker.on
    say({"running": label(_worker.plan, task)})
    return _attempt(_worker, task, deadline)


GRACE = 2.0
"""Seconds that a worker process has to stop by itself when the time is over, before it is ended."""


def _processes(
    plan: Study, store: Store, graph: dict[Task, set[Task]], schedule: Schedule, on: On
) -> Iterator[tuple[Task, Run | None]]:
    if not graph:
        return
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    context = mp.get_context("spawn")
    events = context.Queue()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    jobs = schedule.jobs
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(plan, store, events))
    waiting: set[Task] = set()
    running: dict[Any, Task] = {}
    try:
        while sorter.is_active():
            waiting.update(sorter.get_ready())
            while len(running) < jobs and (task := schedule.next(waiting)) is not None:
                waiting.remove(task)
                left = None if schedule.stop is None else schedule.left
                with _interrupts_wait():
                    running[pool.submit(_do, task, left)] = task
            if not running or schedule.left < -GRACE:
                return
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            _drain(events, on)
            for future in finished:
                task, made = running.pop(future), future.result()
                if made is None or made.status != "skipped":
                    yield task, made
                    sorter.done(task)
    except BrokenProcessPool as why:
        raise WorkerDied(
            "a worker process died (out of memory?); what had finished is kept: run the same command again with "
            "fewer --jobs"
        ) from why
    finally:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            if running:
                process.terminate()
        pool.shutdown(wait=not running, cancel_futures=True)
        events.close()


class WorkerDied(RuntimeError):
    """A process of a comparison ended before its work did."""


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until this block is over. A process started in it never sees Ctrl-C, from its first moment
    on: its parent tells it, by SIGTERM. It is not left half started, and says nothing while it starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    late: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGTERM, lambda number, frame: late.append(number)) if main else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if main:
            signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)
        if late:
            signal.raise_signal(signal.SIGTERM)


def _drain(events: Any, on: On) -> None:
    while True:
        try:
            on(events.get_nowait())
        except queue.Empty:
            return
