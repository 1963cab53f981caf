"""Bad input from file to prediction: each has a clear outcome, which is said."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from longtail import api, classical
from longtail.classical.recipe import deal
from longtail.comparison.counted import RunsFailed
from longtail.comparison.folds import fold_notes, folds, inner_split
from longtail.data import Dataset, load
from longtail.labels import Labels


def table(n=90, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1, 2], [60, 20, 10]))
    size = rng.normal(y)
    colour = np.array(["red", "green", "blue"])[(y + (rng.random(n) < 0.2)) % 3]
    return [f"{s:.3f},{c},{'abc'[k]}" for s, c, k in zip(size, colour, y)]


@pytest.mark.parametrize("recipe", ["erm", "logistic", "smotenc+logistic"])
def test_levels_never_seen_are_predicted_as_no_level(write, tmp_path, recipe):
    path = write("t.csv", "size,colour,label\n" + "\n".join(table()))
    api.train(path, recipe=recipe, epochs=2, out=tmp_path / "m")
    new = write("new.csv", "size,colour\n0.5,violet\n,\n0.5,red\n")
    frame = api.predict(tmp_path / "m", new)
    p = frame.filter(like="p_").to_numpy()
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)


def test_a_column_missing_in_every_row_is_said_and_dropped(write, tmp_path):
    rows = [f"{r.rsplit(',', 1)[0]},,{r[-1]}" for r in table()]
    path = write("t.csv", "size,colour,nothing,label\n" + "\n".join(rows))
    data = load(path)
    assert any("'nothing': empty in every row" in note for note in data.notes)
    model = api.train(data, recipe="logistic", out=tmp_path / "m")
    assert any("constant in training, dropped: nothing" in note for note in model.encoder.notes)
    new = write("new.csv", "size,colour,nothing\n0.5,red,17\n0.5,red,\n")
    p = api.predict(tmp_path / "m", new).filter(like="p_").to_numpy()
    np.testing.assert_array_equal(p[0], p[1])


def test_all_columns_missing_is_refused(write):
    path = write("t.csv", "x,z,label\n" + ",,a\n" * 20 + ",,b\n" * 20)
    with pytest.raises(ValueError, match=r"all columns are constant \(x, z\): nothing to learn from"):
        api.train(path, recipe="logistic")


def test_a_column_that_a_fold_does_not_see_is_no_failure(tmp_path):
    """Filled in one row only: most training parts have it missing throughout."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [40, 20])
    frame = pd.DataFrame({"x": rng.normal(y), "rare": [3.0] + [np.nan] * 59, "word": ["once"] + [None] * 59})
    found = api.compare(
        Dataset.of("toy", "table", frame, Labels.of(torch.from_numpy(y))),
        recipes=["erm", "logistic", "gradient-boosting", "smotenc+logistic"],
        folds=4, epochs=2, out=tmp_path, model=False,
    )  # fmt: skip
    assert {r["status"] for r in found.results["runs"]} == {"done"}


@pytest.mark.parametrize("recipe", ["erm", "logistic"])
def test_empty_and_null_texts_are_kept_said_and_predicted(write, tmp_path, recipe):
    rows = [{"text": f"good soup {k}", "label": "fine"} for k in range(20)]
    rows += [{"text": f"a mouse {k}", "label": "bad"} for k in range(8)]
    rows += [{"text": None, "label": "fine"}, {"text": "  ", "label": "fine"}, {"label": "bad"}]
    path = write("t.jsonl", "\n".join(map(json.dumps, rows)))
    data = load(path, text="text", label="label")
    assert any("2 rows have no text: kept as empty" in note for note in data.notes)
    assert any("1 rows have an empty text: kept" in note for note in data.notes)
    api.train(data, recipe=recipe, epochs=2, out=tmp_path / "m")
    new = write("new.jsonl", '{"text": null}\n{"text": ""}\n{"text": "a mouse"}')
    p = api.predict(tmp_path / "m", new).filter(like="p_").to_numpy()
    assert np.isfinite(p).all()
    np.testing.assert_array_equal(p[0], p[1])


def test_texts_that_are_all_empty_are_refused(write):
    path = write("t.jsonl", "\n".join(json.dumps({"text": "", "label": "ab"[k % 2]}) for k in range(10)))
    with pytest.raises(ValueError, match="none of the 10 texts holds a term"):
        api.train(path, text="text", label="label", recipe="logistic")


def test_labels_with_spaces_behind_them_are_the_same_class(write):
    rows = table()
    rows = [row + "  " if k % 3 == 0 else row for k, row in enumerate(rows)]
    data = load(write("t.csv", "size,colour,label\n" + "\n".join(rows)))
    assert data.labels.names == ("a", "b", "c")
    assert any("spaces around labels removed" in note for note in data.notes)


def test_files_in_another_encoding_train_and_predict(write, tmp_path):
    lines = [f"味道很不错 {k}\t好" for k in range(20)] + [f"有一只老鼠 {k}\t坏" for k in range(8)]
    path = write("t.tsv", ("text\tlabel\n" + "\n".join(lines)).encode("gb18030"))
    data = load(path)
    assert any("gb18030" in note for note in data.notes)
    assert set(data.labels.names) == {"好", "坏"}
    api.train(data, recipe="logistic", out=tmp_path / "m")
    frame = api.predict(tmp_path / "m", write("new.tsv", "text\n有一只老鼠\n味道不错\n".encode("gb18030")))
    assert frame["prediction"].tolist() == ["坏", "好"]


@pytest.mark.parametrize("n", [12, 25, 100, 5000])
def test_continuous_labels_are_refused_at_any_length(write, n):
    rows = "\n".join(f"{k},{k / 7:.4f}" for k in range(n))
    with pytest.raises(
        ValueError, match=r"different numbers in .* look like .*, not classes: name the label column"
    ):
        load(write("t.csv", f"x,price\n{rows}"))


def test_many_whole_numbers_are_classes_with_a_warning(write):
    rows = "\n".join(f"{k},{10 * (k % 50)}" for k in range(400))
    data = load(write("t.csv", f"x,price\n{rows}"))
    assert data.labels.num_classes == 50
    assert any("50 different whole numbers (0 to 490) are read as classes" in note for note in data.notes)
    plain = load(write("u.csv", "x,label\n" + "\n".join(f"{k},{k % 50}" for k in range(400))))
    assert not any("whole numbers" in note for note in plain.notes)


ALONE = Labels.of([0] * 40 + [1] * 12 + [2] * 2 + [3])
"""Classes of 40, 12, 2 and 1 examples."""


@pytest.mark.parametrize("duplicates", [torch.arange(55), torch.arange(55) // 2])
@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_the_only_example_of_a_class_in_every_fold_scheme(duplicates, k):
    parts = folds(ALONE, duplicates, k, seed=0)
    assert sorted(torch.cat([test for _, test in parts]).tolist()) == list(range(55))
    assert sum(54 in test.tolist() for _, test in parts) == 1
    fit, held = inner_split(ALONE, duplicates, 0.2, seed=0)
    assert 54 in fit.tolist() or duplicates[54] == duplicates[53]
    assert sorted([*fit.tolist(), *held.tolist()]) == list(range(55))
    assert deal(ALONE, 3, seed=0, groups=duplicates).shape == (55,)
    assert any("class 3 has a single example" in n for n in fold_notes(ALONE, torch.arange(55), k))


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize(
    ("tuning", "duplicates"),
    [
        ("refit", "together"),
        ("holdout", "ignore"),
        pytest.param("holdout", "together", marks=pytest.mark.slow),
        pytest.param("refit", "ignore", marks=pytest.mark.slow),
    ],
)
def test_a_comparison_with_a_class_of_one_finishes(tmp_path, tuning, duplicates):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(55, 3, generator=g) + ALONE.y[:, None]
    names = [
        "erm",
        "focal",
        "crt",
        "ldam-drw",
        "logistic",
        "random-forest:trees=10",
        "gradient-boosting",
        "balanced-bagging",
    ]
    names += [f"{m}+logistic" for m in ("random-under", "smote", "borderline-smote", "adasyn", "smote-tomek")]
    if (tuning, duplicates) != ("refit", "together"):
        names = ["erm", "crt", "logistic", "balanced-bagging", "smote+logistic"]
    found = api.compare(
        Dataset.of("toy", "embedding", x, ALONE), recipes=names, folds=3, epochs=2, tuning=tuning, duplicates=duplicates,
        out=tmp_path, model=False,
    )  # fmt: skip
    problems = {r["recipe"]: r["error"] for r in found.results["runs"] if r["status"] != "done"}
    assert problems == {}
    assert any("class 3 has a single example" in note for note in found.results["data"]["notes"])


@pytest.mark.parametrize("recipe", ["erm", "ldam-drw", "logistic", "smote+logistic"])
def test_a_class_of_one_is_trained_on_and_can_be_predicted(recipe):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(55, 3, generator=g) + 4 * ALONE.y[:, None]
    model = api.train(Dataset.of("toy", "embedding", x, ALONE), recipe=recipe, epochs=60)
    assert model.predict_proba(x[-1:], "balanced").shape == (1, 4)
    if recipe != "smote+logistic":
        return
    made = classical.resampled("smote", classical.logistic(c=100.0))
    model = api.train(Dataset.of("toy", "embedding", x, ALONE), recipe=made)
    assert model.predict(x[-1:], "balanced") == ["3"]


@pytest.mark.parametrize(
    ("recipe", "rows"),
    [*((r, n) for r in ("logistic", "erm", "crt") for n in (2, 3)), ("random-forest", 3)],
)
def test_a_row_of_each_class_is_trained_on(write, recipe, rows):
    """``train`` has no folds, and once asked for fewer of them."""
    text = "a,label\n" + "".join(f"{9 * k},class {k}\n" for k in range(rows))
    model = api.train(write("t.csv", text), recipe=recipe, label="label", epochs=2)
    assert model.predict_proba(pd.DataFrame({"a": [0.0, 9.0]})).shape == (2, rows)


def test_two_rows_are_too_few_to_compare_on(write, tmp_path):
    path = write("t.csv", "a,label\n1,p\n2,n\n")
    how = {"recipes": ["logistic"], "baseline": "logistic", "out": tmp_path / "out", "verbose": 0}
    with pytest.raises(RunsFailed, match=r"logistic: ValueError: .*nothing to learn from"):
        api.compare(path, folds=2, **how)
    with pytest.raises(ValueError, match=r"folds=5: .* there are 2 rows: lower folds"):
        api.compare(path, **how)


def test_two_rows_are_too_few_for_what_needs_rows_left_out(write):
    with pytest.raises(ValueError, match=r"2 training rows are too few: .* give more rows, or take a recipe"):
        api.train(write("t.csv", "a,label\n1,p\n2,n\n"), recipe="random-forest", label="label")
