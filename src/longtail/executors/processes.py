"""Processes: tasks run side by side in processes of this machine, each with one thread and a worker of its own."""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import queue
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from longtail.comparison.agenda import Agenda
from longtail.comparison.executor import MakeWorker, WorkerDied
from longtail.comparison.record import Run
from longtail.comparison.task import Task
from longtail.comparison.work import Worker
from longtail.memory import keep_freed
from longtail.run.loop import On

GRACE = 2.0
"""Seconds that a worker process has to stop by itself when the time is over, before it is ended."""


@dataclass(frozen=True)
class Processes:
    """:class:`longtail.comparison.executor.Executor` with ``slots`` processes. They start with the first task. They end
    with the last, with Ctrl-C, and with the process that started them.

    Raises:
        ValueError: fewer than one.
    """

    slots: int

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError(f"jobs={self.slots} must be at least 1")

    def check(self, sent: Mapping[str, Any]) -> None:
        """Raises ValueError for what is of the user's own and cannot be given to other processes."""
        for name, one in sent.items():
            try:
                pickle.dumps(one)
            except Exception as why:  # pickle says in many ways that it cannot
                raise ValueError(
                    f"{name} cannot be given to other processes ({why}): define what it is made of at the top of a "
                    f"module, or work in one (jobs=1 instead of {self.slots})"
                ) from None

    def run(self, agenda: Agenda, make_worker: MakeWorker, on: On) -> Iterator[tuple[Task, Run | None]]:
        if not agenda.active:
            return
        context = mp.get_context("spawn")
        events = context.Queue()
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        pool = ProcessPoolExecutor(
            self.slots, mp_context=context, initializer=_start, initargs=(make_worker, events)
        )
        running: dict[Any, Task] = {}
        try:
            while agenda.active:
                while len(running) < self.slots and (task := agenda.next()) is not None:
                    with _interrupts_wait():
                        running[pool.submit(_do, task, agenda.left)] = task
                if not running or agenda.left < -GRACE:
                    return
                finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                _drain(events, on)
                for future in finished:
                    task, made = running.pop(future), future.result()
                    if made is None or made.status != "skipped":
                        yield task, made
                        agenda.done(task)
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


_worker: Worker | None = None


def _start(make_worker: MakeWorker, events: Any) -> None:
    """Set a worker process up: it leaves Ctrl-C to its parent, ends with it, and keeps to one thread and its memory."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    keep_freed()
    end_with_parent()
    _worker = make_worker(on=lambda event: events.put({"worker": os.getpid(), **event}))


def end_with_parent() -> None:
    """From now on this process ends when its parent has ended, or has already: a worker starts for seconds."""
    threading.Thread(target=_end_with, args=(mp.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _do(task: Task, left: float) -> Run | None:
    """Do a task in a worker process; it counts the seconds that are left by its own clock."""
    assert _worker is not None
    return _worker.attempt(task, left)


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
