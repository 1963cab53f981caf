"""Prior: one value for every form in which it is said, one check, one tolerance; and equal numbers decide equally."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import longtail
from longtail import LongTailClassifier, adjust, api, losses, metrics
from longtail.adjust import Predictions
from longtail.adjust.apply import adjust_predictions
from longtail.classes import Classes
from longtail.labels import Labels
from longtail.prior import TOLERANCE, Prior, distribution

LABELS = Labels.of(["a"] * 6 + ["b"] * 3 + ["c"]).classes
DECLARED = [0.2, 0.3, 0.5]


@pytest.mark.parametrize(
    "said",
    [
        DECLARED, tuple(DECLARED), np.array(DECLARED), torch.tensor(DECLARED), torch.tensor(DECLARED).double(),
        {"c": 0.5, "a": 0.2, "b": 0.3}, {2: 0.5, 0: 0.2, 1: 0.3}, pd.Series([0.5, 0.3, 0.2], ["c", "b", "a"]),
        "0.2,0.3,0.5", "c=0.5, a=0.2,b=0.3", Prior.given(DECLARED),
    ],
    ids=str,
)  # fmt: skip
def test_every_form_is_one_value(said):
    found = Prior.of(said, LABELS)
    assert found.name == "declared"
    np.testing.assert_allclose(found.resolve(LABELS).numpy(), DECLARED, rtol=1e-6)
    assert Prior.of(found, LABELS) is found


@pytest.mark.parametrize("text", ['{"c": 0.5, "a": 0.2, "b": 0.3}', "[0.2, 0.3, 0.5]"])
def test_a_file_is_read_where_it_is_allowed(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    for path in (tmp_path / "p.json", str(tmp_path / "p.json")):
        assert Prior.of(path, LABELS, files=True) == Prior.given(DECLARED)
        with pytest.raises(ValueError, match="must be 'natural', 'balanced'"):
            Prior.of(path, LABELS)


@pytest.mark.parametrize(
    "said, name",
    [
        ("natural", "natural"),
        ([0.6, 0.3, 0.1], "natural"),
        ("0.6003,0.2998,0.0999", "natural"),
        ([0.6, 0.301, 0.099], "declared"),
        ("balanced", "balanced"),
        ([1 / 3] * 3, "balanced"),
        ([0.333, 0.333, 0.333], "balanced"),
        ([0.33, 0.33, 0.34], "declared"),
    ],
)
def test_numbers_of_a_named_prior_are_that_prior(said, name):
    assert Prior.of(said, LABELS).name == name


def test_a_class_that_training_never_saw_is_natural_at_0_alone():
    counts = Classes(("a", "b", "c"), torch.tensor([9, 1, 0]))
    assert Prior.of([0.9, 0.1, 0], counts) == Prior.natural()
    assert Prior.of([0.9, 0.0999, 0.0001], counts).name == "declared"


@pytest.mark.parametrize(
    "said, words",
    [
        ("even", "from_prior='even' must be 'natural', 'balanced', probabilities such as '0.7,0.3' or 'a=0.7,...'"),
        ([0.5, 0.5], r"from_prior=\[0.5, 0.5\] has shape \(2,\); it needs one number for each of 3 classes"),
        ([1.5, -0.5, 0], r"from_prior\[1\] is -0.5; a prior holds numbers from 0 on"),
        ([float("nan"), 0.5, 0.5], r"from_prior\[0\] is nan"),
        ([0.5, 0.5, 0.1], r"from_prior=\[0.5, 0.5, 0.1\] sums to 1.1, not 1: divide each number by the sum"),
        ([0, 0, 0], "sums to 0, not 1"),
        ("0.5,0.5,0.1", "from_prior='0.5,0.5,0.1' sums to 1.1"),
        ({"a": 0.5, "b": 0.5, "c": 0.1}, r"from_prior=\{'a': 0.5, 'b': 0.5, 'c': 0.1\} sums to 1.1"),
        (["x", "y", "z"], "must be numbers, one for each class"),
        ("0.5,0.5", "2 numbers for 3 classes; the classes are, in their order, a, b, c"),
        ("0.5,0.5,x", "'x' is no number"),
        ("a=0.5,b=0.5,d=0", "there is no class 'd'"),
        ("a=0.5,b=0.5", "class 'c' is missing"),
        ("a=0.5,b=0.3,c=0.2,a=0.5", "class 'a' is given twice"),
        ({"a": 0.5, "b": 0.5}, "from_prior has no number for class 'c'"),
        (Prior.given([0.5, 0.5]), "for each of 3 classes"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_prior_is_refused_by_the_name_of_the_argument(said, words):
    with pytest.raises((ValueError, TypeError), match=words):
        Prior.of(said, LABELS, "from_prior")


DOORS = {
    "Prior.of": lambda p: Prior.of(p, Labels.of([0, 0, 0, 1]).classes),
    "metrics": lambda p: metrics.evaluate([[0.9, 0.1], [0.2, 0.8]], [0, 1], prior=p),
    "importance": lambda p: metrics.importance([0, 1], p),
    "adjust": lambda p: adjust_predictions(Predictions.of([[0.9, 0.1]], "probabilities"), [3, 1], p),
    "from_prior": lambda p: adjust_predictions(
        Predictions.of([[0.9, 0.1]], "probabilities"), [3, 1], from_prior=p
    ),
    "PriorShift": lambda p: adjust.PriorShift(p),
    "PriorShift.to": lambda p: adjust.PriorShift([0.5, 0.5], to=p),
    "BiasTemperature": lambda p: adjust.BiasTemperature(1.0, [0.0, 0.0], p),
    "estimate_prior": lambda p: adjust.estimate_prior([[2.0, 0.0], [0.0, 2.0]], p, resamples=20),
    "loss": lambda p: losses.LogitAdjusted(prior=p),
    "target_prior": lambda p: losses.LogitAdjusted(prior=[0.5, 0.5], target_prior=p),
}


@pytest.mark.parametrize("door", DOORS)
def test_one_tolerance_everywhere(door):
    """A sum that is off by less than it is accepted, by more refused."""
    share = np.array([0.7, 0.3])
    for off in (0.9 * TOLERANCE, -0.9 * TOLERANCE):
        DOORS[door](share * (1 + off))
    for off in (1.1 * TOLERANCE, -1.1 * TOLERANCE):
        with pytest.raises(ValueError, match="not 1: divide each number by the sum"):
            DOORS[door](share * (1 + off))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("bad", [[1.2, -0.2], [float("nan"), 0.5], [float("inf"), 0.5]])
def test_one_check_everywhere(door, bad):
    with pytest.raises(ValueError, match="a prior holds numbers from 0 on"):
        DOORS[door](bad)


def test_rounded_numbers_give_what_exact_ones_give():
    exact, rounded = (adjust.PriorShift(p).prior for p in ([1 / 3] * 3, [0.333] * 3))
    np.testing.assert_allclose(rounded, exact, rtol=1e-12)
    assert adjust.PriorShift([0.1] * 10).prior == (0.1,) * 10  # no bit changes where the sum is 1


def test_distribution_leaves_numbers_as_they_are():
    assert distribution("prior", [0.333, 0.333, 0.333]).tolist() == [0.333, 0.333, 0.333]


# Equal numbers decide equally


@pytest.fixture(scope="module")
def toy():
    """Rows on which tuned thresholds decide otherwise than the most probable class, and a model."""
    draw = np.random.default_rng(0)
    y = np.repeat(["common", "mid", "rare"], [1000, 150, 50])
    x = draw.normal(size=(1200, 4))
    x[:, 0] += 1.0 * (y == "mid")
    x[:, 1] += 1.2 * (y == "rare")
    return x, y, longtail.train((x, y), recipe="logistic")


def said_natural(classes):
    exact = classes.prior
    return {
        "vector": exact,
        "single": exact.float(),
        "rounded": [round(p, 5) for p in exact.tolist()],
        "mapping": dict(zip(classes.names, exact.tolist())),
        "series": pd.Series(exact.numpy()[::-1], classes.names[::-1]),
        "text": ",".join(f"{p:.6f}" for p in exact.tolist()),
        "pairs": ",".join(f"{n}={p:.6f}" for n, p in zip(classes.names[::-1], exact.tolist()[::-1])),
    }


FORMS = list(said_natural(LABELS))


@pytest.mark.parametrize("form", FORMS)
def test_a_model_decides_by_numbers_as_by_name(toy, form):
    x, _, model = toy
    by_name, outcome = model.predict(x), model.outcome
    assert outcome.decided_by == "thresholds"
    probable = [model.names[k] for k in model.predict_proba(x).argmax(1).tolist()]
    assert sum(a != b for a, b in zip(by_name, probable)) > 50  # else nothing is tested
    said = said_natural(outcome.classes)[form]
    assert model.predict(x, said) == by_name
    assert torch.equal(model.predict_proba(x, said), model.predict_proba(x))
    assert torch.equal(outcome.predict(model.encode(x), said), outcome.predict(model.encode(x), "natural"))
    frame, named = api.predict(model, x, prior=said), api.predict(model, x)
    pd.testing.assert_frame_equal(frame, named)


@pytest.mark.parametrize("form", FORMS)
def test_the_estimator_decides_by_numbers_as_by_name(toy, form):
    x, y, model = toy
    made = LongTailClassifier("logistic", random_state=0)
    made.model_, made.classes_, made.n_features_in_ = model, np.unique(y), 4
    by_name = made.predict(x)
    made.set_params(prior=said_natural(model.outcome.classes)[form])
    assert (made.predict(x) == by_name).all()


@pytest.mark.parametrize("name", ["natural", "balanced"])
def test_adjusting_to_numbers_is_adjusting_to_the_name(name, tmp_path):
    z, counts = np.random.default_rng(1).normal(size=(60, 3)), {"a": 6, "b": 3, "c": 1}
    given = Predictions.of(z, "logits", names=["a", "b", "c"])
    numbers = Prior(name).resolve(LABELS).tolist()
    (tmp_path / "p.json").write_text(json.dumps(dict(zip("cab", numbers[2:] + numbers[:2]))))
    by_name = api.adjust(given, counts=counts, prior=name)
    pairs = ",".join(f"{n}={p}" for n, p in zip("abc", numbers))
    for said in (numbers, np.array(numbers), pairs, tmp_path / "p.json"):
        found = api.adjust(given, counts=counts, prior=said)
        assert (found.predictions.logits == by_name.predictions.logits).all()
        source = api.adjust(given, counts=counts, prior="balanced", from_prior=said)
        named = api.adjust(given, counts=counts, prior="balanced", from_prior=name)
        assert (source.source, source.assumed.tolist()) == (named.source, named.assumed.tolist())


@pytest.mark.parametrize("name", ["natural", "balanced"])
def test_adjusted_scores_are_called_alike(name):
    p = Predictions.of([[2.0, 0.0], [0.0, 1.0], [0.5, 0.0]], "logits", [0, 1, 1])
    numbers = Prior(name).resolve(Labels.of([0, 0, 0, 1]).classes).tolist()
    by_name, found = (adjust_predictions(p, [3, 1], said, resamples=2) for said in (name, numbers))
    assert found.scores == by_name.scores


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("compared")


@pytest.mark.parametrize("name", ["natural", "balanced"])
def test_comparing_under_numbers_is_comparing_under_the_name(toy, name, out):
    x, y, _ = toy
    settings = {"recipes": ["logistic"], "folds": 2, "model": False, "verbose": 0, "out": out}
    by_name = longtail.compare((x, y), prior=name, **settings)
    numbers = Prior(name).resolve(Labels.of(y).classes).tolist()
    found = longtail.compare((x, y), prior=numbers, **settings)
    assert found.results["runs"] == by_name.results["runs"]
    assert found.results["evidence"] == by_name.results["evidence"]
    assert found.results["settings"] == by_name.results["settings"]
    assert list(found.rows) == list(by_name.rows)
