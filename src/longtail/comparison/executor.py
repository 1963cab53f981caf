"""What an executor is: it does the tasks of an agenda somewhere, by workers that it makes there.

The agenda says what comes next and when it must stop, the worker does it, the store keeps it; an executor says where.
:mod:`longtail.executors` holds those there are. The law (``longtail.testing.check_executor``): any executor gives the
runs of :class:`longtail.executors.InProcess`, and a worker that is killed changes nothing but the time it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from longtail.comparison.agenda import Agenda
from longtail.comparison.record import Run
from longtail.comparison.task import Task
from longtail.comparison.work import Worker
from longtail.run.loop import On


class WorkerDied(RuntimeError):
    """A worker of a comparison ended before its work did."""


class MakeWorker(Protocol):
    """Makes a worker where it is called. It can be sent there: it can be pickled."""

    def __call__(self, *, on: On) -> Worker: ...


class Executor(Protocol):
    """Where tasks run."""

    @property
    def slots(self) -> int:
        """How many tasks run side by side."""

    def check(self, sent: Mapping[str, Any]) -> None:
        """Refuse, before anything is trained, what cannot be sent where tasks run.

        Args:
            sent: recipes and nets, by what to call them in the message.

        Raises:
            ValueError: it cannot be sent; the message says what, why, and what helps.
        """

    def run(self, agenda: Agenda, make_worker: MakeWorker, on: On) -> Iterator[tuple[Task, Run | None]]:
        """Do the tasks of the agenda: each one that has ended, with the run that it made (a stage makes none). A task is
        marked as done on the agenda once its result was taken. What there is no time for does not come.

        Raises:
            WorkerDied: what had finished is kept.
        """
