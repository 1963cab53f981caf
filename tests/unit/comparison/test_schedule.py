"""What a comparison does next, and when it stops."""

import time

import pytest
import torch

from longtail.chosen import pick
from longtail.comparison import cost
from longtail.comparison.agenda import Agenda
from longtail.comparison.plan import Plan
from longtail.comparison.record import Run, Trained
from longtail.comparison.run import tasks
from longtail.comparison.schedule import Schedule
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.run import Engine
from longtail.store import FolderStore


def data(n=400, classes=2, columns=4):
    g = torch.Generator().manual_seed(0)
    y = torch.arange(n) % (2 * classes)
    labels = Labels.of(torch.where(y < classes, y, 0), num_classes=classes)
    return Dataset.of("toy", "embedding", torch.randn(n, columns, generator=g), labels)


def schedule(tmp_path, names, budget=None, folds=3, dataset=None, keep=False):
    plan = Plan(dataset or data(), tuple(pick(names).items()), folds=folds, baseline=names[0])
    graph = tasks(plan, FolderStore(tmp_path))
    deadline = None if budget is None else time.monotonic() + budget
    return Schedule(plan, graph, deadline=deadline, keep=keep), graph


def made_by(task, seconds, score=0.5, encode=0.0):
    stage = Trained(name="", key="", seconds=seconds, cpu_seconds=seconds)
    return Run(
        recipe=task.recipe, fold=task.fold, seed=task.seed, status="done", stages=(stage,), encode_seconds=encode,
        scores={"natural": {"macro_f1": score}},
    )  # fmt: skip


def played(made, graph, seconds):
    """The order in which runs finish, each taking what ``seconds`` says."""
    order, left = [], {t: set(b) for t, b in graph.items()}
    while ready := {t for t, before in left.items() if not before}:
        task = made.next(ready)
        if task is None:
            break
        result = made_by(task, seconds[task.recipe]) if task.stage is None else None
        made.finished(task, result)
        del left[task]
        for before in left.values():
            before.discard(task)
        if result:
            order.append((task.recipe, task.fold))
    return order


def test_a_round_of_all_recipes_comes_before_a_deeper_fold_and_the_cheapest_is_first(tmp_path):
    names = ["random-forest", "crt", "erm", "logistic"]
    made, graph = schedule(tmp_path, names)
    order = played(made, graph, dict.fromkeys(names, 1.0))
    assert [fold for _, fold in order] == sorted(fold for _, fold in order)
    assert len(order) == 12
    first = [name for name, fold in order if fold == 0]
    assert first[0] == "logistic"
    assert first.index("erm") < first.index("crt")


def test_what_was_measured_counts_more_than_what_was_guessed(tmp_path):
    names = ["logistic", "random-forest"]
    made, graph = schedule(tmp_path, names)
    order = played(made, graph, {"logistic": 90.0, "random-forest": 1.0})
    assert order[:2] == [("logistic", 0), ("random-forest", 0)]
    assert order[2:4] == [("random-forest", 1), ("logistic", 1)]


def test_a_recipe_that_does_not_fit_is_put_off_for_one_that_does(tmp_path):
    names = ["logistic", "random-forest"]
    made, graph = schedule(tmp_path, names, budget=30)
    order = played(made, graph, {"logistic": 0.1, "random-forest": 1000.0})
    assert order == [("logistic", 0), ("random-forest", 0), ("logistic", 1), ("logistic", 2)]


def test_time_is_kept_for_the_model(tmp_path):
    names = ["logistic", "random-forest"]
    made, graph = schedule(tmp_path, names, budget=100, keep=True)
    before = made.reserve
    score = next(t for t in graph if t.recipe == "logistic")
    made.finished(score, made_by(score, 10.0))
    assert made.reserve - before == pytest.approx(1 + 1.1 * 10 / (2 / 3), abs=1e-3)
    made.finished(
        score, made_by(score, 90.0, score=0.9, encode=2.0)
    )  # too long to train again: its first fold's is kept
    assert made.reserve - before == pytest.approx(1 + 1.3 * 2, abs=1e-3)


def test_it_says_what_to_expect(tmp_path):
    made, _ = schedule(tmp_path, ["logistic", "random-forest"], budget=1.0)
    made.seconds = {t: 1e-4 if t.recipe == "logistic" else 1000.0 for t in made.seconds}
    said = made.promise()
    assert said.startswith("2 recipes x 3 folds: about")
    assert "in 1 s you get about: 1 recipe on the first fold" in said


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_the_time_is_that_of_the_clock_it_is_given(tmp_path):
    clock = Clock()
    plan = Plan(data(), tuple(pick(["erm", "logistic"]).items()), folds=3, engine=Engine(clock=clock))
    graph = tasks(plan, FolderStore(tmp_path))
    made = Schedule(plan, graph, deadline=clock() + 100.0)
    agenda = Agenda(graph, made)
    assert made.budget == 100.0
    first = agenda.left
    assert 80 < first < 100
    clock.now += 30
    assert agenda.left == pytest.approx(first - 30)
    assert agenda.next() is not None
    clock.now += first
    assert agenda.next() is None
    assert agenda.active


def test_an_agenda_gives_each_task_once_after_those_it_waits_for(tmp_path):
    plan = Plan(data(), tuple(pick(["crt", "erm"]).items()), folds=2, backbone="mlp", epochs=1)
    graph = tasks(plan, FolderStore(tmp_path))
    schedule = Schedule(plan, graph)
    agenda, given = Agenda(graph, schedule), []
    while (task := agenda.next()) is not None:
        assert graph[task] <= set(given)
        given.append(task)
        schedule.finished(task, made_by(task, 1.0) if task.stage is None else None)
        agenda.done(task)
    assert len(given) == len(set(given)) == len(graph)
    assert not agenda.active


@pytest.mark.parametrize("kind", ["embedding", "text", "table", "sparse", "image"])
def test_every_recipe_has_a_cost_on_every_kind_of_data(kind):
    import pandas as pd

    from longtail.catalogue import known_recipes
    from longtail.inputs import SparseRows

    y = Labels.of([0, 1, 0, 1, 0, 0])
    raw = {
        "embedding": torch.ones(6, 3),
        "text": ["a few words"] * 6,
        "table": pd.DataFrame({"a": [1.0] * 6, "b": list("xyzxyz")}),
        "sparse": SparseRows(torch.arange(7), torch.zeros(6, dtype=torch.int64), torch.ones(6), 5),
        "image": torch.zeros(6, 3, 8, 8, dtype=torch.uint8),
    }[kind]
    dataset = Dataset.of("toy", "text" if kind == "sparse" else kind, raw, y)
    for name, recipe in known_recipes().items():
        plan = Plan(dataset, (("x", recipe),), baseline="x") if name in ("erm", "logistic") else None
        if plan is not None:
            assert 0 < cost.seconds_of(plan, "x") < 600, name
    assert set(cost.FITS) >= {"Logistic", "RandomForest", "GradientBoosting"}
