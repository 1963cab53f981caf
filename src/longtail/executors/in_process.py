"""In process: tasks run one after another, here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from longtail.comparison.agenda import Agenda
from longtail.comparison.executor import MakeWorker
from longtail.comparison.record import Run
from longtail.comparison.task import Task
from longtail.run.loop import On


class InProcess:
    """:class:`longtail.comparison.executor.Executor` in this process; it may use all threads."""

    slots = 1

    def check(self, sent: Mapping[str, Any]) -> None:
        """Everything is here already."""

    def run(self, agenda: Agenda, make_worker: MakeWorker, on: On) -> Iterator[tuple[Task, Run | None]]:
        now = ""

        def say(event: dict[str, Any]) -> None:
            nonlocal now
            now = event.get("running", now)
            on({"running": now, **event})

        worker = make_worker(on=say)
        while (task := agenda.next()) is not None:
            made = worker.attempt(task, agenda.left)
            if made is not None and made.status == "skipped":
                return
            yield task, made
            agenda.done(task)
