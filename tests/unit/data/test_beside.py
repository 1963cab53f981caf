"""What stands beside rows: groups, times and parts, read from files, folders and what is in memory; and own test sets."""

from functools import cached_property

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from longtail import LongTailClassifier, api, cli
from longtail.api.splitting import length_of, load_parts, split_of
from longtail.comparison.prepared import Prepared
from longtail.comparison.split import Folds, Holdout, InTime, Own
from longtail.comparison.split_words import split_notes, words
from longtail.data import load
from longtail.data.inspect import inspect_facts


def frame(n=60, seed=0):
    r = np.random.default_rng(seed)
    y = (r.random(n) < 0.3).astype(int)
    return pd.DataFrame(
        {
            "x": (r.normal(size=n) + 2 * y).round(3),
            "z": r.normal(size=n).round(3),
            "patient": [f"p{k}" for k in np.arange(n) // 4],
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "part": ["train", "train", "valid", "test"] * (n // 4),
            "label": np.where(y == 1, "sick", "healthy"),
        }
    )


@pytest.fixture
def file(tmp_path):
    frame().to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv"


def test_columns_beside_are_no_inputs(file):
    data = load(file, group="patient", time="day", split="part")
    assert list(data.raw.columns) == ["x", "z"]
    assert data.beside.group.tolist() == [k // 4 for k in range(60)]
    assert data.beside.time.diff().tolist() == [86400.0] * 59
    assert data.beside.dated
    assert data.beside.part.tolist() == [0, 0, 1, 2] * 15
    assert "column 'patient' is the group, and no input" in data.notes
    assert "column 'day' is the time, and no input" in data.notes


def test_a_frame_and_arrays_are_read_as_the_file_is(file):
    df = frame()
    whole = load(file, group="patient", time="day")
    of_columns = load(df, label="label", features=["x", "z"], group="patient", time="day")
    bare = (df[["x", "z"]], df["label"])
    of_arrays = load(bare, group=df["patient"], time=pd.to_datetime(df["day"]))
    for data in (of_columns, of_arrays):
        assert list(data.raw.columns) == ["x", "z"]
        assert data.beside.group.tolist() == whole.beside.group.tolist()
        assert data.beside.time.tolist() == whole.beside.time.tolist()


def test_they_stay_beside_the_rows_that_are_taken(file):
    data = load(file, group="patient", imbalance=5)
    taken = data.take(torch.tensor([3, 1]))
    assert taken.beside.group.tolist() == [data.beside.group[3].item(), data.beside.group[1].item()]
    assert len(data.beside.group) == len(data) < 60


@pytest.mark.parametrize(
    "how, words",
    [
        ({"group": "patent"}, r"no column 'patent' for group=.*did you mean 'patient'"),
        ({"time": "patient"}, r"column 'patient': 60 of 60 cells are neither a number nor a date"),
        ({"split": "patient"}, r"column 'patient': row 1 holds 'p0'; split= takes a column of train"),
        ({"group": "label"}, r"column 'label' is the label: group= needs another"),
        ({"group": "patient", "drop": ["patient"]}, r"'patient' is asked for, and named in drop="),
    ],
)
def test_a_column_that_cannot_be_it_is_named(file, how, words):
    with pytest.raises(ValueError, match=words):
        load(file, label="label", **how)


def test_rows_without_a_group_are_groups_of_their_own(tmp_path):
    df = frame()
    df.loc[[0, 9], "patient"] = ""
    df.to_csv(tmp_path / "a.csv", index=False)
    data = load(tmp_path / "a.csv", group="patient")
    group = data.beside.group.tolist()
    assert group.count(group[0]) == group.count(group[9]) == 1
    assert any("2 rows have no group" in note for note in data.notes)


@pytest.fixture
def pictures(tmp_path):
    r = np.random.default_rng(0)
    for c in ("cat", "dog"):
        for k in range(6):
            place = tmp_path / "pets" / c / f"home{k % 2}" / f"p{k % 3}-{k}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(r.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(place)
    return tmp_path / "pets"


def test_pictures_have_groups_by_folder_and_by_name(pictures):
    by_folder = load(pictures, group="folder")
    by_name = load(pictures, group=r"p([0-9])")
    assert len(by_folder.beside.group.unique()) == 2
    assert len(by_name.beside.group.unique()) == 3
    with pytest.raises(ValueError, match=r"group='q\[0-9\]' finds nothing in 'cat/"):
        load(pictures, group="q[0-9]")
    with pytest.raises(ValueError, match="a regular expression"):
        load(pictures, group="p(")


@pytest.mark.parametrize("form", ["file", "frame", "pair"])
def test_own_test_rows_are_read_as_training_rows_are(tmp_path, form):
    train, test = frame(60), frame(24, 1)
    train.drop(columns="part").to_csv(tmp_path / "a.csv", index=False)
    shuffled = test[["label", "z", "x", "patient"]]  # columns in another order, and one is missing
    shuffled.to_csv(tmp_path / "b.csv", index=False)
    given = {"file": tmp_path / "b.csv", "frame": shuffled, "pair": (test[["x", "z"]], test["label"])}[form]
    data = load_parts(tmp_path / "a.csv", given, None, features=["x", "z"], label="label")
    assert data.beside.part.tolist() == [0] * 60 + [2] * 24
    assert data.raw["x"].tolist() == [*train["x"], *test["x"]]
    assert [data.labels.names[k] for k in data.labels.y[60:].tolist()] == test["label"].tolist()
    assert isinstance(split_of(data, 5, None, None), Own)


def test_classes_that_only_tests_are_misses_and_said(tmp_path):
    train, test = frame(60), frame(24, 1)
    test.loc[:2, "label"] = "dead"
    data = load_parts(train.drop(columns="part"), test, None, label="label", features=["x", "z"])
    assert data.labels.names == ("healthy", "sick", "dead")
    notes = " ".join(split_notes(Own.of(data), data))
    assert "3 of 24 test rows are of classes without a training row (dead): they count as misses" in notes


def test_a_test_part_without_labels_cannot_score(tmp_path):
    with pytest.raises(ValueError, match="test='test' has no column 'label', so its rows cannot be scored"):
        load_parts(frame(), frame(8).drop(columns="label"), None, label="label")
    test = frame(8)
    test.loc[3, "label"] = None
    with pytest.raises(ValueError, match=r"no label in 1 of 8 rows \(row 4\)"):
        load_parts(frame(), test, None, label="label")


def test_folders_that_hold_parts_are_taken_so_and_said(tmp_path):
    for name, n in (("train", 60), ("valid", 20), ("test", 24)):
        frame(n).drop(columns="part").to_csv(tmp_path / f"{name}.csv", index=False)
    data = load_parts(tmp_path, None, None)
    assert torch.bincount(data.beside.part).tolist() == [60, 20, 24]
    assert "24 rows of test.csv are the test part" in data.notes
    assert load_parts(tmp_path, None, None, split="train").beside.part is None
    said = []
    frame(24).drop(columns=["part", "label"]).to_csv(tmp_path / "test.csv", index=False)
    assert load_parts(tmp_path, None, None, on=said.append).beside.part is None
    assert "test.csv is left out" in said[-1]["note"]


def test_pictures_texts_and_embeddings_have_test_parts(pictures, tmp_path):
    data = load_parts(pictures, pictures, None)
    assert data.raw.shape[0] == 24
    texts = pd.DataFrame({"text": ["a good day", "a bad day"] * 9, "label": [1, 0] * 9})
    data = load_parts(texts, texts.iloc[:4], None, label="label", text="text")
    assert data.raw[18:] == ["a good day", "a bad day"] * 2
    x, y = np.random.default_rng(0).normal(size=(20, 70)).astype(np.float32), [0, 1] * 10
    np.savez(tmp_path / "e.npz", x=x, y=y)
    data = load_parts(tmp_path / "e.npz", (x[:6], y[:6]), None)
    assert data.raw.shape == (26, 70)


def test_one_way_to_split_at_a_time(file):
    data = load(file, time="day", split="part")
    with pytest.raises(ValueError, match=r"test= .* and time= both say which rows test"):
        split_of(data, 5, None, None)
    with pytest.raises(ValueError, match="gap=3 needs time="):
        split_of(load(file), 5, None, 3)
    with pytest.raises(ValueError, match="valid= needs test="):
        load_parts(file, None, file)
    assert isinstance(split_of(load(file), 5, 0.2, None), Holdout)
    assert split_of(load(file, time="day"), 4, None, "7d") == InTime(4, 7 * 86400.0)
    assert split_of(load(file, group="patient"), 4, None, None) is None  # folds, which know of groups


@pytest.mark.parametrize("gap, dated", [("7", True), ("7x", True), ("7d", False), ("week", True)])
def test_a_gap_that_is_no_length_is_refused(gap, dated):
    with pytest.raises(ValueError, match=f"gap='{gap}' must be"):
        length_of(gap, dated)


def test_inspect_says_what_looks_like_a_group_or_a_time(file):
    said = " ".join(inspect_facts(load(file, label="label"))["warnings"])
    assert "column 'patient' is called like a group, and has 15 values in 60 rows" in said
    assert "column 'day' holds dates" in said
    quiet = " ".join(inspect_facts(load(file, label="label", group="patient", time="day"))["warnings"])
    assert "patient" not in quiet
    assert "day" not in quiet


def test_the_words_of_each_split(file):
    data = load(file, group="patient", time="day", split="part")
    assert words(Folds(5), data) == "5 stratified folds; rows of one patient stay on one side"
    assert "3 test parts in order of day, each after the rows that train, with a gap of 60 s" in words(
        InTime(3, 60.0), data
    )
    assert words(Own.of(data), data).startswith("part: 15 rows, tuned on its own validation rows")


CASES = {
    "group": {"group": "patient"},
    "time": {"time": "day", "gap": "2d", "folds": 3},
    "column": {"split": "part"},
    "hold-out": {"holdout": 0.3, "seeds": 2},
}


@pytest.mark.parametrize("case", CASES)
def test_a_comparison_is_split_as_it_was_asked(tmp_path, case):
    df = frame(200)
    how = {"recipes": ["erm", "logistic"], "epochs": 2, "folds": 2, "verbose": 0, **CASES[case]}
    found = api.compare(df, label="label", features=["x", "z"], out=tmp_path, **how)
    runs = [run for run in found.record.runs if run.done]
    assert len(runs) == 2 * len({run.cell for run in runs})
    settings = found.record.settings
    assert settings.split["single"] == (case in ("column", "hold-out"))
    kept = pd.read_csv(tmp_path / "predictions.csv")
    tested = df.iloc[kept["row"]]
    if case == "group":
        assert sorted(kept["row"]) == list(range(200))
        assert kept.assign(p=tested["patient"].to_numpy()).groupby("p")["fold"].nunique().max() == 1
    elif case == "time":
        last = kept.assign(d=tested["day"].to_numpy()).groupby("fold")["d"].agg(["min", "max"])
        assert (last["min"].to_numpy()[1:] > last["max"].to_numpy()[:-1]).all()
        assert len(kept) < 200
    elif case == "column":
        assert set(tested["part"]) == {"test"}
        assert settings.tuning == "holdout"
        assert int(found.model.outcome.classes.counts.sum()) == 100  # validation rows train nothing
    tests = found.record.evidence["natural"]["tests"]["macro_f1"]["erm"]["logistic"]
    assert all(np.isfinite(tests[:5]))
    page = (tmp_path / "report.html").read_text()
    assert {"group": "No patient stands on two sides", "time": "the past tells the future",
            "column": "Nothing else tests", "hold-out": "One split"}[case] in page  # fmt: skip
    assert api.compare(df, label="label", features=["x", "z"], out=tmp_path, **how).results["runs"]


def test_the_mistakes_are_read_again_as_they_were(tmp_path):
    train, test = frame(120), frame(60, 1)
    for name, df in (("a.csv", train), ("b.csv", test)):
        df.drop(columns="part").to_csv(tmp_path / name, index=False)
    args = [
        "--test",
        str(tmp_path / "b.csv"),
        "--label",
        "label",
        "--drop",
        "day,patient",
        "--recipes",
        "logistic",
    ]
    out = ["--out", str(tmp_path / "out"), "--no-model", "--quiet", "--jobs", "1"]
    done = CliRunner().invoke(cli.app, ["compare", str(tmp_path / "a.csv"), *args, *out])
    assert done.exit_code == 0, done.output
    found = api.errors(tmp_path / "out", per_class=1)
    assert not found.attrs["note"]
    assert found["x"].tolist() == [test["x"][row - 120] for row in found["row"]]
    shown = CliRunner().invoke(cli.app, ["errors", str(tmp_path / "out")])
    assert f"x={found['x'][0]:g}" in shown.output


def test_other_splits_do_not_join_one_table(tmp_path):
    df = frame(120)
    how = {"label": "label", "features": ["x", "z"], "out": tmp_path, "epochs": 2, "folds": 2, "verbose": 0}
    api.compare(df, recipes=["logistic"], model=False, **how)
    found = api.compare(df, recipes=["erm"], group="patient", model=False, **how)
    assert list(found.record.recipes) == ["erm"]


@pytest.fixture
def sides(monkeypatch):
    """The rows of each inner split that a training makes."""
    made = []
    real = Prepared.split.func

    def watched(prepared):
        found = real(prepared)
        made.append((prepared.study.dataset, *found))
        return found

    spy = cached_property(watched)
    spy.__set_name__(Prepared, "split")
    monkeypatch.setattr(Prepared, "split", spy)
    return made


@pytest.mark.parametrize("verb", ["train", "estimator"])
def test_training_holds_out_whole_groups(sides, verb):
    df = frame(200)
    if verb == "train":
        api.train(df, label="label", features=["x", "z"], group="patient", recipe="tau-norm", epochs=1)
    else:
        model = LongTailClassifier("tau-norm", kind="table", epochs=1, random_state=0)
        model.fit(df[["x", "z"]], df["label"], groups=df["patient"])
    assert sides
    for data, fit, held in sides:
        group = data.beside.group
        assert len(group.unique()) == 50
        assert not set(group[fit].tolist()) & set(group[held].tolist())


def test_training_in_time_holds_out_the_latest_rows_and_parts_stay_apart(sides):
    df = frame(200)
    api.train(df, label="label", features=["x", "z"], time="day", recipe="tau-norm", epochs=1)
    data, fit, held = sides[-1]
    assert data.beside.time[fit].max() < data.beside.time[held].min()
    model = api.train(df, label="label", features=["x", "z"], split="part", recipe="tau-norm", epochs=1)
    assert int(model.outcome.classes.counts.sum()) == 100


def test_a_split_that_cannot_be_is_said_where_an_earlier_table_stands_too(tmp_path):
    """The share of tested rows was asked for first, which met the missing parts with an IndexError."""
    how = {"label": "label", "features": ["x", "z"], "recipes": ["logistic"], "out": tmp_path, "verbose": 0}
    df = frame(40).assign(year=2024)
    api.compare(df, folds=2, model=False, **how)
    with pytest.raises(ValueError, match="folds=5: these rows have 1 different times"):
        api.compare(df, folds=5, time="year", **how)
