"""Classical recipes and estimators of the user's own in a comparison: the cache, worker processes, and saved models."""

import json
import shutil

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import longtail
from longtail import LongTailClassifier, Model, api
from longtail.classical import Classical
from longtail.comparison.plan import Plan
from longtail.data import Dataset
from longtail.files import read_json, write_json
from longtail.labels import Labels
from longtail.store.checked import load_checked, save_checked


def toy(n=90, seed=0):
    g = torch.Generator().manual_seed(seed)
    labels = Labels.of([0] * (2 * n // 3) + [1] * (n - 2 * n // 3))
    return Dataset.of("toy", "embedding", torch.randn(n, 3, generator=g) + 2 * labels.y[:, None], labels)


class Nearest(ClassifierMixin, BaseEstimator):
    """A classifier of the user's own: the share of exp(-distance) to the class means."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == c].mean(0) for c in self.classes_])
        return self

    def predict_proba(self, X):
        z = np.exp(-self.scale * ((X[:, None] - self.means_) ** 2).sum(2))
        return z / z.sum(1, keepdims=True)


class Handle(Nearest):
    """One that cannot be stored."""

    def fit(self, X, y):
        super().fit(X, y)
        self.lines_ = (line for line in ["nothing"])
        return self


def test_a_list_of_everything_is_compared_and_jobs_do_not_change_it(tmp_path):
    asked = [
        "erm", "focal", "random-forest:trees=10", "logistic:c=0.5",
        make_pipeline(StandardScaler(), LogisticRegression()), Nearest(0.5),
        Classical.of(GaussianNB(), "bayes", prior="natural"),
    ]  # fmt: skip
    found = {}
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        found[jobs] = api.compare(
            toy(), recipes=asked, folds=2, epochs=2, jobs=jobs, out=out, model=False, verbose=0
        )
    names = [
        "erm",
        "focal",
        "random-forest:trees=10",
        "logistic:c=0.5",
        "standard-scaler+logistic-regression",
        "nearest",
        "bayes",
    ]
    assert list(found[1].results["recipes"]) == names
    runs = [{(r["recipe"], r["fold"]): r["scores"] for r in f.results["runs"]} for f in found.values()]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 14
    source = {r["recipe"]: r["prior_source"] for r in found[1].results["runs"]}
    assert source["nearest"] == "fitted"
    assert source["bayes"].startswith("closed form")
    page = (tmp_path / "1" / "report.html").read_text()
    assert "logistic:c=0.5" in page
    assert found[1].results["recipes"]["nearest"]["summary"] == "Nearest(scale=0.5)"


@pytest.mark.usefixtures("no_report")
def test_a_fitted_estimator_comes_from_the_cache(tmp_path, monkeypatch):
    fits, fit = [], Classical.fit
    monkeypatch.setattr(
        Classical, "fit", lambda self, *args, **how: fits.append(self) or fit(self, *args, **how)
    )
    how = {
        "recipes": {"mine": Nearest(), "neighbours": KNeighborsClassifier(3)},
        "folds": 2,
        "model": False,
        "verbose": 0,
    }
    first = api.compare(toy(), out=tmp_path, **how)
    assert {r["status"] for r in first.results["runs"]} == {"done"}
    shutil.rmtree(tmp_path / "runs")
    before = len(fits)
    again = api.compare(toy(), out=tmp_path, **how)
    assert [r.name for r in fits[before:]] == []
    assert before > 0
    assert [r["scores"] for r in again.results["runs"]] == [r["scores"] for r in first.results["runs"]]
    api.compare(toy(), out=tmp_path, **{**how, "recipes": {"mine": Nearest(2.0)}})
    assert len(fits) > before


@pytest.mark.usefixtures("no_report")
def test_a_forged_cache_is_not_believed(tmp_path):
    """An estimator of another class in the place of the right one is fitted anew."""
    how = {"recipes": {"mine": GaussianNB()}, "folds": 2, "model": False, "verbose": 0}
    first = api.compare(toy(), out=tmp_path, **how)
    shutil.rmtree(tmp_path / "runs")
    foreign = Classical.of(Nearest()).fit(toy().raw, toy().labels, seed=0)[0].head.get_extra_state()
    forged = 0
    for file in (tmp_path / "cache").glob("*.safetensors"):
        tensors, facts = load_checked(file)
        if "head._extra_state" in tensors:
            save_checked(file, {**tensors, "head._extra_state": foreign}, facts)
            forged += 1
    assert forged == 2
    again = api.compare(toy(), out=tmp_path, **how)
    assert [r["scores"] for r in again.results["runs"]] == [r["scores"] for r in first.results["runs"]]


def test_what_cannot_be_stored_is_compared_all_the_same(tmp_path):
    found = api.compare(toy(), recipes=[Handle()], folds=2, out=tmp_path, verbose=0)
    assert {r["status"] for r in found.results["runs"]} == {"done"}
    assert "Handle cannot be stored" in found.results["model"]["why"]
    assert "model_bytes" not in (tmp_path / "results.csv").read_text()
    with pytest.raises(TypeError, match="Handle cannot be stored"):
        api.train(toy(), recipe=Handle(), out=tmp_path / "m")


def test_another_version_of_the_library_fits_anew(monkeypatch):
    from longtail.comparison import estimators
    from longtail.examples import Examples

    examples = Examples(toy().raw, toy().labels, "toy")
    key = estimators.key_of("classical", Classical.of(Nearest()), examples, 0, ())
    monkeypatch.setattr(estimators, "libraries", lambda: ("scikit-learn 99",))
    assert estimators.key_of("classical", Classical.of(Nearest()), examples, 0, ()) != key


def test_edited_code_is_fitted_anew(monkeypatch):
    before = Plan(toy(), (("a", Classical.of(Nearest())),), baseline="a").identity("a", 0, 0)
    assert Plan(toy(), (("a", Classical.of(Nearest())),), baseline="a").identity("a", 0, 0) == before
    monkeypatch.setattr(Nearest, "predict_proba", lambda self, X: np.full((len(X), 2), 0.5))
    assert Plan(toy(), (("a", Classical.of(Nearest())),), baseline="a").identity("a", 0, 0) != before


def test_a_saved_model_of_one_s_own_class_says_how_to_read_it(tmp_path):
    name = f"{Nearest.__module__}:Nearest"
    with pytest.warns(
        UserWarning, match=r"the head holds classes of your own: .*own=\{.*Nearest'?: Nearest\}"
    ):
        model = api.train(toy(), recipe=Nearest(), out=tmp_path / "m")
    with pytest.raises(ValueError, match=rf"model\.json cannot be read: .*own=\{{'{name}': Nearest\}}"):
        Model.load(tmp_path / "m")
    again = Model.load(tmp_path / "m", own={name: Nearest})
    for prior in ("natural", "balanced", [0.2, 0.8]):
        assert torch.equal(again.predict_proba(toy().raw, prior), model.predict_proba(toy().raw, prior))
    assert not list(tmp_path.rglob("*.pkl"))


def test_scikit_learn_s_own_need_nothing_handed_in(tmp_path, recwarn):
    model = api.train(
        toy(), recipe=make_pipeline(StandardScaler(), KNeighborsClassifier(3)), out=tmp_path / "m"
    )
    assert not [w for w in recwarn if "own" in str(w.message)]
    assert torch.equal(Model.load(tmp_path / "m").predict_proba(toy().raw), model.predict_proba(toy().raw))


def test_a_classical_model_of_before_says_what_to_do(tmp_path):
    api.train(toy(), recipe="random-forest:trees=5", out=tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    about = read_json(file, checked=True)
    about["net"]["head"] = {"part": "longtail.classical.heads.forest:Forest", "kwargs": {"num_features": 3}}
    write_json(file, about, checked=True)
    with pytest.raises(
        ValueError, match=r"as arrays, as longtail kept them earlier: train it again \(longtail train DATA"
    ):
        Model.load(tmp_path / "m")


def test_an_estimator_is_a_parameter_of_the_classifier_as_any_other(tmp_path):
    from sklearn.base import clone

    x, y = toy().raw.numpy(), np.array(["no", "yes"])[toy().labels.y]
    model = LongTailClassifier(LogisticRegression(C=2.0), kind="embedding", prior="balanced", random_state=0)
    assert clone(model).set_params(recipe__C=3.0).recipe.C == 3.0
    fitted = model.fit(x, y)
    assert fitted.model_.facts["recipe"]["name"] == "logistic-regression"
    assert json.dumps(fitted.model_.facts["recipe"]["definition"])
    again = LongTailClassifier.load(fitted.save(tmp_path / "m"))
    assert np.array_equal(again.predict_proba(x), fitted.predict_proba(x))
    by_string = LongTailClassifier("logistic:c=2", kind="embedding", random_state=0).fit(x, y)
    assert by_string.model_.facts["recipe"]["name"] == "logistic:c=2"


def test_what_other_processes_cannot_be_given_is_named(tmp_path):
    from longtail import recipes

    asked = {"erm": "erm", "mine": lambda base: recipes.erm(base)}
    with pytest.raises(
        ValueError, match=r"recipe 'mine' cannot be given to other processes .*jobs=1 instead of 2"
    ):
        api.compare(toy(), recipes=asked, folds=2, jobs=2, out=tmp_path, verbose=0)


def test_train_takes_one_recipe():
    with pytest.raises(ValueError, match="recipe='all': one recipe is trained, and these are"):
        longtail.train(toy(), recipe="all")
    assert longtail.train(toy(), recipe={"mine": GaussianNB()}).facts["recipe"]["name"] == "mine"


@pytest.mark.usefixtures("no_report")
def test_a_claim_that_is_false_is_calibrated(tmp_path):
    """Weighted to a balanced prior and stated as natural: rows left out contradict it."""
    of, data = Classical.of, toy(600)
    weighted = LogisticRegression(class_weight={0: 1.0, 1: 30.0})
    found = api.compare(
        data,
        recipes=[of(weighted, "false", prior="natural"), of(LogisticRegression(), "true", prior="natural")],
        folds=2, out=tmp_path, model=False, verbose=0,
    )  # fmt: skip
    source = {r["recipe"]: r["prior_source"] for r in found.results["runs"]}
    assert source == {"false": "closed form, off: fitted", "true": "closed form"}
