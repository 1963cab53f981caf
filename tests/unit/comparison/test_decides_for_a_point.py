"""A model that was made for a point decides by its threshold: in compare, train, predict and scikit-learn alike."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

import longtail
from longtail import api
from longtail.classes import Classes
from longtail.integrations.sklearn import LongTailClassifier
from longtail.metrics import Aimed, Point
from longtail.model import Model

POINT = "recall[sick]@precision>=0.8"


def frame(seed: int = 0, n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    state = np.array(["healthy", "ill", "healthy", "sick"])[np.arange(n) % 4]
    return pd.DataFrame(
        {
            "a": rng.normal(size=n) + 1.3 * (state == "sick"),
            "b": rng.normal(size=n) + 1.3 * (state == "ill"),
            "state": state,
        }
    )


def by_hand(model: Model, rows: pd.DataFrame, prior: str) -> list[str]:
    """Decisions from the probabilities and the held-out rows, in plain words of numpy."""
    held, classes = model.outcome.held, model.outcome.classes
    assert held is not None
    k = model.names.index("sick")
    target = classes.prior.numpy() if prior == "natural" else np.full(3, 1 / 3)
    p = np.exp(held.log_p.double().numpy()) / classes.prior.numpy() * target
    p = (p / p.sum(1, keepdims=True))[:, k]
    y = held.y.numpy()
    w = (target / np.bincount(y, minlength=3) * len(y))[y]
    best, at = -1.0, 2.0
    for t in np.unique(p)[::-1]:
        taken = p >= t - 1e-9
        hits = w[taken & (y == k)].sum()
        if hits / w[taken].sum() >= 0.8 - 1e-9 and hits > best + 1e-9:
            best, at = hits, t
    q = model.predict_proba(rows, prior).double().numpy()
    others = q.copy()
    others[:, k] = -1
    decided = np.where(q[:, k] >= at - 1e-6, k, others.argmax(1))
    return [model.names[i] for i in decided]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    out = tmp_path_factory.mktemp("compared")
    how = {"recipes": ["logistic"], "folds": 3, "label": "state", "out": out, "on": lambda event: None}
    return api.compare(frame(), metric=POINT, **how), out, how


@pytest.mark.parametrize("prior", ["natural", "balanced"])
def test_the_model_that_compare_hands_over_decides_for_the_point(compared, prior):
    found, out, _ = compared
    new = frame(1)
    model = Model.load(out / "model")
    said = longtail.predict(out, new, prior=prior)
    assert list(said["prediction"]) == by_hand(model, new, prior) == model.predict(new, prior)
    assert (said["prediction"] != said["most_probable"]).any()
    assert said.attrs["decided_by"] == "a point"
    (note,) = [note for note in said.attrs["notes"] if POINT in note]
    assert "a row is 'sick' from a probability of 0." in note
    assert found.model.predict(new, prior) == model.predict(new, prior)  # as in memory


def test_predictions_csv_and_the_scores_are_of_the_same_decisions(compared):
    found, out, _ = compared
    table = pd.read_csv(out / "predictions.csv")
    taken, right = table["decision"] == "sick", table["truth"] == "sick"
    rates = [taken[(table["fold"] == k) & right].mean() for k in range(3)]
    row = found.rows["natural"][0]
    assert row.mean[POINT] == pytest.approx(np.mean(rates))
    confusion = sum(np.array(run.confusion["natural"]) for run in found.record.runs)
    assert confusion[:, 2].sum() == taken.sum()
    assert "from a probability on that was set on held-out training rows" in (out / "report.html").read_text()


def test_asked_again_the_kept_model_changes_its_point_and_trains_nothing(compared):
    _, out, how = compared
    before = Model.load(out / "model")
    other = "recall[ill]@fpr<=0.05"
    try:
        api.compare(frame(), metric=other, **how)
        model = Model.load(out / "model")
        assert model.outcome.aimed.point.name == other
        assert torch.equal(model.outcome.held.log_p, before.outcome.held.log_p)
        assert model.predict(frame(1)) != before.predict(frame(1))
        api.compare(frame(), **how)
        assert Model.load(out / "model").outcome.aimed is None
    finally:
        api.compare(frame(), metric=POINT, **how)
    assert Model.load(out / "model").predict(frame(1)) == before.predict(frame(1))


def test_a_model_made_without_a_point_says_that_it_does_not_decide_for_one(tmp_path):
    how = {"recipes": ["logistic"], "folds": 3, "label": "state", "out": tmp_path, "on": lambda event: None}
    api.compare(frame(), **how)
    found = api.compare(frame(), metric=POINT, **how)
    assert "--model" in found.record.model["why"]
    assert Model.load(tmp_path / "model").outcome.aimed is None
    api.compare(frame(), metric=POINT, model=True, **how)
    assert Model.load(tmp_path / "model").outcome.aimed is not None


@pytest.mark.parametrize("recipe", ["logistic", "erm"])
def test_train_makes_a_model_that_decides_for_a_point(tmp_path, recipe):
    model = api.train(frame(), recipe=recipe, epochs=2, metric=POINT, label="state", out=tmp_path / "m")
    new = frame(1)
    assert model.predict(new) == by_hand(model, new, "natural")
    assert Model.load(tmp_path / "m").predict(new) == model.predict(new)
    again = Model.load(tmp_path / "m")
    again.save(tmp_path / "twice")
    assert Model.load(tmp_path / "twice").predict(new, "balanced") == model.predict(new, "balanced")


def test_the_estimator_decides_for_a_point_and_keeps_it(tmp_path):
    data = frame()
    made = LongTailClassifier("logistic", metric=POINT, random_state=0).fit(data[["a", "b"]], data["state"])
    new = frame(1)[["a", "b"]]
    assert list(made.predict(new)) == by_hand(made.model_, new, "natural")
    again = LongTailClassifier.load(made.save(tmp_path / "m"))
    assert again.metric == POINT
    assert list(again.predict(new)) == list(made.predict(new))
    plain = list(made.set_params(metric=None).predict(new))
    assert plain != list(again.predict(new))
    with pytest.raises(ValueError, match="there is no class 'sik'; did you mean 'sick'"):
        made.set_params(metric="recall[sik]@precision>=0.8").predict(new)


def test_costs_decide_where_both_are_declared(tmp_path):
    costs = {t: {d: float(t != d) * (20 if t == "sick" else 1) for d in ("healthy", "ill", "sick")}
             for t in ("healthy", "ill", "sick")}  # fmt: skip
    model = api.train(frame(), recipe="logistic", metric=POINT, costs=costs, label="state")
    only = api.train(frame(), recipe="logistic", costs=costs, label="state")
    assert model.predict(frame(1)) == only.predict(frame(1))


def test_what_one_model_cannot_decide_for_is_an_error_before_training():
    with pytest.raises(ValueError, match=r"metric='macro_f1': one model is trained here.*costs="):
        api.train(frame(), recipe="logistic", metric="macro_f1", label="state")
    with pytest.raises(ValueError, match="there is no class 'no'"):
        api.train(frame(), recipe="logistic", metric="recall[no]@precision>=0.9", label="state")


def test_a_forged_point_is_refused(tmp_path):
    from longtail.files import read_json, write_json

    api.train(frame(), recipe="logistic", metric=POINT, label="state", out=tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    about = read_json(file, checked=True)
    about["point"]["class"] = 7
    write_json(file, about, checked=True)
    with pytest.raises(ValueError, match="class 7 of the point is none of 3"):
        Model.load(tmp_path / "m")
    json.loads(file.read_text())


def test_in_words():
    aimed = Aimed.of(Point.of_text("recall@precision>=0.9"), Classes(("well", "sick"), torch.tensor([8, 2])))
    names = ("well", "sick")
    assert "no row is decided as 'sick'" in aimed.in_words(names, float("inf"))
    assert "from a probability of 0.5 on" in aimed.in_words(names, 0.0)
    assert "the most probable class is decided" in aimed.in_words(names, None)
