"""Agenda: the tasks of a graph that wait for no other, in the order of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from longtail.comparison.schedule import Schedule
from longtail.comparison.task import Task


class Agenda:
    """What is to be done next, for an executor. Each task is given out once.

    Args:
        graph: tasks, with those that each waits for.
        schedule: says which of those that are ready comes first, and how much time is left.
    """

    def __init__(self, graph: Mapping[Task, set[Task]], schedule: Schedule) -> None:
        self.schedule = schedule
        self.sorter = TopologicalSorter(graph)
        self.sorter.prepare()
        self.ready: set[Task] = set()

    @property
    def active(self) -> bool:
        """Is anything still to be done?"""
        return self.sorter.is_active()

    @property
    def left(self) -> float:
        """Seconds until tasks must stop; inf is never."""
        return self.schedule.left

    def next(self) -> Task | None:
        """The task to do now; None where every one waits for another, or does not fit into the time that is left."""
        self.ready.update(self.sorter.get_ready())
        task = self.schedule.next(self.ready)
        if task is not None:
            self.ready.remove(task)
        return task

    def done(self, task: Task) -> None:
        """A task has ended: those that waited for it alone are ready."""
        self.sorter.done(task)
