"""Reading options, predictions and messages of the command line, as a person uses them (in one process)."""

from __future__ import annotations

import gzip
import json
import os
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from longtail import __version__, api
from longtail.cli import app


@pytest.fixture
def longtail(tmp_path, monkeypatch):
    """The command in an empty folder: exit status and everything said, on one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def run(*args) -> tuple[int, str]:
        words = [str(a) for a in args]
        monkeypatch.setattr(sys, "argv", ["longtail", *words])
        done = CliRunner().invoke(app, words)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, " ".join((done.stdout + done.stderr).split())

    return run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A table with its model, in a folder as ``compare`` leaves it."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    y = np.repeat(["healthy", "sick"], [90, 30])
    frame = pd.DataFrame(
        {
            "id": np.arange(120),
            "size": rng.normal((y == "sick") * 2.0).round(3),
            "colour": rng.choice(["red", "blue"], 120),
        }
    )
    frame["state"] = y
    frame.to_csv(home / "t.csv", index=False)
    api.train(home / "t.csv", recipe="logistic", label="state", drop="id", out=home / "out/model")
    return home


# Where predictions go


@pytest.mark.parametrize(
    "out, read",
    [
        ("o.csv", pd.read_csv),
        ("there/and/there/o.tsv", lambda f: pd.read_csv(f, sep="\t")),
        ("o.jsonl", lambda f: pd.read_json(f, lines=True)),
        ("o.csv.gz", pd.read_csv),
        ("o.parquet", pd.read_parquet),
        ("o.feather", pd.read_feather),
        ("o.xlsx", pd.read_excel),
    ],
)
def test_the_ending_says_the_format_and_folders_are_made(home, longtail, tmp_path, out, read) -> None:
    if out.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    status, said = longtail("predict", home / "out", home / "t.csv", "--out", out)
    assert status == 0, said
    frame = read(tmp_path / out)
    assert list(frame.columns) == ["label", "prediction", "most_probable", "p_healthy", "p_sick"]
    np.testing.assert_allclose(frame[["p_healthy", "p_sick"]].sum(axis=1), 1, atol=1e-5)
    assert [p.name for p in (tmp_path / out).parent.iterdir()] == [
        (tmp_path / out).name
    ]  # nothing left beside it
    if out.endswith("gz"):
        assert gzip.decompress((tmp_path / out).read_bytes()).startswith(b"label,")


@pytest.mark.parametrize("out", ["o.doc", "noending", "o.csv.zip", "o.parquet.gz"])
def test_another_ending_is_refused_before_the_work(longtail, out) -> None:
    status, said = longtail("predict", "nowhere", "nothing.csv", "--out", out)
    assert status == 2
    assert f"--out {out} must end in one of .csv, .tsv, .jsonl" in said


def test_where_nothing_can_be_written_is_said_before_the_work(longtail, tmp_path) -> None:
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "file").write_text("x")
    assert "is a folder: name a file" in longtail("predict", "nowhere", "x.csv", "--out", "a.csv")[1]
    assert "file is a file, so nothing" in longtail("predict", "nowhere", "x.csv", "--out", "file/o.csv")[1]


def test_a_write_that_fails_leaves_the_old_file(home, longtail, tmp_path, monkeypatch) -> None:
    (tmp_path / "o.csv").write_text("old")

    def full(*args, **kwargs):
        raise OSError(28, os.strerror(28), "o.csv")

    monkeypatch.setattr(os, "replace", full)
    status, said = longtail("predict", home / "out", home / "t.csv", "--out", "o.csv")
    assert (status, "No space left on device" in said and "o.csv" in said) == (2, True), said
    assert [p.name for p in tmp_path.iterdir()] == ["o.csv"]
    assert (tmp_path / "o.csv").read_text() == "old"


def test_columns_are_kept_and_rows_can_be_told_apart(home, longtail, tmp_path) -> None:
    assert longtail("predict", home / "out", home / "t.csv", "--keep", "ID,colour")[0] == 0
    frame = pd.read_csv(tmp_path / "predictions.csv")
    assert list(frame.columns)[:4] == ["id", "colour", "label", "prediction"]
    assert frame["id"].tolist() == list(range(120))
    assert longtail("predict", home / "out", home / "t.csv", "--keep", "all")[0] == 0
    assert list(pd.read_csv(tmp_path / "predictions.csv"))[:5] == ["id", "size", "colour", "state", "label"]
    status, said = longtail("predict", home / "out", home / "t.csv", "--keep", "ids")
    assert status == 2
    assert "no column 'ids' for --keep" in said
    assert "did you mean 'id'?" in said


def test_labels_in_the_file_give_scores(home, longtail, tmp_path) -> None:
    frame = pd.read_csv(home / "t.csv")
    said = longtail("predict", home / "out", home / "t.csv", "--prior", "balanced")[1]
    assert "120 of 120 rows have one of the model's classes" in said
    shown = pd.read_csv(tmp_path / "predictions.csv")
    right = shown["prediction"] == frame["state"]
    assert f"balanced accuracy {right.groupby(frame['state']).mean().mean():.3f}" in said
    assert f"accuracy {right.groupby(frame['state']).mean().mean():.3f} {right.mean():.3f}" in said
    frame.rename(columns={"state": "truth"}).to_csv(tmp_path / "new.csv", index=False)
    assert "scores by the labels" not in longtail("predict", home / "out", "new.csv")[1]
    assert "scores by the labels" in longtail("predict", home / "out", "new.csv", "--label", "truth")[1]
    frame["state"] = ["unknown"] * 120
    frame.to_csv(tmp_path / "odd.csv", index=False)
    assert (
        "0 of 120 rows have one of the model's classes: no scores"
        in longtail("predict", home / "out", "odd.csv")[1]
    )


def test_what_was_not_used_is_said(home, longtail, tmp_path) -> None:
    pd.DataFrame({"size": ["1,5", "x", "2.5"], "colour": "green", "extra": 1}).to_csv(
        tmp_path / "n.csv", index=False
    )
    said = longtail("predict", home / "out", "n.csv")[1]
    assert "not used: column 'extra'" in said
    assert "are not numbers" in said


@pytest.mark.parametrize(
    "prior, sick",
    [
        ("0.7,0.3", 0.3),
        ("sick=0.3,healthy=0.7", 0.3),
        ("healthy=0.2, sick=0.8", 0.8),
        ("list.json", 0.6),
        ("names.json", 0.6),
    ],
)
def test_a_prior_is_written_out(home, longtail, tmp_path, prior, sick) -> None:
    (tmp_path / "list.json").write_text("[0.4, 0.6]")
    (tmp_path / "names.json").write_text(json.dumps({"sick": 0.6, "healthy": 0.4}))
    assert longtail("predict", home / "out", home / "t.csv", "--prior", prior)[0] == 0
    expected = api.predict(home / "out", home / "t.csv", prior=[1 - sick, sick])
    np.testing.assert_allclose(pd.read_csv("predictions.csv")["p_sick"], expected["p_sick"], atol=1e-6)


@pytest.mark.parametrize(
    "prior, words",
    [
        (
            "0.7,0.2,0.1",
            "--prior 0.7,0.2,0.1: 3 numbers for 2 classes; the classes are, in their order, healthy, sick",
        ),
        ("sik=0.3,healthy=0.7", "--prior sik=0.3,healthy=0.7: there is no class 'sik'; did you mean 'sick'?"),
        ("sick=0.3", "class 'healthy' is missing"),
        ("sick=a,healthy=b", "'a' is no number"),
        ("0.7,0.7", "--prior 0.7,0.7 sums to 1.4, not 1"),
        ("even", "--prior even must be 'natural', 'balanced', probabilities such as '0.7,0.3'"),
        ("bad.json", "--prior must be JSON"),
        ("number.json", "--prior must be a list or an object of two classes or more"),
    ],
)
def test_a_prior_that_is_none_says_why(home, longtail, tmp_path, prior, words) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "number.json").write_text("3")
    status, said = longtail("predict", home / "out", home / "t.csv", "--prior", prior)
    assert (status, words in said) == (2, True), said


# Pictures


def test_pictures_in_one_folder_are_predicted_with_their_paths(longtail, tmp_path) -> None:
    for folder, n in {"a/cat": 6, "a/dog": 6, "new": 2, "new/train": 1}.items():
        (tmp_path / folder).mkdir(parents=True)
        for i in range(n):
            pixels = np.random.default_rng(i).integers(0, 255, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{i}.png")
    assert longtail("train", "a", "--epochs", 1, "--out", "m")[0] == 0
    status, said = longtail("predict", "m", "new")
    assert status == 0, said
    assert pd.read_csv("predictions.csv")["path"].tolist() == ["new/0.png", "new/1.png", "new/train/0.png"]
    assert "scores by the labels" in longtail("predict", "m", "a")[1]  # folders called as the classes
    assert pd.read_csv("predictions.csv")["label"].tolist() == ["cat"] * 6 + ["dog"] * 6


# Options and messages


EVERYWHERE = (
    "header", "no-header", "delimiter", "encoding", "missing", "skip-bad", "sheet", "images", "split", "text", "label",
)  # fmt: skip


def test_every_reading_command_has_every_reading_option(longtail) -> None:
    for command in ("inspect", "train", "compare", "predict"):
        said = longtail(command, "--help")[1]
        for option in EVERYWHERE:
            assert f"--{option}" in said, (command, option)
    for option in ("drop", "features", "kind", "imbalance"):
        assert f"--{option}" in longtail("inspect", "--help")[1]


def test_options_reach_the_reader(longtail, tmp_path) -> None:
    (tmp_path / "t.csv").write_text("1;2;p\n3;-9;n\n5;6;p\n7\n" * 5)
    said = longtail("inspect", "t.csv", "--no-header", "--skip-bad", "--missing=-9", "--drop", "0")[1]
    for words in (
        "15 rows, 2 classes",
        "5 rows of another number",
        "left out as asked: 'f0'",
        "(-9): f1 (5)",
    ):
        assert words in said
    (tmp_path / "u.csv").write_text("8;9;z\n" + "1;2;p\n3;-9;n\n" * 5)
    assert "10 rows" in longtail("inspect", "u.csv", "--header", "--label", "z")[1]


@pytest.mark.parametrize(
    "args, words",
    [
        (("inspect", "t.csv", "--label", "lable"), "no column 'lable' for --label; the columns are"),
        (("inspect", "t.csv", "--label", "lable"), "did you mean 'label'?"),
        (("inspect", "t.csv", "--encoding", "nonsense"), "--encoding nonsense is not an encoding"),
        (("inspect", "t.csv", "--split", "test"), "--split test: "),
        (("inspect", "short.csv"), "or leave such rows out with --skip-bad"),
        (("inspect", "lone.csv"), "if the only row is data, pass --no-header"),
        (("compare", "t.csv", "--folds", "1"), "--folds 1 must be at least 2"),
        (("compare", "t.csv", "--recipes", "logit-ajustment"), "did you mean 'logit-adjustment'?"),
        (("train", "t.csv", "--recipe", "random-under+logistik"), "did you mean 'logistic'?"),
        (("inspect", "."), "neither class folders with images nor a single data file"),
        (("inspect", "locked.csv"), "locked.csv: Permission denied"),
    ],
)
def test_messages_name_options(longtail, tmp_path, args, words) -> None:
    (tmp_path / "t.csv").write_text("a,b,label\n" + "1,2,x\n3,4,y\n" * 5)
    (tmp_path / "short.csv").write_text("a,b,label\n1,2,x\n3,4\n5,6,y\n")
    (tmp_path / "lone.csv").write_text("a,b,label\n")
    (tmp_path / "two.csv").write_text("a,label\n1,p\n2,n\n")
    (tmp_path / "locked.csv").write_text("a,label\n1,p\n2,n\n")
    (tmp_path / "locked.csv").chmod(0)
    if "locked.csv" in args and os.access(tmp_path / "locked.csv", os.R_OK):
        pytest.skip("this user may read everything")
    status, said = longtail(*args)
    assert status == 2
    assert words in said, said
    assert "lower it" not in said


def test_names_from_data_reach_the_terminal_without_escapes(longtail, tmp_path) -> None:
    red = "\x1b[31mred\x1b[0m"
    (tmp_path / f"{red}.csv").write_text(f"a,{red},label\n" + f"1,2,{red}\n3,4,y\n" * 5)
    for args in (
        ("inspect", f"{red}.csv"),
        ("inspect", f"{red}.csv", "--label", f"{red}2"),
        ("inspect", f"{red}2.csv"),
    ):
        assert "\x1b" not in longtail(*args)[1]


def test_the_version(longtail) -> None:
    assert longtail("--version") == (0, f"longtail {__version__}")


def test_all_recipes_are_those_that_the_data_can_have() -> None:
    from longtail.catalogue import known_recipes
    from longtail.chosen import pick
    from longtail.data import Dataset
    from longtail.labels import Labels

    rows = Dataset.of("toy", "text", ["good", "bad", "fine"], Labels.of([1, 0, 1]))
    chosen = pick("all", rows)
    left_out = set(known_recipes()) - set(chosen)
    assert len(chosen) > 50
    assert "ssp-rotation" in left_out  # needs pictures
    assert "pseudo-labels" in left_out  # needs rows without labels
    assert "pseudo-labels" in pick(["all"], rows.with_unlabelled(["so so"]))


# A prior that nobody knows, and rows of none of the classes


def test_an_unknown_prior_is_estimated_and_doubtful_rows_are_rejected(home, longtail, tmp_path) -> None:
    there = pd.read_csv(home / "t.csv").iloc[60:]  # as many sick ones as healthy ones
    there.to_csv("there.csv", index=False)
    status, said = longtail(
        "predict", home / "out", "there.csv", "--prior", "estimated", "--reject-rate", "0.1"
    )
    assert status == 0, said
    assert "class frequencies estimated on these 60 rows" in said
    assert "under the estimated prior" in said
    assert "rows are 'none of these': their largest probability is below" in said
    assert "rejection, by the labels in the data" in said
    frame = pd.read_csv(tmp_path / "predictions.csv")
    assert (frame["prediction"] == "none of these").any()
    assert set(frame["most_probable"]) <= {"healthy", "sick"}


def test_what_a_model_cannot_do_is_said_as_options(home, longtail) -> None:
    there = (home / "out", home / "t.csv")
    status, said = longtail("predict", *there, "--prior", "experts")
    assert (status, "--prior experts weighs the experts of a recipe such as sade" in said) == (2, True), said
    status, said = longtail("predict", *there, "--reject-below", "0.4")
    assert (status, "--reject-below 0.4 must lie between 0.5 and 1" in said) == (2, True), said
    status, said = longtail("predict", *there, "--reject-below", "0.6", "--reject-rate", "0.1")
    assert (status, "--reject-below 0.6 and --reject-rate 0.1: give one of them" in said) == (2, True), said
