"""A comparison with costs: the cheapest decision under the declared prior, judged by its cost, all from kept outputs."""

from __future__ import annotations

import html
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from longtail import api, cli
from longtail.classes import Classes
from longtail.comparison.cost_curve import STEPS, cost_curve, operating_point
from longtail.comparison.judge import Judge, priors_of
from longtail.comparison.kept import predictions
from longtail.comparison.outputs import Outputs
from longtail.comparison.record import read_results
from longtail.costs import Costs
from longtail.labels import Labels
from longtail.model import Model
from longtail.prior import Prior
from longtail.run.outcome import Meaning
from longtail.store import FolderStore

LABELS = Labels.of(["healthy"] * 80 + ["sick"] * 20)
COSTS = {"sick": {"sick": 0, "healthy": 20}, "healthy": {"sick": 1, "healthy": 0}}
OTHER = "0,1;3,0"
HOW = {"recipes": ["logistic", "random-under+logistic"], "folds": 3, "label": "state"}


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sick = np.arange(150) % 5 == 0
    return pd.DataFrame(
        {
            "a": rng.normal(size=150) + 1.2 * sick,
            "b": rng.normal(size=150),
            "bill": rng.uniform(1, 60, 150).round(2),
            "state": np.where(sick, "sick", "healthy"),
        }
    )


def asked(folder, **how):
    """A comparison, and the events that say that something was computed."""
    events: list[dict] = []
    found = api.compare(frame(), out=folder, on=events.append, **{**HOW, **how})
    return found, [e for e in events if "epoch" in e or "task" in e or "key" in e], events


@pytest.fixture(autouse=True)
def no_pictures(request, monkeypatch):
    """Reports take longer than all else here."""
    if "all_is_by_them" not in request.node.name:
        monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished comparison without costs, with its model."""
    made = tmp_path_factory.mktemp("costs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
        asked(made)
    return made


def mean_cost(table: pd.DataFrame, cost) -> float:
    """The mean over the folds of the mean cost of a row, straight from the written decisions."""
    each = [cost(row) for row in table.to_dict("records")]
    return float(table.assign(cost=each).groupby("fold")["cost"].mean().mean())


def test_costs_on_a_finished_comparison_train_nothing_and_all_is_by_them(folder) -> None:
    found, computed, events = asked(folder, costs=COSTS)
    assert not computed
    said = Costs.of(COSTS, ["healthy", "sick"]).in_words(["healthy", "sick"])
    assert said.startswith(
        "A 'healthy' row decided as 'sick' costs 1; a 'sick' row decided as 'healthy' costs 20;"
    )
    assert {"note": said} in events
    assert found.record.settings.metric == "expected_cost"
    best = found.rows["natural"][0]
    assert best.mean["expected_cost"] == min(r.mean["expected_cost"] for r in found.rows["natural"])
    table = predictions(found.record, FolderStore(folder).outputs, best.recipe)
    assert (table["decision"] == np.where(table["p_sick"] > 1 / 21, "sick", "healthy")).all()
    cost = mean_cost(table, lambda r: COSTS[r["truth"]][r["decision"]])
    assert best.mean["expected_cost"] == pytest.approx(cost, rel=1e-9)
    assert (
        f"By the costs that you gave it pays {1000 * cost:,.0f} per 1,000 rows"
        in found.recommendation["natural"]
    )
    page = (folder / "report.html").read_text()
    assert said in html.unescape(page)
    assert "Drummond" in page
    assert 'id="costs"' in page
    assert read_results(folder / "results.json").settings.costs == Costs.of(COSTS, ["healthy", "sick"])

    again, computed, _ = asked(folder, costs=OTHER)
    assert not computed
    assert again.rows["natural"][0].mean["expected_cost"] < cost
    without, computed, _ = asked(folder)
    assert not computed
    assert without.record.settings.metric is None
    assert "expected_cost" not in without.rows["natural"][0].mean
    assert 'id="costs"' not in (folder / "report.html").read_text()


def test_the_kept_model_decides_by_the_last_costs(folder) -> None:
    for costs, threshold in ((COSTS, 1 / 21), (OTHER, 1 / 4)):
        _, computed, _ = asked(folder, costs=costs)
        assert not computed
        out = api.predict(folder, frame())
        assert (out["prediction"] == np.where(out["p_sick"] > threshold, "sick", "healthy")).all()
        assert out.attrs["scores"]["file"]["expected_cost"] > 0
        assert any(note.startswith("decided by costs. A 'healthy' row") for note in out.attrs["notes"])
    shifted = api.predict(folder, frame(), prior="balanced")
    assert (shifted["prediction"] == np.where(shifted["p_sick"] > 1 / 4, "sick", "healthy")).all()
    other = api.predict(folder, frame(), costs="0,1;1,0")
    assert (other["prediction"] == other["most_probable"]).all()
    asked(folder)
    assert Model.load(folder / "model").outcome.costs is None


def test_costs_of_each_row_from_a_column(folder) -> None:
    found, computed, _ = asked(folder, costs="0,5;bill,0")
    assert not computed  # the column was an input before, and stays one
    assert any("'bill' says what decisions cost, and is an input too" in n for n in found.record.data.notes)
    table = pd.read_csv(folder / "predictions.csv")
    bill = frame()["bill"].to_numpy()[table["row"]]
    assert (
        table["decision"] == np.where(table["p_sick"] * bill > 5 * table["p_healthy"], "sick", "healthy")
    ).all()
    table["bill"] = bill
    want = mean_cost(
        table,
        lambda r: {("sick", "healthy"): r["bill"], ("healthy", "sick"): 5}.get(
            (r["truth"], r["decision"]), 0
        ),
    )
    best = found.rows["natural"][0]
    assert best.mean["expected_cost"] == pytest.approx(want, rel=1e-6)
    assert any(math.isfinite(row.difference) for row in found.rows["natural"])
    assert not found.record.runs[0].cost_curve  # the ratio of costs is another in each row
    out = api.predict(folder, frame())
    own = frame()["bill"].to_numpy()
    assert (
        out["prediction"] == np.where(out["p_sick"] * own > 5 * out["p_healthy"], "sick", "healthy")
    ).all()
    model = Model.load(folder / "model")
    assert model.predict(frame()) == out["prediction"].tolist()
    with pytest.raises(ValueError, match="costs name the column 'bill'"):
        model.outcome.predict(model.encode(frame()))
    wrong = api.errors(folder, data=frame(), label="state")
    assert (wrong["truth"] != wrong["decision"]).all()


def test_a_column_left_out_of_the_inputs_still_says_what_decisions_cost(tmp_path) -> None:
    file = tmp_path / "ill.csv"
    frame().to_csv(file, index=False)
    how = {**HOW, "recipes": ["logistic"], "costs": "0,5;bill,0", "out": tmp_path / "out", "verbose": 0}
    found = api.compare(file, drop="bill", **how)
    assert found.model is not None
    assert "bill" not in found.model.encoder.columns
    out = api.predict(tmp_path / "out", file)
    own = frame()["bill"].to_numpy()
    assert (
        out["prediction"] == np.where(out["p_sick"] * own > 5 * out["p_healthy"], "sick", "healthy")
    ).all()
    frame().drop(columns="bill").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(ValueError, match="no column 'bill' for costs="):
        api.predict(tmp_path / "out", tmp_path / "less.csv")
    for cell, words in (("", "row 4 has no number there"), ("much", "")):
        spoilt = frame().astype({"bill": object})
        spoilt.loc[3, "bill"] = cell
        spoilt.to_csv(file, index=False)
        with pytest.raises(ValueError, match=f"column 'bill'.*{words}"):
            api.compare(file, **how)


@pytest.mark.parametrize(
    "how, words",
    [
        ({"costs": "0,1;x,0"}, "no column 'x' for costs="),
        ({"costs": "0,1,1;1,0,1;1,1,0"}, "costs has 3 rows .* for 2 classes.*healthy, sick"),
        ({"costs": "1,1;2,2"}, "every decision costs the same"),
        ({"metric": "expected_cost"}, "metric='expected_cost' needs costs"),
    ],
    ids=str,
)
def test_what_cannot_be_is_an_error_before_training(tmp_path, how, words) -> None:
    with pytest.raises(ValueError, match=words):
        asked(tmp_path / "out", **how)
    assert not (tmp_path / "out" / "results.json").exists()


def test_several_data_sets_are_compared_by_the_same_costs(tmp_path) -> None:
    """By class name, so the order of the classes may differ: here by the codes that stand for them."""
    events: list[dict] = []
    how = {"recipes": ["logistic", "random-under+logistic"], "folds": 3, "model": False, "on": events.append}
    found = api.compare_several(
        [frame(), frame().iloc[:100]], costs=COSTS, how={"label": "state"}, out=tmp_path, **how
    )
    assert len(found.comparisons) == 2
    for one in found.comparisons.values():
        assert one.record.settings.costs == Costs.of(COSTS, ["healthy", "sick"])
        table = predictions(one.record, FolderStore(one.folder).outputs, "logistic")
        cost = mean_cost(table, lambda row: COSTS[row["truth"]][row["decision"]])
        (row,) = [row for row in one.rows["natural"] if row.recipe == "logistic"]
        assert row.mean["expected_cost"] == pytest.approx(cost)
    assert found.rankings[0].metric == "expected_cost"


@pytest.mark.parametrize(
    "costs, words",
    [
        (OTHER, "costs= stand in class order, and these data sets have other classes"),
        (COSTS, "data set data-2: costs has no number for class 'ill'"),
        ({t: {d: 0 if t == d else 1 for d in "abc"} for t in "abc"}, "data set data: costs"),
        ("0,1;bill,0", "no column 'bill' for costs="),
    ],
)
def test_costs_that_do_not_fit_each_of_several_data_sets(tmp_path, costs, words) -> None:
    third = frame().assign(state=np.where(np.arange(150) % 3 == 0, "ill", frame()["state"]))
    sets = [frame().drop(columns="bill"), third.drop(columns="bill")]
    if "bill" not in str(costs):
        sets = [frame(), third]
    with pytest.raises(ValueError, match=words):
        api.compare_several(sets, costs=costs, how={"label": "state"}, out=tmp_path)
    assert not list(tmp_path.rglob("results.json"))


def test_train_keeps_costs_and_decides_by_them(tmp_path) -> None:
    made = api.train(frame(), recipe="logistic", costs=COSTS, label="state", out=tmp_path / "m")
    p = made.predict_proba(frame()).numpy()
    assert made.predict(frame()) == [made.names[int(k)] for k in p[:, 1] >= 1 / 21]
    assert Model.load(tmp_path / "m").predict(frame()) == made.predict(frame())
    own = api.train(frame(), recipe="logistic", costs="0,5;bill,0", label="state")
    q = own.predict_proba(frame()).double().numpy()[:, 1]
    sick = q * frame()["bill"].to_numpy() > (1 - q) * 5
    assert own.predict(frame()) == [own.names[int(k)] for k in sick]
    with pytest.raises(ValueError, match=r"costs has 3 rows .* for 2 classes"):
        api.train(frame(), recipe="logistic", costs="0,1,1;1,0,1;1,1,0", label="state")
    with pytest.raises(ValueError, match="no column 'x' for costs="):
        api.train(frame(), recipe="logistic", costs="0,1;x,0", label="state")


# The judge


def outputs(seed: int = 0, n: int = 400) -> Outputs:
    g = torch.Generator().manual_seed(seed)
    y = (torch.arange(n) % 5 == 0).long()
    logits = torch.randn(n, 2, generator=g) + torch.stack([1.4 * (1 - y), 1.4 * y], 1)
    classes = Classes(("healthy", "sick"), torch.tensor([80, 20]))
    meaning = Meaning(classes, torch.tensor([0.5, 0.5], dtype=torch.float64))
    return Outputs(torch.arange(n), y, logits, meaning, None)


@pytest.mark.parametrize("prior", [Prior.natural(), Prior.balanced(), Prior.given((0.4, 0.6))], ids=str)
def test_expected_cost_is_that_of_the_declared_prior(prior) -> None:
    """Against a sum over classes: p_i times the mean cost of the decisions for rows of class i."""
    costs, said = Costs(((0.0, 2.0), (9.0, 1.0))), outputs()
    got = Judge(LABELS.classes, priors_of(prior), "natural", costs)(said)["scores"][prior.name]
    p = said.meaning.probabilities(said.logits, prior).double().numpy()
    decided = (p @ costs.matrix()).argmin(1)
    y, target = said.y.numpy(), prior.resolve(LABELS.classes).numpy()
    if prior == Prior.natural():
        target = np.bincount(y) / len(y)
    each = costs.matrix()[y, decided]
    cost = sum(target[k] * each[y == k].mean() for k in (0, 1))
    constant = min(sum(target[k] * costs.matrix()[k, j] for k in (0, 1)) for j in (0, 1))
    assert got["expected_cost"] == pytest.approx(cost, rel=1e-9)
    assert got["cost_saving"] == pytest.approx(1 - cost / constant, rel=1e-9)


def test_without_costs_nothing_is_said_of_them() -> None:
    found = Judge(LABELS.classes, priors_of(Prior.natural()), "natural")(outputs())
    assert not {"expected_cost", "cost_saving"} & set(found["scores"]["natural"])
    assert found["cost_curve"] == {}


def test_the_cost_curve_holds_the_cost_under_every_prior_and_ratio() -> None:
    said = outputs()
    curve = cost_curve(said, Costs(((0.0, 1.0), (20.0, 0.0))), 1)
    assert curve["of"] == 1
    assert curve["y"][0] == curve["y"][-1] == 0.0
    y = np.array(curve["y"])
    x = np.linspace(0, 1, STEPS + 1)
    assert (y <= np.minimum(x, 1 - x) + 0.1).all()
    for costs, prior in [
        (((0.0, 1.0), (1.0, 0.0)), 0.3),
        (((0.0, 3.0), (2.0, 0.0)), 0.6),
        (((-1.0, 1.0), (9.0, 5.0)), 0.5),
    ]:
        declared, vector = Costs(costs), (1 - prior, prior)
        at = operating_point(declared, vector, 1)
        assert at is not None
        p = said.meaning.probabilities(said.logits, Prior.given(vector)).double()
        decided, matrix = declared.decide(p).numpy(), declared.matrix()
        right = np.diag(matrix)
        above = np.array([(matrix[k, decided[said.y == k]] - right[k]).mean() for k in (0, 1)])
        largest = vector[1] * (matrix[1, 0] - right[1]) + vector[0] * (matrix[0, 1] - right[0])
        want = float((np.array(vector) * above).sum() / largest)
        assert np.interp(at, x, y) == pytest.approx(want, abs=0.012)  # between two steps of the curve


@pytest.mark.parametrize(
    "cells", [((0.0, 1.0), ("bill", 0.0)), ((0.0, 0.0), (1.0, 0.0)), ((0.0, -1.0), (1.0, 0.0))]
)
def test_costs_without_a_curve(cells) -> None:
    assert cost_curve(outputs(), Costs(cells), 1) == {}
    assert operating_point(Costs(cells), [0.5, 0.5], 1) is None


# Saved predictions of any model


def test_adjust_decides_by_costs_and_keeps_them(tmp_path) -> None:
    from longtail import adjust

    said = outputs()
    table = pd.DataFrame(torch.softmax(said.logits.double(), 1).numpy(), columns=["p_healthy", "p_sick"])
    table["label"] = [("healthy", "sick")[k] for k in said.y.tolist()]
    table["bill"] = np.linspace(1, 40, len(table))
    found = api.adjust(
        table, counts={"healthy": 80, "sick": 20}, prior="natural", costs=COSTS, out=tmp_path / "a"
    )
    p = pd.read_csv(tmp_path / "a" / "predictions.csv")
    assert (p["prediction"] == np.where(p["p_sick"] > 1 / 21, "sick", "healthy")).all()
    cost, low, high = found.scores["natural"]["after"]["expected_cost"]
    assert low < cost < high
    made = adjust.load(tmp_path / "a" / "adjuster.json")
    assert made.costs == Costs.of(COSTS, ["healthy", "sick"])
    z = made(np.log(table[["p_healthy", "p_sick"]].to_numpy()))
    q = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert made.costs.decide(q).tolist() == found.decided.tolist()
    own = api.adjust(table, counts={"healthy": 80, "sick": 20}, prior="natural", costs="0,5;bill,0")
    q = np.exp(own.predictions.logits)
    assert own.decided.tolist() == (q[:, 1] * table["bill"] > 5 * q[:, 0]).astype(int).tolist()
    plain = api.adjust(table, counts={"healthy": 80, "sick": 20}, prior="natural", out=tmp_path / "b")
    assert "expected_cost" not in plain.scores["natural"]["after"]
    assert adjust.load(tmp_path / "b" / "adjuster.json").costs is None
    assert "costs" not in json.loads((tmp_path / "b" / "adjuster.json").read_text())


def test_costs_on_the_command_line_from_compare_to_predict(tmp_path, monkeypatch) -> None:
    frame().drop(columns="bill").to_csv(tmp_path / "ill.csv", index=False)
    out = ["--out", str(tmp_path / "out"), "--jobs", "1", "--folds", "2", "--recipes", "logistic"]
    done = CliRunner().invoke(cli.app, ["compare", str(tmp_path / "ill.csv"), *out, "--costs", "0,1;20,0"])
    assert done.exit_code == 0, done.output
    assert "a 'sick' row decided as 'healthy' costs 20" in " ".join(done.output.split())
    few = {}
    for costs in ([], ["--costs", "0,1;1,0"]):  # those kept with the model; then others
        file = tmp_path / f"p{len(costs)}.csv"
        words = ["predict", str(tmp_path / "out"), str(tmp_path / "ill.csv"), "--out", str(file), *costs]
        assert CliRunner().invoke(cli.app, words).exit_code == 0
        few[len(costs)] = int((pd.read_csv(file)["prediction"] == "sick").sum())
    assert few[0] > few[2]
    wrong = CliRunner().invoke(cli.app, ["compare", str(tmp_path / "ill.csv"), *out, "--costs", "0,1"])
    assert wrong.exit_code == 2
    assert "--costs" in wrong.output
