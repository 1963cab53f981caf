"""Schedule: what a comparison does next, when it must stop, and what it may say about both.

Cheapest recipes first; a whole round (one fold of every recipe) before a deeper fold, so that what has finished can be
compared; and time kept back for the model. What a run costs is guessed first (:mod:`longtail.comparison.cost`), then
measured. With a deadline, a recipe that does not fit is put off, and what does fit goes on.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping

from longtail.classical import Classical
from longtail.comparison.cost import Size, own_backbone, seconds_of, size_of, stage_seconds
from longtail.comparison.leaderboard import LOWER_IS_BETTER, ranking_metric
from longtail.comparison.record import Run
from longtail.comparison.study import AnyRecipe, Study
from longtail.comparison.task import Task

CLOSING = 2.0, 0.03
"""Kept back for the report at the end: seconds, and a share of the budget."""

FOR_THE_MODEL = 0.4
"""The largest share of a budget that is kept back to train the model on all rows."""

MACHINE = 3.0
"""A machine is taken to be so many times faster or slower than the guesses at most."""

SLACK = 2.0
"""A guess may be so many times too high before a recipe is put off for it."""


class Schedule:
    """The state of a comparison that runs.

    Args:
        study: what is compared.
        graph: tasks that are still to be done, with those they wait for.
        slots: how many work side by side.
        deadline: moment of the study's clock (``Engine.clock``) at which everything has to be over; None is never.
        keep: is a model trained on all rows at the end?
        metric: that recipes are ranked by; None is that of the prior.
    """

    def __init__(
        self,
        study: Study,
        graph: Mapping[Task, set[Task]],
        slots: int = 1,
        deadline: float | None = None,
        keep: bool = False,
        metric: str | None = None,
    ) -> None:
        self.study, self.slots, self.deadline, self.keep, self.metric = study, slots, deadline, keep, metric
        self.clock = study.engine.clock
        self.budget = math.inf if deadline is None else deadline - self.clock()
        size = size_of(study.dataset)
        self.encode = size.encode
        self.guessed = {name: max(1e-3, seconds_of(study, name, size)) for name, _ in study.recipes}
        self.order = {name: k for k, (name, _) in enumerate(study.recipes)}
        made = {name: study.recipe(name) for name, _ in study.recipes}
        self.like = {name: kind_of(recipe) for name, recipe in made.items()}
        self.seconds = {task: self._guess(made[task.recipe], task, size) for task in graph}
        self.needs = {task: _ancestors(graph, task) for task in graph if task.stage is None}
        self.done: set[Task] = set()
        self.runs: list[Run] = []

    def _guess(self, recipe: AnyRecipe, task: Task, size: Size) -> float:
        if isinstance(recipe, Classical):
            return self.guessed[task.recipe]
        if task.stage is None:
            return 0.01
        for k in task.teacher:
            recipe = recipe.teachers[k]
        part = 1 - self.study.inner_share if task.part == "inner" else 1.0
        backbone = own_backbone(self.study.dataset, self.study.backbone)
        return part * stage_seconds(recipe.stages[task.stage], size, backbone)

    def finished(self, task: Task, made: Run | None) -> None:
        """A task is over, which made a run or, a stage, none."""
        self.done.add(task)
        if made is not None:
            self.runs.append(made)

    @property
    def unfinished(self) -> list[Task]:
        """Runs that have no result yet, in order."""
        return [task for task in self.needs if task not in self.done]

    def next(self, waiting: Collection[Task]) -> Task | None:
        """The task to do now, of those that wait for no other; None where no run fits into the time that is left."""
        left, costs, measured = self.left, self.costs(), self.measured()
        if left <= 0:
            return None
        cells = {cell: k for k, cell in enumerate(self.study.cells)}
        todo = {run: self.remaining(run, costs) for run in self.unfinished}
        for run in sorted(todo, key=lambda t: (cells[t.fold, t.seed], todo[t], self.order[t.recipe])):
            ready = [t for t in (*self.needs[run], run) if t in waiting]
            within = left * (1.0 if run.recipe in measured else SLACK)
            if ready and todo[run] <= within:
                return ready[0]
        return None

    def remaining(self, run: Task, costs: Mapping[str, float]) -> float:
        """Seconds that are left to do of a run."""
        factor = costs[run.recipe] / self.guessed[run.recipe]
        return factor * sum(self.seconds[t] for t in (*self.needs[run], run) if t not in self.done)

    def measured(self) -> dict[str, float]:
        """Mean seconds of the finished runs by recipe, tuning and shared stages included."""
        found: dict[str, list[float]] = {}
        for run in self.runs:
            if run.done:
                found.setdefault(run.recipe, []).append(run.trained_seconds)
        return {name: statistics.fmean(of) for name, of in found.items()}

    def costs(self) -> dict[str, float]:
        """Seconds of a run of each recipe: measured, or guessed and put right by what is measured of its like; where
        nothing is, by how fast this machine seems to be.
        """
        measured = self.measured()
        ratios: dict[str, list[float]] = {}
        for name, seconds in measured.items():
            ratios.setdefault(self.like[name], []).append(seconds / self.guessed[name])
        factor = {kind: statistics.median(of) for kind, of in ratios.items()}
        machine = min(MACHINE, max(1 / MACHINE, statistics.median(factor.values()))) if factor else 1.0
        return {
            name: max(1e-3, measured.get(name, guess * factor.get(self.like[name], machine)))
            for name, guess in self.guessed.items()
        }

    @property
    def stop(self) -> float | None:
        """The moment at which runs must stop, so that the model and the report are there by the deadline."""
        return None if self.deadline is None else self.deadline - self.reserve

    @property
    def left(self) -> float:
        """Seconds until then."""
        return math.inf if self.stop is None else self.stop - self.clock()

    @property
    def reserve(self) -> float:
        """Seconds kept back for the model: the best recipe so far on all rows, or, where that is much, its first fold's
        model; and for the report."""
        closing = min(CLOSING[0] + CLOSING[1] * self.budget, self.budget / 4)
        if not self.keep:
            return closing
        best = self.best
        if best is None:
            return min(closing + 1.5 * self.encode, self.budget / 2)
        whole = whole_seconds(best, self.study.trained_share)
        return closing + (whole if whole <= FOR_THE_MODEL * self.budget else rebuilt_seconds(best))

    @property
    def best(self) -> Run | None:
        """A run of the recipe with the highest mean score so far."""
        prior = self.study.deploy_prior.name
        metric = self.metric or ranking_metric(prior)
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        found: dict[str, list[float]] = {}
        done = {run.recipe: run for run in self.runs if run.done}
        for run in self.runs:
            score = run.scores.get(prior, {}).get(metric) if run.done else None
            if score is not None:
                found.setdefault(run.recipe, []).append(sign * score)
        if not found:
            return next(iter(done.values()), None)
        return done[max(found, key=lambda name: statistics.fmean(found[name]))]

    @property
    def expected(self) -> float:
        """Seconds until every run has finished, were there no deadline."""
        costs = self.costs()
        todo = self.unfinished
        shared = {t for run in todo for t in self.needs[run]} - self.done
        own = sum(self.seconds[t] * self._factor(t, costs) for t in (*shared, *todo))
        cells = {(t.fold, t.seed) for t in todo}
        encoded = max([self.encode, *(run.encode_seconds or 0.0 for run in self.runs)])
        return (own + encoded * len(cells) * min(self.slots, 2)) / self.slots

    def _factor(self, task: Task, costs: Mapping[str, float]) -> float:
        return costs[task.recipe] / self.guessed[task.recipe]

    def promise(self) -> str | None:
        """What to expect, in a sentence; None where there is nothing to do."""
        todo = self.unfinished
        if not todo:
            return None
        cells, recipes = len(self.study.cells), len(self.study.recipes)
        whole = f"{many(recipes, 'recipe')} x {many(cells, 'fold')}: about {duration(self.expected)}"
        if self.deadline is None:
            return f"{whole} (a guess; it gets better as runs finish)"
        rounds, some = self._within(max(0.0, self.left - self.encode))
        if rounds >= cells:
            got = "all of it"
        elif rounds:
            more = f", and {many(some, 'recipe')} on the next" if some else ""
            got = f"all recipes on {many(rounds, 'fold')}{more}"
        else:
            got = f"{many(some, 'recipe')} on the first fold" if some else "perhaps one recipe on one fold"
        return f"{whole}; in {duration(self.budget)} you get about: {got}, cheapest first"

    def _within(self, seconds: float) -> tuple[int, int]:
        """Whole rounds that fit, and recipes of the next."""
        costs, spent, seen = self.costs(), 0.0, set(self.done)
        for k, cell in enumerate(self.study.cells):
            runs = [t for t in self.unfinished if (t.fold, t.seed) == cell]
            for j, run in enumerate(sorted(runs, key=lambda t: costs[t.recipe])):
                todo = [t for t in (*self.needs[run], run) if t not in seen]
                spent += sum(self.seconds[t] * self._factor(t, costs) for t in todo) / self.slots
                seen.update(todo)
                if spent > seconds:
                    return k, j
        return len(self.study.cells), 0


def kind_of(recipe: AnyRecipe) -> str:
    """Recipes of one kind take about as many times longer than guessed: nets, or one estimator, resampled or not."""
    if not isinstance(recipe, Classical):
        return "net"
    inside = dict(recipe.estimator.kwargs).get("estimator", recipe.estimator)
    return str(inside.target.__name__)


def whole_seconds(run: Run, share: float) -> float:
    """Seconds to train a run's recipe again on all rows, where the run had that share of them."""
    return 1.0 + 1.1 * (run.trained_seconds + (run.encode_seconds or 0.0)) / share


def rebuilt_seconds(run: Run) -> float:
    """Seconds to put a finished run's model together again from the cache."""
    return 1.0 + 1.3 * (run.encode_seconds or 0.0) + 3 * (run.predict_seconds or 0.0)


def duration(seconds: float) -> str:
    """A duration for people.

    >>> [duration(s) for s in (0.4, 8, 400, 9000)]
    ['1 s', '8 s', '7 min', '2.5 h']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def many(n: int, what: str) -> str:
    """A number of things.

    >>> many(1, "fold"), many(5, "fold")
    ('1 fold', '5 folds')
    """
    return f"{n} {what}" + ("" if n == 1 else "s")


def _ancestors(graph: Mapping[Task, set[Task]], task: Task) -> tuple[Task, ...]:
    """Everything that a task waits for, the first to do first."""
    found: dict[Task, None] = {}

    def visit(one: Task) -> None:
        for before in graph.get(one, ()):
            visit(before)
            found.setdefault(before)

    visit(task)
    return tuple(found)
