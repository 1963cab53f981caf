"""What a recipe said of every test row: kept, read again, made anew where it is missing or damaged."""

from __future__ import annotations

import json
import math

import pytest
import torch

from longtail import api, recipes
from longtail.adjust import Thresholds
from longtail.classes import Classes
from longtail.classical import logistic
from longtail.comparison import outputs as module
from longtail.comparison.outputs import Outputs, load_outputs, said
from longtail.comparison.plan import Plan
from longtail.comparison.run import run
from longtail.comparison.task import Task
from longtail.comparison.work import Worker
from longtail.data import Dataset
from longtail.executors import InProcess
from longtail.labels import Labels
from longtail.metrics import evaluate
from longtail.prior import Prior
from longtail.run.outcome import Meaning, Outcome
from longtail.store import Cache, FolderStore


def toy(n: int = 90, classes: int = 3) -> Dataset:
    g = torch.Generator().manual_seed(0)
    labels = Labels.of(torch.cat([torch.arange(n) % classes, torch.zeros(n // 2, dtype=torch.int64)]))
    x = torch.randn(len(labels), 4, generator=g) + 1.2 * torch.eye(4)[labels.y]
    return Dataset.of("toy", "embedding", x, labels)


def plan_of(**settings) -> Plan:
    chosen = (("erm", recipes.erm), ("logit-adjustment", recipes.logit_adjustment), ("logistic", logistic()))
    return Plan(toy(), chosen, **{"folds": 3, "epochs": 2, **settings})


def test_every_row_is_kept_and_judged_from_what_is_kept(tmp_path) -> None:
    plan = plan_of(deploy_prior=Prior.given((0.2, 0.3, 0.5)))
    runs = run(plan, FolderStore(tmp_path), InProcess())
    worker, seen = Worker(plan, FolderStore(tmp_path)), []
    labels = plan.dataset.labels
    for one in runs:
        task = Task(one.recipe, one.fold, one.seed)
        kept = load_outputs(worker.store.outputs, worker.identity(task))
        assert kept is not None
        assert torch.equal(kept.y, labels.y[kept.rows])
        if one.recipe == "erm":
            seen.append(kept.rows)
        for name, given in (
            ("as_trained", None),
            ("natural", Prior.natural()),
            ("balanced", Prior.balanced()),
            ("declared", plan.deploy_prior),
        ):
            weights = None if name in ("natural", "as_trained") else given.resolve(labels.classes)
            p, d = kept.under(given)
            found = evaluate(p, kept.y, prior=weights, decisions=d, groups=labels.classes.groups(), rarest=1)
            assert one.scores[name] == {k: None if math.isnan(v) else v for k, v in found.items()}
        assert worker.store.runs.get(worker.identity(task))["scores"] == {}
    assert torch.cat(seen).sort().values.tolist() == list(range(len(labels)))


def test_outputs_say_what_the_outcome_says(tmp_path) -> None:
    """Probabilities and decisions under any prior, to the last bit, though no net is there."""
    plan = plan_of()
    worker = Worker(plan, FolderStore(tmp_path))
    prepared = plan.prepare(0)
    for name in ("erm", "logit-adjustment", "logistic"):
        encoder, outcome, _ = worker.fit(prepared, name, 0)
        test = prepared.encode(encoder, prepared.test_rows)
        logits = outcome.logits(test.x)
        Outputs.of(outcome, logits, prepared.test_rows, test.labels.y).save(Cache(tmp_path), "a")
        kept = load_outputs(Cache(tmp_path), "a")
        assert kept is not None
        for prior in ("natural", "balanced", (0.2, 0.3, 0.5), tuple(outcome.classes.prior.tolist())):
            p, d = kept.under(prior)
            assert torch.equal(p, outcome.probabilities(logits, prior))
            assert torch.equal(d, outcome.decide(p, prior))
        assert torch.equal(kept.under(None)[0], torch.softmax(logits.double(), -1).float())


def test_another_rule_decides_under_the_natural_prior_alone(tmp_path) -> None:
    labels = Labels.of([0, 0, 0, 1])
    rule = Thresholds(weights=(1.0, 9.0))
    outcome = Outcome(None, None, labels.classes, assumed_prior=labels.prior, thresholds=rule)  # type: ignore[arg-type]
    logits = torch.tensor([[2.0, 0.0], [0.0, 9.0]])
    outputs = Outputs.of(outcome, logits, torch.arange(2), torch.tensor([0, 1]))
    outputs.save(Cache(tmp_path), "a")
    kept = load_outputs(Cache(tmp_path), "a")
    assert kept is not None
    for one in (outputs, kept):
        assert one.under("natural")[1].tolist() == [1, 1]
        assert one.under((0.75, 0.25))[1].tolist() == [1, 1]
        assert one.under("balanced")[1].tolist() == [0, 1]
        assert one.under(None)[1].tolist() == [0, 1]


def test_a_run_without_its_outputs_is_computed_anew(tmp_path) -> None:
    plan = plan_of()
    task = Task("logistic", 0, 0)
    run(plan, FolderStore(tmp_path), InProcess())
    worker = Worker(plan, FolderStore(tmp_path))
    outputs, identity = worker.store.outputs, worker.identity(task)
    before = load_outputs(outputs, identity)
    assert before is not None
    outputs.drop(identity)
    assert identity in worker.store.runs
    assert not worker.scored(task)
    run(plan, FolderStore(tmp_path), InProcess())
    again = load_outputs(outputs, identity)
    assert again is not None
    assert torch.equal(again.logits, before.logits)
    assert torch.equal(again.rows, before.rows)


def simple(logits: torch.Tensor) -> Outputs:
    n, c = logits.shape
    meaning = Meaning(Classes(tuple("abcdef"[:c]), torch.arange(1, c + 1)), torch.full((c,), 1 / c).double())
    return Outputs(torch.arange(n), torch.arange(n) % c, logits, meaning, None)


def test_damaged_outputs_are_said_and_removed(tmp_path) -> None:
    entries = Cache(tmp_path)
    z = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    simple(z).save(entries, "a")
    kept = load_outputs(entries, "a")
    assert kept is not None
    assert torch.equal(kept.logits, z)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 255
    file.write_bytes(bytes(data))
    with pytest.warns(UserWarning, match="is damaged.*is computed anew"):
        assert load_outputs(entries, "a") is None
    assert not file.exists()
    assert load_outputs(entries, "a") is None


def test_outputs_of_an_earlier_format_are_said_and_removed(tmp_path) -> None:
    entries = Cache(tmp_path)
    entries.put("a", {"log_probabilities": torch.zeros(2, 2)}, {"priors": []})
    with pytest.warns(UserWarning, match="format None; this version reads 3"):
        assert load_outputs(entries, "a") is None
    assert "a" not in entries


def test_many_logits_take_two_bytes_and_score_the_same_now_and_later(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "LARGE", 1)
    g = torch.Generator().manual_seed(0)
    logits = 100 + 8 * torch.randn(200, 5, generator=g)
    whole = simple(logits)
    outcome = Outcome(None, None, whole.meaning.classes, assumed_prior=whole.meaning.assumed_prior)  # type: ignore[arg-type]
    made = Outputs.of(outcome, logits, whole.rows, whole.y)
    made.save(Cache(tmp_path), "a")
    kept = load_outputs(Cache(tmp_path), "a")
    assert kept is not None
    assert kept.logits.dtype == torch.float16
    for prior in (None, "natural", "balanced"):
        assert all(torch.equal(a, b) for a, b in zip(made.under(prior), kept.under(prior)))
        near, exact = made.under(prior)[0].log(), whole.under(prior)[0].log()
        assert torch.allclose(near, exact, atol=0.02)
        assert torch.equal(near.argmax(1), exact.argmax(1))


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


def test_a_run_whose_outputs_are_damaged_is_made_again(tmp_path) -> None:
    how = {"recipes": ["erm", "logistic"], "folds": 3, "epochs": 1, "out": tmp_path, "model": False}
    first = api.compare(toy(), **how)
    file = max(tmp_path.glob("runs/*.safetensors"))
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.warns(UserWarning, match="is damaged"):
        mended = api.compare(toy(), **how)
    assert mended.results["evidence"]["natural"]["tests"]["macro_f1"]["erm"]["logistic"]
    scores = [[run["scores"] for run in found.results["runs"]] for found in (first, mended)]
    assert scores[0] == scores[1]
