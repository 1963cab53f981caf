"""Executors: where the tasks of a comparison run. Only this room starts processes."""

from longtail.comparison.executor import Executor, WorkerDied
from longtail.executors.in_process import InProcess
from longtail.executors.processes import Processes


def on_this_machine(jobs: int) -> Executor:
    """The executor for so many jobs side by side.

    Raises:
        ValueError: fewer than one.

    >>> on_this_machine(1).slots, on_this_machine(3)
    (1, Processes(slots=3))
    """
    return InProcess() if jobs == 1 else Processes(jobs)


__all__ = ["Executor", "InProcess", "Processes", "WorkerDied", "on_this_machine"]
