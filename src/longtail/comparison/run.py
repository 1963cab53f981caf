"""Run a comparison: the graph of distinct stages over recipes x folds x seeds, in worker processes, resumable.

The unit of work is a stage key, so no two processes train the same stage; a run is scored when its stages are there.
Everything finished is on disk: a killed comparison, started again with the same settings, goes on where it was.
"""

from __future__ import annotations

import heapq
import multiprocessing as mp
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import torch

from longtail.classical import Classical
from longtail.comparison.plan import Study
from longtail.comparison.work import Task, Worker
from longtail.memory import keep_freed
from longtail.part import digest
from longtail.recipe import Recipe
from longtail.run.engine import OutOfTime
from longtail.run.loop import ignore

Rows = list[dict[str, Any]]


def run(
    plan: Study,
    folder: Path,
    *,
    jobs: int = 1,
    budget: float | None = None,
    on: Callable[[dict[str, Any]], None] = ignore,
) -> Rows:
    """Run every recipe on every fold and seed, and return one row a run.

    Args:
        plan: what to do.
        folder: where the cache and finished runs are kept.
        jobs: worker processes; 1 works in this one.
        budget: seconds after which what has not finished is given up for now.
        on: called with progress events: ``{"task", "done", "total", ...}`` and one an epoch.
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs} must be at least 1")
    if budget is not None:
        plan = plan.with_engine(replace(plan.engine, deadline=time.time() + budget))
    folder.mkdir(parents=True, exist_ok=True)
    graph = tasks(plan, folder)
    rows: Rows = []
    total, done = len(graph), 0
    on({"total": total, "done": 0})
    for task, row in (_here if jobs == 1 else _processes)(plan, folder, graph, jobs, on):
        done += 1
        if row is not None:
            rows.append(row)
        on({"task": label(plan, task), "total": total, "done": done, "row": row})
    order = {name: k for k, (name, _) in enumerate(plan.recipes)}
    rows.sort(key=lambda r: (order[r["recipe"]], r["fold"], r["seed"]))
    return mark_shared(rows, list(order))


def tasks(plan: Study, folder: Path) -> dict[Task, set[Task]]:
    """Every task with the tasks it waits for, fold by fold, so that a budget that ends early leaves whole folds."""
    worker = Worker(plan, folder)
    graph: dict[Task, set[Task]] = {}
    distinct: dict[str, Task] = {}
    for fold, seed in plan.cells:
        for name, _ in plan.recipes:
            score = Task(name, fold, seed)
            graph[score] = set()
            recipe = plan.recipe(name)
            if isinstance(recipe, Classical) or worker.run_file(score).exists():
                continue
            parts = ["inner"] if plan.tuning == "holdout" else ["full"]
            if plan.tuning == "refit":
                parts.append("inner")
            for part in parts:
                last = _chain(graph, distinct, recipe, Task(name, fold, seed, part))
                graph[score].add(last)
    return graph


def _chain(
    graph: dict[Task, set[Task]],
    distinct: dict[str, Task],
    recipe: Recipe,
    task: Task,
    teacher: tuple[int, ...] = (),
) -> Task:
    """Put a recipe's stages into the graph, its teachers' before the stage that asks for them; return the last."""
    before: set[Task] = set()
    for k, stage in enumerate(recipe.stages):
        if stage.asks("teachers"):
            taught = enumerate(recipe.teachers)
            before = before | {_chain(graph, distinct, t, task, (*teacher, j)) for j, t in taught}
        prefix = digest([task.fold, task.seed, task.part, *recipe.stage_digests[: k + 1]])
        here = distinct.setdefault(prefix, replace(task, stage=k, teacher=teacher))
        graph.setdefault(here, set()).update(before)
        before = {here}
    return here


def label(plan: Study, task: Task) -> str:
    """A task in words."""
    what = (
        ""
        if task.stage is None
        else (" teacher" if task.teacher else "")
        + f" stage {task.stage + 1}"
        + (" (inner split)" if task.part == "inner" else "")
    )
    return f"{task.recipe}, {plan.where(task.fold, task.seed)}{what}"


def mark_shared(rows: Rows, order: list[str]) -> Rows:
    """Say of each stage whether another recipe of the table, earlier in it, had trained it already."""
    seen: set[str] = set()
    for row in sorted(rows, key=lambda r: (r["fold"], r["seed"], order.index(r["recipe"]))):
        for stage in row.get("stages", ()):
            stage["shared"] = stage["key"] in seen
            seen.add(stage["key"])
        row["seconds"] = sum(s["seconds"] for s in row.get("stages", ()) if not s["shared"])
    return rows


def _ready(graph: dict[Task, set[Task]]) -> tuple[TopologicalSorter[Task], dict[Task, int]]:
    order = {task: (task.fold, task.seed, k) for k, task in enumerate(graph)}
    rank = {task: r for r, task in enumerate(sorted(graph, key=order.__getitem__))}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    return sorter, rank


def _here(
    plan: Study, folder: Path, graph: dict[Task, set[Task]], jobs: int, on: Callable[[dict[str, Any]], None]
) -> Iterator[tuple[Task, Any]]:
    sorter, rank = _ready(graph)
    waiting: list[tuple[int, Task]] = []
    now: list[str] = [""]
    worker = Worker(plan, folder, on=lambda event: on({"running": now[0], **event}))
    while sorter.is_active():
        for task in sorter.get_ready():
            heapq.heappush(waiting, (rank[task], task))
        _, task = heapq.heappop(waiting)
        now[0] = label(plan, task)
        on({"running": now[0]})
        yield task, _attempt(worker, task)
        sorter.done(task)


def _attempt(worker: Worker, task: Task) -> Any:
    """Do a task; a stage that fails is left for the score of its recipes, which says so in their rows."""
    try:
        return worker.do(task)
    except OutOfTime:
        return None
    except Exception:
        if task.stage is None:
            raise
        return None


_worker: Worker | None = None


def _start(plan: Study, folder: Path, events: Any) -> None:
    """Set a worker process up: it leaves Ctrl-C to its parent, ends with it, and keeps to one thread and its memory."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    keep_freed()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _worker = Worker(plan, folder, on=lambda event: events.put({"worker": os.getpid(), **event}))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _do(task: Task) -> Any:
    assert _worker is not None
    say = _worker.on
    say({"running": label(_worker.plan, task)})
    return _attempt(_worker, task)


def _processes(
    plan: Study, folder: Path, graph: dict[Task, set[Task]], jobs: int, on: Callable[[dict[str, Any]], None]
) -> Iterator[tuple[Task, Any]]:
    sorter, rank = _ready(graph)
    context = mp.get_context("spawn")
    events = context.Queue()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(plan, folder, events))
    waiting: list[tuple[int, Task]] = []
    running: dict[Any, Task] = {}
    try:
        while sorter.is_active():
            for task in sorter.get_ready():
                heapq.heappush(waiting, (rank[task], task))
            while waiting and len(running) < jobs:
                task = heapq.heappop(waiting)[1]
                running[pool.submit(_do, task)] = task
            finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            _drain(events, on)
            for future in finished:
                task = running.pop(future)
                yield task, future.result()
                sorter.done(task)
    except BrokenProcessPool as why:
        raise RuntimeError(
            "a worker process died (out of memory?); what had finished is kept: run the same command again with "
            "fewer --jobs"
        ) from why
    finally:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            if running:
                process.terminate()
        pool.shutdown(wait=not running, cancel_futures=True)
        events.close()


def _drain(events: Any, on: Callable[[dict[str, Any]], None]) -> None:
    while True:
        try:
            on(events.get_nowait())
        except queue.Empty:
            return
