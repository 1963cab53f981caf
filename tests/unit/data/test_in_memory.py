"""Every verb takes what is in memory: data frames, series, arrays, lists of texts, tensors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

from longtail import api
from longtail.data import Dataset, load
from longtail.labels import Labels

RNG = np.random.default_rng(0)
Y = np.repeat(["common", "rare"], [60, 15])
X = RNG.normal(size=(75, 3)).round(3) + 3.0 * (Y == "rare")[:, None]
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
TEXTS = ["tasty soup", "lovely rice", "great tea", "fine food", "a mouse ran"] * 15
TEXT_Y = ["fine", "fine", "fine", "fine", "bad"] * 15

ROWS = {
    "frame": (FRAME, Y),
    "frame with another index": (FRAME.set_axis(range(100, 175)), pd.Series(Y, index=range(7, 82))),
    "frame with numbers for names": (pd.DataFrame(X), pd.DataFrame({"y": Y})),
    "array": (X, Y),
    "float32": (X.astype(np.float32).astype(np.float64), list(Y)),
    "lists": (X.tolist(), tuple(Y)),
    "tensor": (torch.from_numpy(X), torch.tensor((Y == "rare").astype(int))),
    "objects": (X.astype(object), pd.Categorical(Y)),
    "words": (np.array([[str(v) for v in row] for row in X]), pd.array(Y, dtype="string")),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_and_labels(name) -> None:
    x, y = ROWS[name]
    data = load((x, y))
    assert (data.kind, data.labels.counts.tolist()) == ("table", [60, 15])
    np.testing.assert_allclose(data.raw.to_numpy(), X, rtol=1e-6)
    assert api.inspect((x, y))["counts"] == [60, 15]


def test_a_frame_with_its_label() -> None:
    data = load(FRAME.assign(target=Y), imbalance=4.0)
    assert (data.name, data.labels.names) == ("data", ("common", "rare"))
    assert list(data.raw.columns) == ["a", "b", "c"]
    assert load(FRAME.assign(kind=Y), label="kind", features=["a"], name="mine").name == "mine"
    text = load(pd.DataFrame({"n": range(75), "words": TEXTS, "what": TEXT_Y}), label="what", text="words")
    assert (text.kind, text.raw[:2]) == ("text", TEXTS[:2])


def test_every_verb(tmp_path) -> None:
    found = api.compare((FRAME, Y), recipes=["logistic"], baseline="logistic", folds=2, out=tmp_path)
    assert found.results["data"]["name"] == "data"
    model = api.train(FRAME.assign(target=Y), recipe="logistic")
    want = model.predict(FRAME)
    assert np.mean(np.array(want) == Y) > 0.9
    assert api.predict(model, FRAME)["prediction"].tolist() == want
    assert api.predict(model, FRAME[["c", "a", "b"]].assign(spare=1))["prediction"].tolist() == want
    for rows in (X, X.tolist(), torch.from_numpy(X)):
        assert model.predict(rows) == want
        assert api.predict(model, rows)["prediction"].tolist() == want
    with pytest.raises(ValueError, match="X has 2 columns without names; the model takes 3"):
        model.predict(X[:, :2])
    with pytest.raises(ValueError, match=r"X has shape \(75,\); rows and columns"):
        model.predict(FRAME["a"])


def test_a_text_model_predicts_the_rows_of_a_frame() -> None:
    model = api.train((pd.Series(TEXTS, index=range(9, 84)), TEXT_Y), recipe="erm", epochs=20)
    want = ["fine", "bad"]
    rows = ["tasty soup", "a mouse ran"]
    for given in (rows, np.array(rows), pd.Series(rows, index=[5, 3]), pd.DataFrame({"anything": rows})):
        assert model.predict(given) == want
    two = pd.DataFrame({"id": [1, 2], "review": rows})
    assert api.predict(model, two)["prediction"].tolist() == want
    with pytest.raises(ValueError, match="which column"):
        model.predict(pd.DataFrame({"one": rows, "two": rows[::-1]}))
    with pytest.raises(TypeError, match="is a data frame; texts are needed"):
        model.encoder(two)
    with pytest.raises(ValueError, match="the model takes texts"):
        model.predict(X)


def test_other_kinds() -> None:
    sparse = load((csr_matrix(np.abs(X)), Y))
    assert (sparse.kind, len(sparse.raw)) == ("text", 75)
    embedding = api.train((FRAME, Y), kind="embedding", recipe="logistic")
    assert embedding.predict(FRAME) == embedding.predict(X) == embedding.predict(torch.from_numpy(X).float())
    images = torch.randint(0, 255, (8, 3, 8, 8), dtype=torch.uint8)
    data = load((images.permute(0, 2, 3, 1).numpy(), [0, 1] * 4))
    assert (data.kind, torch.equal(data.raw, images)) == ("image", True)
    vectors = load(pd.DataFrame({"embedding": list(X), "label": Y}))
    assert (vectors.kind, tuple(vectors.raw.shape)) == ("embedding", (75, 3))


@pytest.mark.parametrize(
    "given, message",
    [
        (X, "data is a ndarray; give a path, a data frame with a label column, or"),
        ((X, Y[50:]), "raw has 75 rows and labels has 25"),
        ((X[:, 0], Y), "rows and columns"),
        ((FRAME.set_axis(["a", "a", "b"], axis=1), Y), "several columns called 'a'"),
        ((FRAME, np.stack([Y, Y], 1)), "y has 2 columns"),
        ((FRAME, [None, *Y[1:]]), "1 of 75 rows have no label"),
    ],
)
def test_what_cannot_be_read(given, message) -> None:
    with pytest.raises(ValueError, match=message):
        load(given)


def test_a_data_set_may_still_be_made_by_hand() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "w": ["u", "v", None] * 25, "d": pd.date_range("2020", periods=75)})
    data = Dataset.of("toy", "table", frame, Labels.of(Y))
    model = api.train(data, recipe="logistic")
    assert len(model.predict(frame)) == 75


@pytest.mark.parametrize(
    "how", [{"drop": ["a"]}, {"missing": "-999"}, {"header": False}, {"skip_bad": True}, {"delimiter": ";"}]
)
def test_what_is_for_files_is_refused_for_data_in_memory(how) -> None:
    """It was left out without a word: a column that was to be dropped was trained on."""
    frame = pd.DataFrame(
        {"a": [1.0, 2.5, 3.0, 4.5], "b": [4.0, 3.5, 2.0, 1.5], "label": ["x", "y", "x", "y"]}
    )
    with pytest.raises(ValueError, match=f"{next(iter(how))}=.* is no option for data in memory"):
        load(frame, **how)


@pytest.fixture(scope="module")
def of_a_file(tmp_path_factory):
    """A model of a file in which -999 and "unknown" mean no value."""
    frame = pd.DataFrame({"Size": X[:, 0], "colour": np.where(X[:, 1] > 0, "red", "blue"), "label": Y})
    frame.loc[::7, "Size"] = -999
    frame.loc[::5, "colour"] = "unknown"
    path = tmp_path_factory.mktemp("of a file") / "t.csv"
    frame.to_csv(path, index=False)
    model = api.train(path, recipe="logistic", missing=["-999", "unknown"])
    return model, frame, path


FORMS = {
    "as it is": lambda t: t,
    "whole numbers": lambda t: t.assign(Size=t["Size"].round().astype(int)),
    "words": lambda t: t.astype(str),
    "a category": lambda t: t.assign(colour=t["colour"].astype("category")),
    "strings": lambda t: t.assign(colour=t["colour"].astype("string")),
    "names in another case": lambda t: t.rename(columns={"Size": " size"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_cells_that_meant_no_value_in_training_mean_none_in_memory(of_a_file, tmp_path, form) -> None:
    """They were read as -999 and as a level that training had not seen."""
    model, frame, _ = of_a_file
    given = FORMS[form](frame)
    emptied = given.copy()
    emptied.loc[::7, emptied.columns[0]] = None
    emptied["colour"] = emptied["colour"].astype(object).where(np.arange(75) % 5 != 0, None)
    want = model.predict_proba(emptied)
    torch.testing.assert_close(model.predict_proba(given), want)
    given.to_csv(tmp_path / "new.csv", index=False)
    for rows in (given, tmp_path / "new.csv"):
        found = api.predict(model, rows)
        np.testing.assert_allclose(found[["p_common", "p_rare"]], want.numpy(), atol=1e-6)
    api.train(frame, recipe="logistic")  # without the words, -999 is a number as any other
    unlike = api.train(frame, recipe="logistic").predict_proba(given)
    assert not torch.allclose(unlike, want, atol=1e-3)


def test_arrays_too(of_a_file) -> None:
    model, frame, _ = of_a_file
    given = frame[["Size", "colour"]].to_numpy(dtype=object)
    torch.testing.assert_close(model.predict_proba(given), model.predict_proba(frame))


def test_rows_without_a_label_have_the_same_cells_without_a_value(of_a_file, tmp_path) -> None:
    _, frame, path = of_a_file
    frame.drop(columns="label").to_csv(tmp_path / "more.csv", index=False)
    data = api.load(path, missing=["-999", "unknown"], unlabelled=tmp_path / "more.csv")
    assert data.unlabelled["Size"].isna().sum() == (frame["Size"] == -999).sum() > 0


@pytest.mark.parametrize(
    "how", [{"header": False}, {"split": "test"}, {"encoding": "latin-1"}, {"delimiter": ";"}, {"missing": "-1"},
            {"skip_bad": True}, {"sheet": 1}, {"images": "pictures"}],
)  # fmt: skip
def test_predict_refuses_what_is_for_files_too(of_a_file, how) -> None:
    model, frame, _ = of_a_file
    option = next(iter(how))
    for rows in (frame, frame[["Size", "colour"]].to_numpy(dtype=object)):
        with pytest.raises(
            ValueError, match=f"^{option}=.* (is no option for data in memory|the model takes)"
        ):
            api.predict(model, rows, **how)


def test_labels_in_a_frame_give_scores() -> None:
    """The model of a file did so; that of a frame forgot which column the labels were in."""
    frame = FRAME.assign(what=Y)
    model = api.train(frame, label="what", recipe="logistic")
    found = api.predict(model, frame)
    assert found["label"].tolist() == list(Y)
    assert found.attrs["scores"]["file"]["accuracy"] > 0.9
    assert "label" not in api.predict(model, FRAME)


def test_columns_that_are_numbers_may_be_kept() -> None:
    frame = pd.DataFrame(X).assign(what=Y)
    model = api.train(frame, label="what", recipe="logistic")
    assert api.predict(model, frame, keep=["1"])["1"].tolist() == X[:, 1].tolist()
