"""Scores follow from what is kept: a finished comparison asked again is judged anew, and nothing is trained."""

from __future__ import annotations

import csv
import json
import math
import subprocess

import pytest
import torch

from longtail import api
from longtail.api import comparing
from longtail.classes import Classes
from longtail.comparison.judge import Judge, priors_of
from longtail.comparison.outputs import Outputs
from longtail.data import Dataset
from longtail.files import HOST
from longtail.labels import Labels
from longtail.prior import Prior
from longtail.report import show
from longtail.run.outcome import Meaning

RECIPES = ["erm", "focal", "logistic"]
HOW = {"folds": 3, "epochs": 2, "verbose": 0}
DECLARED = (0.2, 0.3, 0.5)
COSTS = ("fit_seconds", "predict_seconds")


def toy(n: int = 90, classes: int = 3) -> Dataset:
    g = torch.Generator().manual_seed(0)
    labels = Labels.of(torch.cat([torch.arange(n) % classes, torch.zeros(n // 2, dtype=torch.int64)]))
    x = torch.randn(len(labels), 4, generator=g) + 1.2 * torch.eye(4)[labels.y]
    return Dataset.of("toy", "embedding", x, labels)


def asked(out, **how):
    """A comparison, and the events that say that something was computed."""
    events = []
    found = api.compare(toy(), out=out, on=events.append, **{"recipes": RECIPES, **HOW, **how})
    return found, [event for event in events if "epoch" in event or "task" in event or "key" in event]


def numbers(folder):
    with (folder / "results.csv").open(newline="") as file:
        return [row for row in csv.reader(file) if row[4] not in COSTS]


@pytest.fixture(autouse=True)
def no_pictures(request, monkeypatch):
    """Reports take longer than all else here."""
    if "metric_and_baseline" not in request.node.name:
        monkeypatch.setattr(comparing, "write_report", lambda results, path: None)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished comparison under the natural prior, with its model."""
    folder = tmp_path_factory.mktemp("judged")
    _, done = asked(folder)
    assert len(done) > 9  # such events there are where something is trained
    return folder


@pytest.mark.parametrize("prior", [DECLARED, pytest.param("balanced", marks=pytest.mark.slow), "natural"])
def test_another_prior_trains_nothing_and_gives_the_numbers_of_a_new_comparison(first, tmp_path, prior):
    again, done = asked(first, prior=prior)
    assert done == []
    new, _ = asked(tmp_path, prior=prior, model=False)
    assert numbers(first) == numbers(tmp_path)
    assert again.results["evidence"] == new.results["evidence"]
    assert again.recommendation == new.recommendation
    names = ("recipe", "scores", "per_class", "confusion", "reliability", "decided_by", "prior_source")
    for a, b in zip(again.results["runs"], new.results["runs"]):
        assert {k: a[k] for k in names} == {k: b[k] for k in names}


@pytest.mark.parametrize("jobs", [1, 2])
def test_another_metric_and_baseline_train_nothing(first, jobs):
    found, done = asked(first, metric="roc_auc", baseline="focal", jobs=jobs)
    assert done == []
    rows = found.rows["natural"]
    scores = [row.mean["roc_auc"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert found.results["settings"]["metric"] == "roc_auc"
    assert found.results["settings"]["baseline"] == "focal"
    assert math.isnan(next(row.difference for row in rows if row.recipe == "focal"))
    assert "ROC-AUC 0." in found.recommendation["natural"]
    assert "Ranked by ROC-AUC" in (first / "report.html").read_text()


def test_a_metric_that_is_better_low_ranks_the_lowest_first(first):
    found, done = asked(first, metric="nll", prior="balanced")
    assert done == []
    scores = [row.mean["nll"] for row in found.rows["balanced"]]
    assert scores == sorted(scores)
    assert "scores lowest, which is best: NLL" in found.recommendation["balanced"]
    assert found.results["evidence"]["balanced"]["winner"]["metric"] == "nll"


def test_the_model_of_an_earlier_call_stays_and_what_is_best_now_is_said(first):
    before, _ = asked(first)
    kept = before.results["model"]
    assert before.model is not None
    metrics = ("macro_f1", "nll", "worst_class_recall", "medium", "mcc", "ece", "classwise_ece")
    found = [asked(first, metric=metric)[0] for metric in metrics]
    other = next(f for f in found if f.best != kept["recipe"])
    assert other.model is None
    assert other.results["model"]["recipe"] == kept["recipe"]
    assert f"Now {other.best} is best, and nothing was trained" in other.results["model"]["why"]
    asked_for, _ = asked(first, metric=other.results["settings"]["metric"], model=True)
    assert asked_for.model is not None
    assert asked_for.results["model"]["recipe"] == other.best
    same, done = asked(first, metric=other.results["settings"]["metric"])
    assert done == []
    assert same.model is not None
    assert "why" not in same.results["model"]


def test_tensors_that_a_killed_save_left_are_removed(tmp_path):
    """Killed after the new model stood and before the old one's tensors were gone; the same command saves nothing."""
    asked(tmp_path, recipes=["logistic"])
    (stored,) = (tmp_path / "model").glob("*.safetensors")
    gone = subprocess.Popen(["true"])
    gone.wait()
    old = stored.with_name(f"model-{HOST}-{gone.pid}-{'0' * 12}.safetensors")
    old.write_bytes(stored.read_bytes())
    cut = stored.with_name(f".model.json.{HOST}-{gone.pid}-{'0' * 12}.tmp")
    cut.write_text("{")
    found, done = asked(tmp_path, recipes=["logistic"])
    assert done == []
    assert list((tmp_path / "model").glob("*.safetensors")) == [stored]
    assert not cut.exists()
    assert found.model is not None


def test_where_there_is_no_model_yet_one_is_trained(tmp_path):
    asked(tmp_path, recipes=["logistic"], model=False)
    found, _ = asked(tmp_path, recipes=["logistic"], prior="balanced")
    assert found.model is not None


def test_recipes_of_an_earlier_call_are_judged_under_the_prior_of_this_one(tmp_path):
    asked(tmp_path / "a", recipes=["erm", "logistic"], model=False)
    joined, _ = asked(tmp_path / "a", recipes=["focal"], prior=DECLARED, model=False)
    assert list(joined.results["recipes"]) == ["erm", "logistic", "focal"]
    asked(tmp_path / "b", recipes=["erm", "logistic", "focal"], prior=DECLARED, model=False)
    assert numbers(tmp_path / "a") == numbers(tmp_path / "b")


def test_a_recipe_of_an_earlier_call_whose_outputs_are_gone_is_left_out(tmp_path):
    asked(tmp_path, recipes=["erm", "logistic"], model=False)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    gone = next(run for run in results["runs"] if run["recipe"] == "erm")
    next(tmp_path.glob(f"runs/*{gone['identity']}.safetensors")).unlink()
    found, _ = asked(tmp_path, recipes=["focal"], model=False)
    assert list(found.results["recipes"]) == ["logistic", "focal"]


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("f2", "metric='f2': there is no such metric; there are accuracy"),
        ("macro_f", "no such metric.*macro_f1"),
        ("top5_accuracy", "metric='top5_accuracy' says nothing of 3 classes"),
        ("many", "metric='many' says nothing of 3 classes of these sizes"),
    ],
)
def test_a_metric_that_cannot_rank_is_an_error_before_anything_is_done(tmp_path, metric, says):
    with pytest.raises(ValueError, match=says):
        asked(tmp_path, metric=metric)
    assert not list(tmp_path.glob("runs/*"))


def outputs(y, logits, prior=(0.9, 0.1)):
    meaning = Meaning(
        Classes(("0", "1"), torch.tensor([9, 1])),
        torch.tensor(prior, dtype=torch.float64) if prior else None,
    )
    return Outputs(torch.arange(len(y)), torch.tensor(y), torch.tensor(logits), meaning, None)


LABELS = Labels.of([0] * 9 + [1])


def test_test_rows_of_one_class_have_no_score_where_there_is_none():
    judge = Judge(LABELS.classes, priors_of(Prior.natural()), "natural")
    found = judge(outputs([0, 0, 0], [[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    scores = found["scores"]["natural"]
    assert {name for name, v in scores.items() if v is None} >= {
        "mcc",
        "roc_auc",
        "average_precision",
        "nll_skill",
    }
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert found["per_class"]["natural"]["roc_auc"] == [None, None]
    json.dumps(found, allow_nan=False)


def test_logits_whose_prior_is_not_known_are_judged_as_trained_alone():
    judge = Judge(LABELS.classes, priors_of(Prior.given((0.5, 0.5))), "natural")
    found = judge(outputs([0, 1], [[2.0, 0.0], [0.0, 1.0]], prior=None))
    assert list(found["scores"]) == ["as_trained"]


def test_the_rarest_class_is_that_of_the_data_not_of_the_fold():
    judge = Judge(LABELS.classes, priors_of(Prior.natural()), "natural")
    scores = judge(outputs([0, 1, 1], [[2.0, 0.0], [1.0, 2.0], [3.0, 0.0]]))["scores"]["natural"]
    assert scores["average_precision_rarest"] == pytest.approx((1 + 2 / 3) / 2)


def test_a_fold_of_one_class_is_no_crash_and_said_in_the_table(tmp_path, capsys):
    """Two rare rows in three folds: the third fold tests one class alone."""
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 40 + [1] * 2)
    data = Dataset.of("rare", "embedding", torch.randn(42, 3, generator=g) + 3 * labels.y[:, None], labels)
    found = api.compare(data, recipes=["logistic"], out=tmp_path, model=False, **HOW)
    assert all(run.done for run in found.record.runs)
    scores = [run.scores["natural"] for run in found.record.runs]
    for metric in ("roc_auc", "average_precision_rarest", "mcc", "nll_skill"):
        assert sorted(of[metric] is None for of in scores) == [False, False, True], metric
        row = found.rows["natural"][0]
        assert row.defined[metric] == 2
    assert all(of["accuracy"] is not None for of in scores)
    show(found.record)
    assert "°: not defined in some of the runs" in " ".join(capsys.readouterr().out.split())
    alone = found.record.but(
        runs=tuple(run for run in found.record.runs if run.scores["natural"]["mcc"] is None)
    )
    show(alone)
    assert "not defined" in capsys.readouterr().out
