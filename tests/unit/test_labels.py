import numpy as np
import pandas as pd
import pytest
import torch

from longtail.labels import Labels


def test_what_follows_from_the_labels():
    labels = Labels.of([2, 0, 0, 2, 0], names=["a", "b", "c"])
    assert labels.counts.tolist() == [3, 0, 2]
    assert labels.prior.tolist() == [0.6, 0.0, 0.4]
    assert labels.classes.imbalance == 1.5
    order, start = labels.by_class
    assert order.tolist() == [1, 2, 4, 0, 3]
    assert start.tolist() == [0, 3, 3, 5]


def test_groups_have_the_field_s_boundaries():
    labels = Labels.of([0] * 101 + [1] * 100 + [2] * 20 + [3] * 19)
    groups = {k: v.tolist() for k, v in labels.classes.groups().items()}
    assert groups == {"many": [0], "medium": [1, 2], "few": [3]}
    with pytest.raises(ValueError, match="few=5 must not exceed many=1"):
        labels.classes.groups(many=1, few=5)


def test_fingerprint_depends_on_labels_names_and_classes():
    a = Labels.of([0, 1])
    assert a.fingerprint == Labels.of(torch.tensor([0, 1])).fingerprint
    assert (
        len(
            {
                x.fingerprint
                for x in (a, Labels.of([1, 0]), Labels.of([0, 1], ["x", "y"]), Labels.of([0, 1], None, 3))
            }
        )
        == 4
    )


def test_a_subset_keeps_the_classes():
    assert Labels.of([0, 1, 2]).take(torch.tensor([0])).num_classes == 3


def test_a_series_is_taken_by_row_whatever_its_index():
    y = (
        pd.Series([0] * 90 + [1] * 10).sample(frac=1, random_state=1).iloc[20:]
    )  # as train_test_split leaves it
    y = y[y.index != 0]
    labels = Labels.of(y)
    assert labels.counts.tolist() == [int((y == 0).sum()), int((y == 1).sum())]
    assert labels.y.tolist() == y.tolist()


@pytest.mark.parametrize(
    "y",
    [
        ["dog", "cat", "dog"],
        ("dog", "cat", "dog"),
        np.array(["dog", "cat", "dog"]),
        np.array(["dog", "cat", "dog"], dtype=object),
        pd.Series(["dog", "cat", "dog"], index=[7, 7, 2]),
        pd.Series(["dog", "cat", "dog"], dtype="string"),
        pd.Categorical(["dog", "cat", "dog"], categories=["dog", "cat"]),
        pd.Index(["dog", "cat", "dog"]),
    ],
)
def test_words_are_class_names_in_natural_order(y):
    assert (Labels.of(y).names, Labels.of(y).y.tolist()) == (("cat", "dog"), [1, 0, 1])
    given = Labels.of(y, names=["dog", "eel", "cat"])
    assert (given.y.tolist(), given.counts.tolist()) == ([0, 2, 0], [2, 0, 1])


@pytest.mark.parametrize(
    "y",
    [
        np.array([1, 0, 1], dtype=np.uint8),
        pd.Series([1, 0, 1], dtype="Int64"),
        [True, False, True],
        pd.array([1, 0, 1]),
    ],
)
def test_whole_numbers_of_any_type_are_indices(y):
    assert Labels.of(y).y.tolist() == [1, 0, 1]


def test_classes_with_numbers_in_their_names_are_in_natural_order():
    assert Labels.of(["class 10", "class 9"]).names == ("class 9", "class 10")


@pytest.mark.parametrize(
    "y, kwargs, error, words",
    [
        ([], {}, ValueError, "empty"),
        ([0.0, 1.0], {}, TypeError, "integers"),
        ([[0, 1]], {}, TypeError, "shape"),
        ([0, -1], {}, ValueError, "-1..0"),
        ([0, 3], {"num_classes": 3}, ValueError, r"0\.\.2"),
        ([0, 1], {"names": ["a", "b"], "num_classes": 3}, ValueError, "names"),
        (["a", "b"], {"names": ["a", "c"]}, ValueError, "'b', which is not among names: a, c"),
        (["a", None], {}, ValueError, r"no label in 1 of 2 rows \(row 2\)"),
        (["a", float("nan")], {}, ValueError, r"no label in 1 of 2 rows \(row 2\)"),
        (pd.Series([None, 1], dtype="Int64"), {}, ValueError, r"no label in 1 of 2 rows \(row 1\)"),
    ],
)
def test_bad_input(y, kwargs, error, words):
    with pytest.raises(error, match=words):
        Labels.of(y, **kwargs)
