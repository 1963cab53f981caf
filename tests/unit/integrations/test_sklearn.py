"""LongTailClassifier: scikit-learn's own checks, every kind of input, and where scikit-learn takes it."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from longtail import Labels, LongTailClassifier, Model, api, classical
from longtail.comparison.plan import Plan
from longtail.data import Dataset
from longtail.data.weighing import repeated, weights_of

TUNED = "recipes tune thresholds for macro F1, so a decision need not be the most probable class"
FEW = "the check fits 4 different rows; this recipe holds rows out, and says that there are too few"
BATCH = "float32 sums in batches of other sizes differ by 1e-7, which the check takes for a difference"
EXPECTED = {
    "erm": {"check_classifiers_train": TUNED},
    "logistic": {"check_classifiers_train": TUNED},
    "ldam-drw": {
        "check_classifiers_train": TUNED,
        "check_sample_weights_shape": FEW,
        "check_sample_weights_not_overwritten": FEW,
        "check_methods_subset_invariance": BATCH,
    },
}


@parametrize_with_checks(
    [LongTailClassifier(recipe, random_state=0, epochs=20) for recipe in ("erm", "logistic")],
    expected_failed_checks=lambda estimator: EXPECTED[estimator.recipe],
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [LongTailClassifier("ldam-drw", random_state=0, epochs=20)],
    expected_failed_checks=lambda estimator: EXPECTED[estimator.recipe],
)
def test_scikit_learns_checks_of_a_recipe_that_holds_rows_out(estimator, check):
    check(estimator)


def rows(counts=(150, 40, 15), seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return rng.normal(size=(len(y), 4)) + 1.5 * y[:, None], np.array(["a", "b", "c"])[y]


def mixed(n=160, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(int)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(2.0 * y)),
            "colour": np.where(rng.random(n) < 0.2 + 0.6 * y, "red", "green"),
            "grade": pd.Categorical(np.where(y == 1, "high", "low")),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "flag": rng.random(n) < 0.5,
            "whole": pd.array([None if k % 7 == 0 else k for k in range(n)], dtype="Int64"),
            "empty": [None] * n,
        }
    )
    return frame, np.where(y == 1, "yes", "no")


QUICK = (
    "erm",
    "ldam-drw",
    "crt",
    "focal",
    "logistic",
    "smote+logistic",
    "easy-ensemble:subsets=3",
    "gradient-boosting",
)


@pytest.mark.parametrize("recipe", QUICK)
def test_any_recipe_by_name(recipe, monkeypatch):
    X, y = rows()
    monkeypatch.setattr(Plan, "lengths", (3, 30))
    epochs = None if recipe == "erm" else 20  # its length is searched for, which takes its time
    model = LongTailClassifier(recipe, prior="balanced", random_state=1, epochs=epochs).fit(X, y)
    p = model.predict_proba(X)
    assert p.shape == (len(X), 3)
    np.testing.assert_allclose(p.sum(1), 1)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert (model.classes_[p.argmax(1)] == model.predict(X)).all()
    assert balanced_accuracy_score(y, model.predict(X)) > 0.75


def test_own_recipe_backbone_and_prior_by_class():
    X, y = rows()
    prior = {"a": 0.1, "b": 0.1, "c": 0.8}
    model = LongTailClassifier(classical.logistic(c=2.0), prior=prior, random_state=0).fit(X, y)
    other = LongTailClassifier(classical.logistic(c=2.0), prior=[0.1, 0.1, 0.8], random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    assert (model.predict(X) == "c").mean() > (y == "c").mean()
    linear = LongTailClassifier(backbone="linear", epochs=3, random_state=0).fit(X, y)
    assert type(linear.model_.outcome.net.backbone).__name__ == "Identity"


def test_the_prior_may_be_changed_after_fitting():
    X, y = rows()
    model = LongTailClassifier("logistic", random_state=0).fit(X, y)
    natural = model.predict_proba(X)
    balanced = model.set_params(prior="balanced").predict_proba(X)
    odds = balanced / natural
    frequency = np.array([(y == c).mean() for c in model.classes_])
    ratio = odds / odds[:, :1]
    np.testing.assert_allclose(ratio, np.broadcast_to(frequency[0] / frequency, ratio.shape), rtol=1e-3)


def test_costs_decide_under_the_prior_and_may_be_changed(tmp_path):
    X, y = rows((150, 40))
    frame = pd.DataFrame(X, columns=list("abcd")).assign(bill=np.linspace(1, 50, len(X)))
    model = LongTailClassifier("logistic", costs=[[0, 1], [20, 0]], random_state=0).fit(frame, y)

    def told(prior, limit):
        p = model.set_params(prior=prior).predict_proba(frame)[:, 1]
        return np.where(p > limit, "b", "a").tolist()

    assert model.predict(frame).tolist() == told("natural", 1 / 21)
    assert told("balanced", 1 / 21) == model.predict(frame).tolist()
    model.set_params(costs={"a": {"a": 0, "b": 5}, "b": {"a": "bill", "b": 0}})
    assert model.predict(frame).tolist() == told("balanced", 5 / (5 + frame["bill"].to_numpy()))
    with pytest.raises(ValueError, match="costs name the column 'bill', which these rows do not have"):
        model.predict(frame.to_numpy())
    read = LongTailClassifier.load(model.save(tmp_path / "model"))
    assert read.predict(frame).tolist() == model.predict(frame).tolist()
    assert read.costs.columns == ("bill",)
    with pytest.raises(ValueError, match="costs has 3 rows"):
        LongTailClassifier("logistic", costs=1 - np.eye(3)).fit(frame, y)


def test_data_frames_of_mixed_columns():
    frame, y = mixed()
    model = LongTailClassifier("logistic", random_state=0).fit(frame, y)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    assert model.n_features_in_ == 7
    assert model.score(frame, y) > 0.95
    new = frame.iloc[:5].copy()
    new["colour"], new["grade"], new["size"] = "violet", None, np.nan  # levels never seen, and all missing
    assert np.isfinite(model.predict_proba(new)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.drop(columns="size"))
    unnamed = frame.copy()
    unnamed.columns = range(len(frame.columns))
    assert LongTailClassifier("logistic", random_state=0).fit(unnamed, y).score(unnamed, y) > 0.95


def test_fitted_on_a_frame_and_asked_with_an_array_goes_by_position():
    X, y = rows()
    frame = pd.DataFrame(X, columns=[f"feature {k}" for k in range(X.shape[1])])
    named = LongTailClassifier("logistic", random_state=0).fit(frame, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        np.testing.assert_array_equal(named.predict_proba(X), named.predict_proba(frame))
    with pytest.raises(ValueError, match="features"), pytest.warns(UserWarning, match="names"):
        named.predict(X[:, :1])
    unnamed = LongTailClassifier("logistic", random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="X has feature names, but"):
        np.testing.assert_array_equal(unnamed.predict_proba(frame), unnamed.predict_proba(X))


def test_arrays_of_words_and_numbers():
    frame, y = mixed()
    frame = frame[["size", "colour", "grade"]].astype(object)
    model = LongTailClassifier("logistic", random_state=0).fit(frame.to_numpy(), y)
    assert model.score(frame.to_numpy(), y) > 0.95
    named = LongTailClassifier("logistic", random_state=0).fit(frame, y)
    np.testing.assert_array_equal(named.predict_proba(frame), model.predict_proba(frame.to_numpy()))


@pytest.mark.parametrize(
    "column",
    [
        pd.array(["u", "v", pd.NA] * 20, dtype="string"),
        pd.array([1, None, 3] * 20, dtype="Int64"),
        pd.array([True, None, False] * 20, dtype="boolean"),
        np.array([True, None, False] * 20, dtype=object),
        pd.Categorical(["u", "v", None] * 20),
        pd.to_timedelta(np.arange(60), "h"),
        pd.period_range("2020", periods=60, freq="D"),
        pd.date_range("2020", periods=60, tz="Asia/Tokyo"),
    ],
)
def test_columns_of_types_that_pandas_has(column):
    X, y = pd.DataFrame({"a": column, "b": np.arange(60.0)}), np.arange(60) % 5 == 0
    model = LongTailClassifier("logistic", random_state=0).fit(X, y)
    p = model.predict_proba(X)
    assert p.shape == (60, 2)
    np.testing.assert_allclose(model.predict_proba(X.iloc[::-1])[::-1], p, atol=1e-6)


def test_what_is_not_read_is_warned_of():
    y = np.arange(60) % 5 == 0
    X = pd.DataFrame({"amount": [f"${k + 1000:,}.50" for k in range(60)], "b": np.arange(60.0)})
    with pytest.warns(UserWarning, match=r"'\$1,000.50' is read as 1000.5"):
        model = LongTailClassifier("logistic", random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="column 'amount': 1 of 60 cells are not numbers"):
        model.predict(X.assign(amount=["1.000,5 kr", *X["amount"][1:]]))


def test_a_text_model_asked_with_a_frame_predicts_its_rows():
    X, y = texts()
    model = LongTailClassifier("logistic", random_state=0).fit(X, y)
    frame = pd.DataFrame({"number": np.arange(len(X)), "review": X})
    np.testing.assert_array_equal(model.predict(frame), model.predict(X))


def test_rows_in_any_order_give_the_same_model():
    frame, y = mixed()
    order = np.random.default_rng(0).permutation(len(y))
    for recipe in ("erm", "random-under+random-forest:trees=20"):
        a = LongTailClassifier(recipe, epochs=3, random_state=0).fit(frame, y)
        b = LongTailClassifier(recipe, epochs=3, random_state=0).fit(frame.iloc[order], y[order])
        np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(frame))


TEXTS = [
    "tasty dinner with friends",
    "lovely soup",
    "mouse in the kitchen",
    "great noodles",
    "we all fell ill",
]


def texts(n=120):
    rng = np.random.default_rng(0)
    which = rng.choice(5, n, p=[0.3, 0.3, 0.1, 0.25, 0.05])
    return [f"{TEXTS[k]} {rng.integers(9)}" for k in which], np.where(
        np.isin(which, (2, 4)), "safety", "fine"
    )


@pytest.mark.parametrize("recipe", ["erm", "logistic"])
@pytest.mark.parametrize("form", [list, np.array, pd.Series, lambda t: pd.DataFrame({"review": t})])
def test_texts(recipe, form):
    X, y = texts()
    kind = "text" if isinstance(form(X), pd.DataFrame) else None
    model = LongTailClassifier(recipe, kind=kind, prior="balanced", epochs=30, random_state=0).fit(form(X), y)
    assert model.score(form(X), y) > 0.95
    assert model.predict(form(["a mouse!", ""])).tolist()[0] == "safety"


def test_texts_that_are_missing_are_empty():
    X, y = texts()
    model = LongTailClassifier("logistic", random_state=0).fit([None, float("nan"), *X], ["fine", "fine", *y])
    assert np.isfinite(model.predict_proba([None, "", "soup"])).all()


@pytest.mark.parametrize("recipe", ["erm", "logistic", "random-forest:trees=30", "smote+logistic"])
def test_sparse_rows_after_tfidf(recipe):
    X, y = texts()
    model = make_pipeline(
        TfidfVectorizer(), LongTailClassifier(recipe, prior="balanced", epochs=60, random_state=0)
    )
    model.fit(X, y)
    assert model.score(X, y) > 0.95
    inner = model[-1]
    rows_of = csr_matrix(model[0].transform(X))
    np.testing.assert_allclose(
        inner.predict_proba(rows_of.toarray()), inner.predict_proba(rows_of), atol=1e-6
    )
    with pytest.raises(ValueError, match="features"):
        inner.predict(rows_of[:, :3])


@pytest.mark.parametrize("form", ["torch", "numpy", "channels last"])
def test_images(form):
    g = torch.Generator().manual_seed(0)
    y = torch.tensor([0] * 60 + [1] * 20)
    X = (torch.randint(0, 120, (80, 3, 8, 8), generator=g) + 100 * y[:, None, None, None]).to(torch.uint8)
    given = {"torch": X, "numpy": X.numpy(), "channels last": X.permute(0, 2, 3, 1).numpy()}[form]
    model = LongTailClassifier(prior="balanced", epochs=3, random_state=0).fit(given, y)
    assert model.n_features_in_ == 192
    assert model.score(given, y.numpy()) > 0.9
    with pytest.raises(ValueError, match=r"uint8 \[N, 3, H, W\]"):
        model.fit(X.float(), y)
    with pytest.raises(ValueError, match="expecting 192 features"):
        model.predict(X[:, :, :4])


def test_torch_rows_and_ready_made_features():
    X, y = rows()
    dense = LongTailClassifier("logistic", random_state=0).fit(torch.from_numpy(X), y)
    np.testing.assert_array_equal(
        dense.predict_proba(torch.from_numpy(X)),
        LongTailClassifier("logistic", random_state=0).fit(X, y).predict_proba(X),
    )
    model = LongTailClassifier(kind="embedding", epochs=5, random_state=0).fit(torch.from_numpy(X), y)
    assert type(model.model_.outcome.net.backbone).__name__ == "Identity"
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.predict(X)
    assert np.isfinite(dense.predict_proba(X)).all()


def test_grid_search_over_recipes_and_priors_and_cross_validation():
    X, y = rows()
    grid = {
        "longtailclassifier__recipe": [classical.logistic(), "erm"],
        "longtailclassifier__prior": ["natural", "balanced"],
    }
    model = make_pipeline(StandardScaler(), LongTailClassifier(epochs=3, random_state=0))
    search = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=2).fit(X, y)
    natural, balanced = [
        score
        for p, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"])
        if p["longtailclassifier__recipe"] != "erm"
    ]
    assert balanced > natural
    found = cross_validate(search.best_estimator_, X, y, cv=3, scoring=("balanced_accuracy", "neg_log_loss"))
    assert found["test_balanced_accuracy"].mean() > 0.8
    assert np.isfinite(found["test_neg_log_loss"]).all()


def test_whole_weights_repeat_rows_and_others_draw_them():
    random = np.random.RandomState(0)
    assert repeated(np.array([1.0, 0, 3]), random).tolist() == [0, 2, 2, 2]
    share = np.bincount(repeated(np.array([0.5, 0.0, 2.25, 0.25]), random), minlength=4)
    assert share.sum() == 4
    assert share[1] == 0
    assert share[2] == 3
    many = np.bincount(repeated(np.arange(1, 101) / 7, random), minlength=100)
    expected = np.arange(1, 101) / np.arange(1, 101).sum() * 100
    assert (np.abs(many - expected) < 1).all()
    for bad in ([1.0, 2.0], [1, -1, 1], [0, 0, 0], [1, np.nan, 1]):
        with pytest.raises(ValueError, match="sample_weight"):
            weights_of(bad, 3)


@pytest.mark.parametrize("recipe", ["erm", "logistic"])
def test_weights_move_the_training_prior(recipe):
    X, y = rows()
    weight = np.where(y == "c", 5.5, 0.5)
    model = LongTailClassifier(recipe, epochs=5, random_state=0).fit(X, y, sample_weight=weight)
    expected = np.array([weight[y == c].sum() for c in "abc"]) / weight.sum()
    np.testing.assert_allclose(model.model_.outcome.classes.prior, expected, atol=2 / len(y))


@pytest.mark.parametrize(
    ("recipe", "labels"),
    [
        ("erm", "words"),
        ("focal", "numbers"),
        ("logistic", "words"),
        ("logistic", "numbers"),
        ("logistic", "booleans"),
        ("easy-ensemble:subsets=2", "booleans"),
    ],
)
def test_saved_without_pickle_and_read_back(tmp_path, recipe, labels):
    frame, y = mixed()
    y = {"words": y, "numbers": np.where(y == "yes", 7, -1), "booleans": y == "yes"}[labels]
    model = LongTailClassifier(recipe, prior=[0.3, 0.7], epochs=3, random_state=0).fit(frame, y)
    model.save(tmp_path / "m")
    assert sorted(p.suffix for p in (tmp_path / "m").iterdir()) == [".json", ".safetensors"]
    again = LongTailClassifier.load(tmp_path / "m")
    np.testing.assert_allclose(again.predict_proba(frame), model.predict_proba(frame), atol=1e-6)
    assert again.predict(frame).tolist() == model.predict(frame).tolist()
    assert again.classes_.dtype == model.classes_.dtype
    assert {**again.get_params(), "prior": None} == {**model.get_params(), "prior": None}
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame.iloc[:, :3])
    table = api.predict(tmp_path / "m", Dataset.of("n", "table", model_frame(model, frame), plain(y)))
    assert table["prediction"].tolist() == [str(c) for c in model.set_params(prior="natural").predict(frame)]
    pickled = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(pickled.predict_proba(frame), model.predict_proba(frame))


@pytest.mark.parametrize("form", ["sparse", "texts", "images"])
def test_other_kinds_are_saved_too(tmp_path, form):
    X, y = texts(60)
    if form == "sparse":
        X = TfidfVectorizer().fit_transform(X)
    if form == "images":
        X = torch.randint(
            0, 255, (60, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
    model = LongTailClassifier(epochs=2, random_state=0).fit(X, y)
    model.save(tmp_path / "m")
    again = LongTailClassifier.load(tmp_path / "m")
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=1e-6)


def model_frame(model, frame):
    return model._rows(frame, model.model_.encoder)[0]


def plain(y):
    return Labels.of(torch.from_numpy(np.unique(y, return_inverse=True)[1]))


def test_what_longtail_trained_is_read_as_an_estimator(tmp_path):
    frame, y = mixed()
    made = LongTailClassifier("logistic", random_state=0).fit(frame, y)
    facts = {k: v for k, v in made.model_.facts.items() if k != "classifier"}
    Model(made.model_.outcome, made.model_.encoder, facts).save(tmp_path / "m")
    again = LongTailClassifier.load(tmp_path / "m")
    assert again.recipe == "logistic"
    assert again.predict(frame).tolist() == made.predict(frame).tolist()
    assert json.loads((tmp_path / "m" / "model.json").read_text())["facts"].get("classifier") is None


def test_clone_and_repr_keep_the_parameters():
    model = LongTailClassifier(classical.logistic(c=3.0), prior={"a": 0.5, "b": 0.5}, verbose=1)
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert "LongTailClassifier" in repr(model)


def test_progress_is_shown_where_it_is_asked_for(capfd):
    X, y = rows()
    LongTailClassifier(epochs=20, random_state=0).fit(X, y)
    assert capfd.readouterr().err == ""
    LongTailClassifier(epochs=20, random_state=0, verbose=1).fit(X, y)
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 20  # all rows, then without the inner split
    assert "epoch 20/20, loss" in lines[-1]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"recipe": "emr"}, "no 'emr'"),
        ({"recipe": "smoot+logistic"}, "no resampling 'smoot'"),
        ({"prior": "uniform"}, "prior='uniform' must be"),
        ({"prior": [0.5, 0.5]}, "one number for each of 3 classes"),
        ({"prior": {"a": 1.0}}, "no number for class 'b'"),
        ({"backbone": "resnet8"}, "takes image data"),
        ({"tuning": "none"}, "tuning='none'"),
        ({"kind": "audio"}, "kind='audio' must be one of"),
        ({"kind": "text"}, "takes one text a row"),
    ],
)
def test_wrong_parameters_are_errors_of_fit(change, message):
    X, y = rows()
    with pytest.raises(ValueError, match=message):
        LongTailClassifier(**change).fit(X, y)


def test_one_class_and_continuous_labels_are_refused():
    X, _ = rows()
    with pytest.raises(ValueError, match="at least two classes"):
        LongTailClassifier().fit(X, ["a"] * len(X))
    with pytest.raises(ValueError, match="continuous"):
        LongTailClassifier().fit(X, X[:, 0])
