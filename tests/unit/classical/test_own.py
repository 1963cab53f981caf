"""Estimators of the user's own: written down, built anew for each fit, with a prior that is stated or fitted."""

import functools
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from longtail.classical import Classical
from longtail.classical.estimators.own import prepared
from longtail.classical.head import FLOOR
from longtail.classical.inputs import from_matrix, matrix
from longtail.classical.written import name_of_estimator, written
from longtail.labels import Labels
from longtail.part import to_json


def blobs(counts=(90, 40, 15), d=4, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return torch.randn(len(y), d, generator=g) + 1.5 * y[:, None], Labels.of(y, num_classes=len(counts))


class Plain:
    """fit and predict_proba, and nothing else of scikit-learn's; ``classes_`` in falling order."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = (counts**self.power / (counts**self.power).sum())[::-1]
        self.classes_ = self.classes_[::-1]
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (X.shape[0], 1))


ESTIMATORS = [
    LogisticRegression(C=0.5, class_weight={0: 1, 1: 5.0, 2: np.int64(20)}),
    make_pipeline(
        StandardScaler(), SelectKBest(f_classif, k=2), GaussianNB(priors=np.array([0.2, 0.3, 0.5]))
    ),
    make_pipeline(FunctionTransformer(functools.partial(np.clip, a_min=-1, a_max=1)), LogisticRegression()),
    VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft", weights=[1, 2]),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=StratifiedKFold(3)),
    RandomForestClassifier(5, max_features=0.5),
    Plain(0.5),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_it_is_written_down_and_built_again(estimator):
    x, labels = blobs()
    value = written(estimator)
    assert value == written(estimator)
    assert hash(value) == hash(written(estimator))
    assert pickle.loads(pickle.dumps(value)) == value
    again = value.build()
    assert type(again) is type(estimator)
    assert to_json(written(again)) == to_json(value)
    a, b = (
        prepared(e, 3, 1).fit(matrix(x), labels.y.numpy()).predict_proba(matrix(x))
        for e in (again, value.build())
    )
    assert np.array_equal(a, b)
    recipe = Classical.of(estimator)
    net, prior = recipe.fit(x, labels, seed=3)
    assert prior is None
    assert torch.equal(net(x), recipe.fit(x, labels, seed=3)[0](x))
    order = np.argsort(net.head.classes.numpy())
    np.testing.assert_allclose(net(x).exp(), a[:, order], atol=1e-6)
    assert not hasattr(estimator, "classes_")  # the user's own stays as it was


def test_other_parameters_are_another_identity():
    digests = {
        Classical.of(e).digest
        for e in (
            LogisticRegression(),
            LogisticRegression(C=2.0),
            make_pipeline(StandardScaler(), LogisticRegression()),
            make_pipeline(StandardScaler(), LogisticRegression(C=2.0)),
            LogisticRegression(class_weight={0: 1.0}),
            LogisticRegression(class_weight={1: 1.0}),
            GaussianNB(priors=[0.5, 0.5]),
            GaussianNB(priors=np.array([0.5, 0.5])),
        )
    }
    assert len(digests) == 8
    stated = {
        Classical.of(LogisticRegression(), prior=p).digest for p in (None, "natural", "balanced", (0.5, 0.5))
    }
    assert len(stated) == 4
    assert Classical.of(LogisticRegression(), "a").digest == Classical.of(LogisticRegression(), "b").digest


def own_class(source):
    """A class as a user writes it, from text that is in no file."""
    space = {
        "BaseEstimator": BaseEstimator,
        "ClassifierMixin": ClassifierMixin,
        "np": np,
        "__name__": "users_module",
    }
    exec(source, space)
    return space["Mine"]


def test_edited_code_is_another_identity():
    source = "class Mine(ClassifierMixin, BaseEstimator):\n    def fit(self, X, y):\n        return {}\n"
    source += "    def predict_proba(self, X):\n        return X\n"
    one, same, edited = (own_class(source.format(body)) for body in ("self", "self", "self.more(X)"))
    one, same, edited = (Classical.of(cls()).digest for cls in (one, same, edited))
    assert one == same != edited


class Open(LogisticRegression):
    def __init__(self, file=None):
        super().__init__()
        self.file = file


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (make_pipeline(FunctionTransformer(lambda x: x), GaussianNB()), r"Pipeline\.steps\[0\]\[1\]\.func=<function"),
        (RandomForestClassifier(random_state=np.random.RandomState(0)), r"RandomForestClassifier\.random_state="),
        (Open(iter([])), r"Open\.file=<list_iterator"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_parameter_that_cannot_be_written_down_is_named(estimator, said):
    with pytest.raises(TypeError, match=f"{said}.* cannot be written down"):
        Classical.of(estimator)


def test_random_states_that_are_none_come_from_the_seed():
    forest, fixed = RandomForestClassifier(3), RandomForestClassifier(3, random_state=7)
    both = VotingClassifier([("a", forest), ("b", fixed), ("c", RandomForestClassifier(3))], voting="soft")
    found = prepared(written(both).build(), seed=1, threads=1).get_params()
    states = [found[f"{k}__random_state"] for k in "abc"]
    assert states[1] == 7
    assert len({None, *states}) == 4
    assert states == [prepared(written(both).build(), 1, 1).get_params()[f"{k}__random_state"] for k in "abc"]
    assert states[0] != prepared(written(both).build(), 2, 1).get_params()["a__random_state"]
    assert forest.random_state is None
    assert prepared(BaggingClassifier(n_jobs=-1), 0, 2).n_jobs == 2
    assert prepared(BaggingClassifier(), 0, 2).n_jobs is None


def test_the_prior_is_as_it_was_stated():
    x, labels = blobs((60, 0, 20))
    of = functools.partial(Classical.of, LogisticRegression())
    priors = {
        str(p): of(prior=p).fit(x, labels, seed=0)[1] for p in (None, "natural", "balanced", (0.2, 0.3, 0.5))
    }
    assert priors["None"] is None
    assert priors["natural"].tolist() == [0.75, 0, 0.25]
    assert priors["balanced"].tolist() == [0.5, 0, 0.5]
    assert priors["(0.2, 0.3, 0.5)"].tolist() == [0.2, 0.3, 0.5]
    named = Labels.of(labels.y, names=["a", "b", "c"])
    assert of(prior={"c": 0.5, "a": 0.2, "b": 0.3}).fit(x, named, seed=0)[1].tolist() == [0.2, 0.3, 0.5]
    with pytest.raises(
        ValueError, match=r"prior='equal' must be 'natural', 'balanced', probabilities by class, or None"
    ):
        of(prior="equal")
    for wrong in ((0.5, 0.5), (0.5, 0.5, 0.5)):
        with pytest.raises(ValueError, match="prior"):
            of(prior=wrong).fit(x, labels, seed=0)


def test_absent_classes_and_votes_of_nothing():
    x, labels = blobs((60, 0, 20))
    net, _ = Classical.of(RandomForestClassifier(5)).fit(x, labels, seed=0)
    assert torch.equal(net(x)[:, 1], torch.full((80,), FLOOR))
    assert net(x)[:, [0, 2]].min() == FLOOR
    smooth, _ = Classical.of(RandomForestClassifier(5), smoothing=0.2).fit(x, labels, seed=0)
    assert smooth(x)[:, [0, 2]].min() > -4
    np.testing.assert_allclose(smooth(x).exp(), (net(x).exp() + 0.2 * labels.prior) / 1.2, atol=1e-6)


class Strange(DummyClassifier):
    def __init__(self, gives="few"):
        super().__init__()
        self.gives = gives

    def predict_proba(self, X):
        found = super().predict_proba(X)
        return {"few": found[:, :1], "nan": found * np.nan, "sums": found * 2, "names": found}[self.gives]

    def fit(self, X, y):
        super().fit(X, y)
        if self.gives == "names":
            self.classes_ = np.array(["a", "b", "c"])
        return self


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (
            "few",
            r"Strange\.predict_proba gave an array of shape \(145, 1\) for 145 rows; it was fitted on 3 classes",
        ),
        ("nan", r"Strange\.predict_proba gave numbers that are no probabilities"),
        ("sums", r"Strange\.predict_proba gave numbers that are no probabilities"),
        ("names", r"Strange\.classes_ is \['a' 'b' 'c'\], and it was fitted on \[0, 1, 2\]"),
    ],
)
def test_what_is_no_probability_is_said(gives, said):
    x, labels = blobs()
    with pytest.raises(ValueError, match=said):
        Classical.of(Strange(gives)).fit(x, labels, seed=0)[0](x)


def test_n_grams_for_an_estimator_that_wants_dense_rows_come_with_the_remedy():
    from scipy.sparse import csr_matrix

    x, labels = blobs()
    rows = from_matrix(csr_matrix(np.maximum(x.numpy(), 0)))
    with pytest.raises(ValueError, match=r"GaussianNB: .*put TruncatedSVD\(100\) before it"):
        Classical.of(GaussianNB()).fit(rows, labels, seed=0)
    assert Classical.of(LogisticRegression()).fit(rows, labels, seed=0)[0](rows).shape == (145, 3)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (LogisticRegression(), "logistic-regression"),
        (GaussianNB(), "gaussian-nb"),
        (Plain(), "plain"),
        (make_pipeline(StandardScaler(), "passthrough", GaussianNB()), "standard-scaler+gaussian-nb"),
    ],
)
def test_names(estimator, name):
    assert name_of_estimator(estimator) == name
