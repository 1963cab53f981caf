"""Task: one unit of a comparison's work, and a run that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass

from longtail.comparison.record import Run
from longtail.comparison.study import Study

LENGTH = "length"


@dataclass(frozen=True)
class Task:
    """One unit of work: stages up to ``stage`` of a recipe on a fold's training part, or (stage None) the run's score;
    ``part`` "length" finds how long the base stage is, before the first stage of any recipe of the fold.

    ``teacher`` leads from the recipe to one of its teachers: ``(1, 0)`` is the first teacher of its second.
    """

    recipe: str
    fold: int
    seed: int
    part: str = "full"
    stage: int | None = None
    teacher: tuple[int, ...] = ()


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


def skipped(task: Task) -> Run:
    """A run that there was no time for."""
    return without_result(task, "skipped", "out of time")


def without_result(task: Task, status: str, error: str, identity: str | None = None) -> Run:
    """A run that is not done, and why."""
    return Run(
        recipe=task.recipe, fold=task.fold, seed=task.seed, status=status, error=error, identity=identity
    )
