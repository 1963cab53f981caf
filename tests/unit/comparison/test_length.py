"""The length of training, found on held-out rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import longtail
from longtail.classical import logistic
from longtail.comparison.length import Length, better, find, held_losses
from longtail.comparison.plan import Plan
from longtail.comparison.work import Worker
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.recipes import erm, mixup
from longtail.store import FolderStore


def toy(n: int = 200) -> Dataset:
    r = np.random.default_rng(0)
    y = (r.random(n) < 0.2).astype(int)
    x = r.normal(size=(n, 3)).astype(np.float32)
    x[:, 0] += 2 * y
    return Dataset.of("toy", "embedding", torch.from_numpy(x), Labels.of(y))


def test_longer_is_taken_where_it_is_worth_it_in_the_mean() -> None:
    noise = torch.linspace(-1, 1, 100).double()
    assert not better(1 + noise, 1.005 + noise.flip(0))
    assert better(1 + noise, 1.02 + noise.flip(0))  # noise of .1 does not hide it
    assert not better(
        torch.full((10,), 9.96), torch.full((10,), 10.0)
    )  # less than half a per cent is nothing
    assert not better(torch.full((10,), 1e-4), torch.full((10,), 1e-3))  # every row was right before


@pytest.mark.parametrize("optimum, want", [(1, 10), (10, 10), (30, 30), (200, 270)])
def test_the_search_stops_at_a_plateau(optimum: int, want: int) -> None:
    found = find(10, (1, 1000), lambda epochs: torch.full((5,), 1 + 5 / min(epochs, optimum)).double())
    assert (found.epochs, found.converged) == (want, True)


def test_a_search_that_ends_at_the_limit_says_that_it_has_not_converged() -> None:
    found = find(10, (10, 100), lambda epochs: torch.full((5,), 10 / epochs).double())
    assert (found.epochs, found.converged) == (90, False)


def test_the_held_out_loss_sees_rare_rows() -> None:
    labels = Labels.of([0] * 99 + [1])
    logits = torch.zeros(100, 2)
    logits[:, 0] = 3.0  # the rare row is lost
    natural = torch.nn.functional.cross_entropy(logits, labels.y)
    assert held_losses(logits, labels).mean() > 10 * natural


def test_a_comparison_finds_its_length_once_a_fold_and_a_run_says_whether_it_converged(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(Plan, "lengths", (3, 30))  # of what toy data are searched through: hundreds of epochs
    plan = Plan(toy(), (("erm", erm), ("mixup", mixup), ("logistic", logistic())), folds=2)
    worker = Worker(plan, FolderStore(tmp_path))
    prepared = worker.prepared(0)
    assert worker.recipe("erm", prepared, 0).stages[0].epochs == plan.base.epochs  # solved: no search
    found = worker.length(prepared, 0)
    assert len(found.tried) > 1
    assert worker.recipe("mixup", prepared, 0).stages[0].epochs == found.epochs
    assert (
        Worker(plan, FolderStore(tmp_path)).length(Worker(plan, FolderStore(tmp_path)).prepared(0), 0)
        == found
    )  # kept


def test_a_length_that_was_given_is_not_searched_for(tmp_path) -> None:
    plan = Plan(toy(), (("mixup", mixup),), folds=2, epochs=2, baseline="mixup")
    worker = Worker(plan, FolderStore(tmp_path))
    assert worker.length(worker.prepared(0), 0).converged is None
    assert worker.recipe("mixup", worker.prepared(0), 0).stages[0].epochs == 2


def test_the_model_of_a_comparison_takes_the_length_that_its_folds_found(tmp_path, monkeypatch) -> None:
    lengths = iter([3, 5])
    monkeypatch.setattr(
        "longtail.comparison.learning.find", lambda first, allowed, losses: Length(next(lengths), True)
    )
    found = longtail.compare(toy(60), recipes=["mixup"], folds=2, out=tmp_path, verbose=0)
    assert found.model is not None  # a third search would have had no answer
    assert sorted(run["length"]["epochs"] for run in found.results["runs"]) == [3, 5]
    first = found.model.outcome.recipe.stages[0]
    assert first.epochs == 5
