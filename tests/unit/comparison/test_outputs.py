"""What a recipe said of every test row: kept, read again, made anew where it is missing or damaged."""

from __future__ import annotations

import json
import math

import pytest
import torch

from longtail import api, recipes
from longtail.classical import logistic
from longtail.comparison import outputs as module
from longtail.comparison.outputs import load_outputs, said, save_outputs
from longtail.comparison.plan import Plan
from longtail.comparison.run import run
from longtail.comparison.work import Task, Worker
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.metrics import evaluate
from longtail.run.outcome import prior_vector


def toy(n: int = 90, classes: int = 3) -> Dataset:
    g = torch.Generator().manual_seed(0)
    labels = Labels.of(torch.cat([torch.arange(n) % classes, torch.zeros(n // 2, dtype=torch.int64)]))
    x = torch.randn(len(labels), 4, generator=g) + 1.2 * torch.eye(4)[labels.y]
    return Dataset.of("toy", "embedding", x, labels)


def plan_of(**settings) -> Plan:
    chosen = (("erm", recipes.erm), ("logit-adjustment", recipes.logit_adjustment), ("logistic", logistic()))
    return Plan(toy(), chosen, **{"folds": 3, "epochs": 2, **settings})


def test_every_row_is_kept_as_it_was_scored(tmp_path) -> None:
    plan = plan_of(prior=(0.2, 0.3, 0.5))
    rows = run(plan, tmp_path)
    worker, seen = Worker(plan, tmp_path), []
    labels = plan.dataset.labels
    for row in rows:
        kept = load_outputs(worker.outputs_file(Task(row["recipe"], row["fold"], row["seed"])))
        assert kept is not None
        assert torch.equal(kept["y"].long(), labels.y[kept["rows"]])
        p = kept["log_probabilities"].double().exp()
        assert torch.allclose(p.sum(1), torch.ones(len(p), dtype=torch.float64), atol=1e-5)
        if row["recipe"] == "erm":
            seen.append(kept["rows"])
        for prior, given in (("natural", "natural"), ("balanced", "balanced"), ("declared", plan.prior)):
            under = p * prior_vector(given, labels) / labels.prior
            under = under / under.sum(1, keepdim=True)
            weights = None if prior == "natural" else prior_vector(given, labels)
            d = kept[f"{prior}/decision"].long()
            found = evaluate(under.float(), kept["y"].long(), prior=weights, decisions=d)
            for metric in ("balanced_accuracy", "macro_f1", "nll", "brier"):
                assert found[metric] == pytest.approx(row["scores"][prior][metric], abs=1e-4)
        assert float(kept["natural/nll"].mean()) == pytest.approx(row["scores"]["natural"]["nll"], abs=1e-5)
        assert float(kept["natural/brier"].mean()) == pytest.approx(
            row["scores"]["natural"]["brier"], abs=1e-5
        )
    assert torch.cat(seen).sort().values.tolist() == list(range(len(labels)))


def test_a_run_without_its_outputs_is_computed_anew(tmp_path) -> None:
    plan = plan_of()
    task = Task("logistic", 0, 0)
    run(plan, tmp_path)
    worker = Worker(plan, tmp_path)
    file = worker.outputs_file(task)
    before = load_outputs(file)
    assert before is not None
    file.unlink()
    assert worker.run_file(task).exists()
    assert not worker.scored(task)
    run(plan, tmp_path)
    again = load_outputs(file)
    assert again is not None
    assert all(torch.equal(again[k], before[k]) for k in before)


def test_damaged_outputs_are_said_and_removed(tmp_path) -> None:
    file = tmp_path / "a.safetensors"
    p = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    save_outputs(file, torch.arange(2), torch.tensor([0, 1]), p, "natural", {})
    kept = load_outputs(file)
    assert kept is not None
    assert torch.allclose(kept["log_probabilities"].exp(), p)
    data = bytearray(file.read_bytes())
    data[-1] ^= 255
    file.write_bytes(bytes(data))
    with pytest.warns(UserWarning, match="is damaged.*tested on folds instead of rows"):
        assert load_outputs(file) is None
    assert not file.exists()
    assert load_outputs(file) is None


def test_large_outputs_take_two_bytes_and_keep_small_probabilities(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "SMALL", 3)
    file = tmp_path / "a.safetensors"
    p = torch.tensor([[1 - 1e-12, 1e-12], [0.99999, 0.00001]], dtype=torch.float64).float()
    save_outputs(file, torch.arange(2), torch.tensor([0, 1]), p, "natural", {})
    kept = load_outputs(file)
    assert kept is not None
    log = kept["log_probabilities"]
    assert log.dtype == torch.float16
    assert log[:, 1].double().tolist() == pytest.approx([math.log(1e-12), math.log(1e-5)], rel=1e-3)


def test_said_in_chunks(monkeypatch) -> None:
    g = torch.Generator().manual_seed(0)
    p = torch.softmax(torch.randn(50, 3, generator=g), -1)
    y, d = torch.randint(0, 3, (50,), generator=g), p.argmax(1)
    whole = said(p, y, d)
    monkeypatch.setattr(module, "CHUNK", 21)
    parts = said(p, y, d)
    assert torch.equal(whole.nll, parts.nll)
    assert torch.equal(whole.brier, parts.brier)
    assert whole.decision.dtype == torch.uint8


def test_equal_recipes_are_found_and_every_difference_is_tested_on_rows(tmp_path) -> None:
    found = api.compare(
        toy(), recipes=["erm", "logit-adjustment", "logistic", "random-under+logistic"], folds=3, epochs=2,
        out=tmp_path, model=False,
    )  # fmt: skip
    for prior in ("natural", "balanced"):
        evidence = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["evidence"][prior]
        assert evidence["same_as"] == {"logit-adjustment": "erm"}
        metric = "macro_f1" if prior == "natural" else "balanced_accuracy"
        assert set(evidence["tests"][metric]["erm"]) == {"logistic", "random-under+logistic"}
        assert set(evidence["tests"]) >= {"nll", "brier", "accuracy", "many"}
        assert evidence["winner"]["candidates"] == 3
        assert evidence["winner"]["expected"] < evidence["winner"]["score"]
        rows = {row.recipe: row for row in found.rows[prior]}
        assert rows["logit-adjustment"].same_as == "erm"
        tested = evidence["tests"][metric]["erm"]["logistic"]
        difference = rows["logistic"].mean[metric] - rows["erm"].mean[metric]
        assert tested[0] == pytest.approx(difference, abs=1e-9) == pytest.approx(rows["logistic"].difference)
        assert rows["logistic"].low == pytest.approx(tested[1])
    assert found.results["evidence"]["natural"]["tests"]["nll"]["erm"]["logistic"][4] > 0


def test_a_single_run_or_a_lost_file_is_not_tested_on_rows(tmp_path) -> None:
    how = {"recipes": ["erm", "logistic"], "folds": 3, "epochs": 1, "out": tmp_path, "model": False}
    api.compare(toy(), **how)
    file = max(tmp_path.glob("runs/*.safetensors"))
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.warns(UserWarning, match="is damaged"):
        found = api.compare(toy(), **how)
    assert all(math.isfinite(row.difference) for row in found.rows["natural"] if row.recipe != "erm")
    mended = api.compare(toy(), **how)
    assert mended.results["evidence"]["natural"]["tests"]["macro_f1"]
