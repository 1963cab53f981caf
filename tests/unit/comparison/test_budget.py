"""A budget: what fits is done and compared, the rest is said, a model is there, and nothing runs on."""

import contextlib
import time

import numpy as np
import pytest
import torch

from longtail import api
from longtail.api import keeping
from longtail.chosen import pick
from longtail.classical import Classical
from longtail.comparison.counted import RunsFailed
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.part import part
from longtail.run import OutOfTime


def toy(n=60, seed=0):
    g = torch.Generator().manual_seed(seed)
    labels = Labels.of([0] * (2 * n // 3) + [1] * (n - 2 * n // 3))
    return Dataset.of("toy", "embedding", torch.randn(n, 3, generator=g) + labels.y[:, None], labels)


class Endless:
    """An estimator that never ends, in a library's own loop, and catches what it can."""

    def fit(self, x, labels, *, seed, threads=1):
        while True:
            with contextlib.suppress(ValueError):
                np.sort(np.random.default_rng(0).normal(size=10_000))


class Deaf:
    """One that no signal reaches, as in a long call of a C library: only the parent can end its process."""

    def fit(self, x, labels, *, seed, threads=1):
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)


class Broken:
    """An estimator that fails."""

    def fit(self, x, labels, *, seed, threads=1):
        raise ValueError("no columns to learn from")


def test_nothing_in_time_is_an_error_that_says_what_to_do_and_the_same_call_goes_on(tmp_path):
    how = {"recipes": ["logistic", "random-under+logistic"], "folds": 2, "out": tmp_path, "verbose": 0}
    with pytest.raises(OutOfTime, match="larger --budget"):
        api.compare(toy(), budget=1e-9, **how)
    again = api.compare(toy(), budget=600.0, **how)
    assert {r["status"] for r in again.results["runs"]} == {"done"}
    assert again.results["left_out"] is None


def test_an_estimator_that_does_not_end_is_stopped_and_the_others_are_compared(tmp_path):
    own = {**pick(["logistic"]), "endless": Classical("endless", part(Endless))}
    began = time.monotonic()
    found = api.compare(toy(), recipes=own, folds=2, budget=8.0, out=tmp_path, verbose=0)
    assert time.monotonic() - began < 18
    assert {r["recipe"] for r in found.results["runs"]} == {"logistic"}
    assert "Not run: endless" in found.results["left_out"]
    assert found.model is not None
    assert (tmp_path / "model" / "model.json").exists()
    assert list(found.table["recipe"].unique()) == ["logistic"]


def test_a_worker_process_that_does_not_stop_is_ended(tmp_path):
    own = {**pick(["logistic"]), "deaf": Classical("deaf", part(Deaf))}
    began = time.monotonic()
    found = api.compare(toy(), recipes=own, folds=2, jobs=2, budget=15.0, out=tmp_path, verbose=0)
    assert time.monotonic() - began < 35
    assert "Not run: deaf" in found.results["left_out"]
    assert {r["recipe"] for r in found.results["runs"]} == {"logistic"}
    assert found.model is not None


def test_where_all_rows_take_too_long_the_first_fold_s_model_is_kept(tmp_path, monkeypatch):
    how = {"recipes": ["logistic"], "folds": 2, "out": tmp_path, "verbose": 0}
    monkeypatch.setattr(keeping, "whole_seconds", lambda row, share: 1e6)
    found = api.compare(toy(), budget=60.0, **how)
    assert found.results["model"]["rows"] == "the training rows of fold 1: no time for all rows"
    assert len(found.model.predict(toy().raw)) == 60
    assert int(found.model.outcome.classes.counts.sum()) == 30


def test_no_budget_trains_on_all_rows(tmp_path):
    found = api.compare(toy(), recipes=["logistic"], folds=2, out=tmp_path, verbose=0)
    assert found.results["model"]["rows"] == "all rows"
    assert int(found.model.outcome.classes.counts.sum()) == 60


def test_when_every_run_failed_it_raises(tmp_path):
    own = {"broken": Classical("broken", part(Broken))}
    with pytest.raises(RunsFailed, match="broken: ValueError: no columns to learn from"):
        api.compare(toy(), recipes=own, folds=2, out=tmp_path, verbose=0)
    assert not (tmp_path / "results.json").exists()


def test_several_data_sets_share_the_budget_and_one_without_a_run_does_not_lose_the_others(tmp_path):
    sets = [toy(), toy(seed=1)]
    with pytest.raises(OutOfTime, match="data set toy"):
        api.compare_several(sets, recipes=["logistic"], folds=2, budget=1e-9, out=tmp_path, verbose=0)
    two = ["logistic", "random-under+logistic"]
    found = api.compare_several(sets, recipes=two, folds=2, budget=60, out=tmp_path, verbose=0)
    assert len(found.comparisons) == 2
    assert repr(found).startswith("Several(2 data sets;")
    assert set(found.table["recipe"]) == set(two)
