"""One number for each class: by name or index, never by position unless it is a plain sequence."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from longtail import LongTailClassifier, adjust, heads, losses, metrics, weights
from longtail.by_class import by_class, places
from longtail.labels import Labels
from longtail.prior import Prior

Y = pd.Series([0] * 10 + [1] * 90)
N, Q = Y.value_counts(), Y.value_counts(normalize=True)  # {1: 90, 0: 10}: the commonest first


@pytest.mark.parametrize(
    "value, names",
    [
        ({"dog": 5, "cat": 90}, ["cat", "dog"]),
        ({1: 5, 0: 90}, ["cat", "dog"]),
        ({"1": 5, "0": 90}, ["cat", "dog"]),
        ({np.int64(1): 5, np.int64(0): 90}, None),
        ({1.0: 5, 0.0: 90}, ["0", "1"]),
        ({6: 5, 3: 90}, ["3", "6"]),
        ({3.0: 90, 6.0: 5}, ["3", "6"]),
        ({3: 90, 6: 5}, ["3.0", "6.0"]),
        ({True: 5, False: 90}, ["False", "True"]),
        ({True: 5, False: 90}, ["0", "1"]),
        ({"US": 5, "NA": 90}, ["NA", "US"]),
        ({"02": 5, "01": 90}, ["01", "02"]),
        (Counter(["dog"] * 5 + ["cat"] * 90), ["cat", "dog"]),
        (pd.Series([5, 90], ["dog", "cat"]), ["cat", "dog"]),
        (pd.Series(["dog"] * 5 + ["cat"] * 90).value_counts(ascending=True), ["cat", "dog"]),
        (pd.DataFrame({"a": ["dog"] * 5 + ["cat"] * 90}).value_counts(ascending=True), ["cat", "dog"]),
    ],
    ids=str,
)
def test_keys_are_names_or_indices(value, names):
    assert list(by_class("counts", value, names)) == [90, 5]


def test_names_win_over_indices():
    assert by_class("counts", {"1": 80, "2": 15, "0": 5}, ["2", "1", "0"]) == [15, 80, 5]
    assert by_class("counts", {"1": 90, "0": 5}, ["1", "0"]) == [90, 5]
    assert places(["2", "1"], ["1", "2", "3"]) == [1, 0]


@pytest.mark.parametrize("value", [[90, 5], (90, 5), np.array([90, 5]), torch.tensor([90, 5])], ids=str)
def test_a_plain_sequence_is_in_class_order(value):
    assert by_class("counts", value, ["zebra", "ant"]) is value


@pytest.mark.parametrize(
    "value, names, message",
    [
        ({"cat": 1}, ["cat", "dog"], "no number for class 'dog': the classes are 'cat', 'dog'; or give a list"),
        ({"cat": 1, "fox": 2}, ["cat", "dog"], "a number for 'fox', which is no class"),
        ({0: 1, 1: 2, 2: 3}, ["1", "2", "3"], "a number for 0, which is no class"),  # indices, or names: not guessed
        ({0: 1, 2: 3}, None, "a number for 2, which is no class: the keys must be the class indices 0, 1, 2"),
        ({"cat": 1, "dog": 2}, None, "a number for 'cat', which is no class"),
        ({1: 1, "1": 2}, ["0", "1"], "two numbers for class"),
        (pd.Series([1, 2, 3], ["cat", "dog", "cat"]), ["cat", "dog"], "two numbers for class 'cat'"),
    ],
    ids=str,
)  # fmt: skip
def test_what_fits_neither_is_refused(value, names, message):
    with pytest.raises(ValueError, match=message):
        by_class("counts", value, names)


@pytest.mark.parametrize("value", [{1, 2}, "natural", b"12", pd.DataFrame({"a": [1, 2]})], ids=str)
def test_what_has_no_order_of_classes_is_refused(value):
    with pytest.raises(TypeError, match="counts"):
        by_class("counts", value)


@pytest.mark.parametrize(
    "made",
    [
        lambda: losses.BalancedSoftmax(counts=N).counts,
        lambda: losses.LDAM(counts=N.to_dict()).counts,
        lambda: losses.LogitAdjusted(prior=Q).prior * 100,
        lambda: 100 * weights.inverse(N)[[1, 0]] / weights.inverse(N).sum(),
        lambda: losses.CrossEntropy(weight={1: 90.0, 0: 10.0}).weight,
        lambda: heads.Grouped(4, 2, counts=N, edges=(50,)).spec["counts"],
        lambda: np.array(Prior.of(Q, Labels.of([0, 1]).classes).numbers) * 100,
        lambda: np.array(Prior.of({"b": 0.9, "a": 0.1}, Labels.of([0, 1], ["a", "b"]).classes).numbers) * 100,
        lambda: adjust.check_prior("prior", Q) * 100,
        lambda: np.array(adjust.PriorShift(Q, to={1: 0.5, 0: 0.5}).prior) * 100,
        lambda: adjust.Thresholds("macro_f1", weights=N).weights,
        lambda: metrics.importance([0, 1], Q) * 50,
    ],
)  # fmt: skip
def test_every_place_goes_through_the_door(made):
    np.testing.assert_allclose(list(made()), [10, 90], rtol=1e-6)


def test_metrics_take_a_prior_by_class():
    p, y = [[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]], [0, 0, 1]
    assert metrics.evaluate(p, y, prior={1: 0.8, 0: 0.2}) == metrics.evaluate(p, y, prior=[0.2, 0.8])


@pytest.mark.parametrize("prior", [Q, Q.to_dict(), {"0": 0.1, "1": 0.9}, [0.1, 0.9]], ids=str)
def test_the_estimator_takes_a_prior_by_class(prior):
    x = np.random.default_rng(0).normal(size=(100, 2)) + Y.to_numpy()[:, None]
    model = LongTailClassifier("logistic", random_state=0).fit(x, Y)
    natural = model.predict_proba(x)
    np.testing.assert_allclose(model.set_params(prior=prior).predict_proba(x), natural, atol=1e-6)


def test_the_estimator_with_classes_that_are_numbers():
    x = np.random.default_rng(0).normal(size=(100, 2)) + Y.to_numpy()[:, None]
    model = LongTailClassifier("logistic", random_state=0).fit(x, Y.map({0: 5, 1: 3}))
    natural = model.predict_proba(x)
    np.testing.assert_allclose(model.set_params(prior={5: 0.1, 3: 0.9}).predict_proba(x), natural, atol=1e-6)
    with pytest.raises(
        ValueError, match="prior has a number for 4, which is no class: the classes are '3', '5'"
    ):
        model.set_params(prior={4: 0.1, 3: 0.9}).predict_proba(x)


def test_things_with_keys_that_are_no_numbers_by_class_are_left_alone():
    thing = SimpleNamespace(items=3, keys=4)
    assert by_class("counts", thing) is thing
