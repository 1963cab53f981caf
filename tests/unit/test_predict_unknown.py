"""``predict`` where the prior is unknown, and where rows may be of none of the classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from longtail import api
from longtail.data.predicted import NONE
from longtail.model import SOME, Model

MEANS = np.array([[0.0, 0.0], [2.5, 0.0], [0.0, 2.5]])


def frame(n: int, prior: list[float], seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=prior)
    return pd.DataFrame(MEANS[y] + rng.normal(size=(n, 2)), columns=["a", "b"]).assign(
        k=np.array(["x", "y", "z"])[y]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "logistic"
    api.train(frame(2000, [0.8, 0.15, 0.05], 0), recipe="logistic", label="k", out=out)
    return out


@pytest.fixture(scope="module")
def model(folder) -> Model:
    return Model.load(folder)


def quiet(note: str) -> None:
    pass


def accuracy(found: pd.DataFrame) -> float:
    return found.attrs["scores"]["file"]["accuracy"]


def test_an_estimated_prior_is_worth_nearly_as_much_as_a_told_one(model: Model) -> None:
    there = frame(1500, [0.1, 0.3, 0.6], 1)
    found = {p: api.predict(model, there, prior=p, label="k", say=quiet) for p in ("natural", "estimated")}
    told = api.predict(model, there, prior=[0.1, 0.3, 0.6], label="k", say=quiet)
    assert accuracy(found["estimated"]) > accuracy(found["natural"]) + 0.05
    assert accuracy(found["estimated"]) > accuracy(told) - 0.02
    about = found["estimated"].attrs["prior"]
    assert sum(about["prior"].values()) == pytest.approx(1)
    assert about["prior"]["z"] == pytest.approx(0.6, abs=0.06)
    assert all(about["low"][k] <= about["prior"][k] <= about["high"][k] for k in "xyz")
    (said,) = [note for note in found["estimated"].attrs["notes"] if "estimated on these 1,500 rows" in note]
    assert "in training 0.05" in said
    again = api.predict(model, there, prior=about["prior"], label="k", say=quiet)
    assert np.allclose(again["p_z"], found["estimated"]["p_z"], atol=1e-6)


def test_labels_are_not_looked_at(model: Model) -> None:
    there = frame(300, [0.1, 0.3, 0.6], 2)
    wrong = there.assign(k="x")
    a, b = (api.predict(model, one, prior="estimated", label="k", say=quiet) for one in (there, wrong))
    assert a.attrs["prior"] == b.attrs["prior"]
    without = api.predict(model, there.drop(columns="k"), prior="estimated", say=quiet)
    assert np.allclose(without["p_x"], a["p_x"])


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"prior": "estimated"}, "20 rows are too few to tell how frequent 3 classes are; it takes 30"),
        ({"prior": "experts"}, "prior='experts' weighs the experts of a recipe such as sade"),
        ({"prior": "guessed"}, "prior='guessed' must be 'natural'"),
        ({"reject_below": 0.3}, "reject_below=0.3 must lie between 0.333 and 1"),
        ({"reject_rate": 1.0}, "reject_rate=1.0 must be a share"),
        ({"reject_rate": 0.1, "reject_below": 0.5}, "give one of them"),
        ({"reject_rate": 0.1, "costs": "0,1,1;1,0,1;1,1,0"}, "decides by costs"),
    ],
)
def test_what_cannot_be_is_said(model: Model, asked, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        api.predict(model, frame(20, [0.8, 0.1, 0.1], 3), say=quiet, **asked)


def test_a_rate_holds_on_rows_of_the_known_classes(model: Model) -> None:
    there = frame(3000, [0.8, 0.15, 0.05], 4)
    found = api.predict(model, there, label="k", reject_rate=0.1, say=quiet)
    gone = found["prediction"] == NONE
    assert gone.mean() == pytest.approx(0.1, abs=0.03)
    about = found.attrs["rejected"]
    assert about["rows"] == gone.sum()
    assert about["held_out"] == pytest.approx(0.1, abs=0.01)
    top = found[["p_x", "p_y", "p_z"]].max(axis=1)
    assert top[gone].max() < about["below"]
    assert top[~gone].min() >= about["below"] - 1e-6
    assert set(found["most_probable"][gone]) <= {"x", "y", "z"}
    assert max(about["held_out_by_class"], key=about["held_out_by_class"].get) != "x"  # the tail pays
    even = api.predict(model, there, prior="balanced", reject_rate=0.1, say=quiet)
    assert even.attrs["rejected"]["held_out"] == pytest.approx(0.1, abs=0.02)
    assert even.attrs["rejected"]["below"] != about["below"]


def test_rows_of_other_classes_are_told_by_their_labels(model: Model) -> None:
    known = frame(300, [0.6, 0.2, 0.2], 5)
    between = pd.DataFrame(np.full((100, 2), 1.2), columns=["a", "b"]).assign(k="other")  # amid all three
    empty = known[:50].assign(k="")
    found = api.predict(
        model, pd.concat([known, between, empty]), prior="balanced", label="k", reject_below=0.6, say=quiet
    )
    opened = found.attrs["open_set"]
    assert opened["unknown_rejected"] == 1.0
    assert opened["known_rejected"] == pytest.approx((found["prediction"][:300] == NONE).mean())
    assert opened["auroc"] > 0.9
    right = (found["prediction"][:300] == known["k"].to_numpy()).mean()
    assert opened["known_accuracy"] == pytest.approx(right)


def test_what_was_said_of_held_out_rows_is_kept_with_the_model(folder, model: Model, tmp_path) -> None:
    held = model.outcome.held
    assert held is not None
    assert len(held.y) == SOME  # a share of them, of each class
    assert held.y.bincount().tolist() == pytest.approx([1600, 300, 100], abs=100)
    without = Model(model.outcome.but(held=None), model.encoder, model.facts)
    without.save(tmp_path / "without")
    with pytest.raises(ValueError, match=r"reject_rate=0.1: this model kept nothing of held-out rows"):
        api.predict(tmp_path / "without", frame(20, [0.8, 0.1, 0.1], 6), reject_rate=0.1, say=quiet)


def test_held_out_rows_that_do_not_fit_are_refused(folder, model: Model, tmp_path) -> None:
    from longtail.run.outcome import Held

    bad = Held(model.outcome.held.log_p[:, :2], model.outcome.held.y)
    Model(model.outcome.but(held=bad), model.encoder, model.facts).save(tmp_path / "bad")
    with pytest.raises(ValueError, match="held-out rows of shape"):
        Model.load(tmp_path / "bad")
