"""The reviews experiment on a small data set: the comparison's own trainings, watched without being touched."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from reviews.__main__ import main
from reviews.experiment import Reviews, losses, reviews
from reviews.page import standalone
from reviews.words import conclusions

from longtail.comparison.length import Length
from longtail.data import Dataset
from longtail.figures.gradient_norm import BINS
from longtail.kinds.text import stage as text
from longtail.labels import Labels
from longtail.run import Cache
from longtail.store import FolderStore

N = 120


def dataset(n: int = N) -> Dataset:
    draw = torch.Generator().manual_seed(0)
    rows, y = [], []
    for i in range(n):
        rare = i % 5 == 0
        letters = "".join("abcdefgh"[k] for k in torch.randint(0, 8, (12,), generator=draw))
        rows.append(f"{letters} {'zzz' if rare and i % 10 else 'qq'} <b>{i}")
        y.append(int(rare))
    return Dataset.of("<i>toy</i>", "text", rows, Labels.of(y))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Reviews:
    return reviews(
        dataset(), folds=3, seeds=1, epochs=3, out=tmp_path_factory.mktemp("reviews"), command="again"
    )


def test_every_loss_of_the_issue_is_there(found: Reviews) -> None:
    names = {line.name for line in found.lines}
    assert names == set(losses(text()))
    assert {"ce", "weighted-ce", "focal-0.5", "focal-1", "focal-2", "focal-5", "seesaw", "ghm", "dice", "dsc", "ldam",
            "logit-adjustment", "balanced-softmax", "focal-5-faster"} == names  # fmt: skip
    assert all(len(line.scores) == 1 and len(line.scores[0]) == 3 for line in found.lines)


def test_files(found: Reviews) -> None:
    page = (found.folder / "reviews.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1  # the skeleton's own, which sorts tables
    assert not re.search(r"(src|href)=\"[^#]", page)
    assert "<i>toy</i>" not in page
    assert "&lt;i&gt;toy&lt;/i&gt;" in page
    for heading, words in conclusions(found):
        assert heading in page
        assert "nan" not in words
    drawn = sorted(p.name for p in (found.folder / "figures").iterdir())
    assert len(drawn) == 14  # the scores, and thirteen trainings
    svg = (found.folder / "figures" / "focal-2.svg").read_text(encoding="utf-8")
    assert "<text" in svg
    assert "var(" not in svg
    with (found.folder / "reviews.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 14
    ce = next(line for line in found.lines if line.name == "ce")
    assert float(table[0]["fold 2"]) == pytest.approx(ce.scores[0][1], abs=1e-6)
    assert json.loads((found.folder / "reviews.json").read_text(encoding="utf-8"))["positive"] == "1"


def test_scores_are_those_of_the_comparison(found: Reviews) -> None:
    """The F1 of a run, from its confusion table, is what scikit-learn gives for its model's decisions."""
    run = next(run for run in found.results.runs if run.recipe == "dice" and run.fold == 1)
    (_, fp), (fn, tp) = run.confusion["as_trained"]
    line = next(line for line in found.lines if line.name == "dice")
    assert line.scores[0][1] == pytest.approx(2 * tp / (2 * tp + fp + fn))


def test_every_loss_is_trained_as_long_as_was_found_to_be_enough(
    tmp_path: Path, few: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the watched training is that one."""
    monkeypatch.setattr("longtail.comparison.learning.find", lambda first, allowed, losses: Length(3, True))
    found = reviews(dataset(60), folds=2, out=tmp_path)
    enough = {run.length.epochs for run in found.results.runs if run.length is not None}
    assert enough == {3}
    assert found.results.settings.epochs != 3
    assert all(len(run.history) == max(enough) for run in found.results.runs)
    assert all(probe["epochs"][-1] == max(enough) for probe in found.probes.values())
    assert f"{max(enough)} epochs, found on held-out rows" in (tmp_path / "reviews.md").read_text(
        encoding="utf-8"
    )


def test_the_rate_makes_up_for_short_gradients() -> None:
    p, gamma = 0.5, 5.0
    pull = (1 - p) ** gamma * (1 - p) - gamma * p * (1 - p) ** gamma * torch.tensor(p).log()
    made = losses(text())
    rate = [made[name].stages[0].optim["lr"] for name in ("focal-5", "focal-5-faster")]
    assert rate[1] / rate[0] == pytest.approx(0.5 / float(pull), rel=1e-3)
    assert made["focal-5-faster"].stages[0].loss == made["focal-5"].stages[0].loss


def test_dsc_has_no_gradient_at_one_half() -> None:
    """Why it does not start: q = (1 - p) p is largest there, whatever the learning rate."""
    z = torch.zeros(2, 2, requires_grad=True)
    losses(text())["dsc"].stages[0].loss.build()(z, torch.tensor([0, 1])).backward()
    assert z.grad is not None
    assert z.grad.abs().max() < 1e-7


def test_watching_changes_nothing(found: Reviews, tmp_path: Path) -> None:
    """The watched training left the comparison's bits: the same stages as a comparison without a probe."""
    from longtail.comparison.plan import Plan
    from longtail.comparison.work import Worker

    d = dataset()
    made = losses(Plan(dataset=d, recipes=(("erm", losses(text())["ce"]),), baseline="erm", epochs=3).base)
    for name in ("focal-2", "ghm", "ldam"):
        plan = Plan(dataset=d, recipes=((name, made[name]),), baseline=name, folds=3, epochs=3)
        worker = Worker(plan, FolderStore(tmp_path))
        outcome = worker.outcome(worker.prepared(0), name, 0, "full")
        stored = Cache(found.folder / "cache").get(outcome.keys[-1])
        assert stored is not None, "another key"
        for key, value in outcome.net.state_dict().items():
            assert value.equal(stored[0][key]), f"{name}: {key}"


def test_the_probe_sees_training_go_on(found: Reviews) -> None:
    probe = found.probes["ce"]
    assert probe["epochs"] == [1, 3]
    rows = [np.array(m["p"]).sum() for m in probe["moments"]]
    assert rows == [2 * N // 3] * 2
    middle = (np.arange(BINS) + 0.5) / BINS
    sure = [float((np.array(m["p"]).sum(0) * middle).sum()) for m in probe["moments"]]
    assert sure[1] > sure[0], "p_t does not rise"


def test_standalone_figures_have_colours() -> None:
    assert standalone('<svg style="min-width: 3px"><g style="fill: var(--ink)"/></svg>') == (
        '<svg style="background: #fbfaf8; font-family: sans-serif"><g style="fill: #1d2126"/></svg>'
    )


def test_no_data_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LONGTAIL_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"o2o-food-safety.train\.tsv"):
        reviews()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Four of the losses, and no others in the experiment."""
    names = ("ce", "weighted-ce", "focal-5", "ldam")
    monkeypatch.setattr(
        sys.modules[losses.__module__], "losses", lambda base: {name: losses(base)[name] for name in names}
    )
    return names


@pytest.mark.usefixtures("few")
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    d = dataset(60)
    file = tmp_path / "toy.tsv"
    lines = [f"{y}\t{row}" for y, row in zip(d.labels.y.tolist(), d.raw)]
    file.write_text("\n".join(["label\tcomment", *lines]), encoding="utf-8")
    out = tmp_path / "out"
    main([str(file), "--folds", "2", "--epochs", "1", "--jobs", "1", "--out", str(out)])
    assert "Does focal loss give the highest single fold?" in capsys.readouterr().out
    assert "python benchmarks/reviews" in (out / "reviews.html").read_text(encoding="utf-8")
    assert "| ce | 0 |" in (out / "reviews.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", ["", ",tune=lora,rank=2"])
def test_with_an_encoder(options: str, tmp_path: Path, few: tuple[str, ...]) -> None:
    pytest.importorskip("transformers")
    import tiny

    folder = tiny.bert(tmp_path / "bert")
    found = reviews(dataset(60), folds=2, epochs=1, backbone=f"hf:{folder}{options}", out=tmp_path / "out")
    assert [line.name for line in found.lines] == list(few), [
        run.error for run in found.results.runs if not run.done
    ]
    assert found.results.settings.backbone.startswith(f"hf:{folder}")
    assert found.results.data.kind == "text"
    assert all(np.isfinite(m["norm"]).all() for p in found.probes.values() for m in p["moments"])
