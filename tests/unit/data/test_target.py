from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from longtail.data import inspect_facts, load
from longtail.formats.reading import Doubt
from longtail.formats.target import classes_of, natural


def test_numbers_sort_as_numbers_and_6_is_6_0() -> None:
    y, names, notes = classes_of(["10", "9.0", "6", "6.0"], "f")
    assert names == ("6", "9", "10")
    assert y.tolist() == [2, 1, 0, 0]
    assert any("9.0 is read as class 9" in n for n in notes)


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0], [True, False, True], np.array([1, 0, 1], dtype=np.int8)])
def test_any_type_of_column(values) -> None:
    y, names, _ = classes_of(values, "f")
    assert y.tolist() == [1, 0, 1]
    assert names in (("0", "1"), ("False", "True"))


def test_spaces_and_quotes_around_labels_are_removed_and_said() -> None:
    y, names, notes = classes_of(["'-1'", "'1' ", "'-1'", " '1'"], "f")
    assert names == ("-1", "1")
    assert y.tolist() == [0, 1, 0, 1]
    assert any("spaces" in n for n in notes)
    assert any("quotes" in n for n in notes)


def test_leading_zeros_are_names_and_half_steps_are_classes() -> None:
    assert classes_of(["007", "7", "007"], "f")[1] == ("007", "7")
    assert classes_of(["0.5", "1.0", "1.5"], "f")[1] == ("0.5", "1", "1.5")


def test_words_that_look_missing_may_be_classes() -> None:
    assert classes_of(["none", "some", "NA", "none"], "f")[1] == ("NA", "none", "some")


def test_natural_order() -> None:
    assert sorted(["b2", "b10", "B1", "a"], key=natural) == ["a", "B1", "b2", "b10"]


def test_rows_without_a_label_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"t: 2 of 4 rows have no label \(row 2, 4, counting data rows from 1\)"
    ):
        classes_of(["a", "", "b", None], "t")


@pytest.mark.parametrize(
    "values, message",
    [
        (np.linspace(0, 1, 200), "continuous quantity"),
        (np.arange(200), "a quantity or an identifier"),
        ([f"user {i}" for i in range(200)], "200 different values in 200 rows"),
        (["a"] * 5, "every row has the label 'a'"),
        ([[1], [2]], "holds lists"),
    ],
)
def test_columns_that_are_no_labels(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        classes_of(values, "t")


@pytest.mark.parametrize(
    "values, classes, message",
    [
        (
            np.linspace(0, 1, 200),
            200,
            "200 different numbers in 200 rows (0 to 1) look like a continuous quantity",
        ),
        (
            [0.5 * (i // 2) for i in range(90)],
            45,
            "45 different numbers in 90 rows (0 to 22) look like a continuous",
        ),
        (
            np.arange(200),
            200,
            "200 different numbers in 200 rows (0 to 199) look like a quantity or an identifier",
        ),
        (
            [f"user {i}" for i in range(200)],
            200,
            "200 different values in 200 rows: many classes with few rows each",
        ),
        (
            [40000 + k // 2 for k in range(400)],
            200,
            "200 different numbers in 400 rows (40000 to 40199) look like",
        ),
    ],
)
def test_a_column_that_the_user_named_is_the_label(values, classes, message) -> None:
    """What it looks like is a warning, not an error."""
    y, names, notes = classes_of(values, "t", named=True)
    assert len(names) == classes
    assert [names[k] for k in y.tolist()][:3] == [str(v).removesuffix(".0") for v in list(values)[:3]]
    (warning,) = (n for n in notes if isinstance(n, Doubt))
    assert warning.startswith(f"t: {message}")


def test_it_is_said_as_a_warning_wherever_it_was_named(write) -> None:
    path = write("t.csv", "x,z,price\n" + "".join(f"{i % 9},{i % 8},{i / 7:.3f}\n" for i in range(100)))
    frame = pd.read_csv(path)
    for facts in (
        inspect_facts(load(path, label="price")),
        inspect_facts(load(frame, label="price")),
        inspect_facts(load((frame[["x", "z"]], frame["price"]))),
    ):
        assert facts["classes"] == 100
        (warning,) = (w for w in facts["warnings"] if "continuous quantity" in w)
        assert (
            "read as 100 classes, as you named it the label. If it is a quantity, bin it into classes first"
            in warning
        )
        assert not any("continuous" in note for note in facts["notes"])
    with pytest.raises(ValueError, match=r"column 'price': 100 different numbers"):
        load(frame)  # the last column is a guess


def test_declared_names_keep_empty_classes() -> None:
    y, names, notes = classes_of([2, 0, 2], "t", ["cat", "dog", "eel"])
    assert (y.tolist(), names) == ([2, 0, 2], ("cat", "dog", "eel"))
    assert any("1 without a row" in n for n in notes)
    with pytest.raises(ValueError, match=r"label 3 has no name.*0\.\.2"):
        classes_of([3, 0], "t", ["cat", "dog", "eel"])


def test_the_continuous_label_error_names_file_and_column(write) -> None:
    path = write("t.csv", "x,price\n" + "".join(f"{i},{i / 7:.3f}\n" for i in range(100)))
    with pytest.raises(
        ValueError, match=r"t\.csv, column 'price': 100 different numbers in 100 rows.*label="
    ):
        load(path)
