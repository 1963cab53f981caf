"""Priors that recipes are not told, from what they said of the test rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail import api
from longtail.classes import Classes
from longtail.comparison.judge import Judge, priors_of
from longtail.comparison.outputs import Outputs, load_outputs
from longtail.comparison.record import Results
from longtail.comparison.unknown import TESTED, judged, untold_priors
from longtail.prior import Prior
from longtail.report.unknown import show_unknown, spread, tables
from longtail.run.outcome import Meaning
from longtail.store import FolderStore

COUNTS = torch.tensor([800, 150, 50])
MEANS = torch.tensor([[0.0, 0.0], [2.5, 0.0], [0.0, 2.5]])


def said(n: int = 2000, sure: float = 1.0) -> Outputs:
    """What the Bayes classifier says of rows as frequent as in training."""
    g = torch.Generator().manual_seed(0)
    prior = COUNTS.double() / COUNTS.sum()
    y = torch.multinomial(prior, n, replacement=True, generator=g)
    x = MEANS[y] + torch.randn(n, 2, generator=g)
    logits = prior.log() - 0.5 * torch.cdist(x, MEANS).square()
    return Outputs(torch.arange(n), y, logits * sure, Meaning(Classes.of(COUNTS), prior), None)


def judge() -> Judge:
    return Judge(Classes.of(COUNTS), priors_of(Prior.natural()), "natural")


def test_the_tested_priors_are_those_of_training_even_and_reversed() -> None:
    found = untold_priors(Classes.of(torch.tensor([5, 60, 35])))
    assert list(found) == list(TESTED)
    assert found["forward"].tolist() == pytest.approx([0.05, 0.6, 0.35])
    assert found["backward"].tolist() == pytest.approx([0.6, 0.05, 0.35])


def test_told_is_best_and_an_estimate_comes_near_without_being_told() -> None:
    found = judged(said(), judge(), untold_priors(Classes.of(COUNTS)))
    for name, of in found.items():
        assert of["told"] >= max(of["natural"], of["even"]) - 0.01, name
        assert of["estimated"] > of["told"] - 0.03, name
        assert of["off"] < 0.15, name
        assert "experts" not in of
    assert found["forward"]["natural"] == found["forward"]["told"]
    assert found["balanced"]["even"] == found["balanced"]["told"]
    assert found["backward"]["natural"] < found["backward"]["estimated"] - 0.2


def test_the_accuracy_is_that_of_rows_that_are_there_so_often() -> None:
    one, priors = said(), untold_priors(Classes.of(COUNTS))
    found = judged(one, judge(), priors)
    right = (one.logits.argmax(1) == one.y).double()
    recall = torch.stack([right[one.y == k].mean() for k in range(3)])
    for name, prior in priors.items():
        assert found[name]["natural"] == pytest.approx(float(recall @ prior), abs=1e-9)


def test_rows_that_are_too_few_are_not_estimated_on() -> None:
    found = judged(said(29), judge(), untold_priors(Classes.of(COUNTS)))
    assert set(found["forward"]) == {"natural", "even", "told"}


def test_experts_are_weighed_for_the_rows() -> None:
    """The first expert is right and steady, the others are noise that two views do not agree on."""
    one, g = said(), torch.Generator().manual_seed(1)
    noise = [torch.randn(3, len(one.y), 1, 3, generator=g) * 4 for _ in range(2)]
    experts = torch.cat([one.logits.float().expand(3, 1, -1, -1).permute(0, 2, 1, 3), *noise], 2)
    plain = (experts[0].mean(1).argmax(1) == one.y).double().mean()
    found = judged(
        Outputs(one.rows, one.y, one.logits, one.meaning, None, None, experts),
        judge(),
        untold_priors(Classes.of(COUNTS)),
    )
    assert found["forward"]["experts"] > float(plain) + 0.02


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    rng = np.random.default_rng(0)
    y = rng.choice(3, 400, p=[0.6, 0.25, 0.15])
    x = MEANS.numpy()[y] + rng.normal(size=(400, 2))
    out = tmp_path_factory.mktemp("unknown")
    settings = {
        "recipes": ["logistic", "sade"],
        "folds": 2,
        "epochs": 2,
        "model": False,
        "verbose": 0,
        "out": out,
    }
    before = api.compare((x, y), **settings)
    return before, api.compare((x, y), unknown=True, **settings), out


def test_it_is_asked_for_afterwards_and_nothing_is_trained(found) -> None:
    before, after, _ = found
    assert before.record.unknown == {}
    assert [run.scores for run in after.record.runs] == [run.scores for run in before.record.runs]
    assert set(after.record.unknown) == {"logistic", "sade"}
    for of in after.record.unknown["sade"].values():
        assert all(len(values) == 2 and None not in values for values in of.values())
    assert after.record.unknown["logistic"]["backward"]["experts"] == [None, None]


def test_it_is_written_and_shown(found, capsys) -> None:
    _, after, out = found
    assert Results.from_json(after.record.to_json()).unknown == after.record.unknown
    made = tables(after.record)
    assert [t.columns for t in made] == [made[0].columns] * 3
    assert made[0].columns == (
        "as in training",
        "balanced",
        "estimated",
        "experts",
        "told",
        "estimate off by",
    )
    assert [name for name, _ in made[0].rows] == ["logistic", "sade"]
    show_unknown(after.record)
    assert "the training frequencies in reverse" in capsys.readouterr().out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "When the class frequencies are not known" in page
    assert page.count("Every class equally frequent") == 1


def test_what_experts_said_is_kept_beside_the_outputs(found) -> None:
    _, after, out = found
    kept = {
        r.recipe: load_outputs(FolderStore(out).outputs, r.identity) for r in after.record.runs if r.fold == 0
    }
    assert kept["logistic"].experts is None
    sade = kept["sade"]
    assert sade.experts.shape == (3, len(sade.y), 3, 3)
    assert torch.allclose(sade.experts[0].mean(1), sade.logits, atol=1e-4)
    assert not torch.equal(sade.experts[1], sade.experts[2])


def test_nothing_to_show_where_it_was_not_asked_for(found, capsys) -> None:
    show_unknown(found[0].record)
    assert capsys.readouterr().out == ""
    assert np.isnan(spread([None])[0])
